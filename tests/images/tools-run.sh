#!/bin/bash
# `image tools` reports success for programs that run: with the libraries, modules, terminals and locales
# that they need. What does not run is taken back.
# timeout: 200
. "$(dirname "$0")/../lib/test.sh"
need_product
need python3 perl tmux script vim file
images=/var/lib/gocker/images
own_images
image() { "$GOCKER" image "$1" --image-dir $images "${@:2}"; }
session() { "$GOCKER" run --image-dir $images --network none --image "$@"; }
tar -C $images/alpine -cf /srv/alpine.tar .
image import -q musl /srv/alpine.tar
remember_host
versions() { find $images/.versions -mindepth 1 -maxdepth 1; }

# Of the modules that this host's packages have brought, two that have libraries of their own: a host may have thousands.
dist=/usr/lib/python3/dist-packages
if [ -d $dist/yaml ]; then
	find $dist -mindepth 1 -maxdepth 1 ! -name '*yaml*' -exec rm -r {} +
fi
run image tools musl python3 tmux perl
is "$rc" 0 "python3, tmux and perl are brought into Alpine"
unlike "$err" 'left out' "as a whole"
is "$(session musl /usr/bin/python3 -c 'import ssl, sys, _ctypes, _hashlib; print(sys.prefix, ssl.OPENSSL_VERSION)')" \
	"$(python3 -c 'import ssl, sys; print(sys.prefix, ssl.OPENSSL_VERSION)')" "python finds its library, and modules theirs"
fresh() { "$@" -I -S -B -v -c pass 2>&1 | grep -c "^# .* matches "; }
is "$(fresh session musl /usr/bin/python3)" "$(fresh python3)" "and what it has compiled is not stale"
if [ -d $dist/yaml ]; then
	is "$(session musl /usr/bin/python3 -c 'import yaml; print(yaml.load("a: [6, 7]", Loader=yaml.CSafeLoader)["a"])')" "[6, 7]" \
		"and a package's module, with the library that it is linked with"
else
	skip_missing "a module of python's packages" "python3-yaml is not installed"
fi
is "$(session musl /usr/bin/perl -MPOSIX -MFile::Temp -e 'print floor(7.5)')" 7 "perl finds its modules"
TERM=xterm-256color script -qc "$GOCKER run --image-dir $images --image musl -t /usr/bin/tmux -f /dev/null \
	new-session 'tty; sleep 1'" /srv/typescript </dev/null >/srv/said 2>&1
like "$(tr -d '\000' </srv/typescript)" '/dev/pts/' "tmux finds the terminal and a locale, and shows a window"
check "the image verifies" image verify -q musl
is "$(image show musl | grep -c '^tool ')" 3 "show lists the programs, not their parts"

run image tools musl vim file
is "$rc" 0 "vim and file are brought in"
unlike "$err" 'left out' "as a whole, too"
is "$(session musl /bin/sh -c 'vim -Es -u NONE -i NONE -c "syntax on" -c "set ft=c" -c "call writefile([b:current_syntax], \"/tmp/v\")" -c "qall!"; cat /tmp/v')" c \
	"vim finds its runtime: how C looks"
like "$(session musl /usr/bin/file -b /bin/busybox)" 'ELF' "file finds what it knows programs by"

# A program that reads what nobody knows of.
mkdir -p /usr/local/share/oracle
echo 42 >/usr/local/share/oracle/answer
printf '#!/bin/sh\ncat /usr/local/share/oracle/answer\n' >/usr/local/bin/oracle
chmod 755 /usr/local/bin/oracle
before=$(versions)
run image tools musl rsync oracle
like "$rc:$err" "125:.*/usr/local/bin/oracle does not run in the image: cat: can.t open" "what does not run is an error with the reason"
is "$(versions)" "$before" "and no version is made"
check_not "nor is the program that ran brought in" test -e $images/musl/usr/bin/rsync
# The same words, and the same status, on the host: the program is as it is.
printf '#!/bin/sh\necho usage: oracle QUESTION >&2\nexit 3\n' >/usr/local/bin/oracle
run image tools musl oracle
is "$rc" 0 "a program that does not know --version is measured by what it does on the host"
printf '#!/usr/bin/no-such-shell\n' >/usr/local/bin/oracle
before=$(versions)
run image tools musl oracle
like "$rc:$err" "125:.*the image lacks what /usr/local/bin/oracle runs under" "a script without its interpreter is an error"
is "$(versions)" "$before" "and no version is made of it"
printf '#!/bin/sh\nkill -SEGV $$\n' >/usr/local/bin/oracle
run image tools musl oracle
like "$rc:$err" "125:.*oracle does not run in the image" "nor does one run that crashes"

# What is to come where it can.
if [ -x /bin/busybox ]; then
	printf '#!/bin/sh\ncat /usr/local/share/oracle/answer\n' >/usr/local/bin/oracle
	run env -u ALPINE_MIRROR "$GOCKER" image fetch --image-dir $images --mirror file:///nowhere --fallback \
		--with oracle --with scp made
	is "$rc" 0 "an image that is made --with a program is made without it if it does not run"
	like "$err" 'oracle does not run in the image: cat' "and says so"
	check_not "it is not there" test -e $images/made/usr/local/bin/oracle
	check "what runs is" test -e $images/made/usr/bin/scp
	check "and the image is whole" image verify -q made
else
	skip_missing "an image made --with programs" "busybox-static is not installed"
fi

# Where no container can be had, nothing was tried.
before=$(versions)
mkdir -p /run/gocker
mount -t tmpfs -o ro none /run/gocker
run image tools musl scp
umount /run/gocker
like "$rc:$err" '125:.*cannot try /usr/' "a program that could not be tried is not reported as running"
is "$(versions)" "$before" "and no version is made of that"
check_clean "trials leave nothing"
