#!/bin/bash
# timeout: 300
# A76 with share = user: a program in the container waits for its user's next logins, which come in as root and become
# the user there, and tries to trace, read, rob and stop them, and to be taken for one of gocker's.
. "$(dirname "$0")/_lib.sh"
add_user alice
set_ini 'share = user' 'linger = 1h' 'pids_max = 60'
start_sshd
remember_host
bring alice lurk

# Control: on a process of the user's own each of them works.
run ssh_as alice 'sleep 100 & ./lurk -p $!; kill $!'
is "$(sort <<<"$out" | xargs)" "cwd environ fd mem root seize stop" "A76 control: on a program of the same user all of it works"
"$GOCKER" stop alice >/dev/null

hold_session alice '(./lurk 600 >lurk-got 2>&1; touch lurk-done) & :'
logins=$(size 60 600) failed=0
for ((i = 0; i < logins; i++)); do
	shell_in alice 'echo in'
	[ "$rc:$out" = 0:in ] || failed=$((failed + 1))
done
touch /home/alice/lurk-end
check "A76: it has ended" wait_until 60 test -e /home/alice/lurk-done
is "$failed" 0 "A76: $logins logins beside it: each has run its command"
like "$(tail -n 1 /home/alice/lurk-got)" '^met [1-9][0-9]*$' "A76 control: it met processes of root's on their way in"
is "$(grep -v ^met /home/alice/lurk-got | sort | uniq -c)" "" "A76: and could trace, read, rob or stop none of them"

# Who is who: a name is all that can be had, and gocker does not go by it.
run ssh_as alice 'cp /bin/busybox gocker-holder; (exec ./gocker-holder sleep 500) & sleep 1; ls /run/gocker; mkfifo /run/gocker/u/gate65536; echo $$'
like "$err" 'No such file' "A76: the gate of the container is not there for what runs in it"
run ssh_as alice 'ps; exit 3'
is "$rc" 3 "A76: beside a program with the holder's name the next login is as any"
is "$("$GOCKER" ps --format '{kind}' | grep -c container)" 1 "A76: and in the one container"
drop_session
"$GOCKER" stop alice >/dev/null
check_clean "A76: nothing is left"
