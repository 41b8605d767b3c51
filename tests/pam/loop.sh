#!/bin/bash
# timeout: 600
# One process that opens and closes again and again: as at the start. GKT_OPENS says how often.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need pamtester
need_product
opens=${GKT_OPENS:-1000}
add_user alice
set_ini
stack gt # nothing else: pam_limits and others leave what they looked up in the handle
remember_host

# What the first rounds leave in caches of the C library and libpam is no leak.
drive gt alice loop 5 state memory loop "$opens" state memory
like "$out" "loop: 0 after $opens" "$opens times open and close in one process"
first=$(sed -n '/^loop: 0 after 5$/,/^VmRSS/p' <<<"$out" | sed '1d')
last=$(sed -n "/^loop: 0 after $opens\$/,\$p" <<<"$out" | sed '1d')
is "$(sed '/^VmRSS/d' <<<"$last")" "$(sed '/^VmRSS/d' <<<"$first")" \
	"fds, namespaces, root, cgroup, capabilities and signals are as at the start"
kb() { awk '/^VmRSS/ { print $2 }' <<<"$1"; }
check "memory grew by $(($(kb "$last") - $(kb "$first"))) kB, less than 64 kB" \
	test $(($(kb "$last") - $(kb "$first"))) -lt 64
check_clean "no process, mount or cgroup is left"

steps=()
for ((i = 0; i < 10; i++)); do steps+=(open_session close_session); done
run pamtester gt alice "${steps[@]}"
is "$rc:$(grep -c 'successfully opened' <<<"$out")" 0:10 "pamtester, too"
check_clean "leaves nothing"
