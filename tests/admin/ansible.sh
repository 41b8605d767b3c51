#!/bin/bash
# The Ansible role, as it is installed: --check says what would change and changes nothing, the first run does it, the
# second changes nothing, and a host whose new policy has a fault is left alone.
# timeout: 300
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../images/_registry.sh"
need ansible-playbook
need_product
add_user ann --shell /bin/bash
add_user ben --shell /bin/sh
set_ini
start_sshd
export ANSIBLE_LOCAL_TEMP=$GKT_WORK/ansible ANSIBLE_REMOTE_TEMP=$GKT_WORK/ansible ANSIBLE_NOCOLOR=1
{ cat /etc/gocker.ini; echo 'hostname = by-ansible'; } >"$GKT_WORK/policy"
play() { # VARIABLES [OPTION...]: plays it with these variables, as JSON
	run ansible-playbook -i localhost, -c local /usr/local/share/doc/gocker/ansible/gocker.yml -e "$1" "${@:2}"
}
recap() { sed -n 's/^localhost .*\(changed=[0-9]*\).*\(failed=[0-9]*\).*/\1 \2/p' <<<"$out"; }
facts() { cat /etc/gocker.ini /etc/passwd /etc/shells; }
wanted="{\"gocker_policy\": \"$GKT_WORK/policy\", \"gocker_users\": [\"ann\", \"ben\"]}"

facts >"$GKT_WORK/before"
play "$wanted" --check --diff
is "$rc:$(recap)" "0:changed=2 failed=0" "with --check it says that the policy and users would change"
like "$out" '\+hostname = by-ansible' "with --diff also how"
check "and nothing has changed" cmp <(facts) "$GKT_WORK/before"
play "$wanted"
is "$rc:$(recap)" "0:changed=2 failed=0" "the first run changes them"
is "$(ssh_as ann hostname) $(ssh_as ben hostname)" "by-ansible by-ansible" "the next logins are contained, by the new policy"
play "$wanted"
is "$rc:$(recap)" "0:changed=0 failed=0" "the second run changes nothing"
facts >"$GKT_WORK/before"
{ cat "$GKT_WORK/policy"; echo 'pids_max = lots'; } >"$GKT_WORK/faulty"
play "${wanted//policy\", \"gocker_u/faulty\", \"gocker_u}"
isnt "$rc" 0 "a policy with a fault ends the run"
like "$out$err" 'failed to validate' "since gocker check refuses it"
check "and the one in place stays" cmp <(facts) "$GKT_WORK/before"

# An image, users released, what bypasses the doors.
own_images
rm -rf /var/lib/gocker/images/alpine
more='{"gocker_released": ["ann"], "gocker_fix": true, "gocker_fallback": true, "gocker_mirror": "file:///nowhere"}'
play "$more" --check
is "$rc:$(recap)" "0:changed=3 failed=0" "--check: an image is missing, a user would be released, something is open"
check_not "and nothing has changed" test -e /var/lib/gocker/images/alpine
is "$(getent passwd ann | cut -d: -f7)" "$GOCKER_SHELL" "and ann is where she was"
play "$more"
is "$rc:$(recap)" "0:changed=3 failed=0" "the image is made, ann is released, and what is open is closed"
is "$(ssh_as ann hostname) $(ssh_as ben hostname)" "throwaway by-ansible" "the logins are as was asked"
play "$more"
is "$rc:$(recap)" "0:changed=0 failed=0" "and a second run changes nothing"

# Images of a registry, by digest.
if command -v skopeo >/dev/null && command -v docker-registry >/dev/null && [ "$(uname -m)" = x86_64 ]; then
	mkdir -p /srv/l /srv/outside
	touch /srv/outside/flag
	/usr/bin/python3 "$GKT_TOP/tests/images/layouts.py" /srv/l /srv/outside/flag
	start_registry
	push() { skopeo copy --insecure-policy -q --dest-tls-verify=false "oci:/srv/l/$1:latest" docker://127.0.0.1:5000/test/tools:latest; }
	digest() { skopeo inspect --raw --tls-verify=false docker://127.0.0.1:5000/test/tools:latest | sha256sum | cut -d ' ' -f 1; }
	by() { printf '{"gocker_image": "", "gocker_images": [{"name": "tools", "ref": "127.0.0.1:5000/test/tools%s"}]}' "$1"; }
	has() { "$GOCKER" image show --format json tools | grep -c "\"digest\": *\"sha256:$1\""; }
	push base
	first=$(digest)
	play "$(by :latest)"
	isnt "$rc" 0 "an image by its tag is refused"
	like "$out" 'give it as registry/path/name@sha256:DIGEST' "with the reason"
	play "$(by "@sha256:$first")" --check
	is "$rc:$(recap)" "0:changed=1 failed=0" "--check: one is missing"
	check_not "and still is" test -e /var/lib/gocker/images/tools
	play "$(by "@sha256:$first")"
	is "$rc:$(recap):$(has "$first")" "0:changed=1 failed=0:1" "it is pulled by its digest"
	push twelve
	second=$(digest)
	play "$(by "@sha256:$first")"
	is "$rc:$(recap):$(has "$first")" "0:changed=0 failed=0:1" "it stays, though the tag has another by now"
	play "$(by "@sha256:$second")"
	is "$rc:$(recap):$(has "$second")" "0:changed=1 failed=0:1" "another digest is another image"
	kill "$registry"
else
	skip_missing "images by digest" "skopeo or docker-registry is not installed"
fi

# A host that is drained while it is changed.
ssh -l ben gocker 'echo in; sleep 1000' >"$GKT_WORK/open" 2>&1 </dev/null &
client=$!
check "a session is open" wait_until 60 grep -q in "$GKT_WORK/open"
upgrade="{\"gocker_policy\": \"$GKT_WORK/policy\", \"gocker_drain\": \"new kernel\", \"gocker_drain_wait\": 1, \"gocker_serial\": 1}"
play "$upgrade" --check
like "$rc:$("$GOCKER" drain --status)" '^0:not drained' "--check does not drain"
mark_syslog
play "$upgrade"
like "$rc:$(recap)" '^0:changed=[23] failed=0' "with gocker_drain it drains, and goes on when a session is left"
like "$(gocker_log)" 'event=drain .*reason="new kernel".*event=undrain' "the log has the beginning and the end"
is "$("$GOCKER" drain --status)" "not drained" "the host takes sessions again"
kill -0 "$client"
is "$?" 0 "the session that was open lives on"
play "${upgrade//policy\", \"gocker_d/faulty\", \"gocker_d}"
isnt "$rc" 0 "a run that fails"
like "$("$GOCKER" drain --status)" '^drained since .*: new kernel$' "leaves the host drained"
"$GOCKER" drain --off
"$GOCKER" kill --user ben
wait "$client"
isnt "$?" 0 "the session is over"
