#!/bin/bash
# With another C library, musl: the code of the set-uid program, the keeper and the module compiles, and the
# unit tests of all that is not about libraries pass.
# timeout: 200
. "$(dirname "$0")/../lib/test.sh"
need musl-gcc
cd "$GKT_TOP" || exit 1
inc=$GKT_WORK/include
mkdir -p "$inc/gen" "$GKT_WORK/o"
# musl brings no kernel headers, and iniparser's are C and nothing else.
ln -s /usr/include/linux /usr/include/asm-generic "/usr/include/$(gcc -print-multiarch)/asm" \
	/usr/include/iniparser* "$inc/"
# The filters are made by a program of the host's.
gcc -D_GNU_SOURCE -Isrc -o "$GKT_WORK/mkfilter" src/tools/mkfilter.c -lseccomp && "$GKT_WORK/mkfilter" >"$inc/gen/filters.h"
flags=(-D_GNU_SOURCE -std=gnu17 -O1 -Wall -Isrc "-I$inc/gen" "-I$inc" '-DGK_VERSION="0"'
	'-DGK_CONFIG_PATH="/etc/gocker.ini"' '-DGK_BINDIR="/usr/bin"' '-DGK_RUNDIR="/run/gocker"'
	'-DGK_LIBEXECDIR="/usr/libexec/gocker"' '-DGK_STATEDIR="/var/lib/gocker"' '-DGK_DATADIR="/usr/share/gocker"')
for file in src/base/*.c src/plan/*.c src/run/*.c src/gocker-shell.c src/cli/exec.c pam/keeper*.c pam/entry.c pam/door.c; do
	object=$GKT_WORK/o/${file//\//-}.o
	case $file in src/cli/* | pam/door.c) header=$file ;; *) header= ;; esac
	if said=$(musl-gcc "${flags[@]}" -c -o "$object" "$file" 2>&1); then
		ok "$file"
	elif [[ $said == *statx* ]]; then
		skip "$file" "this musl is older than 1.2.5 and has no statx"
	elif [[ -n $header && $said == *"No such file"* ]]; then
		skip "$file" "Debian has not for musl: $(sed -n 's/.*fatal error: \([^:]*\):.*/\1/p' <<<"$said")"
	else
		not_ok "$file" "$said"
	fi
done
ar rc "$GKT_WORK/libgk.a" "$GKT_WORK"/o/src-base-*.o "$GKT_WORK"/o/src-plan-*.o "$GKT_WORK"/o/src-run-*.o

# The unit tests, with a stand-in for cmocka, which Debian has not for musl, and with Debian's iniparser,
# which is plain C built for glibc, on the few names of glibc's that it uses.
standin=tests/packaging/musl
ini=$(gcc -print-file-name=libiniparser.a)
for file in tests/unit/test_*.c; do
	name=$(basename "$file" .c)
	case $name in
	test_image) skip "$name with musl" "Debian has no libarchive, libcurl and json-c for musl" ; continue ;;
	test_pam) skip "$name with musl" "Debian has no libpam for musl"; continue ;;
	test_seccomp) skip "$name with musl" "Debian has no libseccomp for musl"; continue ;;
	esac
	if ! said=$(musl-gcc "${flags[@]}" -I$standin -Itests/unit -static -o "$GKT_WORK/$name" "$file" "$GKT_WORK/libgk.a" \
		"$ini" $standin/glibc.c 2>&1); then
		not_ok "$name with musl" "$said"
		continue
	fi
	run "$GKT_WORK/$name"
	check "$name with musl: $(grep -c '^ok' <<<"$out") tests pass" test "$rc" = 0 -a "$(grep -c '^ok' <<<"$out")" -gt 0 ||
		diag "$out" "$err"
done
