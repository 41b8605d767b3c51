#!/bin/bash
# S9: scp (over sftp and -O) and sftp: both directions, trees, times and modes, resumed, many files.
# GKT_FILES says how many.
# timeout: 900
. "$(dirname "$0")/../lib/test.sh"
need_product
many=${GKT_FILES:-1000}
image_with files sftp-server scp

same_tree() { # A B: names, contents, modes and times
	local a b
	a=$(cd "$1" && find . -printf '%P %m %T@ %l\n' | sed 's/\.[0-9]* / /' | sort)
	b=$(cd "$2" && find . -printf '%P %m %T@ %l\n' | sed 's/\.[0-9]* / /' | sort)
	diff -r "$1" "$2" && diff <(echo "$a") <(echo "$b")
}

make_tree() {
	mkdir -p "$GKT_WORK/tree/sub/deeper" "$GKT_WORK/tree/empty"
	head -c 3000000 /dev/urandom >"$GKT_WORK/tree/big"
	echo text >"$GKT_WORK/tree/sub/with blank"
	echo text >"$GKT_WORK/tree/sub/deeper/ünï→cödé"
	: >"$GKT_WORK/tree/sub/nothing"
	printf '#!/bin/sh\n' >"$GKT_WORK/tree/sub/run"
	chmod 750 "$GKT_WORK/tree/sub/run"
	chmod 600 "$GKT_WORK/tree/sub/with blank"
	find "$GKT_WORK/tree" -exec touch -d '2020-02-02 02:02:02' {} +
}

batch() { # LINE...: an sftp session; its output is in $out
	printf '%s\n' "$@" >"$GKT_WORK/batch"
	run timeout 300 sftp -q -b "$GKT_WORK/batch" "$user@gocker"
}

by_scp() { # MODE OPTION
	local mode=$1 option=$2 back=$GKT_WORK/back-$1
	run timeout 300 scp -q "$option" "$GKT_WORK/tree/big" "$user@gocker:one"
	is "$rc:$err" 0: "scp $mode: a file in"
	check "scp $mode: which is the same" cmp "$GKT_WORK/tree/big" "/home/$user/one"
	run timeout 300 scp -q "$option" "$user@gocker:one" "$GKT_WORK/one"
	is "$rc:$(sha256sum <"$GKT_WORK/one")" "0:$(sha256sum <"$GKT_WORK/tree/big")" "scp $mode: a file out"
	run timeout 300 scp -q "$option" -rp "$GKT_WORK/tree" "$user@gocker:tree-$mode"
	is "$rc:$err" 0: "scp -rp $mode: a tree in"
	check "scp -rp $mode: with contents, modes and times" same_tree "$GKT_WORK/tree" "/home/$user/tree-$mode"
	run timeout 300 scp -q "$option" -rp "$user@gocker:tree-$mode" "$back"
	is "$rc:$err" 0: "scp -rp $mode: a tree out"
	check "scp -rp $mode: with contents, modes and times" same_tree "$GKT_WORK/tree" "$back"
	run timeout 300 scp -q "$option" "$user@gocker:/no/such/file" "$GKT_WORK/none"
	check "scp $mode: a missing file fails" test "$rc" -ne 0
	like "$err" '[Nn]o such file' "scp $mode: and says so"
	run timeout 300 scp -q "$option" "$user@gocker:/etc/alpine-release" "$GKT_WORK/release"
	if [ "$contained_files" = yes ]; then
		is "$rc" 0 "scp $mode: the files are those inside"
	else
		diag "scp $mode: sftp is served outside"
	fi
	rm -rf "$back" "/home/$user/one" "/home/$user/tree-$mode"
}

by_sftp() {
	batch "put $GKT_WORK/tree/big" "ls -l" "rename big large" "chmod 640 large" "mkdir d" "symlink large d/link" \
		"get large $GKT_WORK/large" "df" "cd d" pwd
	is "$rc" 0 "sftp: put, ls, rename, chmod, mkdir, symlink, get, df, cd"
	check "sftp: bytes there and back" cmp "$GKT_WORK/tree/big" "$GKT_WORK/large"
	is "$(stat -c '%a %U' "/home/$user/large")" "640 $user" "sftp: the mode is set and the file is the user's"
	like "$out" "/home/$user/d" "sftp: the working directory is the home"
	batch "get -rp $(printf %q large) $GKT_WORK/x" "rm nosuchfile"
	check "sftp: an error ends a batch with a status" test "$rc" -ne 0
	# Resumed both ways: what is there already is kept.
	head -c 1000000 "$GKT_WORK/tree/big" >"$GKT_WORK/part"
	cp "$GKT_WORK/part" "/home/$user/part"
	chown "$user" "/home/$user/part"
	cp "$GKT_WORK/tree/big" "$GKT_WORK/whole"
	batch "reget large $GKT_WORK/part" "reput $GKT_WORK/whole part"
	check "sftp: a download is resumed" cmp "$GKT_WORK/tree/big" "$GKT_WORK/part"
	check "sftp: an upload is resumed" cmp "$GKT_WORK/tree/big" "/home/$user/part"
	batch "put -Rp $GKT_WORK/tree ptree"
	check "sftp: put -R of a tree" same_tree "$GKT_WORK/tree/sub" "/home/$user/ptree/sub"
	rm -rf "/home/$user"/{large,d,part,ptree} "$GKT_WORK/part" "$GKT_WORK/whole"
}

many_files() {
	mkdir -p "$GKT_WORK/many"
	(cd "$GKT_WORK/many" && for ((i = 0; i < many; i++)); do echo $i >file$i; done)
	run timeout 200 scp -q -O -r "$GKT_WORK/many" "$user@gocker:"
	check "scp -O -r: $many files in" diff -r "$GKT_WORK/many" "/home/$user/many"
	run timeout 200 scp -q -r "$user@gocker:many" "$GKT_WORK/many-back"
	check "scp -r: $many files out" diff -r "$GKT_WORK/many" "$GKT_WORK/many-back"
	rm -rf "$GKT_WORK"/many* "/home/$user/many"
}

rows() {
	row=S9
	user=files-$door
	contained_files=yes
	[ "$door" != plain ] || contained_files=no
	door_user "$user"
	set_ini 'image = files'
	start_sshd
	remember_host
	by_scp sftp -s
	by_scp scp -O
	by_sftp
	many_files
	set_ini
	run timeout 300 scp -q -O "$GKT_WORK/tree/big" "$user@gocker:"
	[ "$door" = plain ] || like "$rc $err" '^(1|127) .*scp: not found' \
		"scp -O into an image without scp: the shell says that it is not there"
	run timeout 300 sftp -q -b /dev/null "$user@gocker"
	[ "$door" = plain ] || check "sftp into an image without sftp-server fails and does not hang" test "$rc" -ne 0 -a "$rc" -ne 124
	check_clean "nothing is left"
}
make_tree
through_each_door rows
