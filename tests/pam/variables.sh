#!/bin/bash
# Variables that modules of the stack set, and that name what is on the host only.
# timeout: 240
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need_product
add_user alice --shell /bin/sh
set_ini
cat >/etc/gkt-variables <<'END'
TMPDIR=/tmp/user/1000
TEMP=/tmp/
XDG_RUNTIME_DIR=/run/user/1000
DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus
KRB5CCNAME=FILE:/tmp/krb5cc_1000
XAUTHORITY=/home/alice/.Xauthority
EDITOR=vi
END
cat >/usr/local/bin/note <<END
#!/bin/sh
[ "\$PAM_TYPE" != close_session ] || env | grep -E '^(TMPDIR|KRB5CCNAME)=' | sort >$GKT_WORK/closed
END
chmod 755 /usr/local/bin/note
su_stack() { # 0: on the host
	{
		printf 'auth sufficient pam_rootok.so\naccount required pam_permit.so\n'
		[ "$1" = host ] || echo 'session required pam_gocker.so outer'
		echo 'session required pam_env.so readenv=1 envfile=/etc/gkt-variables'
		echo 'session optional pam_exec.so /usr/local/bin/note'
		[ "$1" = host ] || echo 'session required pam_gocker.so'
	} >/etc/pam.d/su
}
names='TMPDIR|TEMP|XDG_RUNTIME_DIR|DBUS_SESSION_BUS_ADDRESS|KRB5CCNAME|XAUTHORITY|EDITOR'
remember_host

su_stack host
run su alice -c "env | grep -E '^($names)=' | sort"
is "$(wc -l <<<"$out")" 7 "control: without gocker's lines all are passed"
su_stack contained
run su alice -c "hostname; env | grep -E '^($names)=' | sort"
is "$out" "gocker-container
EDITOR=vi
TEMP=/tmp/
XAUTHORITY=/home/alice/.Xauthority" "what names a path below /run or /tmp is left out, the rest is passed"
is "$(cat "$GKT_WORK/closed")" "KRB5CCNAME=FILE:/tmp/krb5cc_1000
TMPDIR=/tmp/user/1000" "and the modules have it again when they close"
check_clean "nothing is left"
