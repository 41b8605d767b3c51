#!/bin/bash
# gocker enable and disable: users come in and go out, and nobody is locked out by it.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need_product
add_user alice --shell /bin/bash
add_user bob --shell /bin/sh
add_user carol --shell /bin/bash --groups sudo
add_user dave --shell /bin/sh --no-home
set_ini
start_sshd
shell_of() { getent passwd "$1" | cut -d: -f7; }
sed -i '\|gocker-shell|d' /etc/shells
touch -d 2020-01-01 /home/alice
cp /etc/pam.d/sshd "$GKT_WORK/stock"
remember_host

is "$(ssh_as alice hostname)" throwaway "before it alice is on the host"
cp /etc/passwd "$GKT_WORK/passwd"
run "$GOCKER" enable --dry-run alice
is "$rc" 0 "--dry-run of a user who can come in"
like "$out" 'would change the shell from /bin/bash to /usr/local/bin/gocker-shell, and add that to /etc/shells' "says what it would do"
check "and does nothing" cmp /etc/passwd "$GKT_WORK/passwd"
mark_syslog
run "$GOCKER" enable alice bob
is "$rc" 0 "enable"
is "$(shell_of alice) $(shell_of bob)" "$GOCKER_SHELL $GOCKER_SHELL" "the users have gocker-shell"
is "$(grep -c "^$GOCKER_SHELL$" /etc/shells)" 1 "/etc/shells names it, once"
is "$(ssh_as alice hostname)" gocker-container "the next login is contained"
like "$(gocker_log)" 'event=enable user="alice" door=shell by=root' "the log says who did it"
unlike "$(gocker_log)" "event=(open|close)[^\n]* uid=4294967293" "the trial login is not logged as one"
run "$GOCKER" enable alice
like "$rc:$out" '^0:alice: contained already' "enable twice is no error"
is "$(cat /var/lib/gocker/accounts/alice)" /bin/bash "and the shell that was remembered stays"
is "$(find /home/alice -newermt 2021-01-01 -not -name '.*' | grep -v '^/home/alice$')" "" "nothing was written to the home"

# Where systemd runs, it starts user managers past the shell door.
mkdir -p /run/systemd/system
printf 'account required pam_unix.so\nsession optional pam_permit.so\n' >/etc/pam.d/systemd-user
run "$GOCKER" enable alice
like "$rc:$out" '^0:.*still open:.*  manager +user@UID.service runs units .*gocker doctor --fix' "enable says that user managers start on the host"
cp /usr/local/share/gocker/pam.d/systemd-user /etc/pam.d/
run "$GOCKER" enable alice
unlike "$rc:$out" '^[^0]|manager' "and does not where they are refused"
rm -r /run/systemd/system /etc/pam.d/systemd-user

# Nobody is locked out.
run "$GOCKER" enable root
is "$rc" 1 "root is refused"
like "$err" 'root is not contained' "and why"
run "$GOCKER" enable carol
is "$rc" 1 "the only member of sudo is refused"
like "$err" 'carol is the last member of sudo outside of a container' "and why"
is "$(shell_of carol)" /bin/bash "nothing was changed"
add_user erin --shell /bin/bash --groups sudo
run "$GOCKER" enable carol
is "$rc" 0 "with a second administrator she can come in"
run "$GOCKER" enable erin
is "$rc" 1 "and then the second is the last"
add_user frank --shell /bin/bash --gid "$(getent group sudo | cut -d: -f3)"
run "$GOCKER" enable --dry-run erin
is "$rc" 0 "one whose own group is sudo is an administrator, too"
cp /usr/local/share/gocker/pam.d/sshd /etc/pam.d/sshd
run "$GOCKER" enable --dry-run erin
is "$rc" 1 "and none is outside where the PAM door contains him"
rm /etc/pam.d/sshd
userdel frank
run "$GOCKER" enable nobody-knows
is "$rc" 1 "an unknown user"
like "$err" 'nobody-knows has no account' "is named"

# A trial login that fails changes nothing.
run "$GOCKER" enable dave
is "$rc" 1 "a user whose login would fail (no home) is refused"
like "$err" 'a trial login fails: ' "and why"
is "$(shell_of dave)" /bin/sh "nothing was changed"
chmod u-s "$GOCKER_SHELL"
run "$GOCKER" enable dave
like "$err" 'not set-uid' "gocker-shell without its bit is noticed"
chmod 4755 "$GOCKER_SHELL"
echo 'pids_max = lots' >>/etc/gocker.ini
run "$GOCKER" enable --dry-run erin dave
like "$err" 'gocker.ini:' "a broken configuration is noticed"
set_ini

