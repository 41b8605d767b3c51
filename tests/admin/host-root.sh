#!/bin/bash
# timeout: 180
# gocker check and doctor on image = host: a list that nobody can use, lines that do not do what they say,
# a shell that sessions do not have, homes and secrets that every session sees.
. "$(dirname "$0")/../lib/test.sh"
need jq
need_product
add_user alice
set_ini 'image = host'
ini=$GKT_WORK/draft.ini
ALLOW=/etc/gocker.d/host.allow
mkdir -p /etc/gocker.d /opt/tool
printf '%s\n' '[default]' 'pids_max = 20' 'image = host' >"$ini"
checks() { # NAME LINE PATTERN: one warning, there, so; exit status 0, and 1 with --strict
	run "$GOCKER" check "$ini"
	is "$rc" 0 "check: $1: a warning is no fault"
	is "$(grep -c ': warning: ' <<<"$out")" 1 "check: $1: one warning"
	like "$out" "^$ini:$2: warning: $3" "check: $1: with its line"
	run "$GOCKER" check --strict "$ini"
	is "$rc" 1 "check: $1: a fault with --strict"
}
# doctor's findings on the image, a line each.
found() { "$GOCKER" doctor --format json | jq -r '.[] | select(.item == "image") | "\(.level) \(.finding)"'; }

run "$GOCKER" check --strict "$ini"
is "$rc:$out" "0:$ini: no fault found" "check: image = host without a list has no fault"
like "$(found)" '^ok host is made of [0-9]+ parts of this host \((merged|/bin, /sbin and /lib\* beside) /usr\)$' "doctor: tells what it is made of"

# --- the list ---

echo /opt/tool >$ALLOW
chmod 666 $ALLOW
checks "others can write the list" 3 '/etc/gocker.d/host.allow can be written by others.*; its logins will be refused'
like "$(found)" '^bad /etc/gocker.d/host.allow can be written by others' "doctor: as it says"
chmod 644 $ALLOW
chown alice $ALLOW
checks "the list is not root's" 3 '/etc/gocker.d/host.allow belongs to uid .*; its logins will be refused'
chown root $ALLOW
rm $ALLOW
ln -s /opt/tool/list $ALLOW
touch /opt/tool/list
checks "the list is a symbolic link" 3 '/etc/gocker.d/host.allow is a symbolic link; .*; its logins will be refused'
rm $ALLOW
echo '/etc/*' >$ALLOW
checks "a line that is too wide" 3 '/etc/gocker.d/host.allow:1: "/etc/\*" has a part of wildcards alone'
echo /etc/shadow >$ALLOW
checks "a secret" 3 '/etc/gocker.d/host.allow:1: "/etc/shadow" is never shown to users'
like "$(found)" '^bad /etc/gocker.d/host.allow:1: "/etc/shadow" is never shown' "doctor: a secret"
printf '\n/etc/nosuch\n' >$ALLOW
checks "a line that names nothing" 3 '/etc/gocker.d/host.allow:2: "/etc/nosuch" is not on this host; correct the path'
like "$(found)" '^warn /etc/gocker.d/host.allow:2: "/etc/nosuch" is not on this host' "doctor: a line that names nothing"
echo '!/opt/tol' >$ALLOW
checks "a line that keeps out nothing" 3 '/etc/gocker.d/host.allow:1: "/opt/tol" keeps out nothing that is let in'
echo '!/opt/tool' >$ALLOW
run "$GOCKER" check --strict "$ini"
is "$rc" 0 "check: one that keeps out something is well"
echo theirs >/etc/theirs
chown alice /etc/theirs
echo /etc/theirs >$ALLOW
checks "what root does not own" 3 '"/etc/theirs" is not let in: it does not belong to root; see .gocker image show host.'
like "$(found)" '^warn "/etc/theirs" is not let in: it does not belong to root' "doctor: what root does not own"
echo '/etc/gshado?' >$ALLOW
checks "a pattern that matches a secret" 3 '"/etc/gshadow" is not let in: never shown to users'
chmod 600 $ALLOW
cp "$ini" /tmp/draft.ini
run as_user alice "$GOCKER" check --strict /tmp/draft.ini
is "$rc:$out" "0:/tmp/draft.ini: no fault found" "check: a user who may not read the list is told nothing of it"
rm $ALLOW

# --- the shell ---

printf '%s\n' '[default]' 'image = host' '[user:alice]' 'shell = /usr/bin/nosuch' >"$ini"
checks "a shell that this host does not have" 4 'sessions with image = host have no program /usr/bin/nosuch; its logins will be refused'
mkdir -p /srv/shells
cp /bin/dash /srv/shells/own
sed -i 's|/usr/bin/nosuch|/srv/shells/own|' "$ini"
checks "a shell that is out of the root" 4 'sessions with image = host have no program /srv/shells/own'
printf '#!/opt/tool/nosuch\n' >/opt/tool/sh
chmod 755 /opt/tool/sh
sed -i 's|/srv/shells/own|/opt/tool/sh|' "$ini"
checks "a shell whose interpreter is missing" 4 '/opt/tool/sh needs the interpreter /opt/tool/nosuch, which is not in the image'
set_ini 'image = host' '[user:alice]' 'shell = /opt/tool/sh'
like "$("$GOCKER" doctor alice)" 'bad +trial .*needs the interpreter /opt/tool/nosuch' "doctor: a shell whose interpreter is missing"
set_ini 'image = host'
sed -i 's|/opt/tool/sh|/bin/bash|' "$ini"
run "$GOCKER" check --strict "$ini"
is "$rc" 0 "check: /bin/bash is found behind the link /bin"

# --- what is seen ---

add_user opal --home /opt/people/opal
like "$(found | head -n 1)" '^warn host: every session sees /opt/people/opal$' "doctor: a home that every session sees"
echo '!/opt/people' >$ALLOW
unlike "$(found)" 'every session sees' "doctor: not once a line keeps it out"
printf -- '-----BEGIN RSA PRIVATE KEY-----\n' >/opt/tool/key
like "$(found | head -n 1)" '^warn host: 1 file that sessions see may be secret$' "doctor: a private key that everyone may read"
chmod 600 /opt/tool/key
unlike "$(found)" 'may be secret' "doctor: not one that they may not"
run "$GOCKER" doctor alice
like "$out" 'ok +trial +a trial login through the shell door works' "doctor: a trial login"
