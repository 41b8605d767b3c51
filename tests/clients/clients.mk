# The clients that people use.
DEPS_TEST += rsync git tmux screen sudo cron at xauth openssl fuse3 sshfs lftp dropbear-bin putty-tools \
	python3-paramiko libnss-extrausers
