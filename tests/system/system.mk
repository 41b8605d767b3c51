# What tests/system asks for besides what others name.
DEPS_TEST += libcap2-bin gcc g++ make python3 python3-venv perl git openssl curl rsync tmux sqlite3 man-db sudo cron at \
	bash-completion iputils-ping mosh

# What tests/system/ide.sh runs in sessions, from npm's registry; without that the file is left out.
.PHONY: test-ide
test-ide:
	$(Q)tests/system/ide-packages $(TEST_BUILD)/ide || echo 'No packages of npm: tests/system/ide.sh is left out.' >&2
ifeq ($(shell id -u),0)
check check-system: test-ide
check-system: test-debian
endif

# Large packages, for the rows of tests/system/host-tools.sh that only the audit insists on.
DEPS_TOOLS := gdb cmake default-jdk-headless golang-go cargo npm ruby php-cli composer vim postgresql mariadb-server msmtp
.PHONY: deps-tools audit audit-tools audit-share
deps-tools:
	$(Q)$(MAKE) deps DEPS_BUILD= DEPS_RUN= DEPS_TEST='$(DEPS_TOOLS)'
audit:: audit-tools
audit-tools: test-stage test-images test-helpers # after make deps-tools
	$(Q)GKT_FULL=1 $(RUN_TESTS) tests/system/host-tools.sh tests/system/host-mail.sh tests/packaging/walk-tools.sh
audit:: audit-share
audit-share: test-stage test-images test-helpers test-ide test-debian
	$(Q)GKT_FULL=1 $(RUN_TESTS) tests/system/share.sh tests/system/share-cuts.sh \
		tests/system/share-linger.sh tests/system/ide.sh tests/system/bridge.sh
