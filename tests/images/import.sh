#!/bin/bash
# Importing what is good: formats, contents, owners; what a full disk and a killed run leave.
# timeout: 300
. "$(dirname "$0")/../lib/test.sh"
need python3 zstd expect strace jq iconv
images=/srv/images
archives=$GKT_WORK/archives
mkdir -p $images "$archives"
python3 "$GKT_TOP/tests/images/archives.py" "$archives" /srv/flag
zstd -q "$archives/good.tar" -o "$archives/good.tar.zst"

import() { "$GOCKER" image import --image-dir $images "$@"; }
staged() { find $images/.versions -maxdepth 1 -mindepth 1 -name '.*'; }

mkdir "$GKT_WORK/wanted"
tar -C "$GKT_WORK/wanted" -xpf "$archives/good.tar"
listing() { # times and sizes of directories are left out: they follow what is put in them
	(cd "$1" && find . -mindepth 1 \( -type d -printf '%P\t%y %m %U:%G\n' \) -o \
		-printf '%P\t%y %m %U:%G %s %T@ %l\n' | sort)
}
for suffix in tar tar.gz tar.xz tar.zst; do
	run import good "$archives/good.$suffix"
	is "$rc" 0 "a .$suffix is imported"
	[ "$rc" = 0 ] || diag "$err"
	is "$(listing $images/good/)" "$(listing "$GKT_WORK/wanted")" \
		".$suffix: names, types, modes, owners, sizes, times and links are the archive's"
	check ".$suffix: the contents too" diff -r --no-dereference "$GKT_WORK/wanted" $images/good/
done
mkdir "$GKT_WORK/single"
echo alone >"$GKT_WORK/single/file"
tar -C "$GKT_WORK/single" -cf "$archives/single.tar" file
run import single "$archives/single.tar"
like "$rc:$out$err" '^0:.*: 1 entry, ' "one entry is not '1 entries'"
like "$("$GOCKER" image show --image-dir $images single)" ' in 1 entry' "nor in image show"
mv "$archives/good.tar.xz" "$archives/misnamed.tar.gz"
check "the format is told by the bytes, not the name" import good "$archives/misnamed.tar.gz"
check "hard links stay hard links" [ $images/good/bin/sh -ef $images/good/bin/again ]
is "$(cat $images/good/etc/twice)" second "of a file named twice the later one counts"
is "$(stat -Lc '%a %u' $images/good)" "755 0" "the root is root's"
is "$(stat -c %a $images/.versions)" 700 "users of the host can't reach what is below it"

run bash -c "'$GOCKER' image import --image-dir $images piped - <'$archives/good.tar.gz'"
is "$rc" 0 "standard input is imported"
is "$("$GOCKER" image show --image-dir $images --format json piped | python3 -c 'import json,sys; i=json.load(sys.stdin); print(i["from"], i["sum"])')" \
	"stdin sha256:$(sha256sum <"$archives/good.tar.gz" | cut -d' ' -f1)" "and remembered with its sum"

run bash -c "'$GOCKER' image import --image-dir $images exported - <'$archives/exported.tar'"
is "$rc" 0 "what docker export writes is imported from a pipe"
is "$("$GOCKER" run --image-dir $images --image exported /bin/sh -c 'echo $((6 * 7)); /bin/ls /bin/ls; /bin/ls /.dockerenv')" \
	"42
/bin/ls
/.dockerenv" "and runs"

expect_test "on a terminal an import of more than a second shows its progress" <<-TCL
	spawn -noecho sh -c {(head -c 3000000; sleep 3; cat) <$archives/many.tar | $GOCKER image import --image-dir $images slow - >/dev/null}
	want {unpacking: [0-9.]+ [KM]?i?B}
	ended
