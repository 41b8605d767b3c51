#!/bin/bash
# timeout: 200
# A6, A17, A18, A19: every kind of bad configuration, image, home, argument and environment. What is
# refused is refused the same way: exit status 125, nothing on stdout, one plain line on stderr, nothing ran.
# Through the PAM door: PAM_PERM_DENIED and the same line, by an application without a shell.
. "$(dirname "$0")/_lib.sh"
need python3
add_user alice
add_user bob
own_images
images=/var/lib/gocker/images
ini=/etc/gocker.ini
pam=$(doors | grep pam)
[ -z "$pam" ] || stack gt
set_ini
remember_host
plain() { setpriv --reuid alice --regid alice --init-groups --reset-env "$@"; }
ran='touch /home/alice/ran /tmp/ran 2>/dev/null; echo ran'

# The line of a refusal: text that no terminal takes for more, of a length that can be read.
plain_line() { # LINE
	local LC_ALL=C
	[ "${#1}" -lt 500 ] && [[ $1 != *[!\ -~]* ]]
}

# bad ID NAME PATTERN: a login is refused, through either door. What the configuration says is read by the
# same lines behind both: of each kind of fault ("KIND: ...") the PAM door is shown the first.
kind=''
bad() {
	refused "$1 [shell]: $2" "$3" plain "$GOCKER_SHELL" -c "$ran"
	plain_line "$err" || not_ok "$1 [shell]: $2: a plain line" "$err"
	[ -z "$pam" ] || [ "$kind" = "${2%%:*}" ] || bad_pam "$@"
	if [ -e /home/alice/ran ] || [ -e /tmp/ran ]; then
		not_ok "$1: $2: nothing ran"
		rm -f /home/alice/ran /tmp/ran
	fi
}
bad_pam() {
	local said
	drive gt alice open try "$ran"
	said=$(grep -a '^said: ' <<<"$out")
	if [[ $out == "$said"$'\nopen: 6'* && $said =~ ^said:\ gocker:\ .*($3) && $out != *$'\nran'* ]] && plain_line "$said"; then
		ok "$1 [pam]: $2"
	else
		not_ok "$1 [pam]: $2" "$out" "wanted: $3"
	fi
}
# well NAME: the control; a login, contained.
well() {
	run plain "$GOCKER_SHELL" -c 'readlink /proc/self/ns/mnt'
	if [[ $rc = 0 && $out == mnt:* && $out != "$(readlink /proc/self/ns/mnt)" ]]; then ok "$1"; else not_ok "$1" "$rc: $out$err"; fi
}

# --- A19: who may have written the configuration ---

chown alice $ini; bad A19 "owner: a user's" 'gocker.ini'
chown bob:root $ini; bad A19 "owner: another user's" 'gocker.ini'
chown root:alice $ini; chmod 664 $ini; bad A19 "mode: a group can write it" 'gocker.ini'
chmod 646 $ini; bad A19 "mode: anybody can write it" 'gocker.ini'
set_ini; chown root:root $ini
for mode in 600 444 640; do
	chmod $mode $ini
	well "A19 control: mode $mode will do"
done
set_ini
for parent in /etc /; do
	was=$(stat -c %a $parent)
	chmod o+w $parent; bad A19 "parents: anybody can write $parent" "${parent}[: ]"
	chmod "$was" $parent
	chgrp alice $parent; chmod g+w $parent; bad A19 "parents: a group can write $parent" "${parent}[: ]"
	chmod "$was" $parent; chgrp root $parent
	chown alice $parent; bad A19 "parents: $parent is a user's" "${parent}[: ]"
	chown root $parent
done
mv $ini /etc/other.ini
bad A19 "missing" 'gocker.ini.*No such file'
ln -s other.ini $ini; bad A19 "a symlink to root's own file" 'gocker.ini'; rm $ini
ln -s nowhere $ini; bad A19 "a symlink to nothing" 'gocker.ini'; rm $ini
ln -s gocker.ini $ini; bad A19 "a symlink to itself" 'gocker.ini'; rm $ini
mkfifo $ini; bad A19 "a FIFO" 'gocker.ini'; rm $ini
mkdir $ini; bad A19 "a directory" 'gocker.ini'; rmdir $ini
mknod $ini c 1 5; bad A19 "a device without end" 'gocker.ini'; rm $ini
python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('$ini')"; bad A19 "a socket" 'gocker.ini'; rm $ini
mv /etc/other.ini $ini
well "A19 control: with root's own file the login works"

# --- A19: what stands in it ---

