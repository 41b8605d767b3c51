#!/bin/bash
# gocker doctor finds what was broken on purpose, and nothing in a host that is as it should be.
# timeout: 180
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need jq
need_product
add_user alice
add_user carol --shell /bin/bash --groups sudo
set_ini
echo "$GOCKER_SHELL" >>/etc/shells
rm -f /usr/sbin/sendmail /usr/sbin/cron /usr/sbin/crond /usr/sbin/atd
printf 'Port 22\n' >"$GKT_WORK/plain"
cp "$GKT_WORK/plain" "$GKT_WORK/safe"
cat /usr/local/share/gocker/sshd_config.d/gocker-shell.conf >>"$GKT_WORK/safe"
ssh-keygen -q -t ed25519 -N '' -f "$GKT_WORK/key"
sed -i "1iHostKey $GKT_WORK/key" "$GKT_WORK/safe" "$GKT_WORK/plain"
doctor() { run "$GOCKER" doctor --sshd-config "$GKT_WORK/safe" "$@"; }
bad() { doctor -q --format json "$@"; jq -r '.[]|select(.level=="bad")|.item' <<<"$out" | paste -sd' '; }
warned() { doctor -q --format json; jq -r '.[]|select(.level=="warn")|.item' <<<"$out" | paste -sd' '; }
remember_host

doctor alice
is "$rc" 0 "a host as it should be: exit status 0"
like "$out" 'ok +trial +a trial login through the shell door works' "a trial login"
like "$out" 'read +sshd +its configuration lets nothing bypass' "sshd with the shipped drop-in, which is read, not tried"
like "$out" 'read +lockout +1 administrator ' "who can still repair the host"
is "$(bad alice)" "" "nothing bad"
doctor alice
like "$(tail -1 <<<"$out")" '^0 bad, [0-9]+ warn; [0-9]+ tried and ok, [0-9]+ only read$' "the last line sums up"
is "$("$GOCKER" doctor --format json --sshd-config "$GKT_WORK/safe" alice | jq -c '[.[]|select(.item=="trial" or .item=="shells")|[.item,.tried]]')" \
	'[["shells",false],["trial",true]]' "what was tried is told from what was read"
is "$("$GOCKER" doctor -q --format json --sshd-config "$GKT_WORK/safe" alice | jq '[.[]|select(.fix==null)]|length')" 0 "each finding has its fix"
is "$("$GOCKER" ps --all -q)" "" "the trial leaves no session"
is "$(ls -A /home/alice)" "" "and nothing in the home"
check_clean "nothing is left"

# Whichever door is in use, what root executes is root's.
libexec=/usr/local/libexec/gocker
is "$(find $libexec -mindepth 1 -printf "%f\n" | sort | paste -sd" ")" "gocker-admin gocker-entry gocker-keeper gocker-scope" "the programs in $libexec are these four"
for program in "$GOCKER" $libexec $libexec/gocker-{admin,keeper,entry,scope}; do
	chmod o+w "$program"
	doctor
	like "$rc:$out" "^1:.*bad +program +$program can be written by others" "$program, which others can write"
	chmod o-w "$program"
	chown daemon "$program"
	doctor
	like "$rc:$out" "^1:.*bad +program +$program can be written by others" "$program, which is not root's"
	chown root "$program"
done
is "$(bad)" "" "and as they were: nothing bad"
mv $libexec/gocker-scope "$GKT_WORK/scope"
is "$(bad)" "" "without systemd, gocker-scope may be missing"
mkdir -p /run/systemd/system
set_shell alice "$GOCKER_SHELL"
doctor
like "$out" "bad +program +$libexec/gocker-scope is missing: without gocker.scope logins are refused" "with systemd it may not"
rmdir /run/systemd/system
mv "$GKT_WORK/scope" $libexec/gocker-scope

run "$GOCKER" doctor --sshd-config "$GKT_WORK/plain" alice
is "$rc" 1 "sshd without the drop-in: exit status 1"
for key in allowtcpforwarding allowstreamlocalforwarding permituserrc; do
	like "$out" "bad +sshd +$key yes: " "sshd: $key is a way out of the shell door"
