#!/bin/bash
# The code of the set-uid program and of the keeper compiles with another C library: musl.
# timeout: 200
. "$(dirname "$0")/../lib/test.sh"
need musl-gcc
cd "$GKT_TOP" || exit 1
inc=$GKT_WORK/include
mkdir -p "$inc/gen"
# musl brings no kernel headers, and iniparser's are C and nothing else.
ln -s /usr/include/linux /usr/include/asm-generic "/usr/include/$(gcc -print-multiarch)/asm" \
	/usr/include/iniparser* "$inc/"
# The filters are made by a program of the host's.
gcc -D_GNU_SOURCE -Isrc -o "$GKT_WORK/mkfilter" src/tools/mkfilter.c -lseccomp && "$GKT_WORK/mkfilter" >"$inc/gen/filters.h"
flags=(-D_GNU_SOURCE -std=gnu17 -O1 -Wall -Isrc "-I$inc/gen" "-I$inc" '-DGK_VERSION="0"'
	'-DGK_CONFIG_PATH="/etc/gocker.ini"' '-DGK_BINDIR="/usr/bin"' '-DGK_RUNDIR="/run/gocker"'
	'-DGK_LIBEXECDIR="/usr/libexec/gocker"' '-DGK_STATEDIR="/var/lib/gocker"')
# As APKBUILD says: glibc's names for what POSIX calls int.
read -r -a extra < <(sed -n 's/^\texport CPPFLAGS="\(.*\)"$/\1/p' packaging/alpine/APKBUILD)
for file in src/base/*.c src/plan/*.c src/run/*.c src/gocker-shell.c pam/keeper*.c pam/entry.c; do
	if said=$(musl-gcc "${flags[@]}" "${extra[@]}" -c -o "$GKT_WORK/o" "$file" 2>&1); then
		ok "$file"
	elif [[ $said == *statx* ]]; then
		skip "$file" "this musl is older than 1.2.5 and has no statx"
	else
		not_ok "$file" "$said"
	fi
done
