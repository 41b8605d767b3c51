#!/bin/bash
# timeout: 300
# The key files: single files and sockets of the host in a session, read-only unless said otherwise,
# through either door, in any root. What is not a file or socket, or is reached by a way that a user could
# change, is refused; what is missing is left out.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../pam/_stack.sh"
need_product
add_user alice
add_user ben
set_ini
own_images
stack gt
SESSIONS='^run: |^open: |^close: |^said: '

# as CMD: in a session of alice's, through the door that is in use.
as() {
	case $door in
	shell) as_user alice "$GOCKER_SHELL" -c "$1" ;;
	pam) pamdrive gt alice open try "HOME=/home/alice; cd; $1" close | grep -vE "$SESSIONS" ;;
	esac
}

# A service that tells each client who the kernel says it is, as MySQL's and PostgreSQL's do.
mkdir -p /run/planted
serve() {
	perl -MIO::Socket::UNIX -MSocket -e '
		my $s = IO::Socket::UNIX->new(Local => "/run/planted/s.sock", Listen => 5) or die;
		chmod 0666, "/run/planted/s.sock";
		while (my $c = $s->accept) {
			my (undef, $uid) = unpack "iii", getsockopt($c, SOL_SOCKET, SO_PEERCRED);
			print $c "uid $uid\n";
			close $c;
		}' >/dev/null 2>&1 &
	server=$!
	wait_until 60 test -S /run/planted/s.sock
}
serve
connect='perl -MIO::Socket::UNIX -e '\''my $c = IO::Socket::UNIX->new(Peer => shift) or die "$!\n"; print <$c>'\'

mkdir -p /srv/one /srv/own /srv/links /srv/private
chown alice /srv/own
echo one >/srv/one/file
echo other >/srv/one/beside
chmod 666 /srv/one/file
echo shared >/srv/one/writable
chmod 666 /srv/one/writable
echo secret >/srv/private/key
chmod 700 /srv/private
chmod 644 /srv/private/key
echo theirs >/srv/one/ben
chown ben /srv/one/ben
chmod 600 /srv/one/ben
cp /bin/busybox /srv/one/id
chmod 4755 /srv/one/id
mknod -m 666 /srv/one/zero c 1 5
mkfifo -m 666 /srv/one/pipe
echo alice >/srv/one/alice.txt
remember_host