done
doctor_plain=$out
is "$(grep -c 'do: cp .*/etc/ssh/sshd_config.d/gocker.conf, then .service ssh reload.' <<<"$doctor_plain")" 1 "findings with the same fix have it once"
like "$(tail -1 <<<"$doctor_plain")" '^[3-9] bad, ' "and are counted"
echo 'Nonsense yes' >"$GKT_WORK/broken"
run "$GOCKER" doctor --sshd-config "$GKT_WORK/broken"
like "$out" "bad +sshd +.sshd -T. fails" "sshd: a broken configuration"
{ cat "$GKT_WORK/plain"; echo 'Subsystem sftp internal-sftp'; } >"$GKT_WORK/sftp"
run "$GOCKER" doctor --sshd-config "$GKT_WORK/sftp"
like "$out" "bad +sshd +internal-sftp serves the host's files" "sshd: internal-sftp"
{ cat "$GKT_WORK/safe"; printf 'Match User alice\nAllowTcpForwarding yes\n'; } >"$GKT_WORK/match"
run "$GOCKER" doctor --sshd-config "$GKT_WORK/match"
unlike "$out" allowtcpforwarding "sshd: a Match block for one user does not show for the host"
run "$GOCKER" doctor --sshd-config "$GKT_WORK/match" alice
like "$out" 'allowtcpforwarding yes' "and does for that user"

# A ForceCommand: the shell door of an account whose passwd shell is another.
add_user dan --shell /bin/bash
{ cat "$GKT_WORK/safe"; printf 'Match User dan,erin\nForceCommand %s\n' "$GOCKER_SHELL"; } >"$GKT_WORK/forced"
forced() { run "$GOCKER" doctor --sshd-config "$GKT_WORK/forced" "$@"; }
forced dan
is "$rc" 1 "ForceCommand under bash: exit status 1"
like "$out" "read +sshd +ForceCommand $GOCKER_SHELL" "a ForceCommand in a Match block is found"
like "$out" "read +account +dan is contained by the shell door" "and that it contains the user"
like "$out" "bad +sshd +ForceCommand is started by dan's shell /bin/bash, which runs ~/.bashrc on the host before
 +do: gocker enable dan, or usermod -s /bin/dash dan" "and that bash runs ~/.bashrc before, with what to do"
for shell in /bin/dash /bin/sh "$GOCKER_SHELL"; do
	set_shell dan "$shell"
	forced dan
	unlike "$rc:$out" "^[^0]|on the host before" "ForceCommand under $shell, which reads no file before"
done
printf '#!/bin/sh\n' >/bin/other-sh && chmod 755 /bin/other-sh
set_shell dan /bin/other-sh
forced dan
like "$out" "warn +sshd +ForceCommand is started by dan's shell /bin/other-sh, which may run files" "and under one that is not known"
set_shell dan /bin/bash
sed -i 's/^ForceCommand.*/&s/' "$GKT_WORK/forced"
forced dan
like "$out" "warn +account +dan is not contained" "a ForceCommand of another program is not a door"
sed -e 's/^ForceCommand.*/ForceCommand exec '"${GOCKER_SHELL//\//\\/}"'/' -e '$aAllowTcpForwarding yes' -i "$GKT_WORK/forced"
set_shell dan /bin/dash
forced dan
like "$out" "bad +sshd +allowtcpforwarding yes" "the ways round the shell door count for ForceCommand, too"
userdel dan

