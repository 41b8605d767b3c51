#!/bin/bash
# timeout: 600
# Jobs of a Slurm cluster that try to leave their container, or to run something beside it.
. "$(dirname "$0")/_lib.sh"
. "$(dirname "$0")/_inside.sh"
. "$GKT_LIB/slurm.sh"
need ip gcc
need_slurm
set_ini
add_user alice
add_user bob
start_slurm
door=slurm
bring alice syscalls try
cat >/tmp/hook <<'END'
#!/bin/sh
grep -q ^ID=alpine /etc/os-release || echo "$1" >>/tmp/ran
END
chmod 755 /tmp/hook

# ran NAME [control]: whether the hook ran on the node since the last time.
ran() {
	if [ "${2:-}" = control ]; then
		check "A74 control: $1" wait_until 60 test -e /tmp/ran
	else
		check_not "A74: $1" test -e /tmp/ran
	fi
	rm -f /tmp/ran
}
job() { run slurm_as alice srun -w node1 "$@"; }
batch() {
	run slurm_as alice sbatch -W -w node1 -o out "$@"
	out=$(cat /home/alice/out)
	rm -f /home/alice/out
}
profile() { printf '/tmp/hook profile\n' | install -o alice -m 644 /dev/stdin /home/alice/.profile; }
rm -f /tmp/ran

# What runs on a node without the plugin.
touch /home/alice/multi
printf '0 /tmp/hook multi\n' >/home/alice/multi
job /tmp/hook
ran "without the plugin a step runs on the node" control
job --task-prolog=/tmp/hook true
ran "and so does --task-prolog" control
job --task-epilog=/tmp/hook true
ran "and --task-epilog" control
job --multi-prog multi
ran "and a step with --multi-prog" control
batch /tmp/hook
ran "and a batch script" control
set_shell alice /bin/sh
profile
batch --get-user-env --wrap true
ran "and, with --get-user-env, the login shell's profile" control
set_shell alice "$GOCKER_SHELL"
rm /home/alice/.profile

check "the plugin is built" slurm_plugin
job /tmp/hook
ran "a step runs in its container"
job --task-prolog=/tmp/hook --task-epilog=/tmp/hook echo "it ran"
is "$rc:$out" "0:it ran" "A74 control: a step with --task-prolog and --task-epilog runs itself"
ran "they do not"
job --multi-prog multi
isnt "$rc" 0 "A74: --multi-prog is refused"
ran "and runs nothing"
job --bcast=/tmp/copied /tmp/hook
ran "--bcast runs nothing on the node that it copied"
for option in --x11 --container=/tmp --export=ALL,LD_PRELOAD=/tmp/x.so,BASH_ENV=/tmp/hook,ENV=/tmp/hook --overlap; do
	job "$option" sh -c :
	ran "nor does $option"
done
batch /tmp/hook
ran "a batch script runs in its container"
profile
batch --get-user-env --wrap 'echo it ran'
is "$rc:$out" "0:it ran" "A74 control: a job with --get-user-env runs"
ran "no profile does on the node where passwd has gocker-shell"
rm /home/alice/.profile
{ echo '#!/bin/sh'; head -c 140000 /dev/zero | tr '\0' '#'; printf '\n/tmp/hook long\n'; } >/home/alice/long.sh
batch long.sh
is "$rc:$out" "125:spank_gocker: the script or command is too long: 128 KiB with quotes" "A74: a script that is too long is refused"
ran "and does not run"

# Whatever fails, fails closed.
node_ini 1 'pids_max = many'
job /tmp/hook
like "$rc:$err" 'gocker: .*gocker.ini:' "A74: a fault in gocker.ini refuses the step"
ran "which does not run"
node_ini 1
mv "$GOCKER_SHELL" "$GOCKER_SHELL.away"
job /tmp/hook
like "$rc:$err" 'spank_gocker: cannot run .*gocker-shell: No such file' "A74: so does a gocker-shell that is missing"
ran "the step does not run"
mv "$GOCKER_SHELL.away" "$GOCKER_SHELL"

# What the other files try from inside a login, as steps of one job.
run slurm_as alice salloc --no-shell -w node1
allocation=$(grep -o 'job allocation [0-9]*' <<<"$err" | head -n 1 | grep -o '[0-9]*')
isnt "$allocation" "" "a job is allocated"
inside() { run slurm_as "$1" srun --jobid="$allocation" -w node1 sh -c "${*:2}"; }
walk_syscalls
if [ "$FULL" = 1 ]; then
	namespaces
	kernel_doors
	own_processes
else
	denied A30 "unshare 0x10000000" alice EPERM './try unshare 0x10000000'
	denied A30 "setns" alice EPERM './try setns /proc/self/ns/mnt'
	denied A30 "mount" alice EPERM './try mount'
	denied A41 "init can't be traced" alice EPERM './try ptrace 1'
fi
inside alice 'ls /proc | grep -c "^[0-9]"; ls -A /home; test -e /run/munge || echo no munge; ls /var/spool | grep -c slurm'
like "$out" '^[0-9]
alice
no munge
0$' "A37 [$door]: a job sees its own processes and home, neither munge nor the spool directory"
inside alice 'kill -9 -1; true'
inside alice '(setsid sh -c "trap \"\" HUP TERM INT; sleep 5432" >/dev/null 2>&1 </dev/null &); exit 0'
check "A41 [$door]: nothing outlives the step" wait_until 60 sh -c '! pgrep -x sleep -a | grep 5432'
scancel "$allocation"
check_nothing_left alice "A41 [$door]: nothing is left"

mv "$PLUGIN" "$PLUGIN.away"
job /tmp/hook
isnt "$rc" 0 "A74: without the plugin that plugstack.conf requires there is no step"
ran "and nothing runs"
