#!/bin/bash
# picture.sh: records an ssh login that lands in a container and prints it as an SVG. Run it on a throwaway
# host, as `make session.svg` does: the recording is a real session, by a real sshd, on the real image.
exec 3>&1 >&2
. "$(dirname "$0")/lib/test.sh"
need_product

# The recording goes to FILE; what is not to be in it comes before log_file.
record() { # FILE
	export RECORDING=$1
	expect_test "the session was recorded" <<'TCL'
proc type {command} { send -- "$command\r" }
spawn -noecho ssh -tt -l visitor gocker
log_file -noappend -a $env(RECORDING)
want {:~\$ $}
type {id}
want {:~\$ $}
type {ps}
want {:~\$ $}
type {ls /home}
want {:~\$ $}
type {mount -t tmpfs none /mnt}
want {:~\$ $}
type {(for i in $(seq 30); do sleep 60 & done)}
want {gocker: [^\n]*\n}
type {}
want {:~\$ $}
type {exit}
ended
TCL
}

# What a terminal would show: no escape sequences, no carriage returns, no bell.
as_text() {
	sed -e 's/\x1b\[[0-9;?]*[A-Za-z]//g' -e 's/[\r\a]//g'
}

as_svg() {
	awk '
		{ gsub(/&/, "\\&amp;"); gsub(/</, "\\&lt;"); gsub(/>/, "\\&gt;"); line[++n] = $0 }
		END {
			height = 20 * n + 34
			printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"%d\" role=\"img\">\n", height
			print "<title>An ssh login that lands in a container</title>"
			printf "<rect width=\"760\" height=\"%d\" rx=\"6\" fill=\"#1c2128\"/>\n", height
			print "<g font-family=\"ui-monospace, Menlo, Consolas, monospace\" font-size=\"14\" fill=\"#d0d7de\" xml:space=\"preserve\">"
			for (i = 1; i <= n; i++) {
				colour = line[i] ~ /^(gocker-container:|admin@host)/ ? " fill=\"#7ee787\"" : line[i] ~ /^gocker: / ? " fill=\"#f2cc60\"" : ""
				printf "<text x=\"16\" y=\"%d\"%s>%s</text>\n", 20 * i + 12, colour, line[i]
			}
			print "</g>\n</svg>"
		}'
}

picture() {
	set_ini 'pids_max = 20'
	add_user visitor --uid 5001 --gid 5001
	start_sshd
	record "$GKT_WORK/recording" >&2
	{ printf 'admin@host:~$ ssh visitor@gocker\n' && as_text <"$GKT_WORK/recording"; } | as_svg
}
picture >&3