# file NAME PATTERN TEXT: the whole file, as printf %b writes it.
file() {
	printf '%b' "$3" >$ini
	bad A19 "$1" "$2"
	kind=${1%%:*}
}
x() { head -c "$1" /dev/zero | tr '\0' "${2:-x}"; }
file "NUL: in a value" 'NUL' '[default]\nimage = al\0pine\n'
file "NUL: in a comment" 'NUL' '[default]\n; \0\n'
file "NUL: nothing else" 'NUL' '\0\0\0\0'
file "encoding: Latin-1" 'gocker.ini:2: .*UTF-8' '[default]\nshell = /b\xe4r\n'
file "encoding: UTF-16" 'NUL|UTF-8' '\xff\xfe[\0d\0]\0'
file "encoding: an overlong sequence" 'gocker.ini:2: .*UTF-8' '[default]\nshell = /\xc0\xaf\n'
file "encoding: a surrogate" 'gocker.ini:2: .*UTF-8' '[default]\nshell = /\xed\xa0\x80\n'
file "encoding: cut off at the end of the file" 'gocker.ini:2: .*UTF-8' '[default]\nshell = /\xe2\x82'
file "encoding: in a comment" 'gocker.ini:2: .*UTF-8' '[default]\n; \xff\n'
file "encoding: a byte order mark" 'gocker.ini:1: .*byte order' '\xef\xbb\xbf[default]\n'
file "encoding: CR LF" 'gocker.ini: .*CR LF' '[default]\r\npids_max = 5\r\n'
file "encoding: a lone CR" 'gocker.ini:1: .*control' '[default]\rpids_max = 5\n'
file "encoding: an escape sequence" 'gocker.ini:2: .*control' '[default]\nshell = /\x1b[31m\n'
file "encoding: a bell in a title" 'gocker.ini:1: .*control' '[user:\a]\n'
file "encoding: a C1 control, shown escaped" 'gocker.ini:2: .*xc2.x9b' '[default]\nimage = \xc2\x9b31m\n'
file "size: a byte over 1 MiB" 'gocker.ini: larger' ";$(x 1048576)"
head -c 10M /dev/zero | tr '\0' '\n' >$ini; bad A19 "size: 10 MiB of empty lines" 'gocker.ini: larger'
head -c 1M /dev/zero | tr '\0' '\n' >$ini; well "A19 control: 1 MiB of empty lines is a configuration"
file "long lines: 1001 bytes" 'gocker.ini:2: .*longer' "[default]\n;$(x 1000)\n"
file "long lines: 64 KiB" 'gocker.ini:2: .*longer' "[default]\n;$(x 65535)\n"
file "long lines: without an end" 'gocker.ini:1: .*longer' "$(x 900000)"
printf '[default]\n;%s\n' "$(x 999)" >$ini; well "A19 control: 1000 bytes may stand in a line"
for n in {1..4097}; do echo "[user:u$n]"; done >$ini; bad A19 "size: 4097 sections" 'gocker.ini:4097: .*4096'
sed -i '$d' $ini; well "A19 control: 4096 sections"
file "unknown sections: a name" 'gocker.ini:1: .*no section' '[nonsense]\n'
file "unknown sections: in capitals" 'gocker.ini:1: .*no section' '[Default]\n'
file "unknown sections: two colons" 'gocker.ini:1: .*no section' '[a:b:c]\n'
file "unknown sections: a plural" 'gocker.ini:1: .*no section' '[groups:staff]\n'
file "unknown sections: a user without a name" 'gocker.ini:1: .*no name' '[user:]\n'
file "unknown sections: a blank before the name" 'gocker.ini:1: .*blank' '[user: alice]\n'
file "unknown sections: a colon in the name" 'gocker.ini:1: .*colon' '[user:alice:bob]\n'
file "unknown sections: 900 letters, shown cut" 'gocker.ini:1: .*no section "x{60}\.\.\."' "[$(x 900)]\n"
file "titles: empty" 'gocker.ini:1: .*empty' '[]\n'
file "titles: not closed" 'gocker.ini:1: .*not closed' '[default\n'
file "titles: a bracket in it" 'gocker.ini:1: .*bracket' '[[default]\n'
file "titles: something behind it" 'gocker.ini:1: .*follows' '[default] pids_max = 5\n'
file "titles: ]" 'gocker.ini:1: ' ']\n'
file "duplicates: a key" 'gocker.ini:3: .*line 2' '[default]\npids_max = 5\npids_max = 5\n'
file "duplicates: [default]" 'gocker.ini:2: .*line 1' '[default]\n[default]\n'
file "duplicates: a user" 'gocker.ini:2: .*line 1' '[user:x]\n[user:x]\n'
file "keys: before the first section" 'gocker.ini:1: .*before' 'pids_max = 5\n[default]\n'
file "keys: unknown" 'gocker.ini:2: .*did you mean shell' '[default]\nshel = /bin/sh\n'
file "keys: in capitals" 'gocker.ini:2: .*no key' '[default]\nPIDS_MAX = 5\n'
file "keys: of [gocker] elsewhere" 'gocker.ini:2: .*belong' '[default]\nimage_dir = /tmp\n'
file "keys: of others in [gocker]" 'gocker.ini:2: .*belong' '[gocker]\nshell = /bin/sh\n'
file "keys: without a value" 'gocker.ini:2: .*no value' '[default]\nhome =\n'
file "keys: without =" 'gocker.ini:2: .*neither' '[default]\nhome\n'
file "keys: = alone" 'gocker.ini:2: .*neither' '[default]\n=\n'
file "keys: a title as one" 'gocker.ini:2: .*neither' '[default]\ndefault:home = bind\n'
file "values: an open quote" 'gocker.ini:2: .*quote' '[default]\nroot = "overlay\n'
file "values: more behind a quote" 'gocker.ini:2: .*follows' '[default]\nenv_set = "A=b" C=d\n'
file "values: a comment without a blank" 'gocker.ini:2: .*comment' '[default]\nenv_set = A=b;c\n'
file "values: going on in the next line" 'gocker.ini:2: .*backslash' '[default]\nenv_set = A=b \\\\\n C=d\n'
file "values: an escape in quotes" 'gocker.ini:2: .*backslash' '[default]\nenv_set = "A=\\\\n"\n'

