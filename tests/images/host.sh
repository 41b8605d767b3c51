#!/bin/bash
# timeout: 120
# gocker image list and show tell of `host`, the root that is made of the host's own files: what is in
# it, what stays out and why, which programs have no effect in a session, and what of all that is seen
# looks like a secret. What they say is what a session sees.
. "$(dirname "$0")/../lib/test.sh"
need_product
need python3 jq
add_user alice
set_ini 'image = host' 'pids_max = 40'
own_images
ALLOW=/etc/gocker.d/host.allow
remember_host
mkdir -p /etc/gocker.d /etc/app.d /opt/tool /usr/local/share/app /opt/closed

run "$GOCKER" image show host
is "$rc" 0 "show host works without an image of that name"
is "$(sed -n '1,4p' <<<"$out" | tr -s ' ')" "name host
what $(. /etc/os-release && echo "$PRETTY_NAME")
from this host's own files, at each login
in use no" "and says what it is"
is "$(grep '^exposed' <<<"$out")" "" "nothing that comes with this system is called a secret"
is "$err" "" "nor is there a hint"

# --- what it says is what a session sees ---

show() { "$GOCKER" image show --format json host; }
printf '%s\n' /etc/app.d /etc/theirs /etc/writable /etc/private /etc/big '!/opt/closed' >$ALLOW
echo x >/etc/theirs
chown alice /etc/theirs
echo x >/etc/writable
chmod 666 /etc/writable
echo x >/etc/private
chmod 600 /etc/private
truncate -s 2M /etc/big
echo setting >/etc/app.d/conf
"$GOCKER" image show host >"$GKT_WORK/show"
for line in 'directory /usr' 'directory /etc/app.d' 'partial /opt' 'directory /opt/tool' \
	'left out /etc/theirs: it does not belong to root' \
	'left out /etc/writable: others can write it' \
	'left out /etc/private: not everyone may read it' \
	'left out /etc/big: it is too large to be copied' \
	'left out /opt/closed: a line of /etc/gocker.d/host.allow keeps it out' \
	'harmless /usr/bin/passwd: its set-user-ID bit has no effect in a session' \
	'harmless /usr/bin/crontab: its set-group-ID bit has no effect in a session'; do
	is "$(tr -s ' ' <"$GKT_WORK/show" | grep -cxF "$line")" 1 "$line"
done
# Each part by itself, where the session has it; and in /etc nothing but those and gocker's own.
show >"$GKT_WORK/show.json"
is "$(jq -r '.items[] | select(.left_out == null) | .path' "$GKT_WORK/show.json" | sort | as_user alice "$GOCKER_SHELL" -c 'while read -r p; do [ -e "$p" ] || [ -L "$p" ] || echo "$p"; done')" \
	"" "all that it lists is in a session"
is "$(jq -r '.items[] | select(.left_out) | .path' "$GKT_WORK/show.json" | as_user alice "$GOCKER_SHELL" -c 'while read -r p; do [ -e "$p" ] && echo "$p"; done')" \
	"" "and nothing that it lists as left out"
"$GOCKER" explain --plan alice | sed -nE 's/^mount host "([^"]*)".*/\1/p' | sort >"$GKT_WORK/mounts"
is "$(jq -r '.items[] | select(.left_out == null and .kind == "directory") | .path' "$GKT_WORK/show.json" | sort)" "$(cat "$GKT_WORK/mounts")" \
	"its directories are those that the plan binds"
"$GOCKER" explain --plan alice | sed -nE 's/^entry host [^"]*"([^"]*)".*/\1/p' | sort >"$GKT_WORK/files"
is "$(jq -r '.items[] | select(.left_out == null and .kind == "file") | .path' "$GKT_WORK/show.json" | sort | grep -vxF -f "$GKT_WORK/files")" "" \
	"its files those that the plan copies"
is "$(jq -c '[.name, .current, .managed, .in_use, (.items[0] | .path, .kind)]' "$GKT_WORK/show.json")" '["host",true,false,false,"/usr","directory"]' "as JSON"
is "$(jq -r '[paths | map(select(type == "string")) | join(".")] | unique | .[]' "$GKT_WORK/show.json" | sort | paste -sd ' ')" \
	"current exposed from harmless harmless.path harmless.why in_use items items.kind items.left_out items.link items.path managed name os" "with the names of gocker(8)"
