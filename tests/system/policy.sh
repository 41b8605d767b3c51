#!/bin/bash
# timeout: 240
# What gocker.ini says comes true in a session, through either door: whose section counts, names, umask,
# network, volumes, and how many sessions there may be, also when all of them come at once.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../pam/_stack.sh"
need strace
need_product
add_group one
add_group two
add_group One
add_user alice --groups one,two
add_user bob --groups one,two
add_user carl --groups One
add_user dan
set_ini
own_images
stack gt
SESSIONS='^run: |^open: |^close: |^said: '

# as USER CMD: in a session of his, through the door that is in use.
as() {
	case $door in
	shell) as_user "$1" "$GOCKER_SHELL" -c "$2" ;;
	pam) pamdrive gt "$1" open try "HOME=/home/$1; cd; $2" close | grep -vE "$SESSIONS" ;;
	esac
}

sections() {
	set_ini 'hostname = everybody' '[group:one]' 'hostname = first' '[group:two]' 'hostname = second' \
		'[user:alice]' 'hostname = hers' '[group:One]' 'umask = 077'
	is "$(as dan hostname)" everybody "[$door] [default] counts for who is in no section"
	is "$(as bob hostname)" second "[$door] of two groups the later in the file counts"
	is "$(as alice hostname)" hers "[$door] the user's own section counts before groups"
	is "$(as carl 'hostname; umask')" $'everybody\n0077' "[$door] a group of other capitals is another group"
	set_ini 'hostname = h-{user}-{id}'
	mark_syslog
	run as dan hostname
	like "$out" '^h-dan-[0-9a-f]{12}$' "[$door] {user} and {id} in a host name"
	logged() { gocker_log | grep -q "id=${out##*-}"; }
	check "[$door] and the id is the session's in the log" wait_until 60 logged
	set_ini 'umask = 027'
	is "$(as dan 'umask; >~/made; stat -c %a ~/made')" $'0027\n640' "[$door] umask"
}

network() {
	perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 7001, Listen => 5, ReuseAddr => 1) or die;
		while (my $c = $s->accept) { print $c "host-service\n"; close $c }' >/dev/null 2>&1 &
	local service=$!
	wait_until 60 bash -c 'exec 3<>/dev/tcp/127.0.0.1/7001'
	set_ini
	is "$(as dan 'nc -w 3 127.0.0.1 7001 </dev/null')" host-service "[$door] network = host: a service of the host's loopback answers"
	set_ini 'network = none'
	is "$(as dan 'nc -w 3 127.0.0.1 7001 </dev/null 2>/dev/null; tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "')" lo \
		"[$door] network = none: it does not, and there is a loopback interface alone"
	is "$(as dan '(echo mine | nc -l -p 7002 127.0.0.1 &) ; sleep 0.5; nc -w 3 127.0.0.1 7002 </dev/null')" mine \
		"[$door] network = none: which works"
	kill $service
	wait $service 2>/dev/null
}

mkdir -p /srv/share/sub /srv/ro/sub /srv/work/dan /srv/links
chmod 1777 /srv/share /srv/ro
chown dan /srv/work/dan
mount -t tmpfs gkt-below /srv/share/sub
mount -t tmpfs gkt-below /srv/ro/sub
chmod 1777 /srv/share/sub /srv/ro/sub
mknod -m 666 /srv/share/sub/zero c 1 5
cp /bin/busybox /srv/share/sub/id
chmod 4755 /srv/share/sub/id
echo kept >/srv/ro/file
volumes() {
	set_ini 'volumes = /srv/share:/share /srv/ro:/mnt/deep/ro:ro /srv/work/{user}:/work'
	is "$(as dan 'id -un >/share/by && cat /share/by; echo mine >/work/file; cat /mnt/deep/ro/file')" $'dan\nkept' "[$door] volumes: seen inside"
	is "$(cat /srv/share/by /srv/work/dan/file; stat -c %U /srv/share/by)" $'dan\nmine\ndan' "[$door] volumes: written as the user, {user} replaced"
	for at in '' /sub; do
		is "$(as dan "echo x >/mnt/deep/ro$at/new" 2>&1 | grep -c 'Read-only')" 1 "[$door] volumes: :ro is for the mounts below as well: /mnt/deep/ro$at"
	done
	check_not "[$door] volumes: nothing was written there" test -e /srv/ro/new -o -e /srv/ro/sub/new
	is "$(as dan 'grep -E " /(share|work|mnt/deep/ro)(/sub)? " /proc/self/mountinfo' | awk '$6 ~ /nosuid/ && $6 ~ /nodev/ { n++ } END { print n, NR }')" "5 5" \
		"[$door] volumes: nosuid and nodev, those below as well"
	is "$(as dan '/share/sub/id -u')" "$(uid_of dan)" "[$door] volumes: a set-uid root program gives nothing (A43)"
	is "$(as dan 'head -c 1 /share/sub/zero 2>&1 | grep -c "Permission denied"')" 1 "[$door] volumes: a device node is none (A43)"
	set_ini 'root = readonly' 'volumes = /srv/share:/mnt'
	is "$(as dan 'cat /mnt/by')" dan "[$door] volumes: in a read-only root, where the image has the place"
	# Opened as root would be led by the user.
	rm -rf /srv/work/dan/to
	su -s /bin/sh dan -c 'ln -s /root /srv/work/dan/to'
	set_ini 'volumes = /srv/work/dan/to:/x'
	is "$(as dan 'echo ran' 2>&1 | grep -c ran)" 0 "[$door] volumes: a symlink where the user can write is not followed (A20)"
	ln -sfn /srv/share /srv/links/share
	set_ini 'volumes = /srv/links/share:/x'
	is "$(as dan 'cat /x/by')" dan "[$door] volumes: control: root's own symlink is"
}