chmod 755 "$GOCKER_SHELL"
is "$(bad)" program "gocker-shell without its set-uid bit"
chmod 4755 "$GOCKER_SHELL"
echo 'pids_max = lots' >>/etc/gocker.ini
is "$(bad)" config "a broken gocker.ini"
doctor
like "$out" 'gocker.ini:[45]: ' "with its line"
set_ini
chmod 666 /etc/gocker.ini
is "$(bad)" config "a gocker.ini that others can write"
set_ini 'image = missing'
is "$(bad)" image "an image that is not there"
set_ini
sed -i '\|gocker-shell|d' /etc/shells
like "$(warned)" shells "/etc/shells without gocker-shell"
echo "$GOCKER_SHELL" >>/etc/shells
ln -s /bin/true /usr/sbin/cron
rm -f /etc/cron.allow
is "$(bad)" cron "cron for everybody"
touch /etc/cron.allow
is "$(bad)" "" "cron.allow closes it"
rm /etc/cron.allow
cp /usr/local/share/gocker/pam.d/cron /etc/pam.d/cron
is "$(bad)" "" "so does the PAM door in its stack"
rm /usr/sbin/cron
ln -s /bin/true /usr/sbin/sendmail
like "$(warned)" mail "a mail server"
rm /usr/sbin/sendmail
for file in .forward .procmailrc .mailfilter .qmail .pam_environment .config/systemd/user; do
	as_user alice mkdir -p "/home/alice/$file"
	doctor alice
	like "$out" "warn +dotfiles +/home/alice/$file: .+
 +do: " "~/$file, which programs of the host obey"
	rm -r "/home/alice/${file%%/*}"
done
mkdir -p /var/spool/cron/crontabs /var/lib/systemd/linger /var/spool/cron/atjobs
touch /var/spool/cron/crontabs/alice /var/spool/cron/atjobs/a0001
chown alice /var/spool/cron/atjobs/a0001
rm -f /etc/pam.d/cron /etc/pam.d/atd
doctor alice
like "$out" "bad +cron +alice has a crontab, .*
 +do: crontab -r -u alice" "a crontab of the user's"
like "$out" 'bad +at +alice has 1 job of at' "a job of at of the user's"
cp /usr/local/share/gocker/pam.d/{cron,atd} /etc/pam.d/
is "$(bad alice)" "" "both run inside where the PAM door is in their stacks"
touch /var/lib/systemd/linger/alice
like "$(bad alice)" manager "a user who lingers"
rm -r /var/lib/systemd/linger /var/spool/cron/{crontabs,atjobs}/*

# The host. setarch says another kernel version than there is; the rest is broken in earnest.
run setarch "$(uname -m)" --uname-2.6 "$GOCKER" doctor
like "$rc:$out" '1:.*bad +kernel +Linux 2\.6\.[^ ]+ is too old
 +do: run Linux 5.14' "an old kernel"
echo 1 >"$GKT_WORK/dumpable"
mount --bind "$GKT_WORK/dumpable" /proc/sys/fs/suid_dumpable
doctor
like "$rc:$out" '1:.*bad +kernel +fs.suid_dumpable is 1' "programs that are traced by their new user"
umount /proc/sys/fs/suid_dumpable
if [ "$GKT_CGROUP" = hybrid ]; then
	like "$(warned)" cgroup "cgroup v1, which has fewer limits"
else
	unlike "$(bad) $(warned)" cgroup "cgroup v2 with its controllers"
fi
run unshare -m sh -c 'umount -l /sys/fs/cgroup; exec "$@"' - "$GOCKER" doctor
like "$rc:$out" '1:.*bad +cgroup +.*
 +do: mount cgroup2' "no cgroup file system"
chmod 755 /run/gocker
like "$(bad)" state "/run/gocker that others can read"
chmod 700 /run/gocker
mkdir -p /etc/systemd/system/user-1000.slice.d
touch /etc/systemd/system/user-1000.slice.d/limits.conf
doctor
like "$out" 'warn +slices +1 drop-in for users. slices \(/etc/systemd/system/user-1000.slice.d\) does not apply to the shell door
 +do: set pids_max' "limits of a user's slice that no longer apply"
rm -r /etc/systemd/system/user-1000.slice.d
mkdir -p /run/systemd/system # to all programs a host with systemd
printf 'account required pam_unix.so\nsession optional pam_permit.so\n' >/etc/pam.d/systemd-user
doctor
like "$out" 'warn +scope +gocker.scope is not there' "a host with systemd where gocker.scope is not delegated"
like "$out" 'bad +manager +user@UID.service runs units' "user managers that start on the host"
cp /usr/local/share/gocker/pam.d/systemd-user /etc/pam.d/
is "$(bad)" "" "the shipped stack refuses them"
rm -r /run/systemd/system

own_images
remember_host
tar -C /var/lib/gocker/images/alpine -c . | "$GOCKER" image import made - >/dev/null 2>&1
set_ini 'image = made'
doctor
like "$out" 'ok +image +made is as it was made, 0 days ago' "an image as it was made"
info=$(echo /var/lib/gocker/images/.versions/made@*/info.json)
sed -i 's/"made": *"20[0-9]*/"made":"2001/' "$info"
doctor
like "$out" 'warn +image +made is [0-9]{4} days old
 +do: .*gocker image edit made apk upgrade' "an old image"
