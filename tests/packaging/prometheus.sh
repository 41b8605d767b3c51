#!/bin/bash
# What is shipped for Prometheus and Grafana fits what `gocker stats --prometheus` writes: the timer's service
# writes it with the powers that it has, the rules fire when they are to, the dashboard asks for what is there.
# timeout: 120
. "$(dirname "$0")/../lib/test.sh"
need jq python3 setpriv
need_product
add_user alice
set_ini 'pids_max = 5'
start_sshd
rules=$GKT_TOP/conf/prometheus/gocker.rules.yml board=$GKT_TOP/conf/prometheus/grafana.json

# --- the timer and its service ---

units=$(dirname "$(find /usr/local/lib/systemd /usr/lib/systemd -name gocker-stats.timer | head -n 1)")
service=$units/gocker-stats.service
check "service and timer are installed" test -s "$service" -a -s "$units/gocker-stats.timer"
unlike "$(cat "$service")" '@[A-Z]+@' "no path is left to fill in"
if command -v systemd-analyze >/dev/null; then
	is "$(systemd-analyze verify --man=no "$service" "$units/gocker-stats.timer" 2>&1 | grep gocker-stats)" "" \
		"systemd finds nothing wrong in them"
else
	skip_missing "systemd finds nothing wrong in them" "systemd-analyze is not installed"
fi
value_of() { sed -n "s/^$1=//p" "$service"; }
dir=$(value_of ConditionPathIsDirectory)
is "$(value_of ExecStart)" "$GOCKER stats --prometheus $dir/gocker.prom" "it writes where it asks for a directory"
is "$(value_of ReadWritePaths | head -n 1)" "$dir" "and may write there"

# The node exporter's directory is a user's of its own.
install -d -o alice "$dir"
hold_session alice
id=$("$GOCKER" ps -q)
# shellcheck disable=SC2046 # words
run setpriv --bounding-set "-all,+$(value_of CapabilityBoundingSet | sed 's/^CAP_//' | tr '[:upper:]' '[:lower:]')" --inh-caps -all \
	--no-new-privs $(value_of ExecStart)
is "$rc:$out:$err" "0::" "with its capabilities it works"
is "$(ls -A "$dir"):$(stat -c '%U %a' "$dir/gocker.prom")" "gocker.prom:root 644" "and leaves one file, for everybody to read"
like "$(cat "$dir/gocker.prom")" "gocker_session_tasks\{id=\"$id\",user=\"alice\"" "with the session in it"

# --- what rules and dashboard ask for ---

