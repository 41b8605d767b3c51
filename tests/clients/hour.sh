#!/bin/bash
# The hour of a contained user, with the defaults and the host's programs: editing, compiling, git, a job in the
# background, an upload, and limits. Every message that the user reads stands here.
# timeout: 120
. "$(dirname "$0")/../lib/test.sh"
need expect git gcc busybox
need_product

rows() {
	local user=works-$door farewell=''
	door_user "$user"
	set_ini 'image = host'
	start_sshd
	remember_host
	[ "$door" = pam ] || farewell='gocker: 1 process ended with this login\r+\n'
	echo 'uploaded' >"$GKT_WORK/data.txt"
	expect_test "$door: an hour at work" <<-TCL
		spawn -noecho ssh -tt -l $user gocker
		want_prompt
		if {![regexp {^This is a container \(image host\)\. Kept at logout: /home/$user\.\r+\nAll else ends with this login\. Limits: 20 tasks, 64M in /tmp\.\r+\n} \$seen]} { fail "the banner: \$seen" }
		prompt
		# edit
		say {busybox vi hello.c}
		want {1/1 100%}
		send "i#include <stdio.h>\rint main(void) { int unused; puts(\"hello, world\"); return 0; }\r"
		want {3/3 100%}
		send "\033"
		want {- hello\.c \[Modified\]}
		send ":wq\r"
		want {PROMPT> \$}
		# compile
		if {![string match "*hello.c:2:*warning: unused variable*unused*" [ask {LC_ALL=C gcc -fdiagnostics-color=never -Wall -o hello hello.c}]]} { fail "the compiler's warning" }
		equal [ask {./hello}] "hello, world"
		# git
		ask {git config --global user.name w; git config --global user.email w@example.org; git config --global init.defaultBranch main}
		equal [ask {git init -q . && git add hello.c && git commit -q -m "first" && git --no-pager log --format=%s --no-color}] first
		# an upload while the session goes on
		exec scp -q -O "$GKT_WORK/data.txt" "$user@gocker:data.txt" 2>@1
		equal [ask {cat data.txt}] uploaded
		# what is not theirs
		if {![string match "*/usr/mine*Read-only file system*" [ask {LC_ALL=C touch /usr/mine}]]} { fail "/usr" }
		if {![string match "*nosuchprogram*not found*" [ask {nosuchprogram}]]} { fail "a program that is not there" }
		# /tmp is full
		if {![string match "*No space left on device*" [ask {LC_ALL=C dd if=/dev/zero of=/tmp/big bs=1M count=80 2>&1}]]} { fail "a full /tmp" }
		equal [ask {rm /tmp/big; echo left >/tmp/note; cat /tmp/note}] left
		# too many tasks
		say {for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24; do sleep 2 & done; wait; echo "wai""ted"}
		want {gocker: limit of 20 tasks reached \(the default\)\r+\n}
		say ""
		want {PROMPT> \$}
		ask {wait}
		# a job in the background, and the end
		say {sleep 1000 & echo "beg""un"}
		want {begun}
		want {PROMPT> \$}
		say exit
		expect { eof {} timeout { fail "no end" } }
		if {![regexp {$farewell} \$expect_out(buffer)]} { fail "the farewell: \$expect_out(buffer)" }
		equal [lindex [wait] 3] 0
	TCL
	expect_test "$door: the next login" <<-TCL
		login $user
		equal [ask {./hello; cat data.txt; git --no-pager log --format=%s --no-color}] "hello, world\r\nuploaded\r\nfirst"
		if {![string match "*/tmp/note*No such file or directory*" [ask {LC_ALL=C cat /tmp/note}]]} { fail "/tmp is another" }
		equal [ask {pgrep -x sleep | wc -l}] 0
		say exit
		equal [ended] 0
	TCL
	check_clean "$door: nothing is left"
}
through_each_door rows
