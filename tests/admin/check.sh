#!/bin/bash
# gocker check: what a policy names that this host does not have is told with its line; the log line of an opening
# says where the client is.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need jq
need_product
add_user alice
add_group students
set_ini
own_images
ini=$GKT_WORK/draft.ini
write() { printf '%s\n' "$@" >"$ini"; }
checks() { # NAME LINE PATTERN: one warning, there, so; exit status 0, and 1 with --strict
	run "$GOCKER" check "$ini"
	is "$rc" 0 "$1: a warning is no fault"
	is "$(grep -c ': warning: ' <<<"$out")" 1 "$1: one warning"
	like "$out" "^$ini:$2: warning: $3" "$1: with its line"
	run "$GOCKER" check --strict "$ini"
	like "$rc:$out" "^1:$ini:$2: $3" "$1: a fault with --strict"
}

write '[default]' 'pids_max = 20' '[group:students]' 'pids_max = 30' '[user:alice]' 'pids_max = 40'
run "$GOCKER" check --strict "$ini"
is "$rc:$out" "0:$ini: no fault found" "a policy of what is there has no fault, --strict neither"
write '[group:studnets]' 'pids_max = 9'
checks "a group" 1 'this host has no group "studnets"; did you mean students\?'
write '[default]' '[user:alcie]' 'pids_max = 9'
checks "a user" 2 'this host has no user "alcie"; did you mean alice\?'
write '[user:nobody-near]' 'pids_max = 9'
checks "a user whom no name is like" 1 'this host has no user "nobody-near"; the section applies to nobody'
write '[default]' 'image = alpnie'
checks "an image" 2 'this host has no image alpnie; did you mean alpine\?'
write '[default]' 'image = somethingelse'
checks "another image" 2 'this host has no image somethingelse; .gocker image fetch somethingelse.'
write '[default]' 'image = Ubuntu-24.04'
checks "another distribution" 2 'this host has no image Ubuntu-24.04; .gocker image new ubuntu Ubuntu-24.04.'
write '[default]' 'image = fedora'
checks "one that gocker has no recipe for" 2 'this host has no image fedora; .gocker image pull REF fedora.'
write '[default]' 'image = debianish'
checks "a name that only begins like one" 2 'this host has no image debianish; .gocker image fetch debianish.'
write '[default]' 'hostname = x' 'shell = /bin/nosuch'
checks "a shell" 3 'the image alpine has no program /bin/nosuch; '
write '[default]' 'volumes = /srv/nosuch:/courses:ro'
checks "a volume" 2 'volumes: this host has no "/srv/nosuch"; '
write '[default]' 'volumes = /srv/{user}:/courses:ro'
run "$GOCKER" check --strict "$ini"
is "$rc" 0 "a volume that is each user's is not looked for"

# An image for another machine: the ELF header of its shell says so.
cp -a /var/lib/gocker/images/alpine /var/lib/gocker/images/other
rm -f /var/lib/gocker/images/other/bin/sh
cp "$(readlink -f /bin/true)" /var/lib/gocker/images/other/bin/sh
printf '\xf3\x00' | dd of=/var/lib/gocker/images/other/bin/sh bs=1 seek=18 conv=notrunc status=none # EM_RISCV
write '[default]' 'image = other'
checks "another machine" 2 'the image other is made for another machine: /bin/sh is a program for riscv; '
write '[group:students]' 'image = other'
checks "another machine, in a group's section" 2 'the image other is made for another machine'

# What a section asks for cannot be: no login of it would have a plan.
mkdir -p /srv/courses
echo one >/srv/one
write '[default]' 'pids_max = 3' 'net_deny = 10.0.0.0/8'
checks "net_deny without a network of its own" 3 'net_deny and net_allow need network = private; .*its logins will be refused'
write '[default]' 'publish = 8000' '[user:alice]' 'network = none'
checks "publish without one" 2 'publish needs network = private'
write '[default]' 'pids_max = 3' 'volumes = /srv/courses:/proc'
checks "a volume over /proc" 3 'the volume /proc lies in or covers /proc; .*its logins will be refused'
write '[group:students]' 'home = bind' 'files = /srv/one:/etc/one'
checks "a file in /etc, in a group's section" 3 'the file /etc/one lies in or covers /etc'
write '[user:alice]' 'volumes = /srv/courses:/home/alice/courses'
checks "a volume in a user's home" 2 'the volume /home/alice/courses lies in or covers /home/alice'
write '[default]' 'home = none' '[user:alice]' 'volumes = /srv/courses:/home/alice/courses'
run "$GOCKER" check --strict "$ini"
is "$rc" 0 "without a home it is none"
write '[default]' 'volumes = /srv/courses:/courses' '[group:students]' 'home = bind' 'volumes = /srv/courses:/dev/x'
checks "what one section does, in its line" 5 'the volume /dev/x lies in or covers /dev'
cp "$GKT_TOP/conf/gocker.ini" "$ini"
run "$GOCKER" check --strict "$ini"
is "$rc:$out" "0:$ini: no fault found" "the shipped file has no warning"

# Misspelt values and keys.
write '[default]' 'root = overlya' 'home = bnid' 'pid_max = 3'
run "$GOCKER" check "$ini"
is "$rc" 1 "faults"
like "$out" "$ini:2: root: .*; did you mean overlay\?" "a value"
like "$out" "$ini:3: home: .*; did you mean bind\?" "another"
like "$out" "$ini:4: .*pid_max.*did you mean pids_max\?" "a key"
write '[group:studnets]' 'env_pass = KRB5CCNAME'
is "$("$GOCKER" check --strict --format json "$ini" | jq -c '[.ok,[.faults[].line],(.warnings|length)]')" '[false,[1,2],0]' \
	"as JSON, in the order of lines"
run "$GOCKER" check --strict
is "$rc" 0 "the host's own file"
for command in check "explain alice" "image list" "image show alpine" doctor; do
	# shellcheck disable=SC2086 # words
	run bash -c '"$@" >/dev/full' - "$GOCKER" $command
	isnt "$rc" 0 "$command on a full disk: no success"
	like "$err" 'cannot write: No space left' "$command: says why"
done

start_sshd
mark_syslog
is "$(ssh_as alice hostname)" gocker-container "a login"
like "$(gocker_log)" 'event=open id=[0-9a-f]{12} door=shell user="alice" .*from="127.0.0.1"' "its log line has the client's address"
check_clean "nothing is left"
