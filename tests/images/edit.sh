#!/bin/bash
# Editing an image: in a copy, in a container; taken over on success, dropped on failure.
. "$(dirname "$0")/../lib/test.sh"
need python3 busybox
need_product
images=/srv/images
image() { "$GOCKER" image "$1" --image-dir $images "${@:2}"; }
session() { "$GOCKER" run --image-dir $images --image "$@"; }
versions() { find $images/.versions -mindepth 1 -maxdepth 1 | wc -l; }
mkdir -p $images
tar -C /var/lib/gocker/images/alpine -c . | image import -q alpine -
remember_host
first=$(readlink $images/alpine)

run image edit alpine /bin/sh -c 'id -u; hostname; adduser -D -u 4321 carol && echo edited >/etc/motd'
is "$rc" 0 "an edit that succeeds"
is "$out" "0
gocker-edit" "runs as root in a container of its own"
is "$(session alpine /bin/cat /etc/motd)" edited "is what new sessions see"
is "$(grep -c ^carol:x:4321: $images/alpine/etc/passwd)" 1 "with the users it made"
isnt "$(readlink $images/alpine)" "$first" "as a new version"
check "which verifies" image verify alpine
like "$(image show alpine)" 'edited +/bin/sh -c id -u' "show tells that it was edited"
is "$(cat "$images/$first/etc/motd")" "$(cat /var/lib/gocker/images/alpine/etc/motd)" "the old version is untouched"

second=$(readlink $images/alpine)
dropped() { # STATUS NAME CMD...
	run image edit alpine "${@:3}"
	is "$rc:$(readlink $images/alpine):$(versions)" "$1:$second:2" "$2"
}
dropped 7 "an edit that fails is dropped, and its status handed on" /bin/sh -c 'rm -rf /etc /lib; exit 7'
dropped 143 "one that is killed, too" /bin/sh -c 'kill -TERM $$'
dropped 127 "a command that is not there" nosuch
like "$err" 'what it did is dropped' "and it is said"
kept_as() { sed -n 's/.*image rollback alpine \(alpine@[^`]*\)`.*/\1/p' <<<"$1"; }
run image edit -q --keep-on-error alpine /bin/sh -c 'echo work >/work; exit 7'
kept=$(kept_as "$err")
is "$rc:$(readlink $images/alpine):$(cat "$images/.versions/$kept/root/work")" "7:$second:work" \
	"--keep-on-error keeps what a failed edit did, beside the image"
