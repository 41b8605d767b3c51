#!/bin/bash
# Another distribution's root is an image like any other: Debian, as mmdebstrap makes it.
# timeout: 400
. "$(dirname "$0")/../lib/test.sh"
need_product
archive=$GKT_TOP/build/tests/debian.tar
if [ ! -s "$archive" ]; then
	skip_missing "a Debian root" "mmdebstrap could not make one (see tests/images/debian-root)"
	exit 0
fi
images=/var/lib/gocker/images
own_images
image() { "$GOCKER" image "$1" --image-dir $images "${@:2}"; }
session() { "$GOCKER" run --image-dir $images --image "$@"; }

run image import debian "$archive"
is "$rc" 0 "Debian's root is imported"
like "$err" 'left out: devices' "without its devices"
like "$err" 'lost their set-uid' "and its set-uid bits"
check "it verifies" image verify debian
mkdir /srv/tar
tar -C /srv/tar -xpf "$archive"
listing() {
	(cd "$1" && find . \( -type f -o -type d -o -type l \) -printf '%P\t%y %U:%G %m %l\n' | sort |
		sed 's/ [2-7]\([0-7][0-7][0-7]\) / \1 /')
}
is "$(listing $images/debian/ | sha256sum)" "$(listing /srv/tar | sha256sum)" \
	"it is what tar unpacks, but for those"
is "$(session debian /bin/cat /etc/debian_version)" "$(cat /srv/tar/etc/debian_version)" "it runs"
is "$(session debian /bin/bash -c 'echo $((6 * 7)); dpkg -s libc6 | grep -c ^Status')" "42
1" "bash and dpkg, too"

add_user alice
set_ini 'shell = /bin/bash' 'image = debian'
start_sshd
is "$(ssh_as alice 'whoami; . /etc/os-release; echo $ID; echo $BASH_VERSION')" "alice
debian
$(session debian /bin/bash -c 'echo $BASH_VERSION')" "a login through ssh gets it"
is "$(ssh_as alice -tt 'tty; [ -t 0 ] && echo terminal' 2>/dev/null | tr -d '\r')" "/dev/console
terminal" "with a terminal"

run image tools debian sftp-server scp
is "$rc" 0 "programs of the host are brought into a root with a glibc of its own"
if [ -e $images/debian/usr/bin/scp ]; then
	echo data >/srv/data
	check "sftp" scp -q -o User=alice /srv/data gocker:by-scp
	is "$(cat /home/alice/by-scp)" data "the file is there"
fi
run image edit debian /bin/bash -c 'dpkg --add-architecture arm64'
is "$rc" 0 "Debian's own tools edit it"
is "$(session debian /usr/bin/dpkg --print-foreign-architectures)" arm64 "and it is changed"
