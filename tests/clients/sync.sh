#!/bin/bash
# S10: rsync. S11: git. Both speak on stdout with their other half inside.
. "$(dirname "$0")/../lib/test.sh"
need rsync git
need_product
image_with sync rsync git

by_rsync() {
	row=S10
	local tree=$GKT_WORK/tree
	mkdir -p "$tree/a/b"
	head -c 2000000 /dev/urandom >"$tree/big"
	for i in {1..200}; do echo "$i" >"$tree/a/file $i"; done
	ln -sfn ../big "$tree/a/link"
	ln -f "$tree/big" "$tree/a/hard"
	chmod 640 "$tree/a/file 1"
	find "$tree" -exec touch -h -d '2021-03-04 05:06:07' {} +
	run timeout 300 rsync -aH "$tree/" "$user@gocker:tree/"
	is "$rc:$err" 0: "rsync -aH: a tree in"
	check "rsync: the same bytes" diff -r "$tree" "/home/$user/tree"
	is "$(stat -c '%a %Y %h' "/home/$user/tree/a/hard")" "$(stat -c '%a %Y %h' "$tree/a/hard")" \
		"rsync: modes, times and hard links"
	run timeout 300 rsync -aHi --stats "$tree/" "$user@gocker:tree/"
	like "$out" 'Number of regular files transferred: 0' "rsync: the second run sends nothing"
	unlike "$out" '^[<>c]' "rsync: and changes nothing"
	run timeout 300 rsync -aH "$user@gocker:tree/" "$GKT_WORK/back/"
	check "rsync -aH: a tree out" diff -r "$tree" "$GKT_WORK/back"
	run timeout 300 rsync -aHi "$user@gocker:tree/" "$GKT_WORK/back/"
	is "$rc:$out" 0: "rsync: the second run out sends nothing"
	rm "$tree/a/file 2"
	echo new >>"$tree/big"
	run timeout 300 rsync -aH --delete "$tree/" "$user@gocker:tree/"
	check "rsync --delete, and a changed file" diff -r "$tree" "/home/$user/tree"
	run timeout 300 rsync -a "$user@gocker:nosuch" "$GKT_WORK/back/"
	is "$rc" 23 "rsync: a missing source ends with 23"
	rm -rf "$tree" "$GKT_WORK/back" "/home/$user/tree"
}

by_git() {
	row=S11
	local work=$GKT_WORK/repo
	as_user "$user" git init -q --bare "/home/$user/repo.git"
	export GIT_AUTHOR_NAME=T GIT_AUTHOR_EMAIL=t@example.org GIT_COMMITTER_NAME=T GIT_COMMITTER_EMAIL=t@example.org
	git init -q -b main "$work"
	head -c 500000 /dev/urandom >"$work/data"
	git -C "$work" add data
	git -C "$work" commit -qm first
	run timeout 300 git -C "$work" push -q "$user@gocker:repo.git" main
	is "$rc:$err" 0: "git push"
	run timeout 300 git clone -q -b main "$user@gocker:repo.git" "$GKT_WORK/clone"
	is "$rc:$err" 0: "git clone"
	check "git: the same bytes" cmp "$work/data" "$GKT_WORK/clone/data"
	echo more >"$GKT_WORK/clone/more"
	git -C "$GKT_WORK/clone" add more
	git -C "$GKT_WORK/clone" commit -qm second
	run timeout 300 git -C "$GKT_WORK/clone" push -q
	is "$rc" 0 "git push of a clone"
	run timeout 300 git -C "$work" pull -q "$user@gocker:repo.git" main
	is "$rc:$(cat "$work/more")" 0:more "git pull"
	run timeout 300 git clone -q "ssh://$user@gocker/home/$user/repo.git" --depth 1 -b main "$GKT_WORK/shallow"
	is "$rc" 0 "git clone --depth 1 by URL"
	# A hook is the host's program as much as any other: it runs inside.
	printf '#!/bin/sh\nhostname >~/hook-ran\n' >"/home/$user/repo.git/hooks/post-receive"
	chmod 755 "/home/$user/repo.git/hooks/post-receive"
	git -C "$work" commit -q --allow-empty -m third
	run timeout 300 git -C "$work" push -q "$user@gocker:repo.git" main
	is "$(cat "/home/$user/hook-ran")" "$(ssh_as "$user" hostname)" "git: a hook runs inside"
	rm -rf "$work" "$GKT_WORK/clone" "$GKT_WORK/shallow"
}

rows() {
	user=sync-$door
	door_user "$user"
	set_ini 'image = sync' 'pids_max = 50'
	start_sshd
	remember_host
	by_rsync
	by_git
	check_clean "nothing is left"
}
through_each_door rows