# value KEY VALUE PATTERN: with everything else as it should be.
value() {
	set_ini "$1 = $2"
	bad A19 "$4: $1 = ${2:0:30}" "gocker.ini:4: .*$1.*($3)"
	kind=$4
}
while read -r key text pattern; do value "$key" "${text//_/ }" "$pattern" units; done <<'END'
root_size 12X unit
root_size 12KB unit
root_size 12m unit
root_size 1.5G unit
root_size 12_M unit
tmp_size M not.a.number
memory_max 64MB unit
idle_timeout 30 no.unit
idle_timeout 30x unit
idle_timeout 1h30m unit
max_duration 8H unit
linger 30 no.unit
linger Forever not.a.number
max_duration forever not.a.number
container_max_duration forever not.a.number
share host not.known
cpus 1,5 decimals
cpus 1.2345 decimals
cpus 1. decimals
cpus .5 not.a.number
cpus 2e3 decimals
cpus 50% decimals
pids_max 0x10 whole|zero
pids_max 12abc whole
pids_max 5.0 whole
pids_max +5 not.a.number
pids_max 007 zero
pids_max none not.a.number
umask 22 octal
umask 0999 octal
umask 0o22 octal
umask 1022 octal
contain true yes.nor.no
agent YES yes.nor.no
root maybe not.known
home Bind not.known
network bridge not.known
END
while read -r key text; do value "$key" "$text" 'too small|too large|not a number' ranges; done <<'END'
pids_max 0
pids_max -1
pids_max 4194305
pids_max 99999999999999999999
pids_max 18446744073709551616
user_pids_max 0
user_sessions_max 1048577
user_sessions_max -1
memory_max 1M
memory_max 0
memory_max 1025T
memory_max 18014398509481984K
memory_swap_max -1
memory_high 4095K
memory_low 1023K
net_rate 15K
home_quota 1023K
user_cpus 0.009
cpu_weight 0
cpu_weight 10001
io_weight 0
io_weight 1001
io_max home:rbps=65535
io_max home:wiops=0
io_max home:riops=4294967296
user_memory_max 4095K
cpus 0
cpus 0.009
cpus 1024.001
cpus 99999999999
root_size 1023K
tmp_size 0
root_inodes 255
root_inodes 1073741825
idle_timeout 0s
idle_timeout 367d
max_duration 99999999999999999d
linger 0s
linger 367d
container_max_duration 0s
END
while read -r key text; do value "$key" "${text//_/ }" '.' values; done <<END
image ../../etc
image a/b
image -rf
image .
image $(x 65)
shell sh
shell /
shell /bin/../bin/sh
hostname -a
hostname a b
hostname {nobody}
hostname $(x 64)
hostname a..b
volumes /srv
volumes srv:/x
volumes /srv:x
volumes /srv:/x:rw
volumes /srv:/a/../b
banner /etc/../shadow
io_max home
io_max home:
io_max home:rbps
io_max home:rbps=
io_max home:rbps=1M,rbps=2M
io_max home:speed=1M
io_max home:rbps=1M,
io_max tmp:rbps=1M
io_max /srv:rbps=1M
io_max home:rbps=1M_home:wbps=1M
devices dev/null
devices /etc/passwd
devices /dev
devices /dev/../etc/passwd
devices /devices
files srv
files /srv:x
files /srv:/x:ro
files /srv:rw
files /srv/../x
env_set A
env_set =b
env_set 1A=b
env_set LD_PRELOAD=/x
env_pass A*B
env_pass A-B
env_pass 1
END
set_ini 'volumes = /srv:/etc'; bad A19 "volumes: over a directory of gocker's" '/etc'
set_ini 'volumes = /srv:/proc/sys'; bad A19 "volumes: below /proc" '/proc'
set_ini 'volumes = /srv/missing:/x'; bad A19 "volumes: not there" '/srv/missing'
set_ini 'volumes = /etc/passwd:/x'; bad A19 "volumes: a file" '/etc/passwd'
set_ini 'files = /srv:/x'; bad A19 "files: a directory" '/srv'
set_ini 'files = /dev/null:/x'; bad A19 "files: a device" '/dev/null'
set_ini 'files = /etc/passwd'; bad A19 "files: over a file of gocker's" '/etc'
set_ini
well "A19 control: after all these a good one, and the login works"