is "$(jq -r '.harmless[] | select(.path == "/usr/bin/passwd") | .why' "$GKT_WORK/show.json")" "its set-user-ID bit has no effect in a session" "programs, too"

# --- what looks like a secret ---

printf '%s\n' /etc/app.d >$ALLOW
printf -- '-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n' >/opt/tool/key
echo 'x' >/opt/tool/customers.sql
printf '[client]\nuser = root\npassword = hunter2\n' >/etc/app.d/client.cnf
printf '{ "api_key" : "abc" }\n"api_key": "abc"\n' >/etc/app.d/conf.json
printf '# password = old\npassword = ${FROM_ENV}\npassword_file = /x\n' >/etc/app.d/harmless.cnf
echo 'x' >/usr/local/share/app/.htpasswd
cp /opt/tool/key /opt/tool/closed-key
chmod 640 /opt/tool/closed-key
ln -s key /opt/tool/link
is "$("$GOCKER" image show -q host | sed -n 's/^exposed *//p' | sort)" "/etc/app.d/client.cnf: everyone may read it, and it sets a password
/etc/app.d/conf.json: everyone may read it, and it sets a password
/opt/tool/customers.sql: everyone may read it, and it has the name of a secret or a dump
/opt/tool/key: everyone may read it, and it holds a private key
/usr/local/share/app/.htpasswd: everyone may read it, and it has the name of a secret or a dump" "what everyone may read and looks like a secret is listed"
run "$GOCKER" image show host
like "$err" '^5 files that everyone may read may be secret; use chmod o-r, or a line !PATH in /etc/gocker.d/host.allow$' "with what to do"
printf '%s\n' /etc/app.d '!/opt/tool' '!/usr/local/share/app' '!/etc/app.d/c*' >$ALLOW
is "$("$GOCKER" image show host 2>&1 | grep exposed)" "" "which is done: nothing is exposed"
is "$(as_user alice "$GOCKER_SHELL" -c 'ls /opt/tool /usr/local/share/app /etc/app.d' 2>/dev/null)" "/etc/app.d:
harmless.cnf" "nor seen"

# --- faults ---

echo '/etc/*' >$ALLOW
run "$GOCKER" image show host
is "$rc:$out:$err" "125::gocker image show: /etc/gocker.d/host.allow:1: \"/etc/*\" has a part of wildcards alone; name what is to be seen" "a fault in the list is told with its line"
rm $ALLOW
for command in verify remove; do
	run "$GOCKER" image $command host
	is "$rc:$out" 125: "$command host is refused"
	like "$err" "^gocker image $command: 'host' is made of this host's own files at each login: nothing is stored" "because nothing is stored of it"
done
run "$GOCKER" image edit host true
like "$rc:$err" "^125:gocker image edit: 'host' is made of this host's own files" "edit host, too"

# --- list ---

like "$("$GOCKER" image list | grep '^host')" "^host +built in +- +- +- +- +- +.*, this host's own files$" "list has it"
is "$("$GOCKER" image list --format json host | jq -c '[.[] | [.name, .managed, .in_use]]')" '[["host",false,false]]' "as JSON, and by its name"
as_user alice "$GOCKER_SHELL" -c 'cat' < <(sleep 1000 & echo $! >"$GKT_WORK/sleep"; wait) &
used() { "$GOCKER" image list | grep -q '^host.* alice  *[^ ]'; }
check "a session uses it" wait_until 60 used
is "$("$GOCKER" image show host | sed -n 's/^in use *//p')" yes "as show says"
kill "$(cat "$GKT_WORK/sleep")"
wait
mkdir /var/lib/gocker/images/host
is "$("$GOCKER" image list | awk '$1 == "host" { print $2, $3 }')" $'built in\nnot used' "a directory of that name among the images is told to be of no use"
rmdir /var/lib/gocker/images/host
check_clean "nothing is left"
