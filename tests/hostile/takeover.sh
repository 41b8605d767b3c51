#!/bin/bash
# timeout: 120
# A14: an image, or a container's root, that wants the host's own programs (CVE-2019-5736): what a session
# executes is a script whose interpreter is /proc/self/exe, so that the host's program runs with a loader out
# of the image, and opens its own file. A22, A81: what root makes inside for an account, by links of the image's.
. "$(dirname "$0")/_lib.sh"
need readelf
own_images
set_ini
add_user alice
image=/var/lib/gocker/images/evil
cp -a /var/lib/gocker/images/alpine $image
plant() { # PROGRAM of the host
	local loader
	loader=$(readelf -lW "$1" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
	mkdir -p "$image$(dirname "$loader")"
	cp "$GKT_HELPERS/loader" "$image$loader"
}
plant "$GOCKER"
plant "$GOCKER_SHELL"
printf '#!/proc/self/exe\n' >$image/bin/evil
chmod 755 $image/bin/evil
remember_host

run chroot $image /bin/sh -c true
check "A14 control: the image works with chroot(8)" test "$rc" = 0
cp -p /usr/sbin/chroot /usr/local/bin/weak
mkdir -p $image/proc
mount -t proc proc $image/proc
run /usr/local/bin/weak $image /bin/evil
umount $image/proc
is "$out:$(stat -c %a /usr/local/bin/weak)" "changed:6777" "A14 control: a program that goes inside with nothing between is taken over"

before=$(stat -c '%a %Y %s' "$GOCKER" "$GOCKER_SHELL")
run "$GOCKER" run --image evil /bin/evil
is "$out" "EROFS  " "A14: an image's command that is gocker itself can't change it (gocker run)"
"$GOCKER" run --image evil sleep 100 &
holder=$!
wait_until 10 sh -c "$GOCKER ps | grep -q evil"
id=$("$GOCKER" ps | awk '/evil/ { print $1 }')
run "$GOCKER" exec "$id" /bin/evil
is "$out" "EROFS  " "A14: nor can what gocker exec runs in a session of root's"
kill $holder
wait $holder 2>/dev/null
tar -C $image -c . | "$GOCKER" image import edited - >/dev/null 2>&1
run "$GOCKER" image edit edited /bin/evil
is "$out" "EROFS  " "A14: nor what gocker image edit runs"
set_ini '[user:root]' 'image = evil' 'shell = /bin/evil' 'home = none'
run "$GOCKER_SHELL"
is "$out" "EROFS  " "A14: nor the shell of root, where the policy lets root in"
set_ini 'image = evil' 'shell = /bin/evil'
run as_user alice "$GOCKER_SHELL"
is "$out" "EPERM? " "A14 [shell]: nor that of a user"
is "$(stat -c '%a %Y %s' "$GOCKER" "$GOCKER_SHELL")" "$before" "A14: the host's programs are what they were"
check_clean "A14: nothing is left"

# A22: what root makes in an image is made in the image, also where the image's links lead out of it.
cp -a /var/lib/gocker/images/alpine /var/lib/gocker/images/links
mkdir -p /srv/host /var/lib/gocker/images/links/srv/host
ln -s /srv/host /var/lib/gocker/images/links/opt/way
add_user carol --shell /opt/way/made/sh
for _ in $(doors | grep pam); do
	use_door pam 'image = links'
	run pamdrive gocker-sshd carol open user 'hostname; readlink /opt/way/made/sh' close
	is "$out" "open: 0"$'\n'"gocker-container"$'\n'"$GOCKER_SHELL"$'\n'"run: 0"$'\n'"close: 0" "A22 [pam]: a passwd shell below a link of the image's is made inside"
	is "$(ls -A /srv/host)" "" "A22 [pam]: no directory is made on the host through a link of the image's"
	mkdir -p "/var/lib/gocker/images/links/opt/way/made"
	is "$(ls -A /srv/host)" made "A22 control: mkdir by path follows that link to the host"
done
stop_sshd

# A81: nor in a volume or the home, to which a link of the image's leads inside: they are the host's.
mkdir -p /srv/volume
add_user dora --shell /opt/volume/shell
add_user emil --shell /opt/home/shell
ln -s /volume /var/lib/gocker/images/links/opt/volume
ln -s /home/emil/way /var/lib/gocker/images/links/opt/home
as_user emil ln -s /volume /home/emil/way
for _ in $(doors | grep pam); do
	use_door pam 'image = links' 'volumes = /srv/volume:/volume'
	for user in dora emil; do
		run pamdrive gocker-sshd $user open try hostname close
		like "$out" "said: gocker: the account's passwd shell .*/shell does not exist, and .* cannot stand in for it there" \
			"A81 [pam]: a passwd shell that the image's links put into a volume is refused ($user)"
		unlike "$out" gocker-container "A81 [pam]: and nothing ran"
		is "$(ls -A /srv/volume)" "" "A81 [pam]: nothing is made in the volume"
	done
	ln -s /nowhere /srv/volume/shell
	run pamdrive gocker-sshd dora open try hostname close
	is "$(readlink /srv/volume/shell)" /nowhere "A81 [pam]: nor removed there"
	rm /srv/volume/shell
	run "$GOCKER" run --image links /bin/ln -s /nowhere /opt/volume/made
	is "$err$(ls -A /srv/volume)" made "A81 control: root inside makes it in the volume by such a link"
done
stop_sshd
check_clean "A22 A81: nothing is left"
