# The clients that people use.
DEPS_TEST += rsync git tmux screen sudo cron at xauth openssl fuse3 sshfs lftp dropbear-bin putty-tools \
	python3-paramiko libnss-extrausers

# The table of rows and doors in tests/README.md, from the last run of tests/clients.
.PHONY: rows check-rows
rows:
	$(Q)BUILD='$(BUILD)' tests/lib/rows
check-rows:
	$(Q)BUILD='$(BUILD)' tests/lib/rows --check
