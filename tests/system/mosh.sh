#!/bin/bash
# mosh: with share = user its server stays when the ssh that started it has ended; with share = login it does not.
# timeout: 300
. "$(dirname "$0")/../lib/test.sh"
need expect mosh-server mosh-client
need_product
cp -a /var/lib/gocker/images/alpine "$GKT_WORK/root"
mkdir -p "$GKT_WORK/root/usr/lib/locale" "$GKT_WORK/root/lib/terminfo"
cp -a /usr/lib/locale/C.utf8 "$GKT_WORK/root/usr/lib/locale/"
cp -a /lib/terminfo/[stx] "$GKT_WORK/root/lib/terminfo/"
own_images
tar -C "$GKT_WORK/root" -c . | "$GOCKER" image import -q roam -
image_with roam mosh-server

rows() {
	row=mosh
	local user=roam-$door port key connect='MOSH CONNECT ([0-9]+) ([^[:space:]]+)'
	door_user "$user"
	set_ini 'image = roam' 'pids_max = 60' 'share = user' 'linger = 1h'
	start_sshd
	remember_host
	run ssh_as "$user" 'LANG=C.UTF-8 TERM=xterm mosh-server new -s -p 60000:60999'
	[[ $out =~ $connect ]] || {
		not_ok "mosh-server starts" "$out" "$err"
		return
	}
	port=${BASH_REMATCH[1]} key=${BASH_REMATCH[2]}
	check "the ssh that started it has ended" wait_until 60 eval "! '$GOCKER' ps --format '{kind}' | grep -q login"
	expect_test "a client works on after that, in the container" <<-TCL
		set env(MOSH_KEY) $key
		set env(LANG) C.UTF-8
		set env(TERM) xterm
		spawn -noecho mosh-client 127.0.0.1 $port
		want {[#$]}
		say {echo "at-\$(hostname)-end"}
		want {at-gocker-container-end}
		say exit
		ended
	TCL
	"$GOCKER" stop "$user" >/dev/null
	check_clean "nothing is left"
	set_ini 'image = roam' 'pids_max = 60'
	run ssh_as "$user" 'LANG=C.UTF-8 TERM=xterm mosh-server new -s -p 60000:60999'
	like "$out" 'MOSH CONNECT' "share = login: a server starts (control)"
	check "and ends with its login" wait_until 60 no_sessions
	check_clean "share = login: nothing is left"
}
through_each_door rows
