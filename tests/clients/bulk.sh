#!/bin/bash
# S4: much data through `ssh host cat`, both ways: bytes exact, as fast as with a plain shell.
# GKT_BULK_MB says how much (the whole audit takes 1024).
# timeout: 1800
. "$(dirname "$0")/../lib/test.sh"
need_product
mb=${GKT_BULK_MB:-64}
GKT_SLOW=$((${GKT_SLOW:-1} * (1 + mb / 200))) # a minute is not for a GiB
openssl enc -aes-128-ctr -K 00 -iv 00 </dev/zero 2>/dev/null | head -c "${mb}M" >"$GKT_WORK/data"
sum=$(sha256sum <"$GKT_WORK/data")

ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
to_null() { ssh -l "$1" gocker 'cat >/dev/null' <"$GKT_WORK/data"; }
from_file() { ssh -l "$1" gocker cat data >/dev/null </dev/null; }
fastest() { # CMD...: of two, in ms
	local began took best=''
	for _ in 1 2; do
		began=$(ms)
		"$@"
		took=$(($(ms) - began))
		[ -n "$best" ] && [ "$best" -le $took ] || best=$took
	done
	echo "$best"
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
	after="$(fastest to_null "$user") $(fastest from_file "$user")"
	mv "/home/$user/data" /home/plain/data
	chown plain /home/plain/data
	before="$(fastest to_null plain) $(fastest from_file plain)"
	diag "$mb MiB in and out: $after ms, with a plain shell $before ms"
	# Generous, for machines that do other things: no byte passes through a process of gocker's.
	check "in: not slower than a plain shell" test "${after% *}" -lt $((${before% *} * 2 + 500))
	check "out: not slower than a plain shell" test "${after#* }" -lt $((${before#* } * 2 + 500))
	check_clean "nothing is left"
}
through_each_door rows
