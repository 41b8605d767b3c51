#!/bin/bash
# S20: users as they come. S21: what they and the administrator read when something is refused.
# S22: motd, banner, lastlog, who, last and sshd's own lines.
. "$(dirname "$0")/../lib/test.sh"
need expect sshfs fusermount3
need_product

not_listed() { # USER: who does not show the user
	! who | grep -q "^$1 "
}

extrausers() { # a user of a name service other than files
	local line
	if ! compgen -G '/lib*/*/libnss_extrausers.so.2' >/dev/null && [ ! -e /lib/libnss_extrausers.so.2 ]; then
		skip_missing "a user of another name service" "libnss-extrausers is not installed"
		return
	fi
	mkdir -p /var/lib/extrausers
	sed -i 's/^\(passwd\|group\):.*/\1: files extrausers/' /etc/nsswitch.conf
	printf '%s:x:5500:5500:of the directory,,,:/home/%s:%s\n' "dir.user" dir.user "$GOCKER_SHELL" >/var/lib/extrausers/passwd
	printf 'dir.user:x:5500:\ncourse:x:5501:dir.user\n' >/var/lib/extrausers/group
	printf 'dir.user:*:19000:0:99999:7:::\n' >/var/lib/extrausers/shadow
	install -d -o 5500 -g 5500 -m 700 /home/dir.user
	local name n=5510
	for name in 'DOM\ann' 'ann@example.org' 'Ann'; do
		printf '%s:x:%s:%s::/home/n%s:%s\n' "$name" $n $n $n "$GOCKER_SHELL" >>/var/lib/extrausers/passwd
		printf '%s:*:19000:0:99999:7:::\n' "$name" >>/var/lib/extrausers/shadow
		printf '%s:x:%s:\n' "$name" $n >>/var/lib/extrausers/group
		install -d -o $n -g $n -m 700 /home/n$n
		run ssh_as "$name" 'id -un; id -gn; echo "$USER $HOME"; touch x && ls -l x'
		like "$rc:$out" "^0:${name/\\/\\\\}.${name/\\/\\\\}.${name/\\/\\\\} /home/n$n.*x\$" "the name $name of a directory service"
		n=$((n + 1))
	done
	run ssh_as dir.user 'id -un; id -Gn; pwd'
	is "$rc:$out" $'0:dir.user\ndir.user course\n/home/dir.user' "a user of another name service, with his groups"
}

# What the user's own sftp-server has, mounted as his home by sshfs: root itself has no right to it but
# through allow_other.
fuse_home() { # USER
	local home=/home/$1 store=/srv/$1
	door_user "$1"
	if [ ! -c /dev/fuse ] || ! grep -qw fuse /proc/filesystems; then
		skip "a home on FUSE" "this kernel has no FUSE"
		return
	fi
	install -d -o "$1" -g "$1" -m 700 "$store"
	printf '#!/bin/sh\nexec setpriv --reuid %s --regid %s --init-groups /usr/lib/openssh/sftp-server\n' \
		"$1" "$1" >"$GKT_WORK/serve"
	chmod 755 "$GKT_WORK/serve"
	check "a home on FUSE: mounted" sshfs -o "ssh_command=$GKT_WORK/serve,allow_other,default_permissions" \
		"server:$store" "$home"
	run ssh_as "$1" 'pwd; grep -c " $HOME .*nosuid,nodev.* fuse.sshfs " /proc/self/mountinfo
		mkdir d && echo kept >d/file && mv d/file d/moved && cat d/moved'
	is "$rc:$out" "0:$home"$'\n1\nkept' "a home on FUSE"
	is "$(stat -c %U "$store/d/moved"):$(cat "$store/d/moved")" "$1:kept" "a home on FUSE: what is written stays there"
	check "a home on FUSE: unmounted after the session" wait_until 40 fusermount3 -u "$home"
}

# A shell that the image lacks: the policy's is named in one line; the passwd entry's, behind the PAM
# door, is one that the policy's stands for.
shell_not_there() { # USER
	door_user "$1"
	set_ini 'shell = /bin/nosuch'
	run ssh_as "$1" true
	is "$rc:$out:$(wc -l <"$GKT_WORK/err")" 127::1 "a shell that the image lacks: 127 and one line"
	like "$err" '^gocker: /bin/nosuch' "a shell that the image lacks: the line names it"
	set_ini
	[ "$door" = pam ] || return 0
	install -m 755 /bin/true /usr/bin/fish
	set_shell "$1" /usr/bin/fish
	run ssh_as "$1" 'echo $SHELL; hostname'
	is "$rc:$out" $'0:/bin/sh\ngocker-container' "a passwd shell that the image lacks: the policy's stands for it"
}