# The trial counts against nothing of the user's.
set_ini 'user_sessions_max = 1'
usermod -s /bin/sh bob
start_session alice 'echo ready; sleep 1000; :'
set_shell alice /bin/bash
run "$GOCKER" enable alice
is "$rc" 0 "a trial for a user whose sessions are all taken"
is "$(id_of alice | wc -l)" 1 "and the session that he has lives on"
run "$GOCKER" disable --dry-run alice
is "$rc:$out:$(shell_of alice)" "0:alice: would change the shell back to /bin/bash:$GOCKER_SHELL" "disable --dry-run says what it would do, and does nothing"
run "$GOCKER" disable alice
is "$rc" 0 "disable"
is "$(shell_of alice)" /bin/bash "gives the shell back"
like "$out" 'alice: 1 session is still open' "and tells of the session that lives"
end_client "$session_pid"
is "$(ssh_as alice hostname)" throwaway "the next login is on the host"
check_not "what was remembered is forgotten" test -e /var/lib/gocker/accounts/alice
run "$GOCKER" disable bob
is "$rc" 0 "disable of a user who is not contained"
like "$out" 'does not contain this user' "says so"
set_shell bob "$GOCKER_SHELL"
rm -f /var/lib/gocker/accounts/bob
run "$GOCKER" disable bob
is "$rc" 1 "a shell that is not known"
like "$err" 'name one with --shell' "must be named"
for shell in /bin/nosuch /etc/passwd "$GOCKER_SHELL"; do
	run "$GOCKER" disable --shell "$shell" bob
	like "$rc:$err:$(shell_of bob)" "1:gocker disable: bob: --shell $shell: .+:$GOCKER_SHELL" "--shell $shell is refused"
done
run "$GOCKER" disable --shell /bin/dash bob
is "$rc:$(shell_of bob)" 0:/bin/dash "--shell"

# The PAM door: its lines in the host's stacks, put in and taken out.
usermod -s /bin/sh bob
set_ini
rm -f /etc/pam.d/sshd
cp "$GKT_WORK/stock" /etc/pam.d/sshd
run "$GOCKER" enable --door pam --dry-run bob
is "$rc" 1 "--door pam that would contain every administrator is refused"
like "$err" 'every member of sudo, admin and wheel would be contained; .*--break-glass' "with what to do"
set_ini '[group:sudo]' 'contain = no'
run "$GOCKER" enable --door pam --dry-run bob
is "$rc" 0 "--dry-run where one is spared"
like "$out" 'every account without contain = no.* On this host [0-9]+ accounts:
[^/]*alice[^/]*bob' "names all accounts that it would contain"
unlike "$out" '(carol|erin|daemon)' "and none that is exempt"
like "$out" '/etc/pam.d/sshd: would have as line [0-9]+: session +required +pam_gocker.so outer' "says which line would go where"
like "$out" 'not contained: what users do through .*su.*; see --service' "and which stacks stay as they are"
check "and changes nothing" cmp /etc/pam.d/sshd "$GKT_WORK/stock"
run "$GOCKER" enable --door pam bob
is "$rc:$err" "1:gocker enable: nothing was changed; --yes does it without a terminal" "without a terminal it wants --yes"
check "and changes nothing" cmp /etc/pam.d/sshd "$GKT_WORK/stock"
expect_test "on a terminal it asks, and takes no for an answer" <<'TCL'
spawn -noecho gocker enable --door pam bob
want {contain them\? \[y/N\] $}
say n
want {gocker enable: nothing was changed}
equal [ended] 1
TCL
check "no: and changes nothing" cmp /etc/pam.d/sshd "$GKT_WORK/stock"
run "$GOCKER" enable --door pam --yes bob
is "$rc" 0 "enable --door pam"
is "$(grep -n pam_gocker /etc/pam.d/sshd | cut -d: -f2- | tr -s ' ')" \
	"$(printf 'account required pam_gocker.so check\nsession required pam_gocker.so outer\nsession required pam_gocker.so')" "its three lines are in the stack"
is "$(grep -E '^account' /etc/pam.d/sshd | head -n 1 | tr -s ' ')" "account required pam_gocker.so check" "the account line comes before the others"
is "$(grep -v pam_gocker /etc/pam.d/sshd)" "$(cat "$GKT_WORK/stock")" "and all others as they were"
is "$(grep -E '^-?session|^@include common-session' /etc/pam.d/sshd | sed -n '1p;$p' | grep -c pam_gocker)" 2 "the first and the last of the session"
is "$(stat -c '%a %u' /etc/pam.d/sshd)" "644 0" "readable as before"
like "$(gocker_log)" 'event=enable door=pam service=sshd by=root' "the log says who did it"
run "$GOCKER" enable --door pam --yes bob
is "$rc" 0 "twice is no error"
is "$(grep -c pam_gocker /etc/pam.d/sshd)" 3 "and adds nothing"
sed -e 's/^\(session *\)required\( *pam_loginuid.so\)/\1optional\2/' -e 's/^@include common-auth/auth required pam_permit.so/' \
	/etc/pam.d/sshd >/etc/pam.d/gocker-sshd
