#!/bin/bash
# Archives that nobody should trust: refused or made harmless, and nothing outside the image directory
# changes.
# timeout: 200
. "$(dirname "$0")/../lib/test.sh"
need python3
images=/srv/images
mkdir -p $images /srv/outside
flag=/srv/outside/flag
echo untouched >$flag
python3 "$GKT_TOP/tests/images/archives.py" "$GKT_WORK" $flag

image() { "$GOCKER" image "$@"; }
outside() { # everything that an escape could change
	find /srv/outside /etc /home -printf '%p %m %u %s %T@ %C@\n' | sort | cksum
	cat $flag
	find $images -maxdepth 1 | sort
}
staged() { find $images/.versions -maxdepth 1 -name '.*' -mindepth 1; }

run image import --image-dir $images victim "$GKT_WORK/good.tar"
is "$rc" 0 "a good archive is imported"
before=$(outside)
link=$(readlink $images/victim)

refuses() { # ARCHIVE PATTERN NAME [OPTION...]
	run image import --image-dir $images "${@:4}" victim "$GKT_WORK/$1"
	if [ "$rc" != 125 ]; then
		not_ok "$3" "exit status $rc" "$err"
	elif [ "$(readlink $images/victim)" != "$link" ]; then
		not_ok "$3" "the image was replaced"
	elif [ -n "$(staged)" ]; then
		not_ok "$3" "left behind: $(staged)"
	elif [ "$(outside)" != "$before" ]; then
		not_ok "$3" "something outside changed"
	elif [ -n "$out" ] || [ "$(wc -l <"$GKT_WORK/err")" != 1 ]; then
		not_ok "$3" "wanted one line on stderr alone, got: $out$err"
	else
		like "$err" "$2" "$3"
	fi
}

refuses dotdot.tar 'leads out of the image' "a name that starts with .. is refused"
refuses dotdot-inside.tar 'leads out of the image' "a name with .. in it is refused"
refuses dotdot-dir.tar 'leads out of the image' "the directory .. is refused"
refuses symlink-parent.tar "'door/flag' lies below" "a file below a symlink to elsewhere is refused"
refuses symlink-relative.tar "'door/flag' lies below" "a file below a relative symlink is refused"
refuses symlink-chain.tar 'lies below' "a file below a chain of symlinks is refused"
refuses symlink-proc.tar 'lies below' "a file below a link to /proc/self/root is refused"
refuses symlink-swap.tar "'door2/flag' lies below" "a second directory that is a symlink is refused"
refuses symlink-over-dir.tar "'door/flag' lies below" "a directory replaced by a symlink is not entered"
refuses hardlink-out.tar 'the archive did not hold' "a hard link to a file of the host is refused"
refuses hardlink-dotdot.tar 'hard link out of the archive' "a hard link with .. is refused"
refuses hardlink-through.tar 'the archive did not hold' "a hard link through a symlink is refused"
refuses hardlink-dir.tar 'the archive did not hold' "a hard link to a directory is refused"
refuses below-file.tar "'bin/sh/x' lies below" "a file below a file is refused"
refuses file-over-dir.tar 'takes the place of a directory' "a file over a full directory is refused"
refuses root-file.tar 'takes the place of the root' "a file in the root's place is refused"
refuses root-symlink.tar 'takes the place of the root' "a symlink in the root's place is refused"
refuses deep.tar 'too deep' "200 directories in each other are refused"
refuses long.tar 'too long' "a name of 256 bytes is refused"
refuses no-target.tar 'symlink to nothing' "a symlink to nothing is refused"
refuses owner.tar 'owner out of range' "the owner 4294967295 is refused"
refuses owner-negative.tar 'owner out of range' "a negative owner is refused"
refuses empty.tar 'not an intact tar' "an empty file is refused"
refuses zeros.tar 'is empty' "an archive of nothing is refused"
refuses noise.tar 'not an intact tar' "noise is refused"
refuses cut-data.tar 'not an intact tar' "an archive cut in a file's data is refused"
refuses cut-header.tar 'not an intact tar' "an archive cut in a header is refused"
refuses cut-boundary.tar 'cut short' "an archive cut between two entries is refused"
for suffix in gz xz zst; do
	if [ $suffix = zst ]; then
		zstd -q -c "$GKT_WORK/good.tar" >"$GKT_WORK/good.tar.zst" || continue
		head -c 200 "$GKT_WORK/good.tar.zst" >"$GKT_WORK/cut.tar.zst"
		head -c 5 "$GKT_WORK/good.tar.zst" >"$GKT_WORK/cut-magic.tar.zst"
	fi
	refuses cut.tar.$suffix 'not an intact tar' "a .tar.$suffix cut in the middle is refused"
	refuses cut-magic.tar.$suffix 'not an intact tar' "the first bytes of a .tar.$suffix are refused"
