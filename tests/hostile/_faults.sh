# shellcheck shell=bash
# What faults.sh and share-faults.sh have in common: the probe, the rounds and their verdicts.
# shellcheck disable=SC2154 # door, login and judge are the callers'
. "$(dirname "${BASH_SOURCE[0]}")/_lib.sh"
add_user alice --groups students
add_user bob

# What a session is, in one sum (but where it starts: / if the home can't be entered): credentials, limits, mounts, names, environment. Written by the payload.
cat >/home/alice/probe <<'PROBE'
me=$(readlink /proc/self/ns/mnt)
sum=$( { id; umask; ulimit -a; ulimit -H -a; hostname; env | grep -v ^PWD= | sort; cat /proc/sys/kernel/hostname
	grep -E '^(Cap|NoNew|Seccomp|Sig[BI])' /proc/self/status; cut -d' ' -f4- /proc/self/mountinfo |
	sed 's/^[^ ]* //; s/fd\/[0-9]*/fd/g'; ls /dev
	cat /etc/passwd /etc/group /etc/hosts /etc/resolv.conf /proc/self/cgroup; } 2>&1 | md5sum)
printf '%s\n%s\n' "$me" "${sum%% *}" >~/ran
PROBE
chmod 755 /home/alice/probe
export MARKER=/home/alice/ran LEFT="$PIDS_CGROUP/gocker/u*/*/" SWEEP="$GOCKER gc >/dev/null"

# What must not be, of the lines that faults wrote. A fault without effect is asserted by the session
# being the same.
verdicts() { # FILE REFERENCE
	awk -v ref="$2" -v without_tty="${without_tty:-$2}" '
	$1 == "calls" { next }
	{ how = $(NF - 2); ran = $(NF - 1); left = $NF }
	ran == "UNCONTAINED" || left == "LEFT" || how == "hung" { print; next }
	how == "exit-125" && ran == "none" { next }
	how == "exit-0" && ran == ref { next }
	$2 ~ /^ld.so-/ && how != "exit-0" && ran == "none" { next }
	# A terminal that does not answer is none: the session is one without.
	$3 == "ioctl" && how == "exit-0" && ran == without_tty { next }
	# The C library and its loader end a program that they can not start (127), or whose locks and
	# signal masks they can not handle (SIGABRT): nothing has run.
	(how == "exit-127" || how == "signal-6") && ran == "none" { next }
	$3 == "execve" && how == "exit-126" && ran == "none" { next }
	# The session stood, and then its end could not be learnt or waited for: no success is reported.
	how != "exit-0" && ran == ref { next }
	# Supervision ended before the command did its work; it was ended with it.
	how ~ /^(signal-(1|9|15)|exit-(129|137|143))$/ && ran == "none" { next }
	{ print }' "$1"
}

without_tty=''
round() { # NAME FROM STEP OPTION...
	local name=$1 from=$2 step=$3 reference bad
	shift 3
	timeout "$(size 1200 20000)" faults "$@" "$from" 100000 "$step" "${login[@]}" >"$GKT_WORK/faults"
	# The reference: what most of the harmless faults agree on is what a session without one is.
	reference=$(awk '$(NF - 1) ~ /^ran:/ { n[$(NF - 1)]++ } END { for (r in n) if (n[r] > m) { m = n[r]; b = r } print b }' "$GKT_WORK/faults")
	: "${without_tty:=$reference}"
	bad=$("$judge" "$GKT_WORK/faults" "$reference")
	is "$bad" "" "A5 A46 [${door:=shell}]: $name: $(grep -vc ^calls "$GKT_WORK/faults") faults: each refused with 125, or the session is the same; nothing uncontained, nothing left"
	check "A5 A46 [$door]: $name: up to the last call" grep -q '^calls' "$GKT_WORK/faults"
	echo "# $name: $(grep -c 'exit-125\| none ' "$GKT_WORK/faults") refused, $(grep -c "exit-0 $reference" "$GKT_WORK/faults") without effect, of $(sed -n 's/^calls //p' "$GKT_WORK/faults") calls"
	[ -z "${GKT_KEEP:-}" ] || cp "$GKT_WORK/faults" "$GKT_KEEP-${name// /-}"
}

# The probe itself must not mind that its calls are answered by somebody who may be busy.
undisturbed() { # OPTION...
	is "$(faults "$@" -s 1 3 1 "${login[@]}" | sed 's/^[0-9]* //; s/ran:[0-9a-f]*/ran/' | sort | uniq -c)" \
		"      3 slow exit-0 ran clean" "A5 control [$door]: a session without a fault is none that hangs, however late its calls are answered"
}

# The PAM door: an application (pamdrive) that runs the probe if its session was opened. The application's own
# calls and those of libpam in it fail as well; what it does then is its own business, but for where it runs.
# "other" is its child that becomes the user. rt_sigprocmask fails for wrong arguments only; the module holds
# SIGCHLD with it.
pam_verdicts() { # FILE REFERENCE
	awk -v ref="$2" '
	$1 == "calls" { next }
	{ how = $(NF - 2); ran = $(NF - 1); left = $NF }
	ran == "UNCONTAINED" || left == "LEFT" || how == "hung" { print; next }
	ran == "none" || ran == ref || $2 == "other" || $3 == "rt_sigprocmask" { next }
	{ print }' "$1"
}
