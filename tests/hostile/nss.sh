#!/bin/bash
# timeout: 200
# A68: what an NSS module, or a directory that answers it, could do with the power of who asks.
. "$(dirname "$0")/_lib.sh"
need cc
add_user alice
set_ini

cat >"$GKT_WORK/nss.c" <<'C'
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum nss_status _nss_gkt_initgroups_dyn(const char *user, gid_t gid, long *start, long *size, gid_t **groups, long limit,
	int *e)
{
	char line[256], path[64], target[256];
	FILE *in = fopen("/proc/self/status", "re"), *out = fopen("/run/gkt/asked", "ae");
	DIR *d = opendir("/proc/self/fd");
	while (in && out && fgets(line, sizeof line, in))
		if (strncmp(line, "Cap", 3) == 0 || strncmp(line, "NoNew", 5) == 0 || strncmp(line, "Uid", 3) == 0)
			fputs(line, out);
	for (struct dirent *f; d && out && (f = readdir(d));) {
		snprintf(path, sizeof path, "/proc/self/fd/%s", f->d_name);
		ssize_t n = readlink(path, target, sizeof target - 1);
		int fd = n > 0 ? atoi(f->d_name) : -1;
		if (fd >= 0 && fd != fileno(in) && fd != fileno(out) && fd != dirfd(d))
			fprintf(out, "fd %d %.*s\n", fd, (int)n, target);
	}
	if (out)
		fclose(out);
	if (in)
		fclose(in);
	if (d)
		closedir(d);
	if (access("/run/gkt/hang", F_OK) == 0)
		close(open("/run/gkt/hang/f", O_RDWR));
	return NSS_STATUS_NOTFOUND;
}
C
sed -i 's/#include <stdio.h>/&\n#include <stdlib.h>/' "$GKT_WORK/nss.c"
libdir=$(dirname "$(find /lib /usr/lib -name 'libnss_compat*' -o -name 'libnss_files*' -o -name 'libc.so.6' | head -n 1)")
check "a module of NSS is built" cc -shared -fPIC -o "$libdir/libnss_gkt.so.2" "$GKT_WORK/nss.c"
sed -i 's/^group:.*/group: files gkt/; /^initgroups:/d' /etc/nsswitch.conf
# Asks for no groups of its own.
by_ids() { setpriv --reuid "$(id -u alice)" --regid "$(id -g alice)" --clear-groups "$@"; }
remember_host

for door in $(doors); do
	rm -f /run/gkt/asked
	if [ "$door" = shell ]; then
		run by_ids "$GOCKER_SHELL" -c 'echo in' 9</etc/hostname
	else
		stack gt
		run pamdrive gt alice open try 'echo in' close
	fi
	like "$out" '(^|[[:space:]])in($|[[:space:]])' "A68 [$door] control: with the module in nsswitch.conf the login works"
	# The set-uid program and the keeper are alone in having no_new_privs here.
	awk '/^Uid/ { if (block ~ /NoNewPrivs:\t1/) print block; block = "" } { block = block $0 "\n" }
		END { if (block ~ /NoNewPrivs:\t1/) print block }' /run/gkt/asked >"$GKT_WORK/asked"
	check "A68 [$door] control: the module was asked by gocker" grep -qE '^Uid:[[:space:]]+0[[:space:]]' "$GKT_WORK/asked"
	is "$(grep -E '^Cap(Prm|Eff|Inh|Amb):' "$GKT_WORK/asked" | grep -cv '0000000000000000$')" 0 "A68 [$door]: it has no capability"
	is "$(grep '^fd' "$GKT_WORK/asked" | grep -Ecv '^fd [012] /dev/null$|^fd 3 pipe:')" 0 \
		"A68 [$door]: and no descriptor but /dev/null and the pipe of its answer"
done
rm -f /run/gkt/asked
run getent initgroups alice
check "A68 control: who asks as root with capabilities gives them to the module" grep -qE '^CapEff:.*[1-9a-f]' /run/gkt/asked

if has_fuse; then
	mkdir /run/gkt/hang
	rm -f "$GKT_WORK/fuse"
	hangfs /run/gkt/hang "$(id -u alice)" flush >"$GKT_WORK/fuse" 2>&1 &
	fuse_pid=$!
	wait_until 20 grep -q ready "$GKT_WORK/fuse"
	refused "A68 [shell]: a look-up that hangs where no signal ends it is waited for by a deadline" 'looked up within' \
		by_ids timeout -k 1 $((120 * ${GKT_SLOW:-1})) "$GOCKER_SHELL" -c true
	hanging() { grep -qs fuse_flush /proc/[0-9]*/stack; }
	check "A68 control: it hangs on" hanging
	kill -KILL $fuse_pid
	wait $fuse_pid 2>/dev/null
	umount -l /run/gkt/hang
	rmdir /run/gkt/hang
	wait_until 20 sh -c '! pgrep -x gocker-shell'
else
	skip "A68: a look-up that hangs" "no FUSE here"
fi
check_clean "A68: nothing is left"
