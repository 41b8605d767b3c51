# shellcheck shell=bash
# What gocker is measured beside. Each runs `/bin/sh -c true` of the same Alpine root; `peers` has a line each
# for bench-lap: name, uid, home, words, with tabs. A peer that does not run here is left out, with the reason.
# shellcheck disable=SC2154 # uid, home, image, work, quick: run

add_peer() { # FILE NAME UID HOME WORD...
	local IFS=$'\t'
	printf '%s\n' "${*:2}" >>"$1"
}

# try_peer NAME UID HOME WORD...: added if it is installed and its command succeeds.
try_peer() {
	local name=$1 said
	if ! command -v "$4" >/dev/null; then
		left_out+=("$name: not installed")
		return 0
	fi
	: >"$work/one"
	add_peer "$work/one" "$@"
	if said=$(LAP_ERRORS=1 timeout 60 bench-lap -n 1 -w 0 "$work/one" 2>&1) && [[ $said =~ $'\t1\t0\t' ]]; then
		cat "$work/one" >>"$work/peers"
	else
		left_out+=("$name: fails here: $(grep -v $'\t' <<<"$said" | tail -n 1 | cut -c1-150)")
	fi
}

# It runs a command as it is where it takes the host for a sandbox already, and says so on stderr.
try_firejail() {
	local said
	said=$(cd "$home" && setpriv --reuid "$uid" --regid "$uid" --clear-groups "${@:4}" 2>&1)
	case $said in
	*"without any additional sandboxing"*) left_out+=("firejail: takes this host for a sandbox and adds nothing") ;;
	*) try_peer "$@" ;;
	esac
}

# What hosting panels' jails of bubblewrap make: the host's /usr, some of /etc, the home.
host_bubblewrap=(--unshare-user --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try --ro-bind /usr /usr)
host_bubblewrap_of() { # HOME
	local path
	for path in /bin /sbin /lib /lib64; do
		if [ -L $path ]; then
			host_bubblewrap+=(--symlink "$(readlink $path)" "$path")
		elif [ -d $path ]; then
			host_bubblewrap+=(--ro-bind "$path" "$path")
		fi
	done
	for path in alternatives bash.bashrc group hosts ld.so.cache localtime nsswitch.conf passwd profile resolv.conf ssl; do
		host_bubblewrap+=(--ro-bind-try "/etc/$path" "/etc/$path")
	done
	host_bubblewrap+=(--proc /proc --dev /dev --tmpfs /tmp --tmpfs /run --bind "$1" "$1" --chdir "$1")
	host_bubblewrap+=(--die-with-parent --new-session /bin/sh -c true)
}

bubblewrap=(--unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try --ro-bind)

prepare_peers() {
	left_out=()
	: >"$work/peers"
	add_peer "$work/peers" "plain sh" "$uid" "$home" /bin/sh -c true
	try_peer "unshare+chroot" 0 / unshare --mount --pid --fork --ipc --uts --cgroup chroot "$image" /bin/sh -c true
	bubblewrap+=("$image" / --proc /proc --dev /dev --tmpfs /tmp --tmpfs /run --bind "$home" /home --chdir /)
	bubblewrap+=(--die-with-parent --new-session /bin/sh -c true)
	try_peer "bubblewrap (user)" "$uid" "$home" bwrap --unshare-user "${bubblewrap[@]}"
	try_peer "bubblewrap (root)" 0 / bwrap "${bubblewrap[@]}"
	host_bubblewrap_of "$home"
	try_peer "bubblewrap, host" "$uid" "$home" bwrap "${host_bubblewrap[@]}"
	prepare_oci
	try_peer crun 0 / crun --root /run/bench/crun --cgroup-manager=disabled run --bundle /run/bench/bundle bench-crun
	try_peer runc 0 / runc --root /run/bench/runc run --bundle /run/bench/bundle bench-runc
	try_firejail firejail "$uid" "$home" firejail --noprofile --private-tmp --private-dev -- /bin/sh -c true
	prepare_jail
	try_peer jk_chrootsh 2999 /jail jk_chrootsh -c true
	[ "$quick" = 1 ] || prepare_podman
	try_peer floor 0 / bench-floor "$uid" "$home" "$image" /bin/sh -c true
	try_peer "gocker run" 0 / gocker run sh -c true
	try_peer gocker-shell "$uid" "$home" gocker-shell -c true
	try_peer "gocker-shell, host" $((uid + 1)) /home/benchhost gocker-shell -c true
	try_peer true 0 / true
	try_peer "gocker --help" 0 / gocker --help
	try_peer "gocker ps" 0 / gocker ps
	# The first one makes the container that the others join.
	try_peer "gocker-shell, join" $((uid + 2)) /home/benchjoin gocker-shell -c true
}

# A bundle for the OCI runtimes: a root of their own kind over the image, with what gocker's default policy has.
prepare_oci() {
	command -v crun >/dev/null || command -v runc >/dev/null || return 0
	mkdir -p /run/bench/bundle/rootfs /run/bench/crun /run/bench/runc
	mount --bind "$image" /run/bench/bundle/rootfs
	(cd /run/bench/bundle && { crun spec || runc spec; } >/dev/null 2>&1
		sed -i -e 's/"terminal": true/"terminal": false/' -e 's/^\(\t*\)"sh"$/\1"\/bin\/sh", "-c", "true"/' config.json)
}

prepare_jail() {
	command -v jk_chrootsh >/dev/null || return 0
	mkdir -p /jail/etc /jail/bin /jail/lib /jail/home/jailed /etc/jailkit
	cp -a "$image/bin/busybox" "$image/bin/sh" /jail/bin/
	cp -a "$image"/lib/ld-musl* /jail/lib/
	add_user jailed --uid 2999 --shell /usr/sbin/jk_chrootsh --home /jail/./home/jailed --no-home
	chown 2999:2999 /jail/home/jailed
	printf 'root:x:0:0::/root:/bin/sh\njailed:x:2999:2999::/home/jailed:/bin/sh\n' >/jail/etc/passwd
	printf 'root:x:0:\njailed:x:2999:\n' >/jail/etc/group
	printf '[DEFAULT]\n' >/etc/jailkit/jk_chrootsh.ini
}

podman=(--root /run/bench/podman --runroot /run/bench/podman-run --storage-driver vfs --cgroup-manager cgroupfs
	--log-level error)
prepare_podman() {
	command -v podman >/dev/null || { left_out+=("podman exec: not installed") && return 0; }
	mkdir -p /run/bench/podman-root
	mount -t overlay -o "lowerdir=$image,upperdir=$(mktemp -d -p /run/bench),workdir=$(mktemp -d -p /run/bench)" \
		bench-podman /run/bench/podman-root 2>/dev/null
	timeout 60 podman "${podman[@]}" run -d --name bench --network host --cgroups disabled \
		--rootfs /run/bench/podman-root /bin/sleep 100000 >"$work/podman" 2>&1
	try_peer "podman exec" 0 / podman "${podman[@]}" exec bench /bin/sh -c true
}

stop_peers() {
	"$GOCKER" kill --user benchjoin >/dev/null 2>&1
	[ ! -s "$work/podman" ] || timeout 30 podman "${podman[@]}" rm -f -t 0 bench >/dev/null 2>&1
}
