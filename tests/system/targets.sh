#!/bin/bash
# timeout: 600
# What make does for whoever has a clone: the demo, run, install and uninstall, a plain user's check.
. "$(dirname "$0")/../lib/test.sh"
need expect make
need_product
add_user alice --shell /bin/bash
clone=/tmp/clone # where a throwaway host has its stage

# A copy of the checkout with what is built, so that make finds everything done.
mkdir -p $clone/build/tests
(cd "$GKT_TOP" && cp -a Makefile README.md LICENSE src pam conf tests packaging "$clone" &&
	for part in build/* build/tests/lib build/tests/stage build/tests/unit build/tests/pam build/tests/golden; do
		case $part in build/tests | build/fuzz* | build/deb* | build/images | build/vm | build/bench) continue ;; esac
		[ ! -e "$part" ] || cp -a --parents "$part" $clone
	done)
cd $clone || exit 1
cc=$(cut -d' ' -f1 build/flags) werror=$(grep -c -- -Werror build/flags)
mk() { make --no-print-directory CC="$cc" WERROR="$werror" "$@"; }
with_alpine() { # the Alpine that the tests have, where make looks for an image
	rm -rf build/images
	mkdir -p build/images && cp -a /var/lib/gocker/images/alpine build/images/
}

# What a target may not touch of its host.
host_files() {
	find /etc /home /root /usr/local /lib/*/security /usr/lib/*/security /var/lib /var/spool /srv /run -xdev \
		\( -path "$clone" -o -path "$GKT_WORK" -o -path /var/lib/gocker/images -o -path /run/gocker \) -prune -o \
		! -path /run ! -path /etc -printf '%p %m %u %s\n' | sort
}
nested_groups() { find "$PIDS_CGROUP" /sys/fs/cgroup -maxdepth 2 -name 'gocker-test-*' 2>/dev/null; }
mk uninstall >/dev/null 2>&1
remember_host
before=$(host_files)
untouched() { # NAME
	is "$(diff <(echo "$before") <(host_files))" "" "$1: no file of the host has come, gone or changed"
	is "$(nested_groups)" "" "$1: no cgroup is left"
	check_clean "$1: no process and no mount is left"
}

# The demo, on a terminal as a person sees it.
with_alpine
expect_test "make demo: on a terminal it offers a login at the end" <<TCL
log_file -a $GKT_WORK/seen
spawn -noecho env ALPINE_MIRROR=file:///nowhere make --no-print-directory demo CC=$cc WERROR=$werror
want {Press Enter} 120
say {}
want_prompt
prompt
equal [ask {hostname; id -un}] "gocker-container\r\nvisitor"
say exit
equal [ended] 0
TCL
out=$(tr -d '\r' <"$GKT_WORK/seen")
is "$(grep -c ✓ <<<"$out"):$(grep -c ✗ <<<"$out")" 11:0 "make demo: all that it shows is so"
like "$out" 'everything shown is true' "make demo: and it says so"
for step in 'packages that are missing' 'the program' 'what the throwaway host needs' "Alpine's root" 'the throwaway host'; do
	like "$out" "  $step" "make demo: a line for what it gets ready ($step)"
done
like "$out" 'runs in Alpine Linux' "make demo: Alpine's release"
for shown in 'process 20 runs' 'No such file' '42 it is' 'gocker-container' 'one container'; do
	like "$out" "$shown" "make demo shows: $shown"
done
untouched "make demo"
rm -rf build/images
run env ALPINE_MIRROR=file:///nowhere make demo CC="$cc" WERROR="$werror"
is "$rc:$(grep -c ✓ <<<"$out"):$(wc -l <<<"$err")" 0:11:1 "make demo without a mirror: all the same, and one line on stderr"
like "$err" 'no mirror .*busybox' "make demo without a mirror: it says so"
like "$out" 'runs in BusyBox.* made by gocker' "make demo without a mirror: an honest release"

# Ended in the midst: by ^C, which all of the terminal's processes get, and by a TERM for make alone.
interrupted() { # SIGNAL TARGET STEP: at what the demo says of its step
	rm -f "$GKT_WORK/demo"
	perl -e '$SIG{INT} = "DEFAULT"; setpgrp; exec @ARGV' make --no-print-directory demo CC="$cc" WERROR="$werror" >"$GKT_WORK/demo" 2>&1 </dev/null &
	local make=$!
	wait_until 60 grep -q "^$3\." "$GKT_WORK/demo"
	kill "-$1" -- "${2/make/$make}"
	wait $make
	isnt $? 0 "make demo: $1 in step $3: make fails"
	check_not "make demo: $1 in step $3: nothing is shown after it" grep -q '^Done' "$GKT_WORK/demo"
	untouched "make demo: $1 in step $3"
}
interrupted INT -make 4
interrupted TERM make 2

# A container without an installation.
is "$(mk run RUN_CMD='/bin/hostname' 2>/dev/null)" gocker-container "make run: a command in a container"
expect_test "make run: a shell on the terminal, whose exit status counts" <<TCL
spawn -noecho make --no-print-directory run CC=$cc WERROR=$werror
want_prompt
prompt
equal [ask {hostname; id -u}] "gocker-container\r\n0"
say {exit 0}
equal [ended] 0
TCL
untouched "make run"
for target in run rootfs demo; do
	run as_user alice make --no-print-directory -C $clone $target CC="$cc" WERROR="$werror"
	like "$rc:$err" "^2:.*sudo make $target" "make $target: a plain user is told how"
done

# make rootfs killed at any moment: either there is no image, or all of it.
dir=$GKT_WORK/images
rootfs() { ALPINE_MIRROR=$1 "${@:2}" build/gocker image fetch --quiet --image-dir "$dir" --fallback alpine; }
killed_rootfs() { # NAME MIRROR
	local i start span wrong='' none=0 whole=0
	rm -rf "$dir" && mkdir "$dir"
	start=${EPOCHREALTIME/./}
	rootfs "$2" 2>/dev/null
	span=$((${EPOCHREALTIME/./} - start))
	for ((i = 1; i <= 18; i++)); do
		rm -rf "$dir/alpine" "$dir/.versions/alpine"*
		(rootfs "$2" timeout -s KILL "$(printf '0.%06d' $((span * i / 14 % 1000000)))") >/dev/null 2>&1
		if [ ! -e "$dir/alpine" ]; then
			none=$((none + 1))
		elif build/gocker image verify --image-dir "$dir" alpine >/dev/null 2>&1; then
			whole=$((whole + 1))
		else
			wrong+="$i: $(build/gocker image verify --image-dir "$dir" alpine 2>&1); "
		fi
	done
	check "make rootfs killed at 18 moments, $1: some in the midst ($whole were done)" test $none -gt 0
	is "$wrong" "" "make rootfs killed at 18 moments, $1: never half an image"
	rm -rf "$dir/alpine"
	rootfs "$2" 2>/dev/null
	is "$?:$(find "$dir/.versions" -mindepth 1 -maxdepth 1 -name '.*')" 0: "$1: the next run makes it, and sweeps what the others left"
}
mirror=$GKT_SOURCE/../shared/alpine
[ ! -d "$mirror" ] || killed_rootfs "from a mirror" "file://$(cd "$mirror" && pwd -P)"
killed_rootfs "the fallback" file:///nowhere

# Where there is no apt.
mkdir "$GKT_WORK/bin"
for program in make sh printf id uname cc pkg-config; do ln -s "$(command -v $program)" "$GKT_WORK/bin/"; done
run env PATH="$GKT_WORK/bin" make deps
is "$rc" 2 "make deps without apt: fails"
for package in gcc libseccomp-dev libpam0g-dev openssh-server busybox-static expect; do
	like "$out" "(^| )$package( |"$'\n'"|\$)" "make deps without apt: tells of $package"
done
check "make deps where nothing is missing" mk deps

# Installing.
mk install >/dev/null 2>"$GKT_WORK/err"
is "$?:$(cat "$GKT_WORK/err")" 0: "make install"
is "$(stat -c '%a %U:%G' /usr/local/bin/gocker-shell)" "4755 root:root" "gocker-shell is set-uid root"
for module in /lib/*/security/pam_unix.so /usr/lib/*/security/pam_unix.so /lib/security/pam_unix.so; do
	[ ! -e "$module" ] || break
done
check "the module lies where PAM has its others" test -e "${module%/*}/pam_gocker.so"
echo '; mine' >>/etc/gocker.ini
mk install >/dev/null 2>&1
is "$(tail -n 1 /etc/gocker.ini)" "; mine" "a second make install leaves gocker.ini alone"
list() { find "$1" \( -type f -o -type l \) -printf '%P\n' | sort; }
mk install DESTDIR="$GKT_WORK/dest" PREFIX=/opt/x SYSCONFDIR=/opt/etc PAMDIR=/opt/pam BUILD="$GKT_WORK/none" -n >"$GKT_WORK/plan" 2>&1
is "$(grep -oE "$GKT_WORK/dest[^' ]*" "$GKT_WORK/plan" | grep -vE "^$GKT_WORK/dest(/opt|/var/lib/gocker)(/|\$)")" "" \
	"DESTDIR, PREFIX, SYSCONFDIR and PAMDIR decide where everything goes"
mk install DESTDIR="$GKT_WORK/dest" >/dev/null 2>&1
check "make install below DESTDIR has all the parts" test "$(list "$GKT_WORK/dest" | wc -l)" -gt 20
mk uninstall DESTDIR="$GKT_WORK/dest" >/dev/null 2>&1
is "$(list "$GKT_WORK/dest")" etc/gocker.ini "make uninstall leaves the configuration alone"
is "$(find "$GKT_WORK/dest" -name '*gocker*' -type d)" "$GKT_WORK/dest/var/lib/gocker" "and of gocker's directories the images'"
mk uninstall >/dev/null 2>&1
sed -i '$d' /etc/gocker.ini
untouched "make uninstall"

# What a person may type is told of.
told=$(mk help)
mapfile -t targets < <(mk -qpr 2>/dev/null | sed -n 's/^\([a-z][a-z-]*\):\($\|[^=].*\)/\1/p' | sort -u |
	grep -vE '^(all|help|version|need-root|rows|check-rows|(test|install|uninstall|vm|audit|lint|fuzz)-.*)$')
check "make has its targets (${#targets[@]})" test "${#targets[@]}" -gt 25
is "$(for target in "${targets[@]}"; do grep -qE "(^| )$target([ ,;)]|\$)" <<<"$told" || echo "$target"; done)" "" \
	"make help tells of each target that a person may type"

# A plain user builds and tests.
chown -R alice: $clone
run timeout 500 setpriv --reuid alice --regid alice --init-groups --reset-env env HOME=/home/alice \
	make --no-print-directory -C $clone check CC="$cc" WERROR="$werror"
diag "$(grep -A 5 -e 'not ok' -e FAIL <<<"$out")"
like "$rc:$(tail -n 1 <<<"$out")" '^0:[0-9]+ passed, 0 failed$' "make check as a plain user: nothing fails, nothing is skipped"
like "$out" 'need root \(sudo make check\)' "and it says what was left out"
