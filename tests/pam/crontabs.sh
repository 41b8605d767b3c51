#!/bin/bash
# timeout: 300
# conf/cron: users of `image = host`, whose sessions have no set-group-ID programs, edit ~/.crontab with the crontab
# that is shipped, and gocker-crontabs makes it their crontab. Their jobs run in their containers, and what root does
# for that reads nothing that they could not read inside.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need_product
need cron crontab flock logger
SHARE=/usr/local/share/gocker/cron
add_group customers
add_user alice --groups customers
add_user ben --groups customers
add_user carl
own_images
set_ini 'image = host' 'pids_max = 60' 'hostname = hosting'
remember_host
cp "$SHARE/crontab" /usr/local/bin/crontab
hash -r
as() { as_user "$1" "$GOCKER_SHELL" -c "$2"; } # USER SCRIPT
host_crontab() { /usr/bin/crontab -u "$1" -l 2>/dev/null; }
CRONTABS=("$SHARE/gocker-crontabs" customers)
settled() { # the readers in the background are done
	local lock
	for lock in /var/lib/gocker/crontabs/*.lock; do
		if [ -e "$lock" ] && ! flock -n "$lock" true; then return 1; fi
	done
}
take_over() { "${CRONTABS[@]}" && wait_until 120 settled; }
# taken_over USER LINE, told USER PATTERN: run it once more, as cron does, and look for that in the user's crontab, or in
# what the user is told.
taken_over() {
	take_over
	[ "$(host_crontab "$1" | head -n 1)" = "$2" ]
}
told() {
	take_over
	grep -q "$2" "/home/$1/.crontab.log"
}

in_kernel() { grep -q '^State:	D' "/proc/$1/status"; } # PID
asks_server() { grep -q request "/proc/$1/wchan"; } # PID: it waits in the kernel for a FUSE server
nobody_stuck() { [ "$(stuck)" = 0 ]; }

# --- only behind the PAM door ---

run "${CRONTABS[@]}"
like "$rc:$err" "^1:gocker-crontabs: cron's PAM stack does not have" "without the PAM door in cron's stack it refuses"
shipped cron

# --- a job, from the session to the container ---

run as alice 'printf "%s\n" "@reboot (hostname; id -un; ls /home) >from-cron" | crontab -'
is "$rc:$out" 0: "crontab - works in a session"
like "$err" 'within a minute' "and says when it takes effect"
is "$(host_crontab alice)" "" "before gocker-crontabs runs there is none"
check "then it is the user's crontab" wait_until 120 taken_over alice "@reboot (hostname; id -un; ls /home) >from-cron"
is "$(cat /home/alice/.crontab.log)" installed "which the user is told"
is "$(stat -c '%U %a' /home/alice/.crontab /home/alice/.crontab.log | sed 's/ [0-7]*$//' | sort -u)" alice "in files of the user's"
rm -f /run/crond.reboot /run/crond.pid
daemon cron
check "its job runs" wait_until 120 grep -qx alice /home/alice/from-cron
is "$(tr '\n' ' ' </home/alice/from-cron)" "hosting alice alice " "in the user's container"
kill "$(cat /run/crond.pid)"

# --- crontab's options ---

is "$(as alice 'crontab -l')" "@reboot (hostname; id -un; ls /home) >from-cron" "crontab -l"
run as alice 'EDITOR="sed -i s/@reboot/@daily/" crontab -e; crontab -l'
is "$rc:$out" "0:@daily (hostname; id -un; ls /home) >from-cron" "crontab -e"
run as alice 'EDITOR=true crontab -e'
is "$rc:$err" "0:crontab: unchanged" "crontab -e without a change"
run as alice 'EDITOR=false crontab -e; crontab -l | grep -c daily; ls -A | grep -c "new"'
is "$out" $'1\n0' "an editor that fails changes and leaves nothing"
run as alice 'crontab -u ben -l'
like "$rc:$err" '^1:crontab: usage' "no option for other users"
run as ben 'crontab -l'
is "$rc:$err" "1:crontab: no crontab for ben" "a user without one is told so"
run as_user carl crontab -l
like "$rc:$err" '^1:no crontab for carl' "outside of sessions it is the host's crontab"
check "a change is taken over" wait_until 120 taken_over alice "@daily (hostname; id -un; ls /home) >from-cron"

# --- mistakes ---

as alice 'echo "61 * * * * true" | crontab -' 2>/dev/null
check "a crontab with a mistake: the user is told what it is" wait_until 120 told alice 'bad minute'
is "$(host_crontab alice)" "@daily (hostname; id -un; ls /home) >from-cron" "and the old one stays"
as alice 'yes "# a long comment" | head -c 65537 >.crontab'
check "one that is too large: the user is told" wait_until 120 told alice '^crontab: more than 65536 bytes$'
is "$(host_crontab alice)" "@daily (hostname; id -un; ls /home) >from-cron" "and it is not taken"

# --- what root's side reads ---

printf 'SECRET=planted\n0 0 1 1 * true\n' >/srv/planted
is "$(as_user alice cat /srv/planted | head -n 1)" SECRET=planted "A20 control: on the host the user can read a file that sessions do not have"
as alice 'rm .crontab; ln -s /srv/planted .crontab'
mark_syslog
take_over
unlike "$(host_crontab alice)" planted "A20: a link to it does not make it the user's crontab"
said() { tail -n 50 "$GKT_SYSLOG" | grep -a 'gocker-crontabs.*user=alice its .crontab could not be read'; }
check "A20: which is logged" wait_until 60 said
as alice 'rm .crontab; mkfifo .crontab'
echo '@weekly true' >/home/ben/.crontab
chown ben:ben /home/ben/.crontab
taken() { # while the pipe's reader waits
	"${CRONTABS[@]}"
	[ "$(host_crontab ben)" = '@weekly true' ]
}
check "a pipe in its place keeps nobody else waiting" wait_until 120 taken
is "$(as_user alice ls -l /home/alice/.crontab | cut -c1)" p "(which it was)"
wait_until 180 settled

# A home on a file system that does not answer: who looks there is in the kernel and outlives SIGKILL.
if has_fuse; then
	install -d -o carl -g carl /home/carl
	join_group carl customers
	home_on_fuse carl hang
	echo '@monthly true' >/home/ben/.crontab
	stuck() { pgrep -fc '^stat .*/home/carl/.crontab'; }
	sh -c 'exec stat -c %i /home/carl/.crontab' >/dev/null 2>&1 &
	control=$!
	wait_until 60 asks_server "$control"
	kill -9 "$control"
	check "a home that does not answer: control: who asks for a file there is not ended by SIGKILL" wait_until 60 in_kernel "$control"
	run timeout 120 "${CRONTABS[@]}"
	isnt "$rc" 124 "it does not keep gocker-crontabs"
	check "and nobody else waits for it" wait_until 120 taken_over ben '@monthly true'
	is "$(stuck)" 2 "runs that follow leave no more processes there than the first (and the control's)"
	home_off_fuse carl
	check "what waited there ends with the server" wait_until 60 nobody_stuck
	wait "$control" 2>/dev/null
fi

# An image whose programs print without an end, on both descriptors: the script's own function, whose files stay.
cp -a /var/lib/gocker/images/alpine /var/lib/gocker/images/evil
printf '#!/bin/busybox sh\nyes >&2 &\nexec yes\n' >/var/lib/gocker/images/evil/bin/evil
chmod 755 /var/lib/gocker/images/evil/bin/evil
ln -sf evil /var/lib/gocker/images/evil/bin/sh
set_ini 'image = host' 'pids_max = 60' 'hostname = hosting' '[user:ben]' 'image = evil'
is "$("$GOCKER" run --user ben -- sh 2>/dev/null | head -c 1000000 | wc -c)" 1000000 "A80 control: in that image sh prints as much as is read"
limit=65536
eval "$(sed -n '/^inside() {/,/^}/p; /^fetch() {/,/^}/p' "$SHARE/gocker-crontabs")"
check_not "A80: a .crontab is not taken from programs that print without an end" fetch ben "$GKT_WORK/ben"
check "A80: of what they print no more than a part is kept: $(wc -c <"$GKT_WORK/ben.new") bytes" test "$(wc -c <"$GKT_WORK/ben.new")" -le $((limit + 2))
check "A80: and of their errors: $(wc -c <"$GKT_WORK/ben.said") bytes" test "$(wc -c <"$GKT_WORK/ben.said")" -le 4096
set_ini 'image = host' 'pids_max = 60' 'hostname = hosting'

# --- the end ---

as alice 'rm .crontab'
as ben 'crontab -r' 2>/dev/null
echo '@yearly true' | /usr/bin/crontab -u carl -
removed() {
	"${CRONTABS[@]}"
	[ -z "$(host_crontab alice)$(host_crontab ben)" ]
}
check "a .crontab that is removed removes the crontab" wait_until 60 removed
join_group carl customers
take_over
is "$(host_crontab carl)" "@yearly true" "a crontab that an administrator made for a user without .crontab stays"
check_clean "nothing is left"
