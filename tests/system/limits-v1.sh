#!/bin/bash
# Where the pids controller is on cgroup v1 no other limit can be kept: such a limit in the policy
# refuses the login, and gocker check finds it.
. "$(dirname "$0")/../lib/test.sh"
need_product
if [ "$GKT_CGROUP" != hybrid ]; then
	skip "limits that need cgroup v2" "this machine has its controllers on cgroup v2"
	exit 0
fi
add_user alice

for setting in 'memory_max = 64M' 'memory_swap_max = 0' 'user_memory_max = 1G' 'cpus = 1.5' \
	'memory_high = 64M' 'memory_low = 64M' 'user_cpus = 2' 'cpu_weight = 50' 'io_weight = 50' 'io_max = root:riops=100' 'devices = /dev/null'; do
	key=${setting%% *}
	set_ini '[user:alice]' "$setting"
	refused "$key on cgroup v1 refuses the login" "$key cannot be enforced: .*cgroup v1" \
		as_user alice "$GOCKER_SHELL" -c 'echo ran'
	run "$GOCKER" check
	is "$rc" 1 "gocker check finds $key"
	like "$out" "^/etc/gocker.ini:5: $key cannot be enforced: .*cgroup v1.*; .*remove the key" "and names its line"
	run "$GOCKER" check /etc/gocker.ini
	is "$rc" 0 "a file for another host may have $key"
done
set_ini 'memory_max = none' 'memory_swap_max = none' 'user_memory_max = none' 'cpus = none' \
	'memory_high = none' 'memory_low = none' 'user_cpus = none' 'cpu_weight = none' 'io_weight = none' 'io_max = ""' 'devices = ""'
check "none of them set: gocker check is content" "$GOCKER" check
check "and the login works" as_user alice "$GOCKER_SHELL" -c true
