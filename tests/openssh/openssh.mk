# OpenSSH's own regression suite, with /bin/sh and behind each door; tests/README.md says more.
# OPENSSH_TESTS=all or names; the telling set of twenty otherwise.

DEPS_TEST += openssh-tests

.PHONY: check-openssh audit audit-openssh
check-openssh: test-stage test-images test-helpers
	$(Q)said=$$(OPENSSH_TESTS='$(OPENSSH_TESTS)' $(RUN_TESTS) tests/openssh/compare.sh); s=$$?; \
		sed -n 's/^# \([a-z]* *[0-9]* pass,.*\)/\1/p' $(TEST_BUILD)/log/openssh-compare.sh.tap; \
		echo "$$said"; exit $$s
audit:: audit-openssh
audit-openssh: test-stage test-images test-helpers
	$(Q)BUILD='$(BUILD)' OPENSSH_TESTS=all tests/openssh/compare.sh
