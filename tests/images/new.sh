#!/bin/bash
# `image new` makes images of packages with mmdebstrap, which is root of a user namespace and nobody on the
# host. A throwaway host has no network: what mmdebstrap is given is tried with one that tells.
. "$(dirname "$0")/../lib/test.sh"
need_product
need busybox mmdebstrap
images=/var/lib/gocker/images
own_images
image() { "$GOCKER" image "$1" --image-dir $images "${@:2}"; }
session() { "$GOCKER" run --image-dir $images --network none --image "$@"; }
remember_host
install -d -m 777 /srv/open
echo secret >/srv/secret && chmod 600 /srv/secret

cat >/usr/bin/mmdebstrap <<'FAKE'
#!/bin/sh
exec >/tmp/said 2>&1
mkdir -p /tmp/r/bin
say() { echo "$1=$2" >>/tmp/r/said; }
try() { # NAME CMD...: whether it works
	name=$1
	shift
	if "$@"; then say "$name" yes; else say "$name" no; fi
}
say args "$*"
say ids "$(id -u):$(id -g)"
say outside "$(awk '{ print ($2 >= 65536 && $1 == 0) }' /proc/self/uid_map)"
say processes "$(ls /proc | grep -c '^[0-9]')"
say nnp "$(sed -n 's/NoNewPrivs:\t//p' /proc/self/status)"
try write_image_dir touch /var/lib/gocker/images/x
try write_open touch /srv/open/x
try remount mount -o remount,rw /
try bind_rw sh -c 'mkdir /tmp/b && mount --bind /srv /tmp/b && mount -o remount,rw,bind /tmp/b && touch /tmp/b/open/x'
try device mknod /tmp/null c 1 3
try secret cat /srv/secret
try scratch mount -t tmpfs none /mnt
cp /bin/busybox /tmp/r/bin/sh
chown 42:8 /tmp/r/said
chmod 4755 /tmp/r/bin/sh
[ ! -e /tmp/r/fail ] || exit 1
cd /tmp/r && tar cf /tmp/root.tar .
FAKE
http_proxy=http://127.0.0.1:3128 TOKEN=secret run image new --suite bookworm --include apt-utils,vim --include g++ debian deb
is "$rc" 0 "an image is made of packages"
like "$err" 'image deb: debian bookworm, [0-9]+ entries' "and what it is is said"
like "$err" 'lost their set-uid' "and what was made harmless"
said=$(session deb /bin/sh -c 'while read -r l; do echo "$l"; done </said')
tells() { # LINE NAME
	check "$2" grep -qxF "$1" <<<"$said"
}
like "$said" 'args=.* --include=apt-utils,vim,g\+\+ bookworm /tmp/root.tar' "mmdebstrap is told the packages and the release"
tells ids=0:0 "it is root"
tells outside=1 "which is nobody on the host"
tells nnp=1 "and gains no privileges"
tells write_image_dir=no "it cannot write where images are"
tells write_open=no "nor where everybody can"
tells remount=no "nor make the host writable"
tells bind_rw=no "nor a part of it"
tells device=no "nor make a device"
tells secret=no "nor read what root alone can"
tells scratch=yes "though it can mount what is its own"
check "of processes it sees its own" test "$(sed -n 's/^processes=//p' <<<"$said")" -lt 10
is "$(stat -c %u:%g $images/deb/said)" 42:8 "owners are those that the root has inside"
check_not "nothing was written on the host" test -e /srv/open/x
like "$(image show deb)" 'from +packages
origin +debian bookworm' "show tells where it is from"
is "$(image show --format json deb | python3 -c 'import json, sys; print(json.load(sys.stdin)["packages"])')" \
	"['apt-utils', 'vim', 'g++']" "and of what, in JSON"
check "it verifies" image verify -q deb

# What it can't do.
versions=$(ls $images/.versions)
run image new fedora x
like "$rc:$err" '125:.*fedora: this makes images of debian or ubuntu' "another distribution is an error"
run image new --suite x --mirror http://127.0.0.1:9 fedora x
like "$rc:$err" '125:.*fedora: this makes.*--keyring' "unless its keyring is given, too"
run image new --suite x --mirror http://127.0.0.1:9 --keyring /etc/passwd ../x x
like "$rc:$err" '125:.*this makes images of debian' "and a name that is one"
run image new --keyring /etc/passwd debian x
like "$rc:$err" '125:.*--keyring is for other distributions' "for debian no keyring can be given"
run image new --include 'a b' debian x
like "$rc:$err" '125:.*a b is not the name of a package' "so is what is no package"
run image new --include --essential-hook=x debian x
like "$rc:$err" '125:.*is not the name of a package' "and an option instead of one"
run image new --suite ../x debian x
like "$rc:$err" '125:.*not the code name' "what is no release"
run image new --mirror ftp://x debian x
like "$rc:$err" '125:.*a mirror is' "and what is no mirror"
sed -i 's/^ID=.*/ID=other/' /etc/os-release
run image new ubuntu x
like "$rc:$err" '125:.*--suite' "which Ubuntu must be said on another host"
cat >/usr/bin/mmdebstrap <<'FAKE'
#!/bin/sh
echo 'I: running apt-get update...' >&2
echo 'E: no keyring found' >&2
echo 'E: mmdebstrap failed to run' >&2
exit 1
FAKE
run image new debian x
is "$rc:$err" "125:gocker image new: debian stable: mmdebstrap: no keyring found" "a failure has mmdebstrap's own reason"
printf '#!/bin/sh\nln -s /etc/passwd /tmp/root.tar\n' >/usr/bin/mmdebstrap
run image new debian x
like "$rc:$err" '125:.*left no archive' "a link instead of an archive is not followed"
printf '#!/bin/sh\n:\n' >/usr/bin/mmdebstrap
run image new debian x
like "$rc:$err" '125:.*left no archive' "and a missing archive is no root"
rm /usr/bin/mmdebstrap
run image new debian x
like "$rc:$err" '125:.*install the package mmdebstrap' "without mmdebstrap that is said"
is "$(ls $images/.versions)" "$versions" "and nothing of all that stays"
check_clean "no process or mount stays"
