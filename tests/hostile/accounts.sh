#!/bin/bash
# timeout: 120
# Who logs in, where the uid alone does not say it, and what was asked for, where sshd's words do not come
# through.
. "$(dirname "$0")/_lib.sh"
add_user alice
add_user bob
add_user carol
add_user jay --home /srv/jail/./home/jay
add_user twin --uid "$(uid_of alice)" --gid "$(id -g alice)" --home /home/twin
use_door shell '[user:alice]' 'hostname = of-alice' '[user:twin]' 'hostname = of-twin'
remember_host
shared='accounts alice and twin share uid [0-9]+'
as_uid() { setpriv --reuid "$(uid_of alice)" --regid "$(id -g alice)" --init-groups "$@"; }

# A59: two names of one uid.
is "$(setpriv --reuid "$(uid_of twin)" --clear-groups --regid "$(id -g alice)" id -un)" alice \
	"A59 control: of the two names of a uid the system tells the first, whoever it is"
refused "A59 [shell]: the second name of a uid is refused" "$shared" ssh_as twin 'hostname; pwd'
refused "A59 [shell]: so is the first, which nothing tells from the second" "$shared" ssh_as alice 'hostname; pwd'
refused "A59 [shell]: also when the caller claims to be the first" "$shared" \
	as_uid env USER=alice LOGNAME=alice "$GOCKER_SHELL" -c true
refused "A59 [shell]: and without a name at all" "$shared" as_uid env -i "$GOCKER_SHELL" -c true
run ssh_as bob 'pwd'
is "$rc:$out" 0:/home/bob "A59 [shell]: an account with a uid of its own logs in"
run setpriv --reuid bob --regid bob --init-groups env LOGNAME=carol USER=carol "$GOCKER_SHELL" -c 'id -un; pwd'
is "$rc:$out" $'0:bob\n/home/bob' "A59 [shell]: a claim to be someone with another uid changes nothing"
run setpriv --reuid bob --regid bob --init-groups env LOGNAME="$(printf '%300s' '' | tr ' ' x)" "$GOCKER_SHELL" -c 'id -un'
is "$rc:$out" 0:bob "A59 [shell]: nor does a claim to a name that no account can have"
run "$GOCKER" explain twin
like "$rc:$err" "^1:.*refused: the $shared" "A59: explain says that the login would be refused"
run "$GOCKER" explain --door pam twin
is "$rc" 0 "A59: not through the PAM door, which is given a name"
set_shell twin /bin/sh
run "$GOCKER" enable twin
like "$rc:$err" "^1:.*$shared" "A59: enable refuses"
is "$(getent passwd twin | cut -d: -f7)" /bin/sh "A59: and changes nothing"
run "$GOCKER" doctor -q
like "$out" 'bad +account +alice and twin share uid' "A59: doctor finds the two"
run "$GOCKER" doctor -q alice
like "$out" "trial login through the shell door fails: the $shared" "A59: doctor says it of the user"
sed -i '/^twin:/d' /etc/passwd
run ssh_as alice 'hostname'
is "$rc:$out" 0:of-alice "A59 control: the same account with the uid to itself logs in"

# Lines as editors and scripts write them: what the system takes for an account counts, and nothing else.
uid=$(uid_of alice) gid=$(id -g alice)
cp /etc/passwd "$GKT_WORK/passwd"
for line in "odd:x:$uid:$gid::/home/odd:/bin/sh" " odd:x:$uid:$gid::/home/odd:/bin/sh" "odd:x:0$uid:$gid::/:" "odd:x: $uid:$gid::/:" \
	"odd:x:$uid:$gid:" "odd:x:$uid:$gid" "odd:x:$uid" "odd:x:${uid}x:$gid::/:" "odd:x::$gid::/:" "#odd:x:$uid:$gid::/:" "odd" ""; do
	cp "$GKT_WORK/passwd" /etc/passwd
	printf '%s\n' "$line" >>/etc/passwd
	run as_uid env USER=alice LOGNAME=alice "$GOCKER_SHELL" -c hostname
	if [ "$(id -u odd 2>/dev/null)" = "$uid" ]; then
		like "$rc:$err" "^125:.*accounts alice and odd share uid" "A59 [shell]: '$line' is a second name"
	else
		is "$rc:$out" 0:of-alice "A59 [shell]: '$line' is none"
	fi
done
cp "$GKT_WORK/passwd" /etc/passwd

# A directory of accounts does not list them: one there is found by the name that the caller has. Here the
# directory is nss-systemd with a record in a file.
if [ -e /lib/x86_64-linux-gnu/libnss_systemd.so.2 ]; then
	mkdir -p /etc/userdb
	printf '{"userName":"ghost","uid":%s,"gid":%s,"homeDirectory":"/home/ghost","shell":"/bin/sh"}\n' \
		"$(uid_of alice)" "$(id -g alice)" >/etc/userdb/ghost.user
	is "$(id -u ghost)" "$(uid_of alice)" "A59 control: a directory has another name for the uid"
	refused "A59 [shell]: that name is refused" 'alice and ghost share' \
		as_uid env USER=ghost LOGNAME=ghost "$GOCKER_SHELL" -c true
	rm /etc/userdb/ghost.user
else
	skip_missing "A59 [shell]: a name that only a directory has" "no libnss-systemd"
fi

# A60: the client's command in an environment that is full to the brim, and one of the longest that there is.
# A ForceCommand that does not find it starts a login shell, which the client then feeds by its stdin.
full() { # LENGTH OF THE COMMAND, VARIABLES
	run as_uid python3 -c "
import os, subprocess
env = {'V%d' % i: 'x' * $3 for i in range($2)}
env['SSH_CONNECTION'] = '::1 1 ::1 22'
env['SSH_ORIGINAL_COMMAND'] = 'echo command #' + 'x' * ($1 - 14)
p = subprocess.run(['$GOCKER_SHELL'], env=env, input=b'echo login shell\n')
os._exit(p.returncode)"
}
full 14 0 1
is "$rc:$out" 0:command "A60 control: the client's command runs in place of a login shell"
full 14 5000 1
is "$rc:$out" 0:command "A60 [shell]: also behind 5000 other variables"
full 14 10 120000
is "$rc:$out" 0:command "A60 [shell]: also behind a megabyte of them"
full 131050 0 1
is "$rc:$out" 0:command "A60 [shell]: also with the longest that the kernel takes"

# A "." in a passwd home marks where a server of files puts its chroot, and means nothing else.
run ssh_as jay 'echo here >left; pwd; getent passwd jay | cut -d: -f6'
is "$rc:$out" $'0:/srv/jail/home/jay\n/srv/jail/home/jay' "a home with a \".\" in its path is the same without"
is "$(cat /srv/jail/home/jay/left)" here "and it is the host's"

check_clean "A59: nothing is left"
