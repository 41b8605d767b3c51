#!/bin/bash
# S2, S3, S5, S6, S7: commands, streams, quoting and the environment.
. "$(dirname "$0")/../lib/test.sh"
need_product

# Ends of streams: each of these hangs if an end is held open somewhere.
in_time() { timeout 300 ssh -l "$user" gocker "$@"; }

exit_statuses() {
	row=S2
	local code wrong='' got
	start_master "$user"
	for code in {0..255}; do
		ssh_over "$user" "exit $code" </dev/null
		got=$?
		[ $got = "$code" ] || wrong+="$code came as $got; "
	done
	stop_master "$user"
	is "$wrong" "" "exit codes 0 to 255 are exact"
	for signal in HUP KILL TERM SEGV; do
		run in_time -v "kill -$signal \$\$"
		like "$rc $err" "^255.*(xit.signal).*" "death by $signal is reported as death by a signal"
	done
	run in_time nosuchcommand
	is "$rc" 127 "a command that is not there ends with 127"
	run in_time /etc/passwd
	is "$rc" 126 "a command that can't run ends with 126"
	run in_time 'echo to-out; echo to-err >&2'
	is "$out+$err" to-out+to-err "stdout and stderr are apart"
	perl -e 'print pack("C*", 0 .. 255) x 400' >"$GKT_WORK/bytes"
	in_time 'tee /dev/stderr' <"$GKT_WORK/bytes" >"$GKT_WORK/out" 2>"$GKT_WORK/err"
	check "stdin and stdout are byte-clean" cmp "$GKT_WORK/bytes" "$GKT_WORK/out"
	check "stderr is byte-clean" cmp "$GKT_WORK/bytes" "$GKT_WORK/err"
}

stream_ends() {
	row=S3
	check "ssh -n: the command sees the end of its input" in_time -n cat
	check "the end of stdin reaches the command" in_time cat </dev/null
	is "$(printf 'a\nb\n' | in_time 'read x; echo $x; cat')" $'a\nb' "half-closed stdin: output goes on after it"
	is "$(in_time yes </dev/null | head -n 1)" y "a reader that goes away ends the writer"
	SECONDS=0
	is "$(in_time 'echo last; exec >&- 2>&-; exec sleep 3' </dev/null)" last "closed stdout and stderr"
	(
		exec 3> >(in_time 'exec <&-; echo closed; sleep 2; echo end' >"$GKT_WORK/half")
		trap '' PIPE
		for _ in {1..30}; do echo x >&3 || break; sleep 0.05; done 2>/dev/null
		exec 3>&-
		wait_until 40 grep -q end "$GKT_WORK/half"
	)
	is "$(cat "$GKT_WORK/half")" $'closed\nend' "a command that closes its stdin is not disturbed by more input"
	check "output of 1 MB on stderr, none on stdout" test \
		"$(in_time 'head -c 1000000 /dev/zero >&2' 2>&1 >/dev/null </dev/null | wc -c)" = 1000000
	# Through the PAM door the session is the login's, and sshd waits for who holds stdout, as ever.
	SECONDS=0
	local apart=''
	[ "$door" = shell ] || apart='>/dev/null 2>&1'
	run in_time "sleep 1000 $apart & echo done"
	is "$rc:$out" 0:done "a background job does not hold the session"
	check "which ended before it: $SECONDS s" test $SECONDS -lt 900
}

login_shells() {
	row=S5
	is "$(echo 'echo $0' | in_time -T)" -sh "a login shell's argv[0] has a dash"
	echo 'export FROM_PROFILE=yes' >"$home/.profile"
	is "$(echo 'echo $FROM_PROFILE' | in_time -T)" yes "a login shell reads ~/.profile"
	is "$(echo 'echo ${PAGER-none}' | in_time -T)" less "and /etc/profile, which is the image's"
	is "$(in_time 'echo $FROM_PROFILE$PAGER')" "" "a command reads neither"
	is "$(in_time 'echo $0')" sh "a command's shell has no dash"
	rm "$home/.profile"
}

