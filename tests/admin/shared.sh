#!/bin/bash
# timeout: 300
# share = user: the administrator's commands on a container that logins share, and on a login in it; through both doors.
. "$(dirname "$0")/../lib/test.sh"
need expect jq
need_product
. "$GKT_TOP/tests/system/_last.sh"

logged() { grep -aq "$1" "$GKT_SYSLOG"; }
field() { "$GOCKER" "$1" "${@:3}" --format json | jq -r "$2"; } # COMMAND FILTER [ARG...]

rows() {
	local user=all-$door c l
	door_user "$user"
	add_user "staff-$door" --groups staff --shell /bin/sh
	set_ini 'share = user' 'linger = 1h' 'pids_max = 30' '[group:staff]' 'contain = no'
	start_sshd
	remember_host
	hold_session "$user" 'touch /tmp/mine'
	c=$(container) l=$(login)

	is "$(field ps '.[] | "\(.kind) \(.id) \(.container) \(.door)"' --user "$user")" "container $c null null
login $l $c $door" "[$door] ps --format json: the container, and its login, which names it"
	is "$(field inspect '.[0] | "\(.kind) \(.id)"' "$c")" "container $c" "[$door] inspect of the container"
	is "$(field inspect '.[0] | "\(.kind) \(.container)"' "$l")" "login $c" "[$door] inspect of the login names its container"
	like "$("$GOCKER" inspect "$c")" 'Tasks +[0-9]+ of 30' "[$door] inspect: the limits are the container's"
	is "$(field stats '.[] | "\(.kind) \(.id) \(.pids.limit)"')" "container $c 30" "[$door] stats counts the container once, whatever logins are in it"
	expect_test "[$door] top shows the container" <<-TCL
		spawn -noecho gocker top
		want {$c}
		send q
		ended
	TCL
	is "$("$GOCKER" exec "$c" ls /tmp/mine):$("$GOCKER" exec "$l" ls /tmp/mine)" /tmp/mine:/tmp/mine "[$door] exec by the id of either is in the container"
	check "[$door] the log has the login in its container" wait_until 60 logged "event=open id=$l door=$door .*container=$c"

	run "$GOCKER" freeze "$l"
	is "$rc" 1 "[$door] freeze of one login is refused"
	like "$err" "login in the container $c, which can only be frozen as a whole" "[$door] and says what can be frozen"
	if [ "$GKT_CGROUP" = hybrid ]; then
		run "$GOCKER" freeze "$c"
		like "$rc:$err" '^1:.*cgroup v1' "[$door] freeze of the container on cgroup v1 is refused"
	else
		check "[$door] freeze of the container" "$GOCKER" freeze "$c"
		is "$(field ps '[.[].state] | unique[]' --user "$user")" frozen "[$door] ps shows all of it frozen"
		run timeout 300 "$GOCKER" exec "$c" true
		is "$rc" 125 "[$door] nothing joins what is frozen"
		check "[$door] thaw" "$GOCKER" thaw "$c"
		is "$(field ps '[.[].state] | unique[]' --user "$user")" running "[$door] ps shows that it runs"
	fi

	# Break-glass, and who else is exempt: a login like any on the host, which shares nothing.
	if [ "$door" = pam ]; then
		run ssh_as "staff-$door" hostname
		is "$rc:$out" 0:throwaway "[$door] who is not to be contained is outside"
		is "$(kinds)" 'container:1 login:1' "[$door] and no container was made for it"
	fi

	run "$GOCKER" kill "$c"
	is "$rc:$out" "0:$c" "[$door] kill of the container"
	check "[$door] ends its login with it" wait_until 60 no_sessions
	drop_session
	"$GOCKER" gc >/dev/null
	check_clean "[$door] nothing is left"
}
through_each_door rows