# --- images ---

kind=''

image() { bad A19 "image: $1" "$2"; rm -rf $images/bad; }
set_ini 'image = bad'
image "missing" 'bad'
echo >$images/bad; image "a file" 'bad'
mkfifo $images/bad; image "a FIFO" 'bad'
ln -s nowhere $images/bad; image "a symlink to nothing" 'bad'
ln -s /home/alice $images/bad; image "a symlink to a user's directory" 'bad'
ln -s ../../../../etc $images/bad; image "a symlink out of the image directory" 'bad'
mkdir -m 755 $images/bad; chown alice $images/bad; image "a user's" 'bad'
mkdir $images/bad; chmod 777 $images/bad; image "anybody can write to it" 'bad'
mkdir $images/bad; chgrp alice $images/bad; chmod 775 $images/bad; image "a group can write to it" 'bad'
printf '[gocker]\nimage_dir = /nowhere\n' >$ini; image "no image directory" 'nowhere'
printf '[gocker]\nimage_dir = /home/alice\n' >$ini; mkdir -m 755 /home/alice/alpine; image "the image directory is a user's" '/home/alice'; rmdir /home/alice/alpine
printf '[gocker]\nimage_dir = /tmp/images\n' >$ini; mkdir -m 777 /tmp/images; image "anybody can write to the image directory" '/tmp'; rmdir /tmp/images
set_ini

# --- homes ---

home() { # NAME PATTERN [HOME]: the passwd entry's, else /home/alice
	[ -z "${3+set}" ] || usermod -d "$3" alice 2>/dev/null || sed -i "s|^\(alice:.*\):[^:]*:\([^:]*\)\$|\1:$3:\2|" /etc/passwd
	bad A20 "home: $1" "$2"
	sed -i 's|^\(alice:.*\):[^:]*:\([^:]*\)$|\1:/home/alice:\2|' /etc/passwd
}
home "relative" 'home' home/alice
home "empty" 'home' ''
home "the root directory" 'home|/' /
home "of 300 letters" 'home' "/home/$(x 300)"
home "of 5000 letters" 'home' "/home$(for _ in {1..100}; do printf '/%s' "$(x 49)"; done)"
home "with .. in it" 'home' /home/bob/../alice
home "not there" '/home/nobody' /home/nobody
home "a directory of gocker's own" '/etc' /etc
home "/proc" '/proc' /proc
home "root's" '/root' /root
home "another user's" 'bob' /home/bob
home "a device" '/dev/null' /dev/null
home "with an escape sequence, shown escaped" 'home' $'/home/\033[31m'
mv /home/alice /home/away
echo >/home/alice; chown alice /home/alice; home "a file" 'home'; rm /home/alice
mkfifo /home/alice; chown alice /home/alice; home "a FIFO" 'home'; rm /home/alice
python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('/home/alice')"; chown alice /home/alice; home "a socket" 'home'; rm /home/alice
ln -s /home/bob /home/alice; home "a symlink to another user's" 'home|bob'; rm /home/alice
ln -s alice /home/alice; home "a symlink to itself" 'home'; rm /home/alice
mkdir -m 700 /home/alice; home "root's, by the right name" 'home'; rmdir /home/alice
mkdir -p /srv/closed/alice; chmod 700 /srv/closed; chown alice /srv/closed/alice; home "below a directory that its user can't search" '/srv/closed/alice' /srv/closed/alice
rm -r /srv/closed
mv /home/away /home/alice
well "A20 control: with the home as it was the login works"

