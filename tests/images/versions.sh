#!/bin/bash
# Versions of an image while sessions use them; what an image must be to be used; verify, list, show.
# timeout: 200
. "$(dirname "$0")/../lib/test.sh"
need_product
need python3
images=/srv/images
image() { "$GOCKER" image "$1" --image-dir $images "${@:2}"; }
session() { "$GOCKER" run --image-dir $images --image "$@"; }
versions_of() { find $images/.versions -mindepth 1 -maxdepth 1 -name "$1@*" | wc -l; }
versions() { find $images/.versions -mindepth 1 -maxdepth 1 | wc -l; }
field() { # NAME KEY: of show --format json
	image show --format json "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$2"
}
mkdir -p $images /srv/one
tar -C /var/lib/gocker/images/alpine -cf /srv/one.tar .
echo two >/srv/two && tar -rf /srv/one.tar -C /srv two
tar -C /var/lib/gocker/images/alpine -cf /srv/plain.tar .
remember_host

image import -q base /srv/plain.tar
is "$(session base /bin/cat /etc/alpine-release)" "$(cat /var/lib/gocker/images/alpine/etc/alpine-release)" \
	"an imported image runs"

# A session that runs.
mkfifo /srv/go
hold() { # NAME: a session that tells what it sees once it is let go
	"$GOCKER" run --image-dir $images --image "$1" /bin/sh -c 'echo started; read line; ls /two' \
		<>/srv/go >/srv/seen 2>&1 &
	held=$!
	wait_until 20 grep -q started /srv/seen
}
let_go() {
	echo >/srv/go
	wait "$held"
}
hold base
is "$(field base in_use)" True "show tells that it is in use"
id=$("$GOCKER" ps -q --image base)
line=$(image list base | tail -n +2 | tr -s ' ')
like "$line" "^base current /srv/plain.tar - [0-9]+s [0-9.]+ MiB root Alpine" "list tells source, age, size and who uses it"
run image remove base
like "$rc:$err" "125:.*'base' is in use by $id \(root\)" "an image in use is not removed, and the session is named"
check "it is whole" image verify base
image import -q base /srv/one.tar
is "$(session base /bin/cat /two)" two "a new session gets the new version"
run image prune
like "$rc:$err" '0:0 old versions removed, others are in use' "the old version is not pruned while it is used"
like "$err" "base@[^ ]+ is in use by $id \(root\)" "and the session is named"
run image remove base
like "$rc:$err" "125:.*'base' is in use" "nor the image removed"
let_go
like "$(cat /srv/seen)" "No such file" "the session that ran kept the old one to its end"
is "$(versions)" 2 "both are there"
run image prune base
like "$rc:$err" '0:1 old version removed' "then it is pruned"
is "$(versions)" 1 "and gone"
check "the current one is whole" image verify base
hold base
kill -KILL "$held"
wait "$held" 2>/dev/null
check "an image is free when its session was killed" wait_until 30 image remove -q base
is "$(ls -A $images)$(versions)" .versions0 "nothing of it stays"
run session base /bin/true
like "$rc:$err" "125:.*no image 'base'" "and no session starts from it"
run image remove base
like "$rc:$err" "125:.*no image 'base'" "a second removal says so"
"$GOCKER" gc >/dev/null # what a killed supervisor leaves
check_clean "nothing of the sessions stays"

# Replaced and pruned without end, while sessions start.
image import -q busy /srv/plain.tar
(while [ ! -e /srv/stop ]; do image import -q busy /srv/plain.tar && image prune -q; done) 2>/srv/replacing &
replacing=$!
failed=0
for _ in {1..40}; do
	session busy /bin/true 2>>/srv/failures || failed=$((failed + 1))
done
touch /srv/stop
wait $replacing
is "$failed:$(cat /srv/failures /srv/replacing 2>/dev/null)" 0: "sessions start while the image is replaced and pruned"
(for _ in {1..200}; do image list; done) >/dev/null &
failed=0
for _ in {1..20}; do session busy /bin/true || failed=$((failed + 1)); done
wait $!
is "$failed" 0 "and while it is looked at"

# What an image must be.
root=$(readlink -f $images/busy)
bad() { # PATTERN NAME
	run session busy /bin/true
	like "$rc:$err" "125:.*$1" "$2"
}
chmod o+w "$root"
bad 'can be written by others' "a root that others can write is refused"
chmod o-w "$root"
chown 1 "$root"
bad 'belongs to uid 1' "a root that is not root's is refused"
chown 0 "$root"
chmod 755 "$(dirname "$root")"
bad "not root's alone" "a version that users can enter is refused"
chmod 700 "$(dirname "$root")"
chmod g+w $images
bad 'can be written by others' "an image directory that others can write is refused"
chmod g-w $images
ln -s /etc $images/away
run session away /bin/true
is "$rc" 125 "a link out of the image directory is refused"
ln -s ../../../etc $images/up
run session up /bin/true
is "$rc" 125 "a link up and out is refused"
rm $images/away $images/up
for name in ../base .versions 'a/b' ''; do
	run session "$name" /bin/true
	isnt "$rc" 0 "'$name' is no image"
