#!/bin/bash
# A67: what a caller may have set for itself that an execve keeps: capabilities to pass on, CPUs, I/O class, keys.
. "$(dirname "$0")/_lib.sh"
need taskset ionice setpriv
add_user alice
set_ini
remember_host

caps='grep -E "^Cap(Inh|Prm|Eff|Bnd|Amb)" /proc/self/status'
with_caps() { setpriv --reuid alice --regid "$(id -g alice)" --init-groups --inh-caps +net_raw,+chown --ambient-caps +net_raw,+chown "$@"; }
run with_caps sh -c "$caps"
like "$out" 'CapEff:[[:space:]]*0*2001' "A67 control: without gocker ambient capabilities come through an execve"
run with_caps "$GOCKER_SHELL" -c "$caps"
is "$(grep -c '^Cap' <<<"$out"):$(grep -cv '0000000000000000$' <<<"$out")" 5:0 "A67 [shell]: inside there is none, in no set"
for _ in $(doors | grep pam); do
	stack gt
	run setpriv --inh-caps +net_raw,+chown --ambient-caps +net_raw,+chown "$(command -v pamdrive)" gt alice open try "$caps" close
	# What bounds a narrowed daemon's child is the list in pam/README.md.
	is "$(grep -c '^Cap' <<<"$out"):$(grep '^Cap' <<<"$out" | grep -v '^CapBnd' | grep -cv '0000000000000000$')" 5:0 "A67 [pam]: nor behind the PAM door"
	check_not "A67 [pam]: nor can there be what the caller passed on and gocker does not keep" \
		test $((0x$(sed -n 's/^CapBnd:[[:space:]]*//p' <<<"$out") & 0x2000)) != 0
done

cpus() { taskset -cp "$1" | sed 's/.*: //'; }
all=$(cpus $$)
# The caller keeps to one CPU, which it may keep busy, and to the idle class of I/O.
(exec_as_user alice taskset -c 0 ionice -c 3 "$GOCKER_SHELL" -c 'grep Cpus_allowed_list /proc/self/status >~/got; sleep 1000') &
held=$!
wait_until 30 test -s /home/alice/got
(exec_as_user alice taskset -c 0 ionice -c 3 sleep 1000) &
plain=$!
wait_until 10 sh -c "[ \"\$(cat /proc/$plain/comm)\" = sleep ]"
init=$(pgrep -P $held -x gocker-init)
if [ "$all" = 0 ]; then
	skip "A67: the CPUs" "this machine has one"
else
	is "$(cpus $plain)" 0 "A67 control: without gocker a process keeps to its caller's CPU"
	is "$(cpus $held)" "$all" "A67 [shell]: the supervisor does not"
	is "$(cpus "$init")" "$all" "A67 [shell]: nor does init"
	like "$(cat /home/alice/got)" 'list:[[:space:]]*0$' "A67 [shell]: the command inside does, as without gocker"
fi
is "$(ionice -p $plain)" idle "A67 control: without gocker a process has its caller's I/O class"
unlike "$(ionice -p $held),$(ionice -p "$init")" idle "A67 [shell]: supervisor and init do not"
is "$(ionice -p "$(pgrep -P "$init" | head -n 1)")" idle "A67 [shell]: the command inside does"
kill $plain
as_user alice pkill -KILL -x gocker-stdio
wait $held $plain 2>/dev/null

# A38: who has a session keyring has all the keys in it, whoever the process becomes.
bring alice try
holding() { run "$GKT_HELPERS/try" holding gkt-secret treasure "$@"; }
holding setpriv --reuid alice --regid "$(id -g alice)" --init-groups "$GKT_HELPERS/try" key gkt-secret
is "$out" $'treasure\ndone' "A38 control: without gocker who was root has the keys of root's session"
holding setpriv --reuid alice --regid "$(id -g alice)" --init-groups "$GOCKER_SHELL" -c '/home/alice/try key gkt-secret'
is "$out" EPERM "A38 [shell]: inside nobody has"
for _ in $(doors | grep pam); do
	stack gt
	holding pamdrive gt alice open user "exec /home/alice/try key gkt-secret" close
	is "$(sed -n 2,3p <<<"$out" | xargs)" "ENOKEY run: 1" "A38 [pam]: nor behind the PAM door"
	# A keyring that the stack makes for the session, with what a module puts into it (a ticket), is the session's.
	stack gt 'required pam_keyinit.so force revoke' "required pam_exec.so $GKT_HELPERS/try put gkt-ticket ticket"
	holding pamdrive gt alice open user "/home/alice/try key gkt-ticket; exec /home/alice/try key gkt-secret" close
	is "$(sed -n 2,5p <<<"$out" | xargs)" "ticket done ENOKEY run: 1" "A38 [pam]: what a module put into the session's keyring is there, and root's is not"
done
check_clean "A67: nothing is left"