TCL
# What else may take its time, on a disk on which everything does.
shows() { # WHAT NAME COMMAND IMAGE: on a terminal
	expect_test "on a terminal $2" <<-TCL
		spawn -noecho strace -f -qq -o /dev/null -e trace=newfstatat,unlinkat -e inject=newfstatat,unlinkat:delay_enter=3000 $GOCKER image $3 --image-dir $images $4
		want {$1: [0-9]+ files}
		equal [ended 60] 0
	TCL
}
mkdir "$GKT_WORK/hundreds"
seq -f "$GKT_WORK/hundreds/%g" 800 | xargs touch
tar -C "$GKT_WORK/hundreds" -c . | import -q shown -
shows verifying "verify shows its progress" verify shown
shows removing "and remove" remove shown
import -q shown "$archives/good.tar"
tar -C "$GKT_WORK/hundreds" -c . | import -q shown -
tar -C "$GKT_WORK/hundreds" -c . | import -q shown -
shows removing "and prune" prune shown

run import good "$archives/none.tar"
is "$rc" 125 "a file that does not exist is an error"
for name in .hidden ../up a/b "" "$(printf 'x%.0s' {1..65})" -dash 'a b'; do
	run import -- "$name" "$archives/good.tar"
	like "$rc:$err" '125:.*not a name' "'${name:0:20}' is no name for an image"
done
run import host "$archives/good.tar"
like "$rc:$err" "125:.*'host' is reserved" "nor is host, which is the host's own /usr"
run setpriv --reuid 65534 --regid 65534 --clear-groups "$GOCKER" image import --image-dir $images x "$archives/good.tar"
like "$rc:$err" '125:.*only root' "only root imports"

# Replacing.
old=$(readlink $images/good)
check "an image is replaced" import good "$archives/good.tar"
isnt "$(readlink $images/good)" "$old" "by a new version"
check "the old one stays until it is pruned" [ -d "$images/$old" ]
mkdir $images/handmade
run import handmade "$archives/good.tar"
like "$rc:$err" '125:.*not made by gocker' "a directory that gocker did not make is not replaced"
check "and still there" [ -d $images/handmade ]

# A full disk.
mount -t tmpfs -o size=2m,mode=755 full /mnt
"$GOCKER" image import -q --image-dir /mnt keep "$archives/good.tar"
keep=$(readlink /mnt/keep)
head -c 4M /dev/urandom >"$GKT_WORK/big"
tar -C "$GKT_WORK" -cf "$archives/big.tar" big
run "$GOCKER" image import --image-dir /mnt keep "$archives/big.tar"
like "$rc:$err" "125:.*No space left.*(/[^ ]* is full)" "a full disk is told, and which"
is "$(readlink /mnt/keep)" "$keep" "the image is the old one"
is "$(ls -A /mnt/.versions)" "$(basename "$(dirname "$keep")")" "nothing half-made stays"
check "the old one is whole" "$GOCKER" image verify --image-dir /mnt keep
umount /mnt
mount -t tmpfs -o nr_inodes=40,mode=755 full /mnt
run "$GOCKER" image import --image-dir /mnt many "$archives/many.tar"
like "$rc:$err" '125:.*No space left' "so is a disk without inodes"
is "$(ls -A /mnt)$(ls -A /mnt/.versions)" ".versions" "nothing half-made stays there"
umount /mnt

# Killed in the middle: standard input that stops half way keeps the import waiting.
start_half() {
	mkfifo "$GKT_WORK/fifo"
	# A shell ignores SIGINT for what it starts in the background.
	env --default-signal=INT "$GOCKER" image import --image-dir $images victim - \
		<"$GKT_WORK/fifo" 2>"$GKT_WORK/err" &
	importer=$!
	exec 9>"$GKT_WORK/fifo"
	rm "$GKT_WORK/fifo"
	head -c 3000000 "$archives/many.tar" >&9
	wait_until 20 bash -c "[ -e $images/.versions/.new@victim@*/root/f/100 ]"
}
start_half
check "an import under way is staged" [ -n "$(staged)" ]
# Who reads the archive can do nothing else (A28): its root is what it fills, and it has power over owners and modes.
unpacker=$(pgrep -P "$importer")
like "$(readlink "/proc/$unpacker/root")" "^$images/.versions/.new@victim@.*/root\$" "its archive is read by a process whose root is what it fills"
is "$(awk '/^(CapEff|CapBnd|NoNewPrivs|Seccomp):/ { printf "%s ", $2 }' "/proc/$unpacker/status")" \
	"000000000000001b 000000000000001b 1 2 " "which has CAP_CHOWN, DAC_OVERRIDE, FOWNER and FSETID, and a filter"