kinds_of_users() {
	row=S20
	local u="odd-$door"
	door_user "$u"
	run ssh_as "$u" 'id -un; id -gn; grep -c "^$USER:" /etc/passwd'
	is "$rc:$out" "0:$u"$'\n'"$u"$'\n1' "a user whom the image does not know has his name inside"
	check_not "who is not in the image" grep -q "^$u:" /var/lib/gocker/images/alpine/etc/passwd
	door_user "$u-nohome" --no-home
	run ssh_as "$u-nohome" 'echo in; pwd'
	# Where the shell door speaks on stderr, the PAM door speaks through sshd.
	like "$rc:$out:$err" '^(125::.*|254::)gocker: cannot use the home directory /home/.*: it does not exist' \
		"no home: the login is refused with a word that says so"
	set_ini 'home = tmpfs'
	run ssh_as "$u-nohome" 'pwd; touch x && echo ok'
	is "$rc:$out" "0:/home/$u-nohome"$'\nok' "no home, and home = tmpfs: the session has one of its own"
	set_ini
	shell_not_there "$u-fish"
	door_user "$u-space" --home "/home/$u with blank"
	run ssh_as "$u-space" 'pwd; cd; touch x && echo ok'
	is "$rc:$out" "0:/home/$u with blank"$'\nok' "a home with a blank in its name"
	door_user "$u-utf" --home "/home/$u-ünï→cödé"
	run ssh_as "$u-utf" 'pwd; echo ok >f; cat f'
	is "$rc:$out" "0:/home/$u-ünï→cödé"$'\nok' "a home with letters that are not ASCII"
	door_user "$u-ro"
	mount --bind "/home/$u-ro" "/home/$u-ro"
	mount -o remount,ro,bind "/home/$u-ro"
	run ssh_as "$u-ro" 'pwd; touch x || echo read-only'
	is "$rc:$out" "0:/home/$u-ro"$'\nread-only' "a read-only home"
	umount "/home/$u-ro"
	door_user "$u-below"
	mkdir "/home/$u-below/data"
	mount -t tmpfs -o mode=1777 below "/home/$u-below/data"
	echo seen >"/home/$u-below/data/file"
	run ssh_as "$u-below" 'cat data/file; echo new >data/new'
	is "$rc:$out:$(cat "/home/$u-below/data/new")" 0:seen:new "a home with a mount below"
	umount "/home/$u-below/data"
	door_user "$u-gid" --gid 7777
	run ssh_as "$u-gid" 'id -g; id -u >/dev/null; touch x; stat -c %g x'
	is "$rc:$out" $'0:7777\n7777' "a group without a name"
	add_group "crowd-$door" 6000
	door_user "$u-many"
	local i
	for i in {1..40}; do join_group "$u-many" "g$i-$door"; done
	run ssh_as "$u-many" 'id -G | wc -w'
	is "$rc:$out" 0:41 "a user of 41 groups"
	door_user "$u.Name_1\$"
	run ssh_as "$u.Name_1\$" 'id -un'
	is "$rc:$out" "0:$u.Name_1\$" "a name with dots, capitals and a dollar"
	extrausers
	fuse_home "$u-fuse"
	# A home on NFS takes a kernel with a server and a client: vm/guest/35-nfs.sh.
	run setpriv --reuid 4242 --regid 4242 --clear-groups "$GOCKER_SHELL" -c true
	like "$rc:$err" '^125:gocker: .*4242' "a uid that nobody knows is refused with a word"
}

says() { # NAME PATTERN USER: the next login is refused with one line, and the reason is in syslog
	mark_syslog
	if [ "$door" = shell ]; then
		refused "$1" "$2" ssh_as "$3" true
	else # sshd shows what PAM says, and ends with 254
		run ssh_as "$3" true
		like "$rc:$out:$err" "^254::gocker: [^"$'\n'"]*$2[^"$'\n'"]*\$" "$1: one line says why, and no command is run"
	fi
	like "$(gocker_log)" "event=refused.*user=\"?$3.*$2" "$1: the administrator reads why"
}

told_by_scp() { timeout 300 scp -q -O "$1@gocker:x" "$GKT_WORK/x" 2>&1 | grep -q "$2"; } # USER PATTERN

