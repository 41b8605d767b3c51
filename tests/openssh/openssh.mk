# OpenSSH's own regression suite, with /bin/sh and behind each door; tests/README.md says more.
# OPENSSH_TESTS=all or names; the telling set of twenty otherwise.

DEPS_AUDIT += openssh-tests

.PHONY: check-openssh audit
check-openssh: test-stage test-images test-helpers
	$(Q)BUILD='$(BUILD)' tests/openssh/compare $(OPENSSH_TESTS)
audit:: test-stage test-images test-helpers
	$(Q)BUILD='$(BUILD)' tests/openssh/compare all
