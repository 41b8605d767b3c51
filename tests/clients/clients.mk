# The clients that people use.
DEPS_TEST += rsync git tmux screen sudo cron at xauth openssl fuse3 sshfs lftp dropbear-bin putty-tools \
	python3-paramiko libnss-extrausers

# The table of rows and doors in tests/README.md, from the last run of tests/clients.
.PHONY: rows check-rows
rows: # after make check-clients
	$(Q)BUILD='$(BUILD)' tests/lib/rows
check-rows:
	$(Q)BUILD='$(BUILD)' tests/run tests/clients/_after

# In full size: 1 GiB through `cat`, 10,000 files.
.PHONY: audit audit-clients
audit:: audit-clients
audit-clients: test-stage test-images test-helpers
	$(Q)GKT_BULK_MB=1024 GKT_FILES=10000 $(RUN_TESTS) tests/clients/bulk.sh tests/clients/files.sh
