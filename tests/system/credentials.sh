#!/bin/bash
# Who a session runs as: the user, his groups, no power at all.
. "$(dirname "$0")/../lib/test.sh"
need_product
add_group projects 6001
add_user alice --groups projects,students
add_user bob --gid 59999 # a group without a name
set_ini
own_images
start_sshd
remember_host

is "$(ssh_as alice whoami)" alice "whoami tells the user"
for option in -u -g -un -gn; do
	is "$(ssh_as alice id $option)" "$(id $option alice)" "id $option is what it is outside"
done
words() { tr ' ' '\n' | sort | tr '\n' ' '; }
is "$(ssh_as alice id -G | words)" "$(id -G alice | words)" "the groups are the host's, no more, no less (A15)"
is "$(ssh_as alice id -Gn | words)" "$(id -Gn alice | words)" "the groups have their names"
is "$(ssh_as bob 'id -u; id -g')" "$(id -u bob; id -g bob)" "a primary group without a name works (S20)"
like "$(ssh_as alice 'grep ^alice: /etc/passwd')" "^alice:[^:]*:$(uid_of alice):$(id -g alice):.*:/home/alice:/bin/sh$" \
	"/etc/passwd inside names the user, his home and a shell that exists"
is "$(ssh_as alice 'ls -ld ~ | { read -r a b user group rest; echo $user $group; }')" "alice alice" \
	"the home belongs to the user by name"
is "$(ssh_as alice 'touch ~/mine && stat -c %u:%g ~/mine')" "$(uid_of alice):$(id -g alice)" "new files are the user's"
is "$(stat -c %U:%G /home/alice/mine)" alice:alice "outside, too"

run ssh_as alice 'cat /proc/self/status'
status=$out
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
	like "$status" "$set:[[:space:]]+0000000000000000" "$set is empty"
done
like "$status" 'NoNewPrivs:[[:space:]]+1' "no_new_privs is set"
like "$status" 'Seccomp:[[:space:]]+2' "a seccomp filter is in force"
like "$status" $'Uid:\t'"$(uid_of alice)"$'\t'"$(uid_of alice)"$'\t'"$(uid_of alice)"$'\t'"$(uid_of alice)" "all four uids are the user's"
like "$status" $'Gid:\t'"$(id -g alice)"$'\t'"$(id -g alice)"$'\t'"$(id -g alice)"$'\t'"$(id -g alice)" "all four gids are the user's"
run ssh_as alice 'su root -c id </dev/null'
unlike "$out" 'uid=0' "su does not give root"
cp /var/lib/gocker/images/alpine/bin/busybox /home/alice/busybox
chmod 4755 /home/alice/busybox
is "$(ssh_as alice '~/busybox id -u')" "$(uid_of alice)" "a set-uid root program in the home has no power (A43)"
rm /home/alice/busybox

# What init and the supervisor are.
hold_session alice
is "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$held_init/status")" "0 0 0 0" "init has uid 0"
is "$(awk '/^CapEff:/ { print $2 }' "/proc/$held_init/status")" 0000000000000020 "init holds CAP_KILL alone"
like "$(awk '/^CapBnd:/ { print $2 }' "/proc/$held_init/status")" '^00000000000000[02]0$' "init can't get more"
is "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$held_supervisor/status")" "0 0 0 0" \
	"the supervisor has uid 0 only, so that the user can't stop it"
is "$(awk '/^CapEff:/ { print $2 }' "/proc/$held_supervisor/status")" 0000000000000000 "the supervisor holds no capability"
is "$(awk '/^Seccomp:/ { print $2 }' "/proc/$held_supervisor/status")" 2 "the supervisor has a filter"
for signal in STOP KILL TERM CONT; do
	run as_user alice kill -$signal "$held_supervisor"
	like "$rc:$err" '^1:.*(not permitted)' "the user can't send $signal to the supervisor (A41)"
done
run as_user alice cat "/proc/$held_supervisor/environ"
like "$err" 'Permission denied' "the user can't look into the supervisor (A12)"
run ssh_as alice 'kill -9 1; echo rc=$?'
unlike "$out" 'rc=0' "init can't be killed from inside"
drop_session

# Descriptors, limits, umask, environment.
run ssh_as alice 'ls /proc/$$/fd | tr "\n" " "'
like "$out" '^0 1 2 ([0-9]+ )?$' "nothing but 0, 1 and 2 is open (A7)"
run as_user alice bash -c "exec 9</ 10</etc/passwd; exec $GOCKER_SHELL -c 'ls -l /proc/self/fd'"
unlike "$out" 'passwd|-> /$' "descriptors of the caller do not come in (A7)"
is "$(as_user alice "$GOCKER_SHELL" -c 'grep core /proc/self/limits' | awk '{ print $5, $6 }')" "1 1" "no core dump, no handler (A45)"
run as_user alice bash -c "ulimit -Hc 0; exec $GOCKER_SHELL -c 'grep core /proc/self/limits'"
like "$rc:$out" '^0:.* (0 +0|1 +1) ' "a caller's hard core limit of 0 is raised where root may, and no obstacle where not"
is "$(as_user alice bash -c "ulimit -n 200; ulimit -t 77; exec $GOCKER_SHELL -c 'ulimit -n; ulimit -t'")" $'200\n77' \
	"the caller's resource limits are given back (A9)"
is "$(as_user alice bash -c "umask 027; exec $GOCKER_SHELL -c umask")" 0027 "the umask is the caller's (A11)"
is "$(ssh_as alice 'echo $HOME $USER $LOGNAME $SHELL')" "/home/alice alice alice /bin/sh" \
	"HOME, USER, LOGNAME and SHELL are right for the inside (S7)"
like "$(ssh_as alice 'echo $PATH')" '^/usr/local/sbin:/usr/local/bin:|/usr/bin:' "PATH is for the inside (S7)"
run as_user alice env SECRET=host LD_PRELOAD=/nowhere LD_LIBRARY_PATH=/nowhere IFS=x "$GOCKER_SHELL" -c env
unlike "$out" 'SECRET|LD_|IFS' "nothing that the policy does not pass comes in (A8)"
like "$(ssh_as alice 'echo $SSH_CONNECTION')" '^127.0.0.1 ' "SSH_CONNECTION comes in (S7)"

# The image can't give anything.
image=/var/lib/gocker/images/alpine
printf 'alice:x:0:0::/:/bin/sh\n' >>$image/etc/passwd
printf 'shadow:x:42:alice\ndisk:x:6:alice\n' >>$image/etc/group
is "$(ssh_as alice id -G | words)" "$(id -G alice | words)" "an image's /etc/group gives no group (A51)"
is "$(ssh_as alice 'id -u alice')" "$(uid_of alice)" "an image's /etc/passwd does not change who the user is (A51)"
check_clean "nothing is left"
