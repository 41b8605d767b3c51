# shellcheck shell=bash
# A Slurm cluster of Debian's packages: this host has slurmctld and is the login node, nodes 1 and 2 (lib/nodes.sh) have
# a slurmd each, with its own freezer cgroup. Homes and accounts are the same on all.
. "$GKT_LIB/nodes.sh"

SLURM=$GKT_WORK/slurm
# What Slurm tracks processes with, and what it limits their memory with; a group of this test's in each.
CONTROLLERS=(freezer memory)
SLURM_GROUP=

need_slurm() { # ends the script with a skip where it cannot run
	local program missing=''
	for program in munged slurmctld slurmd srun; do
		command -v "$program" >/dev/null || missing="$program is not installed (make deps-slurm)"
	done
	[ -e /usr/include/slurm/spank.h ] || missing="libslurm-dev is not installed (make deps-slurm)"
	[ -e /lib/security/pam_slurm_adopt.so ] || missing="libpam-slurm-adopt is not installed (make deps-slurm)"
	if [ -n "$missing" ]; then
		if [ "${GKT_FULL:-0}" = 1 ]; then skip_missing "Slurm" "$missing"; else skip "Slurm" "$missing"; fi
		exit 0
	fi
	if [ "$GKT_CGROUP" != hybrid ] || ! slurm_controllers; then
		skip "Slurm" "it is set up with freezer and memory of cgroup v1 here, which this machine does not have"
		exit 0
	fi
}

slurm_controllers() {
	local name
	for name in "${CONTROLLERS[@]}"; do
		mkdir -p "/sys/fs/cgroup/$name" && mount -t cgroup -o "$name" cgroup "/sys/fs/cgroup/$name" || return 1
	done 2>/dev/null
}

# slurm_plugin [WORDS]: as packaging/slurm.md builds it; without it steps run as Slurm has them.
PLUGIN=/usr/local/lib/spank_gocker.so
slurm_plugin() {
	gcc -Wall -Wextra -Werror -shared -fPIC -O2 -o "$PLUGIN" /usr/local/share/gocker/slurm/spank_gocker.c &&
		echo "required $PLUGIN${1:+ $1}" >/etc/slurm/plugstack.conf
}

slurm_munge() {
	install -d -o munge -g munge -m 755 /run/munge
	install -d -o munge -g munge -m 700 /etc/munge /var/lib/munge /var/log/munge
	install -o munge -g munge -m 400 <(head -c 1024 /dev/urandom) /etc/munge/munge.key
	setpriv --reuid munge --regid munge --clear-groups munged --syslog 2>/dev/null
}

slurm_conf() {
	local memory
	memory=$(awk '/^MemTotal:/ { print int($2 / 2048) }' /proc/meminfo)
	mkdir -p "$SLURM/ctld" /etc/slurm
	cat >/etc/slurm/slurm.conf <<-CONF
		ClusterName=tests
		SlurmctldHost=login(10.9.0.1)
		SlurmUser=root
		AuthType=auth/munge
		StateSaveLocation=$SLURM/ctld
		SlurmdSpoolDir=/var/spool/slurmd-%n
		SlurmctldPidFile=$SLURM/ctld.pid
		SlurmdPidFile=$SLURM/%n.pid
		SlurmctldLogFile=$SLURM/ctld.log
		SlurmdLogFile=$SLURM/%n.log
		ProctrackType=proctrack/cgroup
		PrologFlags=contain
		TaskPlugin=task/cgroup
		JobAcctGatherType=jobacct_gather/${SLURM_GATHER:-none}
		MpiDefault=none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_CPU_Memory
		DefMemPerNode=100
		ReturnToService=2
		TreeWidth=65533
		KillWait=${SLURM_KILL_WAIT:-2}
		SlurmdTimeout=60
		MessageTimeout=60
		NodeName=node1 NodeAddr=10.9.1.2 CPUs=2 RealMemory=$memory
		NodeName=node2 NodeAddr=10.9.2.2 CPUs=2 RealMemory=$memory
		PartitionName=all Nodes=ALL Default=YES State=UP OverSubscribe=FORCE:50
	CONF
	[ -z "${SLURM_MORE:-}" ] || printf '%s\n' "$SLURM_MORE" >>/etc/slurm/slurm.conf
	printf 'CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\nConstrainRAMSpace=yes\nMinRAMSpace=1\n' >/etc/slurm/cgroup.conf
}