stop_sshd
start_sshd
is "$(ssh_as bob hostname)" gocker-container "a real login through that stack is contained"
is "$(ssh_as root hostname)" throwaway "root's is not"
set_ini 'image = nosuch' '[group:sudo]' 'contain = no'
run ssh_as bob -o LogLevel=INFO hostname
like "$rc:$err" "^255:.*gocker: there is no image 'nosuch'" "where no session can open the account line refuses the connection"
set_ini '[group:sudo]' 'contain = no'
run "$GOCKER" disable --door pam bob
is "$rc" 2 "disable --door pam of one user is wrong use: gocker.ini spares users"
run "$GOCKER" disable --door pam --dry-run
is "$rc:$(grep -c pam_gocker /etc/pam.d/sshd)" 0:3 "disable --door pam --dry-run does nothing"
like "$out" '/etc/pam.d/sshd' "and says where it would"
run "$GOCKER" disable --door pam
is "$rc" 0 "disable --door pam"
check "gives the stack back as it was, byte for byte" cmp /etc/pam.d/sshd "$GKT_WORK/stock"
check_not "and forgets it" test -e /var/lib/gocker/pam/sshd

if [ ! -e /usr/lib/pam.d/systemd-user ]; then # a host without systemd has none
	mkdir -p /usr/lib/pam.d
	printf '%s\n' 'account required pam_unix.so' 'session required pam_unix.so' >/usr/lib/pam.d/systemd-user
fi
run "$GOCKER" enable --door pam --break-glass sudo --service sshd --service systemd-user --yes bob
is "$rc" 0 "--break-glass, --service"
is "$(grep -c 'pam_gocker.so.* break_glass=sudo$' /etc/pam.d/sshd)" 3 "the group is on all three lines"
like "$(cat /etc/pam.d/systemd-user 2>/dev/null)" 'account +required +pam_gocker.so' "user managers are refused, in /etc/pam.d"
echo '# edited' >>/etc/pam.d/sshd
run "$GOCKER" disable --door pam
like "$out" '/etc/pam.d/sshd: .* it was edited since enable' "an edited stack is not thrown away"
is "$(cat /etc/pam.d/sshd)" "$(cat "$GKT_WORK/stock"; echo '# edited')" "only the lines are out"
check_not "a file that was the vendor's is gone again" test -e /etc/pam.d/systemd-user
cp /usr/local/share/gocker/pam.d/systemd-user /etc/pam.d/
run "$GOCKER" disable --door pam
like "$rc:$out" '^0:/etc/pam.d/systemd-user: as it was$' "the shipped stack over a vendor's"
check_not "goes, so that the vendor's counts again" test -e /etc/pam.d/systemd-user
{ cat /usr/local/share/gocker/pam.d/systemd-user; echo '# mine'; } >/etc/pam.d/systemd-user
run "$GOCKER" disable --door pam
like "$rc:$out" "^0:/etc/pam.d/systemd-user: gocker's lines are out; gocker did not write them and does not know what the file was before$" \
	"of lines that gocker did not write it does not say that all is as it was"
is "$(tail -1 /etc/pam.d/systemd-user):$(grep -c pam_gocker.so /etc/pam.d/systemd-user)" "# mine:0" "they are out, and the rest is kept"
rm /etc/pam.d/systemd-user
check "what the stack was is kept" cmp /var/lib/gocker/pam/sshd "$GKT_WORK/stock"

# The service's real stack is tried, without the lines and with them.
cat >/usr/local/bin/note <<END
#!/bin/sh
echo "\$PAM_TYPE \$PAM_USER \$PAM_SERVICE \$(grep -c pam_gocker /etc/pam.d/served)" >>$GKT_WORK/tried
[ ! -e $GKT_WORK/picky ] || ! grep -q pam_gocker /etc/pam.d/served
END
chmod 755 /usr/local/bin/note
printf '%s\n' 'account required pam_permit.so' 'session required pam_exec.so /usr/local/bin/note' >/etc/pam.d/served
cp /etc/pam.d/served "$GKT_WORK/served"
run "$GOCKER" enable --door pam --service served --yes bob
is "$rc" 0 "--service with a stack of one's own"
is "$(cat "$GKT_WORK/tried")" "$(printf '%s\n' 'open_session bob served 0' 'close_session bob served 0' 'open_session bob served 2' 'close_session bob served 2')" \
	"the real stack is tried before and after"