done
set_ini
ln -s $images /srv/link
sed -i 's|^image_dir = .*|image_dir = /srv/link|' /etc/gocker.ini
run "$GOCKER" run --image busy /bin/true
is "$rc" 125 "an image_dir that is a symlink is refused"
run setpriv --reuid 65534 --regid 65534 --clear-groups ls "$root"
isnt "$rc" 0 "users of the host can't enter a version"
run setpriv --reuid 65534 --regid 65534 --clear-groups flock -n "$(dirname "$root")" true
isnt "$rc" 0 "nor take its lock"

# A plain directory.
mkdir $images/plain
tar -C $images/plain -xpf /srv/plain.tar
chmod 755 $images/plain
is "$(session plain /bin/echo hello)" hello "a plain directory is an image"
like "$(image list)" 'plain +plain' "it is listed as what it is"
for command in remove verify; do
	run image $command plain
	is "$rc" 125 "gocker does not $command it"
done
check "it is there" [ -x $images/plain/bin/busybox ]

# verify
image import -q watched /srv/one.tar
watched=$images/watched
run image verify watched
is "$rc:$out" 0: "an image as it was made verifies"
echo changed >>$watched/etc/motd
chmod 700 $watched/bin
rm $watched/two
touch $watched/new
ln -sfn /bin/false $watched/bin/cat
chown 7 $watched/etc/passwd
run image verify watched
is "$rc" 1 "a changed one does not"
is "$(sort <<<"$out" | tr -s ' ')" "added /new
changed /bin (mode)
changed /bin/cat (target)
changed /etc/motd (size, content)
changed /etc/passwd (owner)
missing /two" "and each difference is told"
run image verify --format json watched
is "$rc:$(python3 -c 'import json, sys; print(sorted(d["path"] for d in json.load(sys.stdin)))' <<<"$out")" \
	"1:['bin', 'bin/cat', 'etc/motd', 'etc/passwd', 'new', 'two']" "as JSON too"
echo "f 0644 0 0 1 - x" >>"$(dirname "$(readlink -f $watched)")/manifest"
run image verify watched
like "$rc:$err" '125:.*manifest itself was changed' "nor does one whose manifest was changed"

# Back to a version before, and what prune keeps.
mkdir /srv/small
for n in 1 2 3 4; do
	echo $n >/srv/small/n
	tar -C /srv/small -cf /srv/small.tar .
	image import -q back /srv/small.tar
done
third=$(image list --format json back | python3 -c 'import json, sys; print([i["version_dir"] for i in json.load(sys.stdin)][1])')
run image rollback back
is "$rc:$(cat $images/back/n)" 0:3 "rollback puts the version before in place"
is "$(field back version_dir)" "$third" "which list names"
run image rollback back
is "$rc:$(cat $images/back/n)" 0:2 "again: the one before that"
is "$(versions_of back)" 4 "no version is removed"
run image rollback back "$third"
is "$rc:$(cat $images/back/n)" 0:3 "a version is put in place by its name, a newer one too"
check "it is as it was made" image verify -q back
run image rollback back back@nothing
like "$rc:$err" "125:.*no other version back@nothing" "one that is not there is an error"
run image rollback back ../back
is "$rc:$(cat $images/back/n)" 125:3 "and so is a path"
run image rollback watched
like "$rc:$err" "125:.*no version before this one" "an image of one version has none to go back to"
run image rollback plain
is "$rc" 125 "nor has a plain directory"
run image prune --keep 1 back
like "$rc:$err:$(versions_of back)" '^0:2 old versions removed:2' "prune --keep 1 leaves the newest of the old ones"
is "$(cat $images/back/n):$(cat $images/.versions/back@*/root/n | sort | tr '\n' ' ')" "3:3 4 " "and the current one"
run image prune --keep 0 back
is "$rc" 2 "--keep 0 is a wrong use"
image remove -q back

# list and show
is "$(image list --format json | python3 -c 'import json, sys; print([(i["name"], i["current"], i["managed"]) for i in json.load(sys.stdin) if i["current"]])')" \
	"[('host', True, False), ('busy', True, True), ('plain', True, False), ('watched', True, True)]" "list tells all images as JSON"
like "$(cat $watched/etc/os-release)" "PRETTY_NAME=\"$(field watched os)\"" "show tells what an image calls itself"
run image show nothing
like "$rc:$err" "125:.*no image 'nothing'" "show of none is an error"
run "$GOCKER" image list --image-dir /nowhere
is "$rc:$(tail -n +2 <<<"$out" | cut -d ' ' -f 1)" 0:host "no image directory: no images but the host's own files"
for arguments in "" "nonsense" "import" "import x" "list --nonsense" "show a b" "import --max-size 0 a b" \
	"import --max-size 1Q a b" "list --format xml" "fetch --max-size 1 x"; do
	# shellcheck disable=SC2086
	run "$GOCKER" image $arguments
	is "$rc:$out" 2: "'gocker image $arguments' is a wrong use: exit status 2, nothing on stdout"
done
for command in "" import fetch pull update rollback list show verify remove edit prune tools; do
	# shellcheck disable=SC2086
	run "$GOCKER" image $command --help
	like "$rc:$out" "0:Usage: gocker image $command" "'gocker image $command --help' tells its use"
done
