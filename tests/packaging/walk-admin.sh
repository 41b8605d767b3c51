#!/bin/bash
# README's administrator's page, run as it is written: from nothing to a policy for two groups, through the
# shell door and then through the PAM door.
# timeout: 600
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_deb.sh"
. "$(dirname "$0")/_walk.sh"
. "$(dirname "$0")/../admin/_lib.sh"
need dpkg-buildpackage dh git sudo apt service jq
need_product
reader_host
check "the package is installed" apt install ./gocker_*.deb
useradd --create-home --shell /bin/bash --groups sudo admin
page=$GKT_TOP/README.md

# day_by_day DOOR: the page's daily commands, on a session of ann's and one of ben's.
day_by_day() {
	local kept id each
	start_session ben 'echo ready; sleep 1000; :'
	kept=$session_pid
	start_session ann 'echo ready; sleep 1000; :'
	id=$(id_of ann)
	is "$("$GOCKER" ps --format json | jq -r '.[]|.user + " " + .door' | sort | paste -sd,)" "ann $1,ben $1" \
		"$1: both are contained, by this door"
	# What a host's syslogd writes.
	sed 's/^<[0-9]*>/Nov  3 22:01:38 host /' "$GKT_SYSLOG" >/var/log/auth.log
	# Each by itself, so that one that fails is named.
	block_files "$page" '### Day by day'
	# stop ends ann's session; what comes after is to find one all the same.
	while IFS= read -r each; do
		if [[ $each == *'kill --user'* ]]; then
			check "$1: ann's session has ended" wait_until 20 no_session ann
			start_session ann 'echo ready; sleep 1000; :'
		fi
		run bash -c "${each//ID/$id}"
		is "$rc" 0 "$1: \$ $each" || diag "$out" "$err"
	done <"$GKT_WORK/block.01.sh"
	check "$1: ann's sessions have ended" wait_until 10 no_session ann
	is "$(id_of ben | wc -l)" 1 "$1: and ben's goes on"
	"$GOCKER" kill --user ben >/dev/null
	wait "$kept" "$session_pid" 2>/dev/null
	rm -f gocker.prom
}

walk "$page" '### A policy for two groups'
day_by_day shell
walk "$page" '### Whole logins: the PAM door'
is "$(ssh ann@localhost hostname),$(ssh ben@localhost hostname)" classroom,staffroom "the policy applies to whole logins, too"
is "$(ssh admin@localhost hostname)" throwaway "the administrator is spared"
day_by_day pam
check "\$ sudo gocker disable --door pam" sudo gocker disable --door pam
is "$(ssh ann@localhost hostname)" throwaway "and as it was before"
stop_reader
