#!/bin/bash
# timeout: 400
# A5 with share = user: the steps of a join that fail without a system call that does (share-faults.sh has those): what
# it finds is frozen, held, spoilt or another's. It is refused, runs nothing, and joins as soon as that is mended.
. "$(dirname "$0")/_lib.sh"
need perl
add_user alice
start_sshd
remember_host

slots=/run/gocker/u/$(uid_of alice) first=65536
login() { # [OPTION]: makes ~/ran, inside
	rm -f /home/alice/ran
	case $door in
	shell) run as_user alice "$GOCKER_SHELL" -c 'hostname >~/ran' ;;
	pam) run pamdrive gt alice open try 'hostname >/home/alice/ran' close ;;
	esac
}
ran() { cat /home/alice/ran 2>/dev/null; }
joins() { # NAME
	login
	is "$(ran)" gocker-container "A5 control [$door]: $1: the login runs, inside"
	is "$(session_inits)" "$held_inits" "A5 [$door]: $1: in the container that is there"
}
refuses() { # NAME PATTERN
	mark_syslog
	login
	[ "$door" = pam ] || is "$rc:$out" 125: "A5 [$door]: $1: the login is refused"
	is "$(ran)" "" "A5 [$door]: $1: nothing has run"
	like "$(gocker_log)" "event=refused door=$door .*reason=\"[^\"]*$2" "A5 [$door]: $1: the log says why"
	is "$(session_inits)" "$held_inits" "A5 [$door]: $1: no other container was made"
}
# spoil NAME SED: the container's record is another one for the while of a login.
spoil() {
	cp "$slots/$first" "$GKT_WORK/record"
	sed "$2" "$GKT_WORK/record" >"$GKT_WORK/spoilt"
	cat "$GKT_WORK/spoilt" >"$slots/$first"
	check "A5 control [$door]: $1: it is another record" check_not_same
	refuses "$1" 'cannot be examined'
	cat "$GKT_WORK/record" >"$slots/$first"
}
check_not_same() { ! cmp -s "$GKT_WORK/record" "$GKT_WORK/spoilt"; }

steps() {
	local other id
	set_ini 'share = user' 'linger = 1h'
	hold_session alice
	held_inits=$(session_inits) id=$("$GOCKER" ps --format '{kind} {id}' | sed -n 's/^container //p')
	joins "before all"

	if "$GOCKER" freeze "$id" >/dev/null 2>&1; then
		refuses "a frozen container" 'your container is frozen'
		"$GOCKER" thaw "$id" >/dev/null
		joins "thawed"
	fi

	mv "$slots/gate$first" "$GKT_WORK/gate"
	touch "$slots/gate$first"
	refuses "a gate that is a file" 'cannot be examined'
	ln -sf "$GKT_WORK/gate" "$slots/gate$first"
	refuses "a gate that is a link" 'cannot be examined'
	mv "$GKT_WORK/gate" "$slots/gate$first"
	joins "with its gate"

	spoil "an empty record" d
	spoil "a record without an init" '/^init=/d'
	spoil "a record whose init is the host's" 's/^init=.*/init=1/'
	(exec_as_user alice sleep 1111) &
	other=$!
	spoil "a record whose init is a process of the user's on the host" "s/^init=.*/init=$other/"
	kill "$other"
	wait "$other" 2>/dev/null
	spoil "a record with another container's id" 's/^id=.*/id=0123456789ab/'
	spoil "a record without a network" '/^netns=/d'
	joins "with its record"

	# The holder is asked nothing: stopped, and with no room for what logins tell it, it holds none up.
	kill -STOP "$(pgrep -x gocker-holder)"
	perl -MFcntl -e 'sysopen(my $f, $ARGV[0], O_WRONLY | O_NONBLOCK) or die; 1 while syswrite($f, "x" x 4096)' "$slots/gate$first"
	joins "a holder that is stopped, behind a full gate"
	kill -CONT "$(pgrep -x gocker-holder)"
	joins "a holder that goes on"

	# Another login has the lock: it is waited for, and not for ever.
	flock "$slots/lock" sleep 1 &
	other=$!
	check "(control: the lock is held)" wait_until 60 lock_is_held
	joins "a lock that is let go"
	wait "$other"
	if [ "$FULL" = 1 ]; then
		flock "$slots/lock" sleep 1000 &
		other=$!
		check "(control: the lock is held again)" wait_until 60 lock_is_held
		refuses "a lock that is not let go" 'another login of yours'
		pkill -P "$other"
		wait "$other" 2>/dev/null
	fi
	drop_session
	"$GOCKER" stop -t 1 alice >/dev/null
	check "[$door] the container is stopped" wait_until 60 no_sessions

	# All places for containers are held, as by such as do not end.
	perl -MFcntl -e '$| = 1;
		for my $n (0 .. 15) {
			open(my $f, "+>>", "$ARGV[0]/" . ($ARGV[1] + $n)) or die;
			fcntl($f, F_SETLK, my $lock = pack("s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0)) or die;
			push @held, $f;
		}
		print "held\n"; sleep' "$slots" "$first" >"$GKT_WORK/places" &
	other=$!
	check "(control: 16 places are held)" wait_until 60 grep -q held "$GKT_WORK/places"
	held_inits=''
	refuses "no place for a container" 'earlier containers have not ended'
	kill "$other"
	wait "$other" 2>/dev/null
	login
	is "$(ran)" gocker-container "A5 control [$door]: a place that is let go: the login runs, inside"
	"$GOCKER" stop alice >/dev/null
	check_clean "A5 [$door]: nothing is left of it"
}
lock_is_held() { ! flock -n "$slots/lock" true; }

door=shell
steps
for door in $(doors | grep pam); do
	stack gt
	printf '%s required pam_deny.so\n' auth account password session >/etc/pam.d/other
	steps
done