messages() {
	row=S21
	local u=told-$door failed=125
	[ "$door" = shell ] || failed=254
	door_user "$u"
	set_ini 'pids_max = many'
	says "a broken gocker.ini" 'gocker.ini:4' "$u"
	set_ini 'image = nosuch'
	says "an image that is not there" 'nosuch' "$u"
	set_ini 'user_sessions_max = 1'
	hold_session "$u"
	says "a full house" '1 session' "$u"
	drop_session
	set_ini
	chmod 777 /etc/gocker.ini
	says "a gocker.ini that others can write" 'writ' "$u"
	set_ini
	local home=/home/$u
	chown 1:1 "$home"
	run ssh_as "$u" true # sshd itself has a word to say as well
	like "$rc:$out$err" "^$failed:(Could not chdir.*.)?gocker: .*belongs to someone else" "a home that is not the user's"
	chown "$u:$u" "$home"
	set_ini 'shell = /bin/nosuch'
	run ssh_as "$u" true
	is "$rc:$out:$(wc -l <"$GKT_WORK/err")" 127::1 "a shell that the image lacks: 127 and one line"
	like "$err" '^gocker: /bin/nosuch' "which names it"
	set_ini 'pids_max = many'
	run timeout 300 ssh -tt -l "$u" gocker
	like "$rc:$out" "^$failed:gocker: .*gocker.ini:4" "on a terminal the line can be read as well"
	# Where ssh is gone before scp has said its first word, scp knows of a lost connection only.
	check "scp shows it" wait_until 30 told_by_scp "$u" 'gocker: .*gocker.ini:4'
	run timeout 300 sftp -b /dev/null "$u@gocker"
	is "$rc" 255 "sftp ends with a failure (sshd shows nobody a subsystem's stderr)"
	set_ini
}

records() {
	row=S22
	local u=seen-$door id motd="message of the day"
	# Behind the PAM door sshd reads /etc/motd inside, where it is the image's.
	local line=pts/ # of who
	[ "$door" != pam ] || motd="Welcome to Alpine" line=gocker/
	door_user "$u"
	: >/run/utmp
	: >/var/log/wtmp
	: >/var/log/lastlog
	echo "message of the day" >/etc/motd
	echo "authorized use only" >"$GKT_WORK/banner"
	stop_sshd
	start_sshd 'PrintMotd yes' 'PrintLastLog yes' "Banner $GKT_WORK/banner" 'LogLevel INFO'
	id=$(wc -c <"$GKT_SYSLOG")
	expect_test "banner and motd stand before the prompt; who shows the login while it lasts" <<-TCL
		spawn -noecho ssh -tt -o LogLevel=INFO -l $u gocker
		want_prompt
		if {![regexp {authorized use only} \$seen]} { fail "no banner: \$seen" }
		if {![regexp {$motd} \$seen]} { fail "no motd: \$seen" }
		prompt
		if {![regexp {$u +$line} [exec who]]} { fail "who does not show it: [exec who]" }
		say exit
		ended
	TCL
	# Behind the PAM door sshd looks for the last login inside; the host's lastlog has it all the same.
	[ "$door" = pam ] || expect_test "the next login is told of the last" <<-TCL
		spawn -noecho ssh -tt -l $u gocker
		want_prompt
		if {![regexp {Last login: .* from 127.0.0.1} \$seen]} { fail "no last login: \$seen" }
		say exit
		ended
	TCL
	# The client is gone before the keeper has written the logout.
	check "who shows it no more after the end" wait_until 40 not_listed "$u"
	like "$(last -w -f /var/log/wtmp)" "$u .*127.0.0.1.*" "last shows it"
	like "$(lastlog -u "$u" 2>/dev/null)" "$u .*127.0.0.1" "lastlog knows it"
	like "$(tail -c "+$id" "$GKT_SYSLOG")" "Accepted publickey for $u from 127.0.0.1" "sshd's line: accepted"
	like "$(tail -c "+$id" "$GKT_SYSLOG")" "session opened for user $u" "PAM's line: opened"
	like "$(tail -c "+$id" "$GKT_SYSLOG")" "session closed for user $u" "PAM's line: closed"
	touch "/home/$u/.hushlogin"
	chown "$u" "/home/$u/.hushlogin"
	run timeout 300 ssh -tt -l "$u" gocker 'exit'
	unlike "$out" "$motd" ".hushlogin is kept to"
}

rows() {
	set_ini
	start_sshd
	remember_host
	kinds_of_users
	messages
	records
	row=S20
	check_clean "nothing is left"
}
through_each_door rows
