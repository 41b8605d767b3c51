#!/bin/bash
# The Ansible example, as it is installed, does on a host what it says, says so once, and leaves a host alone whose new
# policy has a fault.
# timeout: 180
. "$(dirname "$0")/../lib/test.sh"
need ansible-playbook
need_product
add_user ann --shell /bin/bash
add_user ben --shell /bin/sh
set_ini
start_sshd
export ANSIBLE_LOCAL_TEMP=$GKT_WORK/ansible ANSIBLE_REMOTE_TEMP=$GKT_WORK/ansible ANSIBLE_NOCOLOR=1
{ cat /etc/gocker.ini; echo 'hostname = by-ansible'; } >"$GKT_WORK/policy"
play() { # FILE: plays the example with this policy
	run ansible-playbook -i localhost, -c local /usr/local/share/doc/gocker/ansible/gocker.yml \
		-e "{\"gocker_policy\": \"$1\", \"contained_users\": [\"ann\", \"ben\"]}"
}
recap() { sed -n 's/^localhost .*\(ok=[0-9]*\).*\(changed=[0-9]*\).*\(failed=[0-9]*\).*/\1 \2 \3/p' <<<"$out"; }

play "$GKT_WORK/policy"
is "$rc:$(recap)" "0:ok=3 changed=2 failed=0" "the example is played: the policy and the users have changed"
is "$(ssh_as ann hostname) $(ssh_as ben hostname)" "by-ansible by-ansible" "the next logins are contained, by the new policy"
play "$GKT_WORK/policy"
is "$rc:$(recap)" "0:ok=3 changed=0 failed=0" "played again it changes nothing"
cp /etc/gocker.ini "$GKT_WORK/before"
{ cat "$GKT_WORK/policy"; echo 'pids_max = lots'; } >"$GKT_WORK/faulty"
play "$GKT_WORK/faulty"
isnt "$rc" 0 "a policy with a fault ends the play"
like "$out$err" 'failed to validate' "since gocker check refuses it"
check "and the one in place stays" cmp /etc/gocker.ini "$GKT_WORK/before"
