#!/bin/bash
# Whole distributions from a registry, an Alpine and a Debian: pulled, compared file by file with what umoci unpacks
# of the same, and logged in to at each door.
# timeout: 400
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../lib/doors.sh"
. "$(dirname "$0")/_registry.sh"
need_product
need umoci skopeo docker-registry
images=/var/lib/gocker/images
own_images
image() { "$GOCKER" image "$1" --image-dir $images "${@:2}"; }
mkdir -p /srv/l
tar -C $images/alpine -cf /srv/alpine.tar .
start_registry

# What gocker leaves out or clears, devices and set-uid bits, is left out of both.
listing() {
	(cd "$1/" && find . -mindepth 1 \( -type d -printf '%P\t%y %m %U:%G\n' \) -o \
		\( -type f -o -type l \) -printf '%P\t%y %m %U:%G %s %T@ %l\n' |
		sed 's/\t\([df]\) [2467]\([0-7][0-7][0-7]\) /\t\1 \2 /; s/\t\([df]\) [35]\([0-7][0-7][0-7]\) /\t\1 1\2 /' | sort)
}
push() { # NAME TAR...: an image of a layer for each
	umoci init --layout "/srv/l/$1" && umoci new --image "/srv/l/$1:latest" || return 1
	local tar name=$1
	for tar in "${@:2}"; do umoci raw add-layer --image "/srv/l/$name:latest" "$tar" || return 1; done
	skopeo copy --insecure-policy -q --dest-tls-verify=false "oci:/srv/l/$name:latest" "docker://127.0.0.1:5000/test/$name:latest"
}
compare() { # NAME
	run image pull "127.0.0.1:5000/test/$1:latest" "pulled-$1"
	is "$rc" 0 "$1: it is pulled"
	[ "$rc" = 0 ] || diag "$err"
	umoci raw unpack --image "/srv/l/$1:latest" "/srv/umoci.$1" >/dev/null 2>&1
	listing "$images/pulled-$1" >/srv/ours
	listing "/srv/umoci.$1" >/srv/theirs
	check "$1: umoci has unpacked it" test "$(wc -l </srv/theirs)" -gt 300
	is "$(diff /srv/theirs /srv/ours)" "" "$1: names, types, modes, owners, sizes, times and targets are umoci's"
	find "/srv/umoci.$1" \( -type b -o -type c -o -type p -o -type s \) -delete
	check "$1: and the contents" diff -r --no-dereference "/srv/umoci.$1/" "$images/pulled-$1/"
	check "$1: it verifies" image verify -q "pulled-$1"
}
at_door() { # with $name and $shell
	local user=$name-$door
	door_user "$user"
	set_ini "image = pulled-$name" "shell = $shell"
	start_sshd
	# shellcheck disable=SC2016 # the session's shell expands it
	is "$(ssh_as "$user" '. /etc/os-release; echo "$ID $(id -un) $((6 * 7))"')" "$name $user 42" "$name: a login through the $door door gets it"
	stop_sshd
}

# A second layer takes some of the first away.
mkdir -p /srv/top/etc/apk
echo changed >/srv/top/etc/issue
touch /srv/top/etc/.wh.motd /srv/top/etc/apk/.wh..wh..opq
tar -C /srv/top --sort=name -cf /srv/top.tar etc
check "alpine: it is pushed" push alpine /srv/alpine.tar /srv/top.tar
compare alpine
is "$(cat $images/pulled-alpine/etc/issue):$(ls $images/pulled-alpine/etc/apk):$(ls $images/pulled-alpine/etc/motd 2>/dev/null)" \
	"changed::" "alpine: with what its second layer changed"
name=alpine shell=/bin/sh
through_each_door at_door

debian=$GKT_TOP/build/tests/debian.tar
if [ ! -s "$debian" ]; then
	skip_missing "a Debian" "mmdebstrap could not make one (see tests/images/debian-root)"
else
	check "debian: it is pushed" push debian "$debian"
	compare debian
	name=debian shell=/bin/bash
	through_each_door at_door
fi
kill "$registry"
wait
