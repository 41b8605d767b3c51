#!/bin/bash
# Images from a registry, an Alpine, a Debian, one of a busybox alone and one of twelve layers that take from each
# other: pulled, compared file by file with what umoci unpacks of the same, and logged in to at each door.
# timeout: 400
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../lib/doors.sh"
. "$(dirname "$0")/_registry.sh"
need_product
need umoci skopeo docker-registry busybox jq
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
compare() { # NAME LEAST: with at least so many entries
	run image pull "127.0.0.1:5000/test/$1:latest" "pulled-$1"
	is "$rc" 0 "$1: it is pulled"
	[ "$rc" = 0 ] || diag "$err"
	umoci raw unpack --image "/srv/l/$1:latest" "/srv/umoci.$1" >/dev/null 2>&1
	listing "$images/pulled-$1" >/srv/ours
	listing "/srv/umoci.$1" >/srv/theirs
	check "$1: umoci has unpacked it" test "$(wc -l </srv/theirs)" -gt "$2"
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
compare alpine 300
is "$(cat $images/pulled-alpine/etc/issue):$(ls $images/pulled-alpine/etc/apk):$(ls $images/pulled-alpine/etc/motd 2>/dev/null)" \
	"changed::" "alpine: with what its second layer changed"
name=alpine shell=/bin/sh
through_each_door at_door

# One layer: the busybox of Debian's package, and nothing else that a login needs.
mkdir -p /srv/busybox/bin /srv/busybox/etc
cp "$(command -v busybox)" /srv/busybox/bin/
for applet in $(busybox --list); do [ "$applet" = busybox ] || ln -s busybox "/srv/busybox/bin/$applet"; done
echo 'ID=busybox' >/srv/busybox/etc/os-release
tar -C /srv/busybox --sort=name --owner=0 --group=0 -cf /srv/busybox.tar .
check "busybox: it is pushed" push busybox /srv/busybox.tar
compare busybox 200
is "$("$GOCKER" image show --format json pulled-busybox | jq '.layers | length')" 1 "busybox: it is of one layer"
name=busybox shell=/bin/sh
through_each_door at_door

# Twelve: each adds a file, takes away what one below has added, and replaces one that all of them have.
layers=(/srv/alpine.tar)
for n in {1..11}; do
	mkdir -p "/srv/layer$n/opt/many/n$n" "/srv/layer$n/opt/many/n$((n - 1))"
	echo "$n" | tee "/srv/layer$n/opt/many/n$n/f" "/srv/layer$n/opt/many/last" >"/srv/layer$n/opt/many/stays$n"
	[ "$n" = 1 ] || touch "/srv/layer$n/opt/many/n$((n - 1))/.wh.f"
	case $n in
	4) mkdir -p "/srv/layer$n/etc" && echo 'ID=twelve' >"/srv/layer$n/etc/os-release" ;;
	5) touch "/srv/layer$n/opt/many/.wh.stays2" ;;
	7) mkdir -p "/srv/layer$n/etc/apk" && touch "/srv/layer$n/etc/apk/.wh..wh..opq" ;;
	9) touch "/srv/layer$n/opt/many/.wh.n3" "/srv/layer$n/opt/many/stays2" ;;
	11) ln "/srv/layer$n/opt/many/last" "/srv/layer$n/opt/many/same" ;;
	esac
	tar -C "/srv/layer$n" --sort=name --owner=0 --group=0 -cf "/srv/layer$n.tar" .
	layers+=("/srv/layer$n.tar")
done
check "twelve: it is pushed" push twelve "${layers[@]}"
compare twelve 300
is "$("$GOCKER" image show --format json pulled-twelve | jq '.layers | length')" 12 "twelve: it is of twelve layers"
is "$(cd $images/pulled-twelve/opt/many && echo n*/f && ls -d n3 2>/dev/null; cat last same; find . -name "stays*" | wc -l; stat -c %s stays2)" \
	"n11/f"$'\n'"11"$'\n'"11"$'\n'"11"$'\n'"0" "twelve: each has taken what it takes, and no more"
name=twelve shell=/bin/sh
through_each_door at_door

debian=$GKT_TOP/build/tests/debian.tar
if [ ! -s "$debian" ]; then
	skip_missing "a Debian" "mmdebstrap could not make one (see tests/images/debian-root)"
else
	check "debian: it is pushed" push debian "$debian"
	compare debian 3000
	name=debian shell=/bin/bash
	through_each_door at_door
fi
kill "$registry"
wait