# Whatever release the test's Alpine is of: old ones and the clock are the test's.
old_release() { # RELEASE: what doctor says of an image of it
	sed -i "s/\"os\": *\"[^\"]*/\"os\":\"Alpine Linux v$1/" "$info"
	doctor
}
old_release 3.18
like "$out" 'warn +image +made is Alpine Linux v3.18, which gets no security fixes since 2025-05-09
 +do: make it again of a newer release' "a release past its end of life"
old_release 9.99
unlike "$out" 'gets no security fixes' "a release that this build does not know"
echo changed >>/var/lib/gocker/images/made/etc/motd
doctor
like "$rc:$out" '1:.*bad +image +made is not as it was made
 +do: gocker image verify made' "one that was changed"
mkdir -p /var/lib/gocker/images/other/bin
cp "$(readlink -f /bin/true)" /var/lib/gocker/images/other/bin/sh
printf '\xf3\x00' | dd of=/var/lib/gocker/images/other/bin/sh bs=1 seek=18 conv=notrunc status=none # EM_RISCV
set_ini 'image = other'
doctor
like "$rc:$out" '1:.*bad +image +other is for another machine: its /bin/sh is a program for riscv' "one for another machine"
set_ini
chown carol /home/alice
like "$(bad alice)" "home trial" "a home that is another's, and the trial that fails for it"
chown alice /home/alice
set_shell carol "$GOCKER_SHELL"
like "$(warned)" lockout "no administrator left outside"
set_shell root "$GOCKER_SHELL"
is "$(bad)" lockout "root contained"
set_shell root /bin/bash
set_shell carol /bin/bash

start_sshd
start_session alice 'echo ready; sleep 1000; :'
supervisor=$("$GOCKER" ps --format json | jq -r '.[0].supervisor')
kill -KILL "$supervisor" "$session_pid"
wait "$session_pid" 2>/dev/null
doctor
like "$out" 'warn +records +1 session ended in a crash
 +do: gocker gc' "what a crash has left"
"$GOCKER" gc >/dev/null