for door in shell pam; do
	set_ini 'files = /srv/one/file /srv/one/writable:/mnt/deep/w:rw /srv/one/{user}.txt:/mnt/me /run/planted/s.sock /srv/one/id'
	is "$(as 'cat /srv/one/file /mnt/me; ls /srv/one')" $'one\nalice\nfile\nid' "[$door] files: at their own path or a target, and what is beside them is not seen"
	is "$(as 'echo x >/srv/one/file; echo $?' 2>&1 | grep -c 'Read-only')" 1 "[$door] files: read-only, though its mode lets everyone write"
	is "$(as 'echo "$0" >/dev/null; echo more >>/mnt/deep/w; tail -n 1 /mnt/deep/w'; tail -n 1 /srv/one/writable)" $'more\nmore' "[$door] files: with :rw it can be written"
	is "$(as 'grep -E " (/srv/one/|/mnt/|/run/planted)" /proc/self/mountinfo' | awk '{ print $5, $6 }' | sed 's/,\(relatime\|noatime\|noexec\)//g' | sort)" \
		$'/mnt/deep/w rw,nosuid,nodev\n/mnt/me ro,nosuid,nodev\n/run/planted/s.sock ro,nosuid,nodev\n/srv/one/file ro,nosuid,nodev\n/srv/one/id ro,nosuid,nodev' \
		"[$door] files: ro, nosuid and nodev each"
	is "$(as '/srv/one/id -u')" "$(uid_of alice)" "[$door] files: a set-uid root program gives nothing"
	is "$(as 'test -S /run/planted/s.sock && echo socket')" socket "[$door] files: a socket is one"
	is "$(as 'mv /srv/one/file /srv/one/x || rm /srv/one/file || rm -r /srv/one; cat /srv/one/file' 2>/dev/null)" one "[$door] files: cannot be moved or removed"

	set_ini 'image = host' 'files = /run/planted/s.sock /srv/one/file' 'network = none'
	is "$(as "$connect /run/planted/s.sock")" "uid $(uid_of alice)" "[$door] files: image = host: the service behind a socket answers, and knows the user"
	is "$(as "$connect /run/planted/other.sock" 2>&1)" "No such file or directory" "[$door] files: control: a socket that is not named is not there"
	is "$(as 'cat /srv/one/file; find /srv /run/planted -type f -o -type s' | sort)" $'/run/planted/s.sock\n/srv/one/file\none' "[$door] files: image = host: nothing beside them is seen"
	set_ini 'root = readonly' 'files = /srv/one/file:/opt/new/file'
	is "$(as 'cat /opt/new/file')" one "[$door] files: in a read-only root"

	# The permissions hold inside.
	set_ini 'files = /srv/one/ben:/mnt/ben'
	is "$(as 'cat /mnt/ben' 2>&1 | grep -c 'ermission denied')" 1 "[$door] files: what the user may not read stays unreadable"

	# A service that is down locks nobody out.
	set_ini 'files = /run/planted/gone.sock /srv/one/file'
	mark_syslog
	is "$(as 'cat /srv/one/file; wc -c </run/planted/gone.sock')" $'one\n0' "[$door] files: one that is missing is left out, an empty file in its place"
	logged() { gocker_log | grep -q 'event=missing id=.* file="/run/planted/gone.sock"'; }
	check "[$door] files: and logged" wait_until 60 logged

	# What is refused: nothing runs.
	for bad in /srv/one /srv/one/zero /srv/one/pipe; do
		set_ini "files = $bad:/mnt/x"
		is "$(as 'echo ran' 2>&1 | grep -cx ran)" 0 "[$door] files: $bad is refused"
	done
	rm -rf /srv/own/to
	as_user alice ln -s /srv/private/key /srv/own/to
	set_ini 'files = /srv/own/to:/mnt/x'
	is "$(as 'echo ran; cat /mnt/x' 2>&1 | grep -cxE 'ran|secret')" 0 "[$door] files: a symlink where the user can write is not followed (A20)"
	ln -sfn /srv/private/key /srv/links/to
	set_ini 'files = /srv/links/to:/mnt/x'
	is "$(as 'cat /mnt/x')" secret "[$door] files: control: root's own symlink is, and would show the secret"
	rm -rf /srv/own/to
	as_user alice ln -s /srv/private /srv/own/to
	set_ini 'files = /srv/own/to/key:/mnt/x'
	is "$(as 'echo ran; cat /mnt/x' 2>&1 | grep -cxE 'ran|secret')" 0 "[$door] files: nor one on the way (A20)"

	# Swapped while sessions open: each gets the file or is refused, none the secret.
	rm -rf /srv/own/to /srv/own/f
	as_user alice sh -c 'mkdir /srv/own/to; echo mine >/srv/own/to/key
		while ! [ -e /srv/own/stop ]; do
			mv /srv/own/to /srv/own/real; ln -s /srv/private /srv/own/to; rm -f /srv/own/to; mv /srv/own/real /srv/own/to
		done' >/dev/null 2>&1 &
	swapper=$!
	wait_until 60 test -e /srv/own/to/key
	got=''
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do got+=$(as 'cat /mnt/x' 2>/dev/null)$'\n'; done
	check "[$door] files: (the swapping went on meanwhile)" kill -0 "$swapper"
	as_user alice touch /srv/own/stop
	wait "$swapper"
	rm -rf /srv/own/to /srv/own/stop
	is "$(grep -c secret <<<"$got")" 0 "[$door] files: swapped for a symlink in the middle of logins it shows no secret (A20)"
	check_clean "[$door] nothing is left"
done

# --- the plan, and check ---

set_ini 'image = host' 'files = /run/planted/s.sock /srv/one/file:/mnt/f:rw'
plan=$("$GOCKER" explain --plan alice)
is "$(grep -cx 'mount tree "/run/planted/s.sock" ro,nosuid,nodev,optional from host file:"/run/planted/s.sock"' <<<"$plan")" 1 "explain prints a socket"
is "$("$GOCKER" explain --format json alice | jq -c '[.policy.files.value[1], (.plan.mounts[] | select(.by == "files") | [.target, .from.file])]')" \
	'[{"source":"/srv/one/file","target":"/mnt/f","readonly":false},["/run/planted/s.sock",true],["/mnt/f",true]]' "as JSON, with the key that made it"
for target in /etc/x /usr/bin/x /home/alice/x /run /opt/x; do
	set_ini 'image = host' "files = /srv/one/file:$target"
	refused "a fault is told: the file $target lies in or covers" "^gocker: the file $target lies in or covers" as_user alice "$GOCKER_SHELL" -c id
done
printf '[default]\nfiles = /srv/one:/mnt/a /run/planted/gone.sock\n' >"$GKT_WORK/new.ini"
run "$GOCKER" check "$GKT_WORK/new.ini"
like "$out$err" ':2: warning: files: this host has no "?/run/planted/gone.sock' "check warns of what is missing"
like "$out$err" ':2: warning: files: "?/srv/one"? is neither a regular file nor a socket' "and of a directory"

# --- gocker run ---

set_ini 'files = /run/planted/s.sock'
is "$("$GOCKER" run --image host sh -c "$connect /run/planted/s.sock")" "uid 0" "gocker run: to the service its root is the host's"
is "$("$GOCKER" run --image host --userns sh -c "$connect /run/planted/s.sock" | grep -c '^uid [1-9]')" 1 "with --userns it is not"

# --- a service that starts again ---

kill "$server"
rm /run/planted/s.sock
serve
set_ini 'image = host' 'files = /run/planted/s.sock'
door=shell
is "$(as "$connect /run/planted/s.sock")" "uid $(uid_of alice)" "the next login has the new socket of a service that has started again"
kill "$server"
set_ini
check_clean "sessions with files leave nothing"
