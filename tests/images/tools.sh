#!/bin/bash
# Programs of the host in an image: they run at the same path, in a musl root, in another glibc, and
# where there is nothing but one binary.
# timeout: 200
. "$(dirname "$0")/../lib/test.sh"
need_product
need python3 rsync git
images=/var/lib/gocker/images
own_images
image() { "$GOCKER" image "$1" --image-dir $images "${@:2}"; }
session() { "$GOCKER" run --image-dir $images --image "$@"; }
tar -C $images/alpine -cf /srv/alpine.tar .
mkdir -p /srv/one/bin && cp /bin/busybox /srv/one/bin/busybox
tar -C /srv/one -cf /srv/one.tar .
image import -q musl /srv/alpine.tar
image import -q one /srv/one.tar
sftp_server=/usr/lib/openssh/sftp-server

run image tools musl sftp-server scp rsync git
is "$rc" 0 "sftp-server, scp, rsync and git are brought into Alpine"
check "the image verifies" image verify musl
is "$(session musl /usr/bin/rsync --version | head -n 1)" "$(rsync --version | head -n 1)" "rsync runs, the host's own version"
is "$(session musl /usr/bin/git --version)" "$(git --version)" "git runs"
is "$(session musl /bin/sh -c 'cd /tmp && git init -q a && cd a && git -c user.name=n -c user.email=e commit -q \
	--allow-empty -m first && git clone -q . ../b && cd ../b && git log --format=%s')" first "git's helpers run"
is "$(session musl /bin/sh -c 'echo ok | /bin/cat')" ok "the image's own programs run on"
is "$(session musl /usr/bin/git upload-pack 2>&1 | head -n 1)" "$(git upload-pack 2>&1 | head -n 1)" \
	"git finds its helpers by the path it was built with"
run session musl /usr/bin/rsync --nonsense
is "$rc" 1 "exit codes are the program's"
is "$(session musl /bin/sh -c 'exec -a odd /usr/bin/scp 2>&1 | head -n 1 || true')" \
	"$(bash -c 'exec -a odd /usr/bin/scp 2>&1 | head -n 1')" "argv[0] is handed on"
is "$(find $images/musl/ -newer /srv/one.tar -path '*/bin/busybox')" "" "nothing of the image's own is replaced"
like "$(image show musl)" 'tool +/usr/bin/rsync \(rsync ' "show tells the version"
is "$(image show --format json musl | python3 -c 'import json, sys
i = json.load(sys.stdin)
print(sorted({t["program"] for t in i["tools"]}), "/usr/bin/scp" in i["tool_files"])')" \
	"['git', 'rsync', 'scp', 'sftp-server'] True" "and the files with their sums, as JSON"

run image tools one $sftp_server
is "$rc" 0 "a path names a program, too"
is "$(session one $sftp_server -Q requests | head -n 1)" "$($sftp_server -Q requests | head -n 1)" \
	"it runs in an image with one binary, without a shell"

run image tools musl nosuchprogram
like "$rc:$err" '125:.*no program nosuchprogram' "a program that the host lacks is an error"
run image tools musl /etc/passwd
is "$rc" 0 "a file is copied as it is"
like "$err" '/etc/passwd left alone: the image has its own' "unless the image has its own"
touch /srv/mine && chown 1234 /srv/mine && chmod 755 /srv/mine
run image tools musl /srv/mine
like "$rc:$err" '125:.*written by others' "what others than root could have written is not brought in"

# Older than the host's.
unlike "$(image show musl)" stale "nothing is stale"
cp /usr/bin/rsync /srv/rsync && cp /srv/rsync /usr/bin/rsync && printf x >>/usr/bin/rsync
like "$(image show musl)" 'stale +/usr/bin/rsync has changed' "a program that the host updated is told"
set_ini 'image = musl'
like "$("$GOCKER" doctor 2>/dev/null)" 'warn +tools +musl has programs older than the host.s: /usr/bin/rsync has changed' \
	"gocker doctor tells it, too"
run image tools musl scp
is "$rc" 0 "bringing one in anew"
unlike "$(image show musl)" stale "brings all up to date"
unlike "$("$GOCKER" doctor 2>/dev/null)" 'warn +tools' "and doctor has no more to say of it"
like "$(session musl /usr/bin/rsync --version)" 'rsync +version' "and they run"

# Through real clients: the image that logins get.
image import -q alpine2 /srv/alpine.tar
image tools -q alpine2 sftp-server scp rsync git
add_user alice
set_ini 'image = alpine2'
start_sshd
head -c 300000 /dev/urandom >/srv/data
chmod 644 /srv/data
to_alice() { "$@" </dev/null >/srv/said 2>&1; }
home=/home/alice
same() { # FILE NAME
	check "$2" cmp /srv/data "$home/$1"
}
to_alice scp -o User=alice /srv/data gocker:by-scp
same by-scp "scp through sftp-server"
to_alice scp -O -o User=alice /srv/data gocker:by-old-scp
same by-old-scp "scp by its own old protocol"
to_alice scp -O -o User=alice gocker:by-scp /srv/back
check "and back" cmp /srv/data /srv/back
echo 'put /srv/data by-sftp' | sftp -q -o User=alice -b - gocker >/srv/said 2>&1
same by-sftp "sftp"
to_alice rsync -e 'ssh -l alice' /srv/data gocker:by-rsync
same by-rsync "rsync"
git init -q /srv/repo
git -C /srv/repo -c user.name=n -c user.email=e commit -q --allow-empty -m pushed
ssh_as alice 'git init -q --bare repo.git'
GIT_SSH_COMMAND='ssh -l alice' git -C /srv/repo push -q gocker:repo.git HEAD:refs/heads/main 2>/srv/said
is "$(ssh_as alice 'git -C repo.git log --format=%s main')" pushed "git push"
GIT_SSH_COMMAND='ssh -l alice' git clone -q -b main gocker:repo.git /srv/clone 2>/srv/said
is "$(git -C /srv/clone log --format=%s)" pushed "git clone"

# One binary and nothing else is a root that people log in to.
mkdir -p /srv/sole/bin && cp /bin/busybox /srv/sole/bin/sh
tar -C /srv/sole -c . | image import -q sole -
stop_sshd
sole() {
	door_user "sole-$door"
	set_ini 'image = sole'
	start_sshd
	run ssh_as "sole-$door" 'echo $((6 * 7)) in $PWD; echo "$(id -un 2>/dev/null)" "$USER"; exit 3'
	is "$rc:$out" "3:42 in /home/sole-$door"$'\n'"sole-$door sole-$door" "an image of one binary through the $door door"
}
through_each_door sole
open_door shell
start_sshd

# What make rootfs makes has sftp and scp. Its own command, with the gocker that is installed.
made=$(make -s -n -C "$GKT_TOP" rootfs IMAGE_DIR=$images IMAGE=made ALPINE_MIRROR=file:///nowhere 2>/dev/null |
	sed -n '/image fetch/,$p')
if [ -x /bin/busybox ]; then
	run bash -c "${made/#*\/gocker /$GOCKER }"
	is "$rc" 0 "make rootfs makes an image"
	set_ini 'image = made'
	to_alice scp -O -o User=alice /srv/data gocker:by-made
	same by-made "with scp"
	echo 'put /srv/data by-made-sftp' | sftp -q -o User=alice -b - gocker >/srv/said 2>&1
	same by-made-sftp "and sftp"
else
	skip_missing "make rootfs without a mirror" "busybox-static is not installed"
fi