told=$(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$dir/gocker.prom" | sort)
asked() { grep -oE 'gocker_[a-z_]+' | sort -u; }
is "$(jq -r '.panels[].targets[].expr, (.templating.list[].query | .query? // empty)' "$board" | asked | grep -vxF "$told")" "" \
	"the dashboard asks for nothing that is not told"
is "$(jq -r '.panels[].targets[].expr' "$board" | asked | grep -c .)" "$(grep -c . <<<"$told")" "and for all that is"
is "$(jq '[.panels[].id] | length == (unique | length)' "$board"):$(jq '[.panels[]|select((.targets|length)==0)]|length' "$board")" \
	true:0 "its panels have ids of their own, and something to show"
# Each field of 24 columns is covered once.
is "$(jq '[.panels[].gridPos as $p | range($p.x; $p.x + $p.w) as $x | range($p.y; $p.y + $p.h) as $y | [$x, $y]] |
	length == (unique | length) and all(.[]; .[0] < 24)' "$board")" true "and none lies over another"
is "$(sed -n '/expr:/,/labels:/p' "$rules" | asked | grep -vxF "$told")" "" "the rules ask for nothing that is not told"
mapfile -t commands < <(grep -oE '`gocker [a-z]+' "$rules" | sed 's/.* //' | sort -u)
for command in "${commands[@]}"; do
	check "gocker $command, which an alert names, is a command" "$GOCKER" "$command" --help
done

# --- the rules, by Prometheus' own evaluation ---

if ! command -v promtool >/dev/null; then
	skip "Prometheus takes the rules, and they fire" "promtool (Debian: prometheus) is not installed"
	drop_session
	exit 0
fi
run promtool check metrics <"$dir/gocker.prom"
is "$rc:$out$err" 0: "Prometheus' own linter finds nothing in the figures"
drop_session
run promtool check rules "$rules"
like "$rc:$out" '^0:.*SUCCESS: 6 rules' "Prometheus takes the rules"
labels='instance="host",id="aaaaaaaaaaaa",user="alice",door="shell",image="alpine"'
cat >"$GKT_WORK/fire.yml" <<TEST
rule_files: ["$rules"]
evaluation_interval: 30s
tests:
  - interval: 30s
    input_series:
      # Figures that stop after ten minutes.
      - series: 'node_textfile_mtime_seconds{instance="host",file="/x/gocker.prom"}'
        values: '0+30x20 600x40'
      # Above 400 from the beginning to the tenth minute.
      - series: 'gocker_sessions{instance="host"}'
        values: '450x20 10x40'
      # A session that is seen with its limit reached already, in the fifth minute.
      - series: 'gocker_session_tasks_limit_hits_total{$labels}'
        values: '_x10 3x60'
      # One that reaches it in the tenth minute, twice at once.
      - series: 'gocker_session_user_tasks_limit_hits_total{$labels}'
        values: '0x19 2x60'
      - series: 'gocker_session_oom_kills_total{$labels}'
        values: '0x60'
      - series: 'gocker_session_memory_bytes{$labels}'
        values: '95x60'
      - series: 'gocker_session_memory_limit_bytes{$labels}'
        values: '100x60'
    alert_rule_test:
TEST
fires() { # TIME ALERT SEVERITY SUMMARY [LABEL...]
	printf '      - eval_time: %s\n        alertname: %s\n        exp_alerts:\n          - exp_labels: {severity: %s, instance: host%s}\n' \
		"$1" "$2" "$3" "${5:+, $5}"
	python3 - "$rules" "$2" "$4" "${6:-}" <<'PY'
import re, sys
path, alert, summary, ident = sys.argv[1:]
text = open(path).read()
body = text[text.index("alert: " + alert):]
m = re.search(r"description: >-\n((?: {12}.*\n)+)", body)
description = " ".join(l.strip() for l in m.group(1).splitlines())
description = description.replace("{{ $labels.id }}", ident).replace("{{ $labels.user }}", "alice")
print("            exp_annotations:\n              summary: \"%s\"\n              description: \"%s\"" % (summary, description))
PY
}
silent() { printf '      - eval_time: %s\n        alertname: %s\n        exp_alerts: []\n' "$1" "$2"; }
session='id: aaaaaaaaaaaa, user: alice, door: shell, image: alpine'
{
	silent 10m GockerFiguresOld
	fires 17m GockerFiguresOld warning "host: gocker's figures are 7m 0s old" 'file: /x/gocker.prom'
	silent 4m GockerManySessions
	fires 6m GockerManySessions warning "host: 450 sessions"
	silent 12m GockerManySessions
	silent 4m GockerTasksRefused
	fires 6m GockerTasksRefused info "host: alice reached pids_max" "$session" aaaaaaaaaaaa
	silent 20m GockerTasksRefused
	silent 9m GockerUserTasksRefused
	fires 10m GockerUserTasksRefused info "host: alice reached user_pids_max" 'user: alice'
	silent 20m GockerUserTasksRefused
	silent 20m GockerOutOfMemory
	silent 4m GockerMemoryNearLimit
	fires 6m GockerMemoryNearLimit info "host: alice uses 95% of memory_max" "$session" aaaaaaaaaaaa
} >>"$GKT_WORK/fire.yml"
run promtool test rules "$GKT_WORK/fire.yml"
is "$rc" 0 "the rules fire when they are to, and at no other time" || diag "$out$err"
# The control: a rule with another threshold is found out.
sed 's/gocker_sessions > 400/gocker_sessions > 500/' "$rules" >"$GKT_WORK/other.yml"
sed -i "s,$rules,$GKT_WORK/other.yml," "$GKT_WORK/fire.yml"
run promtool test rules "$GKT_WORK/fire.yml"
like "$rc:$out$err" '^1:.*GockerManySessions' "control: another threshold is found out"
