#!/bin/bash
# S4: much data through `ssh host cat`, both ways: bytes exact, with nothing of gocker's in between.
# GKT_BULK_MB says how much (the whole audit takes 1024).
# timeout: 1800
. "$(dirname "$0")/../lib/test.sh"
need jq
need_product
mb=${GKT_BULK_MB:-64}
GKT_SLOW=$((${GKT_SLOW:-1} * (1 + mb / 200))) # a minute is not for a GiB
openssl enc -aes-128-ctr -K 00 -iv 00 </dev/zero 2>/dev/null | head -c "${mb}M" >"$GKT_WORK/data"
sum=$(sha256sum <"$GKT_WORK/data")

ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
to_null() { ssh -l "$1" gocker 'cat >/dev/null' <"$GKT_WORK/data"; }
from_file() { ssh -l "$1" gocker cat data >/dev/null </dev/null; }
lasts() { # CMD...: in ms
	local began
	began=$(ms)
	"$@"
	echo $(($(ms) - began))
}

# Bytes that processes have read and written in all.
moved() { # PID...
	local pid total=0
	for pid; do total=$((total + $(awk '/^[rw]char:/ { n += $2 } END { print n + 0 }' "/proc/$pid/io"))); done
	echo $total
}

# As fast as with a plain shell, whatever else the machine does: no byte passes through a process of gocker's.
none_in_between() { # USER
	local client own sshd
	rm -f "$GKT_WORK/between"
	(cat "$GKT_WORK/data" && sleep 1000) | ssh -l "$1" gocker "head -c ${mb}M | tail -c 1 >/dev/null; cat data; echo; echo ready >&2; sleep 1000" \
		>/dev/null 2>"$GKT_WORK/between" &
	client=$!
	check "a transfer in and out" wait_until 600 grep -q ready "$GKT_WORK/between"
	read -r -d '' -a own < <("$GOCKER" ps --user "$1" --format json | jq '.[0] | .init, .supervisor')
	sshd=$(pgrep -f "sshd: $1@")
	check "none of it goes through gocker's processes: $(moved "${own[@]}") bytes" test "$(moved "${own[@]}")" -lt 2000000
	check "as all goes through sshd (control)" test "$(moved "$sshd")" -gt $((2 * mb << 20))
	end_client $client
	pkill -f "^sleep 1000$"
}

add_user plain --shell /bin/sh
ln "$GKT_WORK/data" /home/plain/data 2>/dev/null || cp "$GKT_WORK/data" /home/plain/data
chown plain /home/plain/data

rows() {
	row=S4
	local user=bulk-$door before after
	door_user "$user"
	set_ini
	start_sshd
	remember_host
	is "$(ssh_as "$user" cat <"$GKT_WORK/data" | sha256sum)" "$sum" "$mb MiB there and back at once, byte for byte"
	is "$(ssh_as "$user" sha256sum <"$GKT_WORK/data")" "$sum" "$mb MiB in, byte for byte"
	mv /home/plain/data "/home/$user/data"
	chown "$user" "/home/$user/data"
	is "$(ssh_as "$user" cat data </dev/null | sha256sum)" "$sum" "$mb MiB out, byte for byte"
	after="$(lasts to_null "$user") $(lasts from_file "$user")"
	[ "$door" = plain ] || none_in_between "$user"
	mv "/home/$user/data" /home/plain/data
	chown plain /home/plain/data
	before="$(lasts to_null plain) $(lasts from_file plain)"
	diag "$mb MiB in and out: $after ms, with a plain shell $before ms"
	check_clean "nothing is left"
}
through_each_door rows
