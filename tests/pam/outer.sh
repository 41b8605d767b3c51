#!/bin/bash
# timeout: 180
# A stack whose last line is missing, or can be skipped, lets nobody in: `outer` refuses.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need_product
add_user alice
add_user rescue --shell /bin/sh --groups wheel
add_user free --shell /bin/sh
set_ini '[user:free]' 'contain = no'
OUTER="session required pam_gocker.so outer $NAMED" LAST="session required pam_gocker.so $NAMED"
remember_host

lines() { # SERVICE LINE...
	printf '%s\n' 'auth required pam_permit.so' 'account required pam_permit.so' "${@:2}" >"/etc/pam.d/$1"
}
refuses() { # NAME REASON LINE...
	lines gt "${@:3}"
	mark_syslog
	drive gt alice try true open try hostname close
	is "$(grep -c throwaway <<<"$out"):$(grep -c '^open: 6' <<<"$out")" 0:1 "$1: refused, and nothing runs"
	has_refused() { gocker_log | grep -q 'event=refused door=pam'; }
	wait_until 10 has_refused # the host's log is written by another process
	like "$(gocker_log)" "event=refused door=pam user=\"alice\" .*detail=\".*$2" "$1: the log says why"
}
contains() { # NAME LINE...
	lines gt "${@:2}"
	drive gt alice open try hostname close
	like "$out" $'open: 0\ngocker-container\nrun: 0\nclose: 0' "$1: contained"
}

refuses "outer alone" 'no session line of pam_gocker.so follows' "$OUTER"
is "$(grep '^said' <<<"$out")" 'said: gocker: the PAM stack of gt does not contain its logins, so this one is refused' \
	"the user gets one line"
refuses "outer twice" 'no session line' "$OUTER" 'session required pam_gocker.so debug outer'
lines gt "$LAST" "$OUTER"
drive gt alice open try hostname
like "$out" $'^said: gocker: .*\nopen: 6$' "the last line first: refused, and nothing runs"
refuses "the last line in another part" 'no session line' "$OUTER" 'account required pam_gocker.so'
refuses "the last line in a comment" 'no session line' "$OUTER" "# $LAST" "session optional pam_permit.so # $LAST"
refuses "sufficient between them" 'can be skipped by pam_permit.so' "$OUTER" 'session sufficient pam_permit.so' "$LAST"
refuses "done between them" 'can be skipped by pam_permit.so' "$OUTER" 'session [success=done default=ignore] pam_permit.so' "$LAST"
refuses "a jump too far" 'can be skipped by pam_permit.so' "$OUTER" 'session [success = 2 default=ignore] pam_permit.so' \
	'session required pam_permit.so' "$LAST" 'session required pam_permit.so'
refuses "an optional last line" 'is not required' "$OUTER" 'session optional pam_gocker.so'
refuses "a last line whose failure is ignored" 'is not required' "$OUTER" 'session [success=ok default=ignore] pam_gocker.so'
lines part 'session sufficient pam_permit.so' 'session required pam_permit.so'
refuses "sufficient in a file that is included" 'can be skipped by pam_permit.so' "$OUTER" '@include part' "$LAST"
refuses "the same by include" 'can be skipped by pam_permit.so' "$OUTER" 'session include part' "$LAST"
lines part "$LAST"
refuses "a substack that is jumped over" 'can be skipped by pam_permit.so' "$OUTER" \
	'session [default=1] pam_permit.so' 'session substack part'

contains "the last line by include" "$OUTER" 'session include part'
contains "in a substack" "$OUTER" 'session substack part'
# shellcheck disable=SC1003 # a backslash at the end of a line is what is meant
contains "a continued line" "$OUTER" 'session \' '  required \' '  pam_gocker.so debug'
contains "a list of values that says the same" "$OUTER" 'session [success=ok new_authtok_reqd=ok ignore=ignore default=bad] pam_gocker.so'
lines part 'session sufficient pam_permit.so' 'session required pam_deny.so'
contains "sufficient in a substack ends only that" "$OUTER" 'session substack part' "$LAST"
contains "a jump that stays before it (as in Debian's common-session)" "$OUTER" 'session [default=1] pam_permit.so' \
	'session requisite pam_deny.so' 'session required pam_permit.so' "$LAST"
contains "a substack counts as one in a jump" "$OUTER" 'session [default=1] pam_permit.so' 'session substack part' "$LAST"
lines gt
sed -i '/session/d' /etc/pam.d/gt
cp /etc/pam.d/other "$GKT_WORK/other"
lines other "$OUTER" "$LAST"
drive gt alice open try hostname close
like "$out" $'open: 0\ngocker-container' "a service without session lines is contained by \`other\`"
lines other "$OUTER"
drive gt alice open try hostname close
like "$out" 'open: 6' "or refused by it"
cp "$GKT_WORK/other" /etc/pam.d/other

# Those who are not contained are none of its business.
lines gt "$OUTER break_glass=wheel"
for who in root rescue free; do
	drive gt $who open try hostname close
	like "$out" $'open: 0\nthrowaway' "$who, who is not contained, gets in with any stack"
done

# Through sshd: no command, no forward.
lines gocker-sshd "$OUTER" 'session required pam_unix.so'
start_sshd
run ssh_as alice hostname
is "$rc:$(grep -c throwaway <<<"$out")" 254:0 "through sshd each command ends with 254"
run timeout 20 sftp -q -b /dev/null -s /usr/lib/openssh/sftp-server alice@gocker
isnt "$rc" 0 "sftp is refused"
stop_sshd
check_clean "nothing is left"
