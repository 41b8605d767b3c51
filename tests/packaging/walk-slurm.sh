#!/bin/bash
# packaging/slurm.md: its commands and configuration as they are written, on a cluster of two nodes.
# timeout: 300
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../admin/_lib.sh"
. "$(dirname "$0")/_walk.sh"
. "$GKT_LIB/slurm.sh"
need ip gcc expect
need_product
need_slurm
page=$GKT_TOP/packaging/slurm.md
set_ini
add_user anna --shell /bin/sh
add_user berta --shell /bin/sh
start_slurm
# Where the package has it.
ln -s /usr/local/share/gocker /usr/share/gocker

# block KIND HEADING: the first block of that kind below that heading.
block() {
	awk -v kind="$1" -v heading="$2" '
		/^#+ / && !open { on = $0 == heading }
		open && /^```$/ { exit }
		open { print }
		on && $0 == "```" kind { open = 1 }
	' "$page"
}
# quoted PATTERN: the words of the page that are set as code and match.
quoted() { grep -oE '`[^`]+`' "$page" | tr -d '`' | grep -E "^($1)$" | sort -u; }

# --- the compute nodes ---
for n in 1 2; do
	{ block ini '## The compute nodes'; printf '%s\n' 'image = alpine' "hostname = node$n"; } >"$GKT_WORK/node$n/gocker.ini"
	check "gocker accepts the policy on node $n" on "$n" "$GOCKER" check
done
wanted=$(quoted '(ProctrackType|PrologFlags)=.*')
is "$wanted" "$(grep -xF "$wanted" /etc/slurm/slurm.conf | sort)" "the cluster's slurm.conf has what the page asks for"
run slurm_as anna srun -w node1 cat /proc/1/comm
isnt "$out" gocker-init "control: before the plugin, a step is on the node"
walk "$page" '## The compute nodes'
for user in anna berta; do check "gocker enable $user" "$GOCKER" enable "$user"; done

# --- what users see ---
printf '#!/bin/sh\ncat /proc/1/comm\n' | install -o anna -m 755 /dev/stdin /home/anna/job.sh
install -o anna -m 755 /home/anna/job.sh /home/anna/program
lines=0
while IFS= read -r line; do
	lines=$((lines + 1))
	case $line in
	'srun hostname '*)
		run slurm_as anna sh -c "$line"
		like "$rc:$out" '^0:node[12]$' "\$ $line" ;;
	'srun --pty sh '*)
		cat >"$GKT_WORK/steps" <<-END
			set env(HOME) /home/anna
			spawn -noecho setpriv --reuid anna --regid anna --init-groups sh -c {cd && ${line%%#*}}
			want_prompt
			prompt
			equal [ask "cat /proc/1/comm"] gocker-init
			say "exit 4"
			equal [ended] 4
		END
		expect_test "\$ $line" <"$GKT_WORK/steps" ;;
	'sbatch job.sh '*)
		run slurm_as anna sh -c "$line"
		like "$rc:$out" '^0:Submitted batch job [0-9]+$' "\$ $line"
		check "and the script is contained" wait_until 60 grep -qx gocker-init "/home/anna/slurm-${out##* }.out" ;;
	'salloc srun ./program')
		run slurm_as anna sh -c "$line"
		is "$rc:$out" 0:gocker-init "\$ $line" ;;
	*) not_ok "a line that this test knows: $line" ;;
	esac
done < <(block sh '## What users see')
is "$lines" 4 "the page shows four commands"
run slurm_as anna srun -w node1 sh -c 'echo $SLURM_JOB_NUM_NODES'
is "$rc:$out" 0:1 "env_pass passes Slurm's variables"
# tasks_on N: twenty at once, until it is said that they are enough.
tasks_on() {
	rm -f /home/anna/enough
	slurm_as anna srun -n 20 --overcommit -w "node$1" --kill-on-bad-exit=0 \
		sh -c 'cat /proc/1/comm; until test -e enough; do sleep 0.2; done' >"$GKT_WORK/tasks" 2>&1 </dev/null &
	tasks=$!
}
say() { wait_until 60 eval "[ \"\$(grep -c '^$1' '$GKT_WORK/tasks')\" = $2 ]"; }
enough() {
	touch /home/anna/enough
	wait "$tasks"
}
tasks_on 1
check "with user_sessions_max 20 tasks run at once" say gocker-init 20
enough
{ block ini '## The compute nodes' | grep -v user_sessions_max; echo 'image = alpine'; } >"$GKT_WORK/node2/gocker.ini"
tasks_on 2
check "without it 16 do" say gocker-init 16
check "and what is beyond is refused" say 'gocker: .*sessions' 4 || diag "$(sort "$GKT_WORK/tasks" | uniq -c)"
enough

# --- drain ---
command=$(quoted 'scontrol update .*')
isnt "$command" "" "the page drains a node"
command=${command/NODE/node2}
check "\$ ${command/…/tests}" bash -c "${command/…/tests}"
check "Slurm knows" wait_until 60 eval '[[ "$(sinfo -h -n node2 -o %t)" = dr* ]]'
run slurm_as anna srun --immediate=5 -w node2 hostname
isnt "$rc" 0 "it takes no job"
scontrol update nodename=node2 state=resume
check "taken back, it does" wait_until 60 node_idle 2

# --- ssh to a node ---
reader_accounts
start_sshd
stop_sshd
line=$(block '' '## ssh to a node of one'"'"'s own job')
like "$line" '^account .*pam_slurm_adopt.so$' "the page has a line for PAM"
sed -i "/^@include common-account/a $line" /etc/pam.d/sshd
quoted 'share = user' >>"$GKT_WORK/node1/gocker.ini"
sed -e 's/^ListenAddress .*/ListenAddress 10.9.1.2/' -e "s|^PidFile .*|PidFile $GKT_WORK/node1/sshd.pid|" "$SSHD_DIR/sshd_config" >"$GKT_WORK/node1/sshd_config"
on 1 setsid env -i PATH="$PATH" /usr/sbin/sshd -f "$GKT_WORK/node1/sshd_config"
wait_until 60 test -s "$GKT_WORK/node1/sshd.pid"
node1() { run ssh -p "$SSH_PORT" -o HostName=10.9.1.2 -o HostKeyAlias=node1 -l "$1" gocker "$2"; }
node1 anna hostname
is "$rc:$out" 255: "ssh to a node is refused without a job there"
run slurm_as anna sbatch -o in -w node1 --wrap 'echo in; exec sleep 6543'
job=${out##* }
check "a job runs" wait_until 120 test -s /home/anna/in
node1 anna 'pgrep -x sleep | wc -l'
is "$rc:$out" 0:1 "with one it joins the job's container"
node1 berta hostname
is "$rc:$out" 255: "another user is refused"
scancel "$job"
SLURM_EMPTY=may-stay
check_nothing_left anna "nothing is left"

# --- the login node ---
block ini '## The login node' >/etc/gocker.ini
walk "$page" '## The login node'
run slurm_as anna "$GOCKER_SHELL" -c 'sinfo -h -o %D; srun -w node2 cat /proc/1/comm'
is "$rc:$out" $'0:2\ngocker-init' "a contained login has Slurm's clients" || diag "$err"