like "$(image list alpine)" 'alpine +kept' "list tells of it"
run image prune --keep 1
like "$rc:$err:$(versions)" '^0:.*kept edits stay.*:3$' "prune leaves it, and says so"
run image rollback alpine "$kept"
is "$rc:$(cat $images/alpine/work)" "0:work" "rollback puts it in place"
check "where it verifies" image verify -q alpine
check_not "it is a version like any other then" [ -e "$images/.versions/$kept/aside" ]
run image edit --keep-on-error alpine /bin/sh -c 'exit 3'
run image edit alpine /bin/true
run image rollback -q alpine
is "$(readlink $images/alpine)" ".versions/$kept/root" "rollback without a version never chooses a kept edit"
dir=${second#.versions/}
run image rollback -q alpine "${dir%/root}"
run image prune -q --edits
is "$rc:$(versions):$(readlink $images/alpine)" "0:1:$second" "prune --edits removes what was kept"
expect_test "on a terminal it is asked what becomes of a failed edit; it can be looked into, and taken over" <<END
spawn $GOCKER image edit --image-dir $images alpine /bin/sh -c "echo x >/asked; exit 5"
expect "this is a copy of image alpine: it becomes the image if"
expect "the command ended with status 5"
expect "take, keep, look or drop?"
send "nonsense\r"
expect "take, keep, look or drop?"
send "l\r"
expect "# "
send "cat /asked; exit\r"
expect "x"
expect "take, keep, look or drop?"
send "t\r"
expect "image alpine is changed"
expect eof
END
is "$(cat $images/alpine/asked)" x "it is the image then"
image rollback -q alpine
image prune -q
expect_test "what is dropped there is dropped with a word" <<END
spawn $GOCKER image edit --image-dir $images alpine /bin/sh -c "echo x >/asked; exit 5"
expect "take, keep, look or drop?"
send "d\r"
expect "what it did is dropped"
expect eof
END
is "$(readlink $images/alpine):$(versions)" "$second:1" "and nothing is left of it"
expect_test "a terminal that is lost is no answer" <<END
spawn $GOCKER image edit --image-dir $images alpine /bin/sh -c "echo hour >/hour; exit 5"
expect "take, keep, look or drop?"
close
wait
END
hour_kept() { ls $images/.versions/*/aside; }
check "the edit is kept then" wait_until 30 hour_kept
is "$(cat $images/.versions/*/root/hour 2>/dev/null)" hour "with what it did"
image prune -q --edits
run image edit nothing /bin/true
like "$rc:$err" "125:.*no image 'nothing'" "an image that is not there"

run image edit alpine /bin/sh -c 'cat /etc/resolv.conf'
is "$rc:$out" "0:$(cat /etc/resolv.conf)" "the host's resolv.conf is there for the time"
check_not "and not in the image" [ -e $images/alpine/etc/resolv.conf ]
image edit -q alpine /bin/sh -c 'ln -sf ../run/resolv.conf /tmp/x; cp -P /tmp/x /etc/other'
image edit -q alpine /bin/sh -c 'mv /etc/other /etc/link' # a link is kept as it is
image edit -q alpine /bin/sh -c 'ln -s ../run/resolv.conf /etc/resolv.new'
is "$(readlink $images/alpine/etc/resolv.new)" ../run/resolv.conf "symlinks are copied as they are"

run image edit alpine /bin/sh -c 'cp /bin/busybox /suid; chmod 6755 /suid; mkfifo /pipe; mkdir -m 2755 /d'
is "$rc:$(find $images/alpine/ -perm /6000 -o -type p)" 0: "set-uid bits and FIFOs don't stay"
like "$err" '2 lost their set-uid' "and it is said"

# apk add over the network, from a repository with one package.
python3 "$GKT_TOP/tests/images/apk.py" /srv/repo "$(uname -m)"
busybox httpd -f -p 127.0.0.1:8081 -h /srv/repo &
httpd=$!
wait_until 30 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8081'
run image edit alpine apk add --allow-untrusted --repositories-file /dev/null -X http://127.0.0.1:8081 hello-gkt
is "$rc" 0 "apk add fetches a package over the network"
is "$(session alpine hello-gkt)" "from the package" "and new sessions have it"
kill "$httpd"
wait "$httpd" 2>/dev/null
run image edit alpine apk add --allow-untrusted --repositories-file /dev/null -X http://127.0.0.1:8081 other
isnt "$rc" 0 "apk add of what can't be had fails"
check "and the image is as it was" image verify alpine

# Contained: nothing of the host's.
run image edit alpine /bin/sh -c 'ls /proc | grep -c "^[0-9]*$"; ls -d /srv/images 2>&1; mount -t tmpfs x /mnt 2>&1; mknod /sda b 8 0 2>&1; exit 1'
like "$out" '/srv/images: No such file' "the editor does not see the host's files"
like "$out" 'mount.*(denied|not permitted)' "nor mounts"
like "$out" 'mknod.*(denied|not permitted)' "nor makes devices"

# Replaced meanwhile.
mkfifo /srv/go
image edit alpine /bin/sh -c 'echo started; read line' <>/srv/go >/srv/out 2>/srv/err &
editor=$!
wait_until 20 grep -q started /srv/out
tar -C /var/lib/gocker/images/alpine -c . | image import -q alpine -
now=$(readlink $images/alpine)
echo >/srv/go
wait "$editor"
is "$?:$(readlink $images/alpine)" "125:$now" "an edit of what was replaced in the meantime does not replace that"
like "$(tr '\n' ' ' </srv/err)" 'replaced by another command.*what it did is kept' "but is kept, and says why"

# Killed.
image prune -q --edits
rm /srv/out # or "started" of the edit before is read
"$GOCKER" image edit --image-dir $images alpine /bin/sh -c 'echo hour >/hour; echo started; sleep 100' </dev/null >/srv/out 2>/srv/err &
editor=$!
wait_until 60 grep -qs started /srv/out
kill -KILL "$editor"
wait "$editor" 2>/dev/null
no_editor() { ! pgrep -f 'echo started; sleep 100'; }
wait_until 60 no_editor
# A process that ends has no name any more while it still holds its files, the lock among them.
let_go() { flock -n $images/.versions/.new@alpine@* true; }
wait_until 60 let_go
check "after a killed edit the image is the old one" image verify alpine
is "$(readlink $images/alpine)" "$now" "in the old version"
check_clean "nothing runs on"
run image prune -q
like "$rc:$err" '^0:gocker image: an edit of image alpine was cut short; what it did is kept' "the next command keeps what it did, and says so"
kept=$(kept_as "$err")
run image prune -q
is "$rc:$err:$(cat "$images/.versions/$kept/root/hour")" "0::hour" "once"
run image rollback -q alpine "$kept"
is "$rc:$(cat $images/alpine/hour)" "0:hour" "rollback puts it in place"
check "where it verifies" image verify -q alpine
check_not "without the mark of the edit" test -e "$images/.versions/$kept/editing"
old=${now#.versions/}
image rollback -q alpine "${old%/root}"
image prune -q --edits
is "$(versions)" 1 "prune removes it"

expect_test "what is kept on a terminal stays beside the image" <<END
spawn $GOCKER image edit --image-dir $images alpine /bin/sh -c "echo x >/asked; exit 5"
expect "take, keep, look or drop?"
send "k\r"
expect "what it did is kept: "
expect eof
END
is "$(readlink $images/alpine):$(cat $images/.versions/*/root/asked)" "$now:x" "and is not the image"
image prune -q --edits

expect_test "without a command there is a shell, with a terminal" <<END
spawn $GOCKER image edit --image-dir $images alpine
expect "# "
send "tty; echo typed >/typed; exit\r"
expect "/dev/pts/0"
expect eof
END
is "$(cat $images/alpine/typed)" typed "what was typed there stays"
