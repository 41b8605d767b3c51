#!/bin/bash
# timeout: 120
# Ways round the container: doors of sshd that never run the shell, and what the host runs for a user.
. "$(dirname "$0")/_lib.sh"
need python3
add_user alice
add_user plain --shell /bin/bash
host=$(readlink /proc/self/ns/mnt)
echo secret >/srv/host-only
chmod 644 /srv/host-only
rc_file() {
	mkdir -p "/home/$1/.ssh"
	echo "readlink /proc/self/ns/mnt >/home/$1/rc-ran" >"/home/$1/.ssh/rc"
	chown -R "$1:" "/home/$1/.ssh"
}
rc_file alice
rc_file plain
# One subsystem sftp, the one that is asked for.
eval "stock_$(declare -f write_sshd_config)"
subsystem=internal-sftp
write_sshd_config() {
	stock_write_sshd_config "$@"
	sed -i '/^Subsystem sftp/d' "$SSHD_DIR/sshd_config"
	sed -i "1i Subsystem sftp $subsystem" "$SSHD_DIR/sshd_config"
}

forward() { # OPTION...: "open" when a loopback service of the host answers through a forward
	ssh -N -l alice -o ExitOnForwardFailure=yes "$@" gocker >/dev/null 2>&1 &
	local pid=$! got
	# The client listens once it is in.
	wait_until 60 eval "(: </dev/tcp/127.0.0.1/3998) || ! kill -0 $pid"
	kill -0 $pid || echo "the client has ended"
	got=$(timeout 30 bash -c 'exec 3<>/dev/tcp/127.0.0.1/3998 && head -n 1 <&3' 2>/dev/null)
	end_client $pid
	if [ -n "$got" ]; then echo open; else echo closed; fi
}
daemon python3 -c '
import os, socket
if os.fork(): os._exit(0)
s = socket.socket(); s.bind(("127.0.0.1", 3997)); s.listen()
open("/run/gkt/service", "w").write(str(os.getpid()))
while True:
    c = s.accept()[0]; c.sendall(b"service\n"); c.close()'
wait_until 5 test -s /run/gkt/service

# The shell door as it is shipped: what sshd does without the shell is closed.
set_ini
mapfile -t shipped < <(sed 's/#.*//' "$GKT_TOP/conf/sshd_config.d/gocker-shell.conf" | grep -v '^ *$')
subsystem=/usr/lib/openssh/sftp-server # Debian's own, which the drop-in leaves as it is
start_sshd "${shipped[@]}"
check "A3 [shell]: sshd runs with the shipped configuration" ssh_as alice true
remember_host
run sh -c "echo 'get /srv/host-only /tmp/got' | sftp -q -b - alice@gocker"
check_not "A3 [shell]: sftp does not reach the host's files" test -e /tmp/got
is "$(forward -L 3998:127.0.0.1:3997)" closed "A3 [shell]: ssh -N -L is closed"
run ssh_as alice true
check_not "A3 [shell]: ~/.ssh/rc does not run on the host" grep -qxF "$host" /home/alice/rc-ran
run timeout 5 ssh -l alice -W 127.0.0.1:3997 gocker
is "$out" "" "A3 [shell]: ssh -W is closed"
check_clean "A3 [shell]: nothing is left"
stop_sshd

# The same without the shipped configuration: this is what it is for.
subsystem=internal-sftp
start_sshd 'AllowTcpForwarding yes' 'PermitUserRC yes'
run sh -c "echo 'get /srv/host-only /tmp/got' | sftp -q -b - alice@gocker"
check "A3 control: internal-sftp of an sshd that is not set up reads the host" test -e /tmp/got
rm -f /tmp/got
is "$(forward -L 3998:127.0.0.1:3997)" open "A3 control: so do its forwards"
run ssh_as plain true
check "A3 control: and ~/.ssh/rc runs on the host where the passwd shell is another" grep -qxF "$host" /home/plain/rc-ran
rm -f /home/*/rc-ran
stop_sshd

# A4: bash as the passwd shell below a ForceCommand reads ~/.bashrc on the host, before gocker-shell.
echo 'readlink /proc/self/ns/mnt >~/bashrc-ran' >/home/plain/.bashrc
chown plain: /home/plain/.bashrc
set_shell plain "$GOCKER_SHELL"
start_sshd "ForceCommand $GOCKER_SHELL"
run ssh_as plain 'readlink /proc/self/ns/mnt'
check "A4 [shell]: a ForceCommand with gocker-shell as the passwd shell, too: contained" test "$rc" = 0 -a "$out" != "$host"
check_not "A4 [shell]: and no start-up file was read on the host" test -e /home/plain/bashrc-ran
set_shell plain /bin/bash
run ssh_as plain 'readlink /proc/self/ns/mnt'
isnt "$out" "$host" "A4 [shell]: with another passwd shell the command is contained"
if [ -e /home/plain/bashrc-ran ]; then
	ok "A4 control: but that shell's start-up file ran on the host: the passwd shell has to be gocker-shell"
else
	skip "A4 control: bash reads ~/.bashrc for sshd" "this bash was built without it"
fi
stop_sshd
for _ in $(doors | grep pam); do
	use_door pam 'network = none'
	run sh -c "echo 'get /srv/host-only /tmp/got' | sftp -q -b - alice@gocker"
	check_not "A3 [pam]: internal-sftp is inside" test -e /tmp/got
	is "$(forward -L 3998:127.0.0.1:3997)" closed "A3 [pam]: a forward begins inside: the host's loopback is not there"
	run ssh_as alice true
	check_not "A3 [pam]: ~/.ssh/rc does not run on the host" grep -qxF "$host" /home/alice/rc-ran
	printf 'nonsense\n' >>/etc/gocker.ini
	run ssh_as alice 'readlink /proc/self/ns/mnt'
	unlike "$out" 'mnt:' "A50 [pam]: with a broken configuration nothing runs"
	is "$(forward -L 3998:127.0.0.1:3997)" closed "A50 [pam]: nor does a forward open"
done
kill "$(cat /run/gkt/service)"
