# shellcheck shell=bash
# Hosts beside the throwaway host: each has a network, a name, a policy and a state of its own, and the same accounts
# and images. Node N is 10.9.N.2 at the other end of a link to 10.9.N.1 here.

declare -A node_pid

# on N CMD...: on that host.
on() { nsenter -t "${node_pid[$1]}" -m -u -n "${@:2}"; }

# node_ini N [LINE...]: its policy, with these lines first. Written in place: the node has the file itself.
node_ini() {
	printf '%s\n' "${@:2}" '[default]' 'image = alpine' "hostname = node$1" >"$GKT_WORK/node$1/gocker.ini"
}

start_node() { # N
	local n=$1 dir=$GKT_WORK/node$1
	mkdir -p "$dir/state/images"
	[ -d /run/gocker ] || mkdir -m 0700 /run/gocker
	node_ini "$n"
	unshare --mount --uts --net --propagation private bash -c "
		mount --bind /var/lib/gocker/images $dir/state/images && mount --rbind $dir/state /var/lib/gocker &&
		mount -t tmpfs -o mode=0700 node /run/gocker && mount --bind $dir/gocker.ini /etc/gocker.ini &&
		hostname node$n && touch $dir/ready && exec sleep infinity" &
	node_pid[$n]=$!
	wait_until 60 test -e "$dir/ready"
	ip link add "to$n" type veth peer name eth0 netns "${node_pid[$n]}"
	ip addr add "10.9.$n.1/24" dev "to$n"
	ip link set "to$n" up
	on "$n" ip addr add "10.9.$n.2/24" dev eth0
	on "$n" ip link set eth0 up
	on "$n" ip link set lo up
}

# node_sshd N: with the keys and the configuration that start_sshd wrote.
node_sshd() {
	local n=$1 dir=$GKT_WORK/node$1
	sed -e "s/^ListenAddress .*/ListenAddress 10.9.$n.2/" -e "s|^PidFile .*|PidFile $dir/sshd.pid|" \
		"$SSHD_DIR/sshd_config" >"$dir/sshd_config"
	on "$n" setsid env -i PATH="$PATH" "$SSHD_DIR/gocker-sshd" -f "$dir/sshd_config"
	wait_until 60 test -s "$dir/sshd.pid"
}
