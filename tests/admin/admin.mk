# The Ansible example is played by a test.
DEPS_TEST += ansible-core

.PHONY: audit-admin
audit:: audit-admin
audit-admin: test-stage test-images test-helpers
	$(Q)GKT_FULL=1 $(RUN_TESTS) tests/admin/balancer.sh tests/admin/returns.sh tests/admin/widths.sh
