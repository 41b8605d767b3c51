#!/bin/bash
# timeout: 180
# image = host: dpkg upgrades a library, with a new soname, and an interpreter that uses it, under 20 live sessions.
# None breaks: what runs goes on with what it has, what they start from then on is the new version, and so is what the
# next login sees.
. "$(dirname "$0")/../lib/test.sh"
need_product
need gcc dpkg dpkg-deb
add_user alice
set_ini 'image = host' 'pids_max = 20' 'user_pids_max = 600' 'user_sessions_max = 40'
mkdir -p /etc/gocker.d
echo /etc/gkt.conf >/etc/gocker.d/host.allow
SESSIONS=20
triplet=$(gcc -print-multiarch)

cat >"$GKT_WORK/interpreter.c" <<'C'
#include <stdio.h>
const char *gkt_version(void);
int main(void)
{
	char line[64];
	while (fgets(line, sizeof line, stdin)) {
		printf("%d.%s %s", GKT, gkt_version(), line);
		fflush(stdout);
	}
	return 0;
}
C
# package N: version N of both, and of a file in /etc that sessions get a copy of.
package() {
	local root=$GKT_WORK/gkt-$1 lib
	lib=$root/usr/lib/$triplet
	mkdir -p "$root/DEBIAN" "$root/usr/bin" "$root/etc" "$lib"
	printf 'Package: gkt\nVersion: %s\nArchitecture: all\nMaintainer: tests <tests@host.example>\nDescription: for a test\n' "$1" >"$root/DEBIAN/control"
	echo "$1" >"$root/etc/gkt.conf"
	echo "const char *gkt_version(void) { return \"$1\"; }" |
		gcc -shared -fPIC "-Wl,-soname,libgkt.so.$1" -o "$lib/libgkt.so.$1" -x c -
	gcc "-DGKT=$1" -Wl,-z,lazy -o "$root/usr/bin/gkt" "$GKT_WORK/interpreter.c" "$lib/libgkt.so.$1"
	dpkg-deb --root-owner-group -Znone -b "$root" "$root.deb" >/dev/null
}
package 1
package 2
check "version 1 is installed" dpkg -i "$GKT_WORK/gkt-1.deb"
remember_host

declare -A writers=() sessions=()
for ((i = 0; i < SESSIONS; i++)); do
	as_user alice mkfifo "/home/alice/in.$i"
	as_user alice "$GOCKER_SHELL" -c "gkt <in.$i >out.$i; r=\$?; echo new | gkt >after.$i; cat /etc/gkt.conf >conf.$i; exit \$r" \
		2>"$GKT_WORK/err.$i" &
	sessions[$i]=$!
done
for ((i = 0; i < SESSIONS; i++)); do
	exec {fd}>"/home/alice/in.$i" # opens when the session's interpreter has
	writers[$i]=$fd
	echo before >&"$fd"
done
have() { [ "$(cat /home/alice/"$1".* 2>/dev/null | grep -cx "$2")" = $SESSIONS ]; } # NAME LINE
check "$SESSIONS sessions run version 1" wait_until 120 have out '1.1 before'

check "dpkg upgrades it" dpkg -i "$GKT_WORK/gkt-2.deb"
is "$(ls "/usr/lib/$triplet"/libgkt.so.*)" "/usr/lib/$triplet/libgkt.so.2" "control: the old library is gone from the host"
for fd in "${writers[@]}"; do echo after >&"$fd"; done
check "what runs goes on with its own version" wait_until 120 have out '1.1 after'
for fd in "${writers[@]}"; do exec {fd}>&-; done
broken=0
for pid in "${sessions[@]}"; do wait "$pid" || broken=$((broken + 1)); done
is "$broken:$(cat "$GKT_WORK"/err.*)" 0: "no session breaks"
check "what they start then is the new version, with the library that their ld.so.cache does not know" have after '2.2 new'
check "a file in /etc stays as it was at their login" have conf 1
is "$(as_user alice "$GOCKER_SHELL" -c 'echo new | gkt; cat /etc/gkt.conf')" $'2.2 new\n2' "the next login has all of the new version"
check_clean "nothing is left"