done
refuses docker-save.tar 'holds no image' "docker save of no image is refused"
refuses huge-size.tar 'limit on the size' "a file that claims to be 1 EiB is refused"
refuses sparse-bomb.tar 'limit on the size' "holes count against the limit" --max-size 4G
refuses zero-bomb.tar.gz 'limit on the size' "zeros that gzip packs well count too" --max-size 100M
refuses many.tar 'more than 10000 entries' "more entries than the limit are refused" --max-entries 10000

# A million entries: the archive is made as it is read, and the default limit stops it.
million() {
	python3 -c '
import sys, tarfile
header = bytearray(tarfile.TarInfo("").tobuf())
try:
    for i in range(1100000):
        info = b"f/%07d" % i
        header[:len(info)] = info
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        sys.stdout.buffer.write(header)
    sys.stdout.buffer.write(bytes(1024))
except BrokenPipeError:
    sys.stderr.close()'
}
million | image import --image-dir $images --max-entries 100000 victim - 2>"$GKT_WORK/err"
is "${PIPESTATUS[1]}" 125 "a million entries from a pipe are stopped at the limit"
like "$(cat "$GKT_WORK/err")" 'more than 100000 entries' "and the message tells the limit"
is "$(staged)" "" "nothing of them stays"

if [ "${GKT_FULL:-0}" = 1 ]; then
	million | image import --image-dir $images victim - 2>"$GKT_WORK/err"
	is "${PIPESTATUS[1]}" 125 "a million entries are unpacked, and one more is refused"
	like "$(cat "$GKT_WORK/err")" 'more than 1000000 entries' "with the default limit in the message"
	is "$(staged)" "" "and nothing of them stays"
fi

imports() { # ARCHIVE NAME
	run image import --image-dir $images mild "$GKT_WORK/$1"
	is "$rc" 0 "$2"
	is "$(outside | grep -v images/mild)" "$before" "$2: nothing outside changes"
}
root=$images/mild
imports absolute.tar "absolute names are taken as below the root"
is "$(cat $root$flag)" inside "the file is inside"
is "$(readlink $root/etc/link)" $flag "a symlink keeps its target"
like "$err" '2 had absolute names' "it says so"
imports devices.tar "an archive with devices is imported"
is "$(find $root/ -not -type f -not -type d -not -type l)" "" "without the devices and the FIFO"
like "$err" '4 left out' "it says how many"
imports setid.tar "an archive with set-uid files is imported"
is "$(find $root/ -perm /6000)" "" "without a set-uid or set-gid bit"
is "$(stat -c %a $root/bin/root)" 755 "the other bits stay"
like "$err" '4 lost their set-uid' "it says how many"
imports xattrs.tar "an archive with capabilities and overlay's own attributes is imported"
xattrs() { # of everything in a directory
	python3 -c '
import os, sys
for path, dirs, files in os.walk(sys.argv[1]):
    for name in [path] + [os.path.join(path, n) for n in dirs + files]:
        print(end="".join(name + a for a in os.listxattr(name, follow_symlinks=False)))' "$1"
}
is "$(xattrs $root/)" "" "without an extended attribute"
like "$err" '4 lost capabilities' "it says how many"
imports root-mode.tar "an archive with a root that anyone can write is imported"
is "$(stat -c '%a %u:%g' $root/)" "755 0:0" "the root is root's, mode 0755"
imports sparse-small.tar "a sparse file is imported"
is "$(stat -c %s $root/hole)" 1048576 "with its size"
is "$(tail -c 512 $root/hole)" "$(printf 'x%.0s' {1..512})" "with its data at the end"
blocks=$(stat -c %b $root/hole)
is "$((blocks < 64))" 1 "as a hole"
