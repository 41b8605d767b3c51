#!/bin/bash
# timeout: 1800
# A20 to A29: homes and images that change or lie while they are opened.
. "$(dirname "$0")/_lib.sh"
add_user alice
add_user bob
use_door shell
own_images
plain() { setpriv --reuid alice --regid alice --init-groups "$@"; }

# A20: alice may write to the parent of her home, and swaps the home for a link to bob's, all the time.
mkdir -p /srv/own && chown alice /srv/own
[[ $(doors) != *pam* ]] || stack gt
by_shell() { run plain "$GOCKER_SHELL" -c "ls $home/"; }
by_pam() { # as the shell door's answers: 125 for a refusal, else what ls said
	run pamdrive gt alice open try "ls $home/" close
	case $out in
	*'open: 6'*) rc=125 out='' ;;
	*) out=$(sed '/^open:/d; /^run:/d; /^close:/d' <<<"$out") ;;
	esac
}
race() { # DOOR home|parent LOGINS
	door=$1 how=$2
	rm -rf /srv/own/*
	if [ "$how" = home ]; then
		mkdir /srv/own/a
		ln -s /home/bob /srv/own/b
		home=/srv/own/a
	else
		mkdir -p /srv/own/a/home /home/bob/home
		ln -s /home/bob /srv/own/b
		home=/srv/own/a/home
	fi
	chown -R -h alice: /srv/own
	touch /srv/own/a/mine "$home/mine" /home/bob/secret /home/bob/home/secret 2>/dev/null
	sed -i "s#^\(alice:.*\):[^:]*:\([^:]*\)\$#\1:$home:\2#" /etc/passwd
	# No function here: its subshell would be what is killed, and the swapper would live on into the next set-up.
	setpriv --reuid alice --regid alice --init-groups "$GKT_HELPERS/swap" /srv/own/a /srv/own/b &
	swapper=$!
	logins=$3 in=0 refused=0 wrong=0 last=''
	for ((i = 0; i < logins; i++)); do
		by_"$door"
		case "$rc:$out" in
		0:*secret*) wrong=$((wrong + 1)) && last="bob's: $out" ;;
		0:*mine*) in=$((in + 1)) ;;
		125:) refused=$((refused + 1)) ;;
		*) wrong=$((wrong + 1)) && last="$rc:$out $err" ;;
		esac
	done
	[ $wrong = 0 ] || echo "# $last"
	is $wrong 0 "A20 [$door]: $how swapped for a link during $logins logins: $in in, $refused refused, none in another's home"
	check "A20 [$door] control: the swap was under way: both outcomes came ($how)" test $in -gt 0 -a $refused -gt 0
	kill $swapper
	wait $swapper 2>/dev/null
}
for how in home parent; do
	race shell "$how" "$(size 100 5000)"
	[[ $(doors) != *pam* ]] || race pam "$how" "$(size 40 5000)"
done
door=shell
sed -i "s#^\(alice:.*\):[^:]*:\([^:]*\)\$#\1:/home/alice:\2#" /etc/passwd
mv /home/alice /home/alice.away
ln -s /home/bob /home/alice
refused "A20 [shell]: a home that is a link to another's" 'home' plain "$GOCKER_SHELL" -c 'ls ~'
rm /home/alice
mv /home/alice.away /home/alice

# A21: FUSE.
if has_fuse; then
	home_on_fuse alice serve
	run plain "$GOCKER_SHELL" -c 'grep " /home/alice " /proc/self/mounts'
	like "$rc:$out" '^0:hangfs .*fuse.*nosuid,nodev' "A21 [shell] control: a FUSE home that answers is a home"
	home_off_fuse alice
	home_on_fuse alice deny
	check_not "A21 control: root can't look into it" ls /home/alice
	run plain "$GOCKER_SHELL" -c 'grep -c " /home/alice " /proc/self/mounts'
	is "$rc:$out" 0:1 "A21 [shell]: a FUSE home that denies root is opened as the user"
	home_off_fuse alice
	home_on_fuse alice hang
	start=$SECONDS
	[[ $(doors) != *pam* ]] || timeout 60 pamdrive gt alice open try 'echo ran' close >"$GKT_WORK/hung" 2>&1 </dev/null &
	hung=$!
	run timeout 60 setpriv --reuid alice --regid alice --init-groups "$GOCKER_SHELL" -c 'echo ran'
	is "$rc:$out" 125: "A21 [shell]: a FUSE home that hangs: refused after $((SECONDS - start)) s"
	for _ in $(doors | grep pam); do
		wait $hung
		like "$(cat "$GKT_WORK/hung")" 'open: 6' "A21 [pam]: refused through the PAM door, too, after $((SECONDS - start)) s"
		unlike "$(cat "$GKT_WORK/hung")" ran "A21 [pam]: and nothing ran"
		run pamdrive gt bob open user hostname close
		like "$out" 'open: 0.gocker-container' "A21 [pam]: another user gets in meanwhile"
	done
	check "A21: within its time" test $((SECONDS - start)) -lt 400
	is "$(live_records)" "" "A21: no place is held by who hangs"
	check "A21 [shell]: another user gets in meanwhile" as_user bob "$GOCKER_SHELL" -c true
	home_off_fuse alice
	for _ in $(doors | grep pam); do
		run pamdrive gt alice open try 'echo ran' close
		like "$out" 'open: 0.ran' "A21 [pam] control: with a home that answers she gets in"
	done
else
	skip "A21: homes on FUSE" "this kernel has no FUSE"
fi
remember_host

# A22, A23, A24, A27: images.
image=/var/lib/gocker/images/bad
try_image() { # NAME COMMAND in the image
	rm -rf $image
	cp -a /var/lib/gocker/images/alpine $image
	(cd $image && eval "$2")
	printf '%s\n' '[gocker]' 'image_dir = /var/lib/gocker/images' '[default]' 'image = bad' >/etc/gocker.ini
	run plain "$GOCKER_SHELL" -c 'cat /etc/shadow.host /proc/self/status >/dev/null; stat -f -c %T /proc /dev/pts; id -G; stat -c %t:%T /dev/null; cat /etc/passwd | grep -c ^evil'
	if [ "$rc" = 125 ]; then
		is "$out" "" "$1: refused"
	else
		is "$out" "$normal" "$1: the session is as it would be without"
	fi
}
run plain "$GOCKER_SHELL" -c 'stat -f -c %T /proc /dev/pts; id -G; stat -c %t:%T /dev/null; cat /etc/passwd | grep -c ^evil'
normal=$out
like "$normal" '^proc.devpts.*1:3.0$' "A22 control: what a session has of its own"
for dir in proc dev dev/pts dev/shm tmp run home etc; do
	for target in /tmp /proc/1/root ../../../../.. /home/bob; do
		try_image "A22 [shell]: the image's /$dir is a link to $target" "rm -rf ./$dir; mkdir -p \$(dirname ./$dir); ln -s $target ./$dir"
	done
done
try_image "A23 [shell]: a file as the image's /dev/null, /dev/console" 'rm -rf dev; mkdir dev; echo x >dev/null; ln -s /etc/passwd dev/console'
try_image "A24 [shell]: the image's /proc holds files" 'mkdir -p proc/self/attr; echo x >proc/sysrq-trigger; ln -s /etc proc/sys'
try_image "A28 A51 [shell]: the image's passwd, group and nsswitch.conf name the user" \
	'printf "alice:x:0:0::/:/bin/sh\nevil:x:1:1::/:/bin/sh\n" >>etc/passwd; echo "root:x:0:alice" >etc/group; echo "group: evil" >etc/nsswitch.conf'
try_image "A28 [shell]: the image has an ld.so.preload and libnss" 'echo /evil.so >etc/ld.so.preload; echo x >lib/libnss_files.so.2'
try_image "A27 [shell]: set-uid programs in the image" 'chmod 4755 bin/busybox'
rm -rf $image
set_ini
for name in 'a,b' 'a:b' 'a\b'; do
	printf '%s\n' '[gocker]' "image_dir = /var/lib/gocker/images" '[default]' "image = $name" >/etc/gocker.ini
	cp -a /var/lib/gocker/images/alpine "/var/lib/gocker/images/$name"
	refused "A27 [shell]: an image called $name" 'image|gocker.ini' plain "$GOCKER_SHELL" -c true
	rm -rf "/var/lib/gocker/images/$name"
done

# A25, A44: places made beforehand.
set_ini
mv /run/gocker /run/gocker.away
for make in 'ln -s /tmp /run/gocker' 'mkdir -m 777 /run/gocker' 'install -d -o alice -m 700 /run/gocker' 'touch /run/gocker'; do
	eval "$make"
	refused "A25 A44 [shell]: $make" 'run/gocker' plain "$GOCKER_SHELL" -c true
	rm -rf /run/gocker
done
mv /run/gocker.away /run/gocker
for dir in mnt u u/$(id -u alice); do
	chmod 755 "/run/gocker/$dir" 2>/dev/null || continue
	refused "A44 [shell]: others may look into /run/gocker/$dir" '0700' plain "$GOCKER_SHELL" -c true
	chmod 700 "/run/gocker/$dir"
done
check "A25 A44 control: as they were, the login works" plain "$GOCKER_SHELL" -c true

# A26: the host's mount table before, during and after.
host_mounts >"$GKT_WORK/before"
hold_session alice
host_mounts >"$GKT_WORK/during"
is "$(diff "$GKT_WORK/before" "$GKT_WORK/during")" "" "A26 [shell]: the host's mount table is the same during a session"
mount --make-shared /home
mount -t tmpfs later /home/bob
is "$(grep -c later "/proc/$held_init/mountinfo")" 0 "A26 [shell]: a later mount does not come in, from a shared place either"
umount /home/bob
mount --make-private /home
drop_session
check_clean "A26 [shell]: and after it"