"$GOCKER" disable --door pam --service served >/dev/null
check "control: it is as before" cmp /etc/pam.d/served "$GKT_WORK/served"
touch "$GKT_WORK/picky"
run "$GOCKER" enable --door pam --service served --yes bob
like "$rc:$err" "^1:gocker enable: /etc/pam.d/served with gocker's lines, tried for bob: " "a stack that fails with the lines alone is not changed"
check "it is as it was" cmp /etc/pam.d/served "$GKT_WORK/served"
check_not "and nothing is remembered" test -e /var/lib/gocker/pam/served
printf 'session required pam_deny.so\n' >>/etc/pam.d/served
rm "$GKT_WORK/picky"
run "$GOCKER" enable --door pam --service served --yes bob
like "$rc:$out" '^0:.*/etc/pam.d/served: fails for bob without gocker, too, and is not tried' "one that fails anyway is named, and changed"
"$GOCKER" disable --door pam >/dev/null
rm -f /etc/pam.d/served /usr/local/bin/note

# What is not right is not touched.
cp /usr/local/share/gocker/pam.d/sshd "$GKT_WORK/shipped"
{ cat "$GKT_WORK/shipped"; echo 'session optional pam_mail.so'; } >/etc/pam.d/sshd
run "$GOCKER" enable --door pam --yes bob
like "$rc:$err" '1:.*pam_mail.so comes after' "a module behind the last line is noticed"
sed 's/^session *required *pam_limits.so/session sufficient pam_limits.so/' "$GKT_WORK/shipped" >/etc/pam.d/sshd
run "$GOCKER" enable --door pam --yes bob
like "$rc:$err" '1:.*can be skipped by pam_limits.so \(sufficient\)' "so is one that can end the stack before it"
cp "$GKT_WORK/stock" /etc/pam.d/sshd
run "$GOCKER" enable --door pam root
like "$rc:$err" '1:.*root is not contained' "root is refused"
run "$GOCKER" enable --door pam --service no-such-service bob
is "$rc" 1 "a service that is not there"
mv "$(pam_module)" "$(pam_module).away"
run "$GOCKER" enable --door pam --yes bob
is "$rc" 1 "without the module nobody, root included, would get in: refused"
check "and nothing was changed" cmp /etc/pam.d/sshd "$GKT_WORK/stock"
for module in /lib/*/security/pam_gocker.so.away; do mv "$module" "${module%.away}"; done
set_ini '[user:bob]' 'contain = no'
run "$GOCKER" enable --door pam --yes bob
like "$err" 'contain = no for bob: line [56] .*user:bob' "contain = no is named with its line"
check_clean "nothing is left"

# No image yet: what is fetched, from where and how large is said first.
add_user newcomer --shell /bin/bash
printf '[gocker]\nimage_dir = /srv/no-images\n' >/etc/gocker.ini
run env -u ALPINE_MIRROR "$GOCKER" enable --dry-run newcomer
like "$rc:$out" "^0:newcomer: would fetch the image alpine, which this host does not have yet: Alpine's minirootfs, about 4 MiB from https://[^ ]*/alpine, and then try a login\$" \
	"without an image --dry-run says what would be fetched"
run env -u ALPINE_MIRROR "$GOCKER" enable --door pam --break-glass sudo --dry-run newcomer
like "$rc:$out" "^0:newcomer: would fetch the image alpine, .*newcomer: would be contained by the PAM door($|
)" "and so with the PAM door, where no trial login is claimed"
run env ALPINE_MIRROR=file:///srv/no-mirror "$GOCKER" enable --door pam --break-glass sudo --yes newcomer
like "$rc:$out" '^1:newcomer: fetching the image alpine, ' "the PAM door fetches it, too"
check_not "and without a mirror has no line" grep -q pam_gocker /etc/pam.d/sshd
run env ALPINE_MIRROR="file://$GKT_TOP/${BUILD:-build}/tests/images-mirror" \
	"$GOCKER" enable --door pam --break-glass sudo --yes newcomer
like "$rc:$out" '^0:newcomer: fetching .*newcomer: contained by the PAM door; a trial login works' "with one newcomer is contained"
check "and the image is there" "$GOCKER" image verify --image-dir /srv/no-images -q alpine
check "(and out again)" "$GOCKER" disable --door pam
is "$("$GOCKER" disable --door pam; echo $?)" "no file in /etc/pam.d has a line of gocker's
0" "where there is nothing to remove, that is said"
rm -rf /srv/no-images
run env ALPINE_MIRROR=file:///srv/no-mirror "$GOCKER" enable --door shell --fix --yes --yes newcomer
is "$rc:$(shell_of newcomer)" "1:/bin/bash" "and without a mirror nothing is changed"
like "$out" '^newcomer: fetching the image alpine, .*, about 4 MiB from file:///srv/no-mirror$' "what is fetched, and from where, is said first"
like "$err" 'file:///srv/no-mirror' "and that it failed"