# A cgroup of each node's own in each hierarchy, below one of this test's. What a test that was killed left is removed.
slurm_groups() {
	local name old
	find "${CONTROLLERS[@]/#//sys/fs/cgroup/}" -mindepth 1 -maxdepth 1 -name 'gkt-slurm-*' -mmin +240 -print0 |
		xargs -0r -I {} find {} -depth -type d -exec rmdir {} + 2>/dev/null
	SLURM_GROUP=$(basename "$(mktemp -d "/sys/fs/cgroup/freezer/gkt-slurm-XXXXXX")")
	for name in "${CONTROLLERS[@]}"; do mkdir -p "/sys/fs/cgroup/$name/$SLURM_GROUP"/node{1,2}; done
}
groups_of() { printf '%s\n' "${CONTROLLERS[@]/%//$SLURM_GROUP/node$1}" | sed 's|^|/sys/fs/cgroup/|'; } # N

start_slurmd() { # N
	local n=$1
	mkdir -p "/var/spool/slurmd-node$n"
	rm -f "$SLURM/node$n.pid"
	cat >"$SLURM/start-node$n" <<-END
		for group in $(groups_of "$n" | paste -sd' '); do echo 0 >"\$group/cgroup.procs"; done
		exec unshare -C -m bash -c '
			for name in ${CONTROLLERS[*]}; do
				umount /sys/fs/cgroup/\$name && mount -t cgroup -o \$name cgroup /sys/fs/cgroup/\$name || exit
			done
			exec slurmd -D -N node$n'
	END
	nsenter -t "${node_pid[$n]}" -m -u -n setsid bash "$SLURM/start-node$n" >"$SLURM/node$n.out" 2>&1 &
	disown
	wait_until 60 test -s "$SLURM/node$n.pid"
}

node_idle() { sinfo -h -n "node$1" -o %t | grep -qx idle; }

start_slurm() {
	local n
	hostname login
	ip link set lo up
	ip addr add 10.9.0.1/32 dev lo
	slurm_munge
	slurm_conf
	slurm_groups
	trap 'stop_slurm; tap_end' EXIT
	for n in 1 2; do
		start_node "$n"
		on "$n" ip route add default via "10.9.$n.1"
	done
	slurmctld -D >"$SLURM/ctld.out" 2>&1 &
	for n in 1 2; do start_slurmd "$n"; done
	for n in 1 2; do
		check "node$n is in the cluster" wait_until 60 node_idle "$n" ||
			diag "$(tail -n 20 "$SLURM/node$n.out" "$SLURM/node$n.log" "$SLURM/ctld.log")"
	done
}

node_processes() { find "/sys/fs/cgroup/freezer/$SLURM_GROUP/node$1" -name cgroup.procs -exec cat {} +; }
node_groups() { groups_of "$1" | xargs -I {} find {} -mindepth 1 -type d "${@:2}"; }

# kill_node N: all that runs on it ends at once, as when its power does, and its cgroups are gone.
kill_node() {
	while node_processes "$1" | xargs -r kill -KILL 2>/dev/null; [ -n "$(node_processes "$1")" ]; do sleep 0.1; done
	while node_groups "$1" -depth | xargs -r rmdir 2>/dev/null; [ -n "$(node_groups "$1")" ]; do sleep 0.1; done
}

stop_slurm() {
	local n name status=$?
	[ -n "$SLURM_GROUP" ] || return $status
	for n in 1 2; do kill_node "$n"; done
	for name in "${CONTROLLERS[@]}"; do
		rmdir "/sys/fs/cgroup/$name/$SLURM_GROUP"/node{1,2} "/sys/fs/cgroup/$name/$SLURM_GROUP"
	done
	return $status
}

# slurm_as USER CMD...: on the login node, in the user's home.
slurm_as() {
	(cd "/home/$1" && exec_as_user "$1" PATH="$PATH" timeout -k 5 $((120 * ${GKT_SLOW:-1})) "${@:2}")
}

no_jobs() { [ -z "$(squeue -h)" ]; }

with_processes() { while read -r group; do [ -z "$(find "$group" -name cgroup.procs -exec cat {} +)" ] || echo "$group"; done; }

# left_on N USER: what a node has of sessions and jobs: sessions, the user's processes, cgroups of jobs and leaves.
left_on() {
	on "$1" "$GOCKER" ps -q
	node_groups "$1" -name 'job_*' | if [ "${SLURM_EMPTY:-}" = may-stay ]; then with_processes; else cat; fi
	pgrep -u "$2" -l
	session_leaves
}
nothing_left() { [ -z "$(left_on 1 "$1")$(left_on 2 "$1")" ] && no_jobs; }

check_nothing_left() { # USER NAME
	if wait_until 120 nothing_left "$1"; then
		ok "$2"
	else
		not_ok "$2" "$(left_on 1 "$1")" "$(left_on 2 "$1")" "$(squeue)"
	fi
}