# Sessions that stay until told. Fills the files in.USER.N; the command says "in" once it runs.
flock_in() { # USER N
	local n
	for ((n = 0; n < $2; n++)); do
		case $door in
		shell) (exec_as_user "$1" "$GOCKER_SHELL" -c 'echo in; while [ ! -e ~/go ]; do sleep 0.2; done') ;;
		pam) pamdrive gt "$1" open try "HOME=/home/$1; "'echo in; while [ ! -e ~/go ]; do sleep 0.2; done' close ;;
		esac >"$GKT_WORK/in.$1.$n" 2>&1 </dev/null &
		flock+=($!)
	done
}
admitted() { grep -xl in "$GKT_WORK"/in.* | wc -l; }
turned_away() { grep -l 'gocker: .*sessions' "$GKT_WORK"/in.* | wc -l; }
all_tried() { [ $(($(admitted) + $(turned_away))) = "$1" ]; }
flood() { # NAME CAP USERS...: 24 at once
	local name=$1 cap=$2 flock=() user
	shift 2
	rm -f "$GKT_WORK"/in.* /home/*/go
	for user; do flock_in "$user" $((24 / $#)); done
	wait_until 60 all_tried 24
	is "$(admitted):$(turned_away)" "$cap:$((24 - cap))" "[$door] 24 at once: $name"
	for user; do touch "/home/$user/go"; done
	wait "${flock[@]}"
	wait_until 60 no_sessions
}
caps() {
	set_ini 'user_sessions_max = 3'
	flood "user_sessions_max = 3 admits three of one user's (A36)" 3 alice
	flood "and three of each of two" 6 alice bob
	is "$(as alice 'echo in')" in "[$door] and another when they have ended"
	set_ini
	sed -i '/^\[gocker\]/a sessions_max = 4' /etc/gocker.ini
	flood "sessions_max = 4 admits four of all users' (A36) [limit sessions_max hog]" 4 alice bob carl
	like "$(cat "$GKT_WORK"/in.*)" 'this host is at its limit of 4 sessions' "[$door] and the others are told [limit sessions_max told]"
	is "$(as dan 'echo in')" in "[$door] and anybody when they have ended"
	set_ini '[group:one]' 'group_sessions_max = 4'
	flood "group_sessions_max = 4 admits four of a group's (A36) [limit group_sessions_max hog]" 4 alice bob
	like "$(cat "$GKT_WORK"/in.*)" 'your group is at its limit of 4 sessions' "[$door] and the others are told [limit group_sessions_max told]"
	flood "and all eight of who is not in it [limit group_sessions_max beside]" 12 alice bob carl
	is "$(as alice 'echo in')" in "[$door] and another of the group when they have ended"
	set_ini
}

# What two earlier sessions have left hangs in the kernel: cgroups that can't be removed stand for it.
hanging() {
	local uid n leaf told
	uid=$(id -u dan) leaf=$PIDS_CGROUP/gocker/u$(id -u dan)
	set_ini 'user_sessions_max = 3'
	is "$(as dan 'echo in')" in "[$door] the first session of a user (control)"
	for n in 0 1; do
		mkdir -p "$leaf/00000000000$n/held"
		install -m 600 /dev/stdin "/run/gocker/u/$uid/$n" <<<"id=00000000000$n"
	done
	is "$(as dan 'echo in')" in "[$door] where what two of three sessions have left hangs the user gets the third"
	set_ini 'user_sessions_max = 2'
	if [ "$door" = shell ]; then run as_user dan "$GOCKER_SHELL" -c 'echo in'; else run pamdrive gt dan open; fi
	told=$out$err
	like "$told" 'gocker: an earlier session has not ended yet' "[$door] and where it was all, he is told"
	strace -f -qq -o "$GKT_WORK/sleeps" -e trace=clock_nanosleep -e inject=clock_nanosleep:delay_exit=1s "$GOCKER" gc >/dev/null 2>&1
	n=$(grep -c clock_nanosleep "$GKT_WORK/sleeps")
	check "[$door] a sweep gives up in its time: after $n sleeps, where each of them is late" test "$n" -gt 0 -a "$n" -lt 20
	rmdir "$leaf"/00000000000?/held
	is "$(as dan 'echo in')" in "[$door] once it is over he gets in"
	is "$("$GOCKER" gc)" "1 stale session removed" "[$door] and that login has swept the place that it took"
	set_ini
}

# One container for all logins of the user whom it concerns, and for nobody else.
sharing() {
	set_ini '[user:dan]' 'share = user' 'linger = 1h'
	is "$(as dan 'echo one >/tmp/kept; echo in')" in "[$door] share = user: a login"
	is "$(as dan 'cat /tmp/kept')" one "[$door] the next one is in the same container"
	is "$(as alice 'ls /tmp')" "" "[$door] and nobody else's (control)"
	set_ini '[user:dan]' 'share = login'
	is "$(as dan 'ls /tmp')" "" "[$door] nor is who has share = login"
	"$GOCKER" stop dan >/dev/null
	set_ini
}

remember_host
for door in shell pam; do
	sharing
	sections
	network
	volumes
	caps
	hanging
	check_clean "[$door] nothing is left"
done
umount /srv/share/sub /srv/ro/sub
