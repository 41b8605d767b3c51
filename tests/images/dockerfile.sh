#!/bin/bash
# From a Dockerfile to a login: built with buildah, pushed to a registry, pulled, and logged in to at each door; an
# update beside a session, and the way back.
# timeout: 400
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../lib/doors.sh"
. "$(dirname "$0")/_registry.sh"
need_product
need buildah docker-registry jq
own_images
unset LANG LANGUAGE "${!LC_@}" # what a client sends goes before the image
images=/var/lib/gocker/images

start_registry
mkdir -p /srv/context
tar -C $images/alpine -cf /srv/context/alpine.tar .
dockerfile() { # GREETING
	cat >/srv/context/Dockerfile <<-END
		FROM scratch
		ADD alpine.tar /
		ENV PATH=/opt/class/bin:/usr/bin:/bin LANG=C.UTF-8 COURSE=c
		RUN mkdir -p /opt/class/bin && printf '#!/bin/sh\necho $1\n' >/opt/class/bin/greet && chmod 755 /opt/class/bin/greet
		RUN rm /etc/motd && rm -rf /var/cache && touch /etc/made
		USER nobody
		WORKDIR /opt
		ENTRYPOINT ["/opt/class/bin/greet"]
	END
}
# A store of its own: what this machine has in the usual place may be of another driver.
printf '[storage]\ndriver = "vfs"\ngraphroot = "/srv/storage"\nrunroot = "/srv/storage-run"\n' >/srv/storage.conf
export CONTAINERS_STORAGE_CONF=/srv/storage.conf BUILDAH_ISOLATION=chroot BUILDAH_LAYERS=true
build_and_push() {
	buildah build --quiet --tag class /srv/context && buildah push --quiet class docker://127.0.0.1:5000/school/class:latest
}
dockerfile hello
run build_and_push
is "$rc" 0 "an image is built of a Dockerfile, and pushed"
[ "$rc" = 0 ] || diag "$err"
run "$GOCKER" image pull 127.0.0.1:5000/school/class:latest
is "$rc" 0 "it is pulled"
[ "$rc" = 0 ] || { diag "$err"; exit 1; }
isnt "$("$GOCKER" image show --format json class | jq '.layers | length')" 1 "in several layers"
set_ini 'image = class'

holds() { # a session that says what it finds once it is let go
	rm -f /srv/go
	mkfifo /srv/go
	# shellcheck disable=SC2016 # the session's shell expands it
	ssh_as "$1" 'echo started; read -r line; greet' <>/srv/go >"/srv/seen" 2>&1 &
	held=$!
	wait_until 60 grep -q started /srv/seen
}
at_door() {
	local user=$door-user old
	dockerfile hello
	build_and_push >/dev/null 2>&1
	"$GOCKER" image update -q class
	door_user "$user"
	start_sshd
	# shellcheck disable=SC2016 # the session's shell expands it
	is "$(ssh_as "$user" 'greet; echo "$LANG|$COURSE|$(id -un)|$PWD"; ls -d /etc/made /etc/motd /var/cache 2>/dev/null')" \
		"hello"$'\n'"C.UTF-8||$user|/home/$user"$'\n'"/etc/made" "$door: a login runs the image's programs, as its user, in the home"
	holds "$user"
	old=$(readlink $images/class)
	dockerfile goodbye
	check "$door: a new one is built and pushed" build_and_push
	run "$GOCKER" image update
	is "$rc" 0 "$door: image update pulls it"
	isnt "$(readlink $images/class)" "$old" "$door: a new version is in place"
	is "$(ssh_as "$user" greet)" goodbye "$door: the next login has it"
	like "$("$GOCKER" image list class)" "class +old .* $user +Alpine" "$door: list tells whose session is on the old one"
	echo >/srv/go
	wait "$held"
	is "$(tail -1 /srv/seen)" hello "$door: the session that ran kept the old one to its end"
	run "$GOCKER" image rollback class
	is "$rc:$(ssh_as "$user" greet)" 0:hello "$door: rollback puts the old one in place"
	run "$GOCKER" image prune class
	is "$rc" 0 "$door: and prune removes the other"
}
through_each_door at_door
run "$GOCKER" image pull -q --pin 127.0.0.1:5000/school/class:latest
"$GOCKER" image edit -q class touch /etc/edited 2>/dev/null
like "$("$GOCKER" image list class)" "class +current .* changed " "an edited image is listed as changed"
run "$GOCKER" image update
like "$rc:$err" '^0:image class stays: it is pinned' "a pinned image stays"
"$GOCKER" image pull -q --unpin 127.0.0.1:5000/school/class:latest
check_not "a pull replaces what was edited" test -e $images/class/etc/edited
"$GOCKER" image edit -q class touch /etc/edited 2>/dev/null
run "$GOCKER" image update
like "$rc:$err" '^0:image class stays: it was changed by edit or tools' "one that was edited stays, too, and that is said"
run "$GOCKER" image update class
like "$rc:$err" '^0:image class: .*had been changed by edit or tools; it is kept' "until it is named; then its version is kept"
run "$GOCKER" image rollback class
check "and rollback brings it back" test -e $images/class/etc/edited
run "$GOCKER" image update alpine
like "$rc:$err" "^125:.*'alpine' did not come from a registry" "an image from elsewhere cannot be updated"
kill "$registry"
wait