# --- A6: arguments and environments ---

for args in '-x' '--help' 'file.sh' '-i -l -z' '--' '-c'; do
	# shellcheck disable=SC2086
	run plain "$GOCKER_SHELL" $args
	inside_rc=$rc inside_out=$out
	# shellcheck disable=SC2086
	run plain "$GOCKER_SHELL" -c 'exec /bin/sh "$@"' sh $args
	is "$inside_rc:$inside_out" "$rc:$out" "A6 [shell]: arguments are the inner shell's, to take or to refuse: $args"
done
run plain "$GOCKER_SHELL" -c 'for a; do printf "<%s>" "$a"; done' - 'a b' $'\n' '' $'\xff' '-x' '*'
is "$out" $'<a b><\n><><\xff><-x><*>' "A6 [shell]: each argument comes through as one, whatever is in it"
run plain "$GOCKER_SHELL" -c 'echo $#' - $(seq 20000)
is "$out" 20000 "A6 [shell]: 20,000 arguments"
run plain "$GOCKER_SHELL" -c "printf %s $(x 131000) | wc -c"
is "$out" 131000 "A6 [shell]: an argument of nearly 128 KiB"
execve() { # ARGV ENV: both as Python lists of bytes
	run plain python3 -c "
import ctypes
def vector(list): return (ctypes.c_char_p * (len(list) + 1))(*list, None)
ctypes.CDLL(None).execve(b'$GOCKER_SHELL', vector($1), vector($2))"
}
whole="[b'sh', b'-c', b'env | sort; readlink /proc/self/ns/mnt | cut -c1-5']"
execve "$whole" '[]'
clean=$out
like "$clean" 'HOME=/home/alice.*mnt:\[' "A6 [shell]: no environment at all: a session with its own"
env_row() { # NAME LIST
	execve "$whole" "$2"
	is "$rc:$out" "0:$clean" "A6 [shell]: environment: $1: not a variable more"
}
env_row "without a name" "[b'=x', b'=', b'==']"
env_row "without a value" "[b'novalue', b'', b'HOME']"
env_row "names of letters that no name has" "[b'A B=1', b'A\\nB=1', b'\\xff=1', b'1A=1', b'BASH_FUNC_x%%=() { :; }']"
env_row "what gocker decides itself" "[b'HOME=/root', b'USER=root', b'LOGNAME=root', b'SHELL=/bin/evil', b'PATH=/tmp', b'PWD=/root']"
env_row "twice" "[b'HOME=/a', b'HOME=/b']"
env_row "TERM of 64 KiB" "[b'TERM=' + b'x' * 65536]"
env_row "TERM with an escape sequence and a line" "[b'TERM=x\\x1b[31m', b'LANG=a\\nb', b'LC_ALL=../../tmp/x']"
env_row "an argument's worth of each" "[b'A%d=' % n + b'x' * 120000 for n in range(12)]"
env_row "10,000 variables" "[b'V%d=1' % n for n in range(10000)]"
env_row "an agent's socket that is none" "[b'SSH_AUTH_SOCK=/etc/passwd']"
env_row "an agent's socket that is not there" "[b'SSH_AUTH_SOCK=/nowhere']"
env_row "an agent's socket by a relative path" "[b'SSH_AUTH_SOCK=../x']"
env_row "an agent's socket of 5000 letters" "[b'SSH_AUTH_SOCK=/' + b'x' * 5000]"
python3 -c "import os, socket; socket.socket(socket.AF_UNIX).bind('/srv/bob.sock'); os.chown('/srv/bob.sock', $(id -u bob), 0); os.chmod('/srv/bob.sock', 0o777)"
env_row "another user's agent" "[b'SSH_AUTH_SOCK=/srv/bob.sock']"
rm /srv/bob.sock
execve "[b'sh']" "[b'SSH_ORIGINAL_COMMAND=printf \\xff\\x1b | wc -c']"
is "$rc:$out" 0:2 "A6 [shell]: the client's words as a command, whatever bytes they are"
execve "[b'']" "[b'SSH_ORIGINAL_COMMAND=echo \$0']"
is "$rc:$out" 0:sh "A6 [shell]: an empty name of the program"
refused "A6 [shell]: a directory as stdout" 'descriptor 1' plain bash -c "exec $GOCKER_SHELL -c '$ran' 1</"
refused "A6 [shell]: a directory as stdin" 'descriptor 0' plain bash -c "exec $GOCKER_SHELL -c '$ran' </"
refused "A6 [shell]: a path without a file as stdin" 'descriptor 0' plain python3 -c "
import os; os.dup2(os.open('/etc/passwd', os.O_PATH), 0); os.execv('$GOCKER_SHELL', ['sh', '-c', '$ran'])"