# A trial through each door beside a session that has the only place, in a home that is not touched.
cp /usr/local/share/gocker/pam.d/sshd /etc/pam.d/sshd
set_ini 'user_sessions_max = 1'
as_user alice sh -c 'cd; echo mine >.profile; mkdir .ssh; echo "echo rc >~/ran" >.ssh/rc; touch .hushlogin'
start_session alice 'echo ready; sleep 1000; :'
home=(/home/alice /home/alice/{.profile,.ssh,.ssh/rc,.hushlogin})
seen() { stat -c '%n %i %a %U %s %x %y %z' "${home[@]}"; }
touch -ad 2001-01-01 "${home[@]}" # times that a look inside would change
before=$(seen) id=$(id_of alice) logins=$(stat -c '%s %Y' /var/log/wtmp /var/log/lastlog /run/utmp 2>&1)
mark_syslog
doctor alice
like "$out" 'ok +trial +a trial login through the shell door works' "the shell door is tried beside a session that has the only place"
like "$out" 'ok +trial +a trial login through the PAM door works' "so is the PAM door"
is "$(seen)" "$before" "nothing in the home is read, written or made"
as_user alice sh -c 'ls ~ >/dev/null'
isnt "$(seen)" "$before" "where one look shows (control)"
is "$(id_of alice)" "$id" "the session lives on, and there is no other"
is "$(stat -c '%s %Y' /var/log/wtmp /var/log/lastlog /run/utmp 2>&1)" "$logins" "no login is recorded"
is "$("$GOCKER" logs --file "$GKT_SYSLOG" --format json | jq -c '[.[]|select(.door=="pam" or .reason=="root")]')" "[]" "nor logged"
end_client "$session_pid"
stop_sshd
rm -rf /home/alice/.[a-z]*
set_ini '[user:alice]' 'home = tmpfs' 'contain = no'
doctor alice
like "$out" 'ok +trial +a trial login through the PAM door works, uncontained' "contain = no: a trial that is let through is as it should be"
set_ini 'shell = /bin/nosuch'
doctor alice
like "$out" 'bad +trial +a trial login through the shell door fails: .*/bin/nosuch' "a trial that fails says why"
set_ini 'image = missing'
doctor alice
like "$out" 'bad +trial +a trial login through the PAM door fails: .*missing' "through the PAM door as well"
set_ini

doctor alice
like "$out" 'read +pam +/etc/pam.d/sshd: contained, in the right order' "the PAM stack in order"
like "$out" 'read +pam +/etc/pam.d/sshd: its account line refuses users who cannot get a session' "and the account line that refuses the connection"
like "$out" 'ok +trial +a trial login through the PAM door works' "a trial login through the PAM door"
like "$out" 'warn +pam +/etc/pam.d/su has no line' "other ways in that lack it"
like "$out" 'warn +lockout +no member of sudo' "an administrator whom the PAM door contains is not outside"
set_ini '[group:sudo]' 'contain = no'
like "$("$GOCKER" doctor)" 'read +lockout +1 administrator ' "one whom gocker.ini spares is"
set_ini
cp /etc/pam.d/sshd "$GKT_WORK/stack"
sed -i '/pam_gocker.so/s/$/ break_glass=sudo/' /etc/pam.d/sshd
like "$("$GOCKER" doctor)" 'read +lockout +1 administrator ' "so is one of the break-glass group"
like "$("$GOCKER" doctor carol)" 'warn +account +carol is not contained' "whose members are not contained"
sed -i 's/break_glass=sudo/break_glass=no-such-group/' /etc/pam.d/sshd
like "$("$GOCKER" doctor)" 'warn +lockout +/etc/pam.d/sshd: break_glass=no-such-group lets nobody through' "a break-glass group that is not there"
cp "$GKT_WORK/stack" /etc/pam.d/sshd
cp /etc/pam.d/login /etc/pam.d/vsftpd
like "$("$GOCKER" doctor)" 'warn +pam +/etc/pam.d/vsftpd has no line' "a service that is no part of the base system"
rm /etc/pam.d/vsftpd
run "$GOCKER" doctor root
like "$out" 'read +account +root has uid 0, and is not contained' "root is not contained"
unlike "$out" 'bad +(account|trial)' "and that is as it should be"
keeper=/usr/local/libexec/gocker/gocker-keeper
chmod 757 $keeper
like "$(bad)" program "a keeper that others can write"
mv $keeper $keeper.away
doctor alice
like "$out" 'bad +program +.*/gocker-keeper is missing' "one that is missing"
like "$out" 'bad +trial +a trial login through the PAM door fails' "and the trial that fails for it"
mv $keeper.away $keeper
chmod 755 $keeper
module=$(pam_module)
chmod 646 "$module"
like "$(bad)" program "a module that others can write"
mv "$module" "$module.away"
doctor
like "$out" 'bad +lockout +the PAM door would refuse root' "a module that is missing locks root out, too"
mv "$module.away" "$module"
chmod 644 "$module"
printf 'UsePAM no\n' | cat "$GKT_WORK/safe" - >"$GKT_WORK/no-pam"
run "$GOCKER" doctor --sshd-config "$GKT_WORK/no-pam"
like "$out" 'bad +sshd +usepam no' "sshd that does not use PAM"
echo 'session optional pam_mail.so' >>/etc/pam.d/sshd
doctor alice
like "$out" 'warn +pam +PAM service sshd: pam_mail.so comes after .pam_gocker.so. \(its sessions are contained\)' \
	"a module that may run inside, after the last line"