is "$(for fd in "/proc/$unpacker/fd/"*; do readlink "$fd"; done | grep -v "^/dev/null$\|fifo\|^$(readlink "/proc/$unpacker/root")")" "" \
	"and no descriptor but /dev/null, the archive and what it fills"
is "$(readlink "/proc/$importer/root"):$(awk '/^Seccomp:/ { print $2 }' "/proc/$importer/status")" "/:$(awk '/^Seccomp:/ { print $2 }' /proc/self/status)" \
	"control: its parent has the host's root and no filter"
kill -KILL "$importer"
wait "$importer"
exec 9>&-
check "a killed import leaves no image" [ ! -e $images/victim ]
check_not "nor a listed version" grep -q victim <("$GOCKER" image list --image-dir $images)
check "the next import sweeps what it left" import good "$archives/good.tar"
is "$(staged)" "" "nothing of it stays"

for signal in INT TERM HUP; do
	start_half
	kill -s $signal "$importer"
	wait "$importer"
	status=$?
	exec 9>&-
	is "$status" $((128 + $(kill -l $signal))) "SIG$signal ends an import by that signal"
	is "$(staged)" "" "SIG$signal: nothing of it stays"
	is "$(cat "$GKT_WORK/err")" "gocker image import: interrupted, nothing changed" "SIG$signal: and that is said"
done
start_half
check "another import beside it is not disturbed" import good "$archives/good.tar"
check "nor does it sweep the one under way" [ -n "$(staged)" ]
tail -c +3000001 "$archives/many.tar" >&9
exec 9>&-
wait "$importer"
is $? 0 "which then comes to its end"
check "and is whole" "$GOCKER" image verify --image-dir $images victim

# What an image calls itself is its author's to choose, and is shown to administrators.
mkdir -p "$GKT_WORK/evil/etc" "$GKT_WORK/evil/bin"
cp -a "$GKT_WORK/wanted/." "$GKT_WORK/evil/"
rm -f "$GKT_WORK/evil/etc/os-release"
printf 'PRETTY_NAME="a\xc2\x9b31mb\xe2\x80\xaec\xffd\x7fe\xe2\x81\xa6\xe2\x80\xa8\xc3\xa9\xed\xa0\x80"\n' >"$GKT_WORK/evil/etc/os-release"
tar -C "$GKT_WORK/evil" -cf "$GKT_WORK/evil.tar" .
run import evil "$GKT_WORK/evil.tar"
is "$rc" 0 "an image with signs for terminals in its name is imported"
bad=$'\xc2\x9b|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]|\x7f|\xff'
check "A66 control: they are in its os-release" env LC_ALL=C grep -qE "$bad" "$images/evil/etc/os-release"
for command in "show evil" list; do
	# shellcheck disable=SC2086
	run "$GOCKER" image ${command%% *} --image-dir $images --format json ${command#"${command%% *}"}
	is "$rc" 0 "A66: image $command --format json"
	check_not "A66: image $command --format json prints none of them" env LC_ALL=C grep -qE "$bad" "$GKT_WORK/out"
	check "A66: and is UTF-8 throughout" iconv -f UTF-8 -t UTF-32 -o /dev/null "$GKT_WORK/out"
	is "$(jq -r '[.[]?|objects|select(.name == "evil")|.os][0] // .os' "$GKT_WORK/out" 2>/dev/null | head -n 1 | od -An -c | tr -d ' \n')" \
		"$(printf 'a\xc2\x9b31mb\xe2\x80\xaec\xef\xbf\xbdd?e\xe2\x81\xa6\xe2\x80\xa8\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\n' | od -An -c | tr -d ' \n')" \
		"A66: a reader of JSON finds the name as it is, with U+FFFD for what is not UTF-8"
	# shellcheck disable=SC2086
	run "$GOCKER" image ${command%% *} --image-dir $images ${command#"${command%% *}"}
	check_not "A66: image $command prints none either" env LC_ALL=C grep -qE "$bad" "$GKT_WORK/out"
done
