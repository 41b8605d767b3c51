#!/bin/bash
# S19: tools of automation: scripts piped into a shell, modules uploaded over sftp, clients that are
# not OpenSSH, all of which expect a clean stdout.
. "$(dirname "$0")/../lib/test.sh"
need dbclient dropbearconvert plink puttygen lftp sshfs fusermount3
need_product
image_with auto sftp-server scp

shell_scripts() {
	run timeout 300 ssh -l "$user" gocker <<<'x' /bin/sh -s a b
	like "$rc" '^(0|127)$' "sh -s takes its script from stdin"
	is "$(printf 'echo one\necho "$1 $2"\ncat <<X\nhere\nX\nexit 3\n' | timeout 300 ssh -l "$user" gocker 'sh -s a b'; echo $?)" \
		$'one\na b\nhere\n3' "a script with arguments, here-document and status"
	is "$(head -c 300000 /dev/zero | tr '\0' '#' | sed 's/#\{1000\}/&\n/g' | { cat; echo 'echo end'; } |
		timeout 300 ssh -T -l "$user" gocker)" end "300 KB of script into a login shell, no prompt, no banner"
	run timeout 300 ssh -l "$user" gocker true
	is "$rc:$(wc -c <"$GKT_WORK/out"):$(wc -c <"$GKT_WORK/err")" 0:0:0 "not a byte that nobody asked for"
	# As ansible does it: find the home, make a directory, upload a module, run it, clean up.
	local home tmp=.ansible/tmp/x1
	home=$(ssh_as "$user" '/bin/sh -c '"'"'echo ~ && sleep 0'"'")
	is "$home" "/home/$user" "ansible: the home"
	run ssh_as "$user" '/bin/sh -c '"'"'( umask 77 && mkdir -p "` echo '"$home/$tmp"' `" && echo d="` echo '"$home/$tmp"' `" ) && sleep 0'"'"
	is "$out" "d=$home/$tmp" "ansible: the directory"
	printf '#!/bin/sh\nread x; echo "{\\"changed\\": false, \\"got\\": \\"$x\\"}"\n' >"$GKT_WORK/module"
	printf 'put %s %s/module\n' "$GKT_WORK/module" "$home/$tmp" >"$GKT_WORK/batch"
	run timeout 300 sftp -q -b "$GKT_WORK/batch" "$user@gocker"
	is "$rc" 0 "ansible: the upload"
	run timeout 300 ssh -tt -l "$user" gocker "chmod u+x $tmp/module && echo in | $tmp/module && rm -rf .ansible"
	is "${out//$'\r'/}" '{"changed": false, "got": "in"}' "ansible: the module runs, on a terminal too"
}

other_clients() {
	local key=/root/.ssh/id_ed25519
	dropbearconvert openssh dropbear $key "$GKT_WORK/dropbear.key" 2>/dev/null
	puttygen $key -o "$GKT_WORK/key.ppk" 2>/dev/null
	run timeout 300 dbclient -y -i "$GKT_WORK/dropbear.key" -p 2222 "$user@127.0.0.1" 'echo dropbear; exit 3'
	is "$rc:$out" 3:dropbear "dropbear's client"
	run timeout 300 plink -batch -hostkey "$(ssh-keygen -lf "$SSHD_DIR/host_key.pub" | cut -d' ' -f2)" \
		-i "$GKT_WORK/key.ppk" -P 2222 "$user@127.0.0.1" 'echo plink; exit 4'
	is "$rc:$out" 4:plink "PuTTY's plink"
	run timeout 300 pscp -batch -hostkey "$(ssh-keygen -lf "$SSHD_DIR/host_key.pub" | cut -d' ' -f2)" \
		-i "$GKT_WORK/key.ppk" -P 2222 "$GKT_WORK/module" "$user@127.0.0.1:by-pscp"
	check "PuTTY's pscp" cmp "$GKT_WORK/module" "/home/$user/by-pscp"
	run timeout 300 lftp -e "set sftp:connect-program 'ssh -a -x'; open sftp://$user:@gocker; put $GKT_WORK/module -o by-lftp; cat by-lftp; bye"
	is "$rc:$out" "0:$(cat "$GKT_WORK/module")" "lftp over sftp"
	if [ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import paramiko' 2>/dev/null; then
		run timeout 300 /usr/bin/python3 "$GKT_TOP/tests/clients/paramiko-client.py" "$user"
		is "$rc:$out" "0:out=paramiko err=to-err status=5 sftp=data tty=yes" "paramiko: exec, sftp, a pty"
	else
		skip_missing "paramiko" "python3-paramiko is not installed"
	fi
	mkdir -p "$GKT_WORK/mnt"
	run timeout 300 sshfs "$user@gocker:" "$GKT_WORK/mnt"
	if [ "$rc" = 0 ]; then
		echo data >"$GKT_WORK/mnt/by-sshfs"
		is "$(cat "/home/$user/by-sshfs")" data "sshfs: written there is written here"
		check "sshfs: a tree" cp -r /etc/ssh "$GKT_WORK/mnt/tree"
		fusermount3 -u "$GKT_WORK/mnt"
	elif [ -e /dev/fuse ]; then
		not_ok "sshfs mounts" "$err"
	else
		skip "sshfs" "no /dev/fuse on this machine"
	fi
}

rows() {
	row=S19
	user=auto-$door
	door_user "$user"
	set_ini 'image = auto' 'pids_max = 50'
	start_sshd
	remember_host
	shell_scripts
	other_clients
	check_clean "nothing is left"
}
through_each_door rows