like "$out" 'read +account +alice is contained by the shell and the PAM door' "does not make the user uncontained"
echo 'session optional pam_mkhomedir.so' >>/etc/pam.d/sshd
doctor
like "$out" 'bad +pam +PAM service sshd: pam_mkhomedir.so comes after' "one that must not run there is bad"
sed -i -e '/outer/d' -e '/mkhomedir/d' -e '/pam_mail.so$/d' /etc/pam.d/sshd
doctor
like "$out" 'read +pam +/etc/pam.d/sshd: contained, in the right order' "the last line alone contains, too"
run "$GOCKER" doctor nobody-knows
is "$rc" 125 "an unknown user"
run "$GOCKER" doctor a b
is "$rc" 2 "two users are a usage error"

# The sshd that runs: its files are compared with what it has read, and a forward is tried.
set_ini
rm -f /etc/pam.d/sshd
mkdir -p /etc/ssh/sshd_config.d
rm -f /etc/ssh/sshd_config.d/*
start_sshd "Include /etc/ssh/sshd_config.d/*.conf"
running() { run "$GOCKER" doctor --sshd-config "$SSHD_DIR/sshd_config" "$@"; }
running -i /root/.ssh/id_ed25519 alice
like "$out" 'read +sshd +the running sshd \(pid [0-9]+\) is not older than its configuration' "an sshd that has read its files"
like "$rc:$out" '^1:.*bad +sshd +.ssh -W. as alice reached the host.s network through the running sshd' "the forward that it allows is tried"
cp /usr/local/share/gocker/sshd_config.d/gocker-shell.conf /etc/ssh/sshd_config.d/gocker.conf
running -i /root/.ssh/id_ed25519 alice
unlike "$out" 'bad +sshd +allowtcpforwarding' "with the drop-in its configuration is in order"
like "$out" 'bad +sshd +the running sshd \(pid [0-9]+\) has not read /etc/ssh/sshd_config.d/gocker.conf' "which the running sshd has not read"
like "$out" 'do: sshd -t, then .service ssh reload. \(or kill -HUP [0-9]+\)' "a reload is advised"
like "$out" 'bad +sshd +.ssh -W. as alice reached' "and the forward still works"
pid=$(cat "$SSHD_DIR/pid") old=$(stat -c %y "$SSHD_DIR/pid")
kill -HUP "$pid"
reloaded() { [ -s "$SSHD_DIR/pid" ] && [ "$(stat -c %y "$SSHD_DIR/pid")" != "$old" ]; }
wait_until 30 reloaded
running -i /root/.ssh/id_ed25519 alice
like "$out" 'ok +sshd +the running sshd refuses .ssh -W. to alice' "after the reload it is refused, as was tried"
is "$(grep -c '^bad' <<<"$out")" 0 "and nothing is bad"
mv /etc/ssh/sshd_config.d/gocker.conf "$GKT_WORK/away"
running alice
like "$out" 'has not read /etc/ssh/sshd_config.d,' "a drop-in that was taken away shows"
running -i /nonexistent alice
like "$out" 'warn +sshd +.ssh -W. as alice could not be tried: .+' "what could not be tried is not called ok"
run "$GOCKER" doctor -i /root/.ssh/id_ed25519
is "$rc" 2 "--identity without a user is a usage error"
stop_sshd
check_clean "nothing is left"
