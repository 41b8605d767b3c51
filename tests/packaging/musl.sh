#!/bin/bash
# With another C library, musl: everything compiles, the unit tests pass in the Alpine root with Alpine's own
# libc, and logins go through a gocker-shell, a keeper and a stub that are linked with musl.
# timeout: 300
. "$(dirname "$0")/../lib/test.sh"
need musl-gcc
need_product
cd "$GKT_TOP" || exit 1
inc=$GKT_WORK/include
standin=tests/packaging/musl
mkdir -p "$inc/gen" "$GKT_WORK/o"
# musl brings no headers but its own: the kernel's, and those of libraries that are C and nothing else.
machine=/usr/include/$(gcc -print-multiarch)
ln -s "$machine/asm" "$machine/curl" "$inc/"
ln -s /usr/include/{linux,asm-generic,iniparser*,security,json-c,archive*.h,seccomp*.h,curses.h,ncurses*.h,unctrl.h} "$inc/"
mkdir "$inc/openssl" && ln -s /usr/include/openssl/* "$machine"/openssl/* "$inc/openssl/"
# What is made at build time is made by programs of the host's.
cp "${BUILD:-build}"/gen/*.h "$inc/gen/"
flags=(-D_GNU_SOURCE -std=gnu17 -O0 -Isrc -I. "-I$inc/gen" "-I$inc" -include "$standin/statx.h" '-DGK_VERSION="0"'
	'-DGK_CONFIG_PATH="/etc/gocker.ini"' '-DGK_SYSCONFDIR="/etc"' '-DGK_BINDIR="/usr/local/bin"' '-DGK_RUNDIR="/run/gocker"'
	'-DGK_LIBEXECDIR="/usr/local/libexec/gocker"' '-DGK_STATEDIR="/var/lib/gocker"'
	'-DGK_DATADIR="/usr/local/share/gocker"')

# --- compiled: all but the helper for systemd, as in APKBUILD ---

for room in src src/base src/plan src/run/*/ src/image src/cli src/cli/*/ pam; do
	room=${room%/}
	said='' n=0
	for file in "$room"/*.c; do
		[ "$file" != src/gocker-scope.c ] || continue
		said+=$(musl-gcc "${flags[@]}" -c -o "$GKT_WORK/o/${file//\//-}.o" "$file" 2>&1 | grep -B 3 -A 3 error)
		n=$((n + 1))
	done
	is "$said" "" "$room: all $n files compile with musl"
done

# --- linked, with Debian's iniparser and libseccomp, which are plain C built for glibc, on the few names of
# glibc's that they use, and a stand-in for cmocka ---

objects() { for name in "$@"; do ls "$GKT_WORK/o/$name"*.o; done; }
# shellcheck disable=SC2046 # words
ar rc "$GKT_WORK/libgk.a" $(objects src-base- src-plan- src-run-)
musl-gcc -c -O1 -o "$GKT_WORK/glibc.o" $standin/glibc.c
libs=("$GKT_WORK/libgk.a" "$(gcc -print-file-name=libiniparser.a)" "$GKT_WORK/glibc.o")
link() { # OUTPUT WORD...
	musl-gcc -o "$@" "${libs[@]}" >"$GKT_WORK/link" 2>&1
}
# shellcheck disable=SC2046
link "$GKT_WORK/gocker-shell" "$GKT_WORK/o/src-gocker-shell.c.o" &&
	link "$GKT_WORK/gocker-keeper" $(objects pam-keeper) $(objects pam-stack pam-judge) &&
	link "$GKT_WORK/gocker-entry" -static "$GKT_WORK/o/pam-entry.c.o"
is "$?" 0 "gocker-shell, gocker-keeper and gocker-entry are linked with musl" || diag "$(cat "$GKT_WORK/link")"

# --- the unit tests, in Alpine ---

alpine=$GKT_WORK/alpine
cp -a /var/lib/gocker/images/alpine "$alpine"
mkdir -p "$alpine$GKT_TOP"
mount --bind "$GKT_TOP" "$alpine$GKT_TOP"
mount --bind /proc "$alpine/proc"
mount --bind /dev "$alpine/dev"
diag "$(chroot "$alpine" sh -c '. /etc/os-release; echo "$PRETTY_NAME"; /lib/ld-musl-*.so.1 2>&1 | head -n 2')"
for file in tests/unit/test_*.c; do
	name=$(basename "$file" .c)
	case $name in
	test_image) skip "$name with musl" "Debian's libarchive, libcurl and json-c need glibc"; continue ;;
	test_pam) skip "$name with musl" "Debian's libpam loads modules that need glibc"; continue ;;
	test_seccomp) more=$(gcc -print-file-name=libseccomp.a) ;;
	*) more= ;;
	esac
	# shellcheck disable=SC2086
	if ! link "$alpine/$name" "${flags[@]}" -I$standin -Itests/unit "$file" $more; then
		not_ok "$name with musl" "$(cat "$GKT_WORK/link")"
		continue
	fi
	run chroot "$alpine" sh -c "cd '$GKT_TOP' && /$name"
	check "$name in Alpine: $(grep -c '^ok' <<<"$out") tests pass" test "$rc" = 0 -a "$(grep -c '^ok' <<<"$out")" -gt 0 ||
		diag "$out" "$err"
done
umount "$alpine/dev" "$alpine/proc" "$alpine$GKT_TOP"

# --- logins ---

install -m 4755 "$GKT_WORK/gocker-shell" "$GOCKER_SHELL"
install -m 755 "$GKT_WORK/gocker-keeper" "$GKT_WORK/gocker-entry" /usr/local/libexec/gocker/
check "the keeper that is installed is musl's" grep -q ld-musl /usr/local/libexec/gocker/gocker-keeper
add_group projects 6001
set_ini 'pids_max = 20' '[group:projects]' 'hostname = {user}-musl'
logs_in() {
	door_user "$door-alice" --groups projects
	start_sshd
	remember_host
	run ssh_as "$door-alice" 'hostname; whoami; id -Gn; grep Seccomp: /proc/self/status | tr "\t" " "; exit 42'
	is "$rc:$out" "42:$door-alice-musl"$'\n'"$door-alice"$'\n'"$(id -Gn "$door-alice")"$'\n'"Seccomp: 2" \
		"$door door: the policy, the names, the groups, the filter and the exit status"
	run ssh_as "$door-alice" 'for i in $(seq 40); do sleep 9 >/dev/null 2>&1 & done; echo no limit'
	unlike "$out" "no limit" "$door door: the limit of tasks holds"
	check_clean "$door door: nothing is left"
}
through_each_door logs_in
set_ini 'pids_max = many'
add_user bob
refused "a fault in gocker.ini refuses the login" 'gocker.ini:4' as_user bob "$GOCKER_SHELL" -c hostname
