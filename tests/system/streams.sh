#!/bin/bash
# Commands arrive unchanged, bytes pass unchanged, and each end of a stream is seen when it happens.
. "$(dirname "$0")/../lib/test.sh"
need_product
add_user alice
set_ini
start_sshd
remember_host

# What the shell inside was given after -c, as hex.
given() { # COMMAND
	ssh_as alice "$1" </dev/null | tail -n 1
}
show='tr "\\0" "\\n" </proc/$$/cmdline >/tmp/args; tail -n +3 /tmp/args | sha256sum | cut -d" " -f1'
for text in 'a; b && c | d' "it's \"quoted\" \\ \$HOME \`x\` \$(y)" 'tab	and  spaces ' $'two\nlines\n\nand a gap' \
	$'\xff\xfe not utf-8 \x80' '*?[a-z]{1,2}~!#' 'ünï→cödé' "-c" "--"; do
	command=$show$'\nexit 0\n'$text # what follows the exit is never run, and need not be valid
	is "$(given "$command")" "$(printf '%s\n' "$command" | sha256sum | cut -d' ' -f1)" \
		"the command reaches the inner shell unchanged: $(printf '%q' "$text") (S6)"
done
long=$(head -c 100000 /dev/zero | tr '\0' x)
is "$(ssh_as alice "printf %s $long | wc -c" </dev/null)" 100000 "a command of 100 KB (S6)"
is "$(ssh_as alice 'echo a; echo b && echo c | tr c d; echo $(echo e)')" $'a\nb\nd\ne' "and is run as the shell runs it (S6)"
is "$(as_user alice "$GOCKER_SHELL" -c '')" "" "an empty command"

run ssh_as alice 'echo to-out; echo to-err >&2'
is "$out" to-out "stdout has what goes to stdout (S2)"
is "$err" to-err "stderr has what goes to stderr (S2)"
run ssh_as alice true
is "$rc:$(wc -c <"$GKT_WORK/out"):$(wc -c <"$GKT_WORK/err")" "0:0:0" "gocker itself says nothing, not a byte (S19)"

# 64 MiB each way.
head -c $((64 << 20)) /dev/urandom >"$GKT_WORK/data"
sum=$(sha256sum <"$GKT_WORK/data")
is "$(ssh_as alice cat <"$GKT_WORK/data" | sha256sum)" "$sum" "64 MiB there and back, byte for byte (S4)"
is "$(ssh_as alice sha256sum <"$GKT_WORK/data")" "$sum" "64 MiB in, byte for byte (S4)"
rm "$GKT_WORK/data"
all=$(printf %02x {0..255})
is "$(perl -e 'print map chr, 0 .. 255' | ssh_as alice cat | od -An -v -tx1 | tr -d ' \n')" "$all" \
	"all 256 byte values pass (S2)"

# Ends of streams. Each of these would hang if an end were held open somewhere.
check "stdin's end is seen: cat ends (S3)" timeout 20 ssh -l alice gocker cat </dev/null
check "ssh -n (S3)" timeout 20 ssh -n -l alice gocker cat
is "$(timeout 20 ssh -l alice gocker yes </dev/null | head -n 1)" y "a reader that goes away ends the writer (S3)"
is "$(printf 'a\nb\n' | timeout 20 ssh -l alice gocker 'read x; echo $x; cat')" $'a\nb' "input that ends in the middle of a script"
# The payload closes its stdout and lives on: the reader must see the end at once.
mkfifo "$GKT_WORK/fifo"
(exec_as_user alice "$GOCKER_SHELL" -c 'echo last; exec >&- 2>&-; sleep 1000') \
	>"$GKT_WORK/fifo" 2>/dev/null </dev/null &
holder=$!
is "$(timeout 60 cat "$GKT_WORK/fifo" || echo "no end seen")" last \
	"the end of stdout is seen while the session lives: gocker holds no copy (S3)"
check "the session does live" kill -0 $holder
kill $holder
wait $holder 2>/dev/null
# The payload closes its stdin: a writer must see that nobody reads.
(exec_as_user alice "$GOCKER_SHELL" -c 'exec <&-; sleep 1000') <"$GKT_WORK/fifo" >/dev/null 2>&1 &
holder=$!
check "nobody holds a stdin that the payload has closed (S3)" \
	timeout 20 bash -c "exec 3>'$GKT_WORK/fifo'; trap '' PIPE; until ! echo x >&3; do sleep 0.1; done 2>/dev/null"
kill $holder
wait $holder 2>/dev/null
check_clean "nothing is left"

# Closed descriptors at the start.
for fds in '<&-' '>&-' '2>&-' '<&- >&- 2>&-'; do
	bash -c "setpriv --reuid alice --regid alice --init-groups env HOME=/home/alice $GOCKER_SHELL -c 'ls -l /proc/self/fd >~/fds; exit 9' $fds" 2>/dev/null
	is $? 9 "a session starts with closed descriptors: $fds (A7)"
	unlike "$(cat /home/alice/fds)" '(socket|/run/gocker|gocker.ini)' "and none of gocker's own takes their place: $fds (A7)"
done
check_clean "nothing is left in the end"