# --- A17, A18: names ---

mark_syslog
refused "A18 [shell]: a uid without a name" 'uid 54321' setpriv --reuid 54321 --regid 54321 --clear-groups "$GOCKER_SHELL" -c "$ran"
named() { # NAME PATTERN-OF-RC:OUT TEXT: a login of that name
	add_user "$1" --home "/home/n$(next_id)"
	run setpriv --reuid "$(awk -F: 'END { print $3 }' /etc/passwd)" --regid "$(awk -F: 'END { print $3 }' /etc/passwd)" --clear-groups "$GOCKER_SHELL" -c 'id -un; hostname'
	like "$rc:$out" "^($2)\$" "A17 A18 [shell]: $3"
	[ "$rc" = 0 ] || plain_line "$err" || not_ok "A17: $3: a plain line" "$err"
}
set_ini 'hostname = h-{user}' '[user:bob]' 'hostname = bobs' '[user:DOM\ann]' 'hostname = domain'
named 'Bob' $'0:Bob\nh-Bob' "Bob is not bob: his section is another's"
named 'DOM\ann' $'0:DOM\\\\ann\ndomain' "DOM\\ann has a section"
named 'DOM\bea' $'0:DOM\\\\bea\nh-DOM-bea' "a backslash in a host name"
named 'ann@example.org' $'0:ann@example.org\nh-ann-example-org' "user@dom"
named 'x y' $'0:x y\nh-x-y' "a blank"
named '../../etc' $'0:../../etc\nh-etc' "a path is a name like any other"
named '.' $'0:.\nh-user' "a dot: nothing of it can stand in a host name"
named "$(x 255 a)" $'0:a{255}\nh-a{61}' "255 letters"
named "$(x 256 a)" '125:' "256 letters are refused"
named $'e\033[31m' '125:' "an escape sequence is refused"
unlike "$(gocker_log)" $'\033' "A17: no escape sequence came into the log"
is "$(find /run/gocker/u -mindepth 1 -name '*[!0-9]*')" "" "A18: no name came into /run/gocker"
# The last is an account, such as a directory service might have.
[ -z "$pam" ] || for name in $'alice\nroot' $'\033[31m' '../../etc/passwd' "$(x 70000)" '' $'e\033[31m'; do
	mark_syslog
	drive gt "$name" open try "$ran"
	said=$(grep -a '^said: gocker' <<<"$out")
	if [[ $out == *'open: 6'* && $out != *$'\nran'* ]] && [ "$(wc -l <<<"$said")" = 1 ] && plain_line "$said"; then
		ok "A17 A18 [pam]: PAM_USER $(printf %.20q "$name"): refused with one plain line"
	else
		not_ok "A17 A18 [pam]: PAM_USER $(printf %.20q "$name"): refused with one plain line" "${out:0:600}"
	fi
	unlike "$(gocker_log)" $'\033|x{2000}' "A17 [pam]: and bounded and escaped in the log"
done
# And one whose name would be two fields of a log line.
add_user 'q" event="open' --home "/home/n$(next_id)"
cp /etc/gocker.ini "$GKT_WORK/ini"
printf 'nonsense\n' >>/etc/gocker.ini
for _ in $pam; do
	mark_syslog
	drive gt 'q" event="open' open try "$ran"
	like "$(gocker_log)" 'pam_gocker.*event=refused door=pam user="q..event=.open" reason' "A17 [pam]: the module's own line has the name as one field"
	unlike "$(gocker_log)" '"q" event' "A17 [pam]: nor does the keeper's let it out"
done
cp "$GKT_WORK/ini" /etc/gocker.ini
check_clean "A5: nothing is left of any of it"