quoting() {
	row=S6
	local text command
	local show='tr "\\0" "\\n" </proc/$$/cmdline >/tmp/args; tail -n +3 /tmp/args | sha256sum | cut -d" " -f1'
	for text in 'a; b && c | d' "it's \"quoted\" \\ \$HOME \`x\` \$(y)" 'tab	and  spaces ' \
		$'two\nlines\n\nand a gap' $'\xff\xfe not utf-8 \x80' '*?[a-z]{1,2}~!#' -c --; do
		command=$show$'\nexit 0\n'$text # after the exit it need not be valid
		is "$(in_time "$command" </dev/null)" "$(printf '%s\n' "$command" | sha256sum | cut -d' ' -f1)" \
			"the command arrives unchanged: $(printf %q "$text")"
	done
	is "$(in_time "printf %s $(head -c 100000 /dev/zero | tr '\0' x) | wc -c" </dev/null)" 100000 "a command of 100 KB"
	is "$(in_time 'echo a; echo b && echo c | tr c d; echo $(echo e)')" $'a\nb\nd\ne' "and is run as a shell runs it"
}

environment() {
	row=S7
	local env tty
	set_ini 'pids_max = 50' 'env_pass = COLOUR' 'env_set = EDITOR=vi'
	run env LANG=de_DE.UTF-8 LC_TIME=C COLOUR=blue SECRET=1 LD_PRELOAD=/x ssh -l "$user" \
		-o 'SendEnv=LANG LC_* COLOUR SECRET LD_PRELOAD' -o 'SetEnv=LC_SET=here' gocker env
	env=$out
	like "$env" "(^|.)HOME=/home/$user(.|$)" "HOME"
	like "$env" "(^|.)USER=$user(.|$).*" "USER"
	like "$env" '(^|.)SHELL=/bin/sh(.|$)' "SHELL is the shell inside"
	like "$env" '(^|.)PATH=/usr/local/[^:]*:.*/usr/bin:.*/bin' "PATH leads to programs inside"
	like "$env" 'LANG=de_DE.UTF-8' "SendEnv LANG"
	like "$env" 'LC_TIME=C' "SendEnv LC_*"
	like "$env" 'LC_SET=here' "SetEnv"
	like "$env" 'COLOUR=blue' "what the policy passes and sshd accepts"
	like "$env" 'EDITOR=vi' "what the policy sets"
	unlike "$env" 'XDG_|MAIL=|GKT_|LD_PRELOAD=/h' "nothing of the host's leaks"
	unlike "$env" 'SECRET|LD_PRELOAD' "nor what sshd accepts and the policy does not"
	like "$env" 'SSH_CONNECTION=127.0.0.1 [0-9]+ 127.0.0.1 2222' "SSH_CONNECTION"
	unlike "$env" 'SSH_TTY' "no SSH_TTY without a terminal"
	run env TERM=vt220 timeout 300 ssh -tt -l "$user" gocker 'echo "$TERM:$SSH_TTY:$(tty)"'
	tty=${out//$'\r'/}
	like "$tty" '^vt220:/dev/[^:]*:/dev/' "TERM and SSH_TTY with one"
	is "$(cut -d: -f2 <<<"$tty")" "$(cut -d: -f3 <<<"$tty")" "SSH_TTY is what tty says"
	check "the home is where HOME says, and is the working directory" \
		test "$(in_time 'pwd; cd; pwd' | sort -u)" = "/home/$user"
}

rows() {
	user=cmd-$door
	home=/home/$user
	door_user "$user"
	set_ini 'pids_max = 50'
	start_sshd 'AcceptEnv COLOUR SECRET LD_PRELOAD'
	remember_host
	exit_statuses
	stream_ends
	login_shells
	quoting
	environment
	row=S3
	check_clean "nothing is left"
}
through_each_door rows
