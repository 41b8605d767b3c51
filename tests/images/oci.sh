#!/bin/bash
# Images in layers: OCI layouts and docker save, good and hostile; layers stored once.
# timeout: 300
# shellcheck disable=SC2012 # the names are plain
. "$(dirname "$0")/../lib/test.sh"
need_product
need python3 jq zstd umoci skopeo
[ "$(uname -m)" = x86_64 ] || { skip "images in layers" "the layouts are for amd64"; exit 0; }
images=/srv/images
mkdir -p $images /srv/outside /srv/l
flag=/srv/outside/flag
echo untouched >$flag
check "layouts are made" python3 "$GKT_TOP/tests/images/layouts.py" /srv/l $flag
image() { "$GOCKER" image "$1" --image-dir $images "${@:2}"; }
layers() { find $images/.layers -mindepth 1 -maxdepth 1 | wc -l; }
staged() { find $images/.versions -maxdepth 1 -mindepth 1 -name '.*'; }
outside() {
	find /srv/outside /etc /home -printf '%p %m %u %s %T@ %C@\n' | sort | cksum
	cat $flag
}
listing() { # a root, without the times and sizes of directories
	(cd "$1/" && find . -mindepth 1 \( -type d -printf '%P\t%y %m %U:%G\n' \) -o -printf '%P\t%y %m %U:%G %s %T@ %l\n' | sort)
}
good() { # NAME LAYOUT TEST-NAME
	run image import "$1" "/srv/l/$2"
	is "$rc" 0 "$3"
	[ "$rc" = 0 ] || diag "$err"
}
root=$images/it

# What umoci unpacks of the same layout, and what is imported, file by file.
for name in base plain whiteouts same-layer twelve hardlinks empty-layer; do
	good it $name "$name: a layout is imported"
	umoci raw unpack --image "/srv/l/$name:latest" "/srv/umoci.$name" >/dev/null 2>&1
	is "$(listing $root)" "$(listing "/srv/umoci.$name")" "$name: names, types, modes, owners, sizes and times are those that umoci unpacks"
	check "$name: the contents too" diff -r --no-dereference "/srv/umoci.$name/" $root/
	check "$name: it is as it was made" image verify -q it
done
good it whiteouts "an image with whiteouts"
is "$(cd $root && echo full/* etc/gone* tree* was-dir was-file/*)" "full/c etc/gone* tree* was-dir was-file/f" \
	"whiteouts and opaque directories remove what is below, and that alone"
good it same-layer "a whiteout and a file of one name in one layer"
is "$(cat $root/etc/gone)" again "a whiteout does not remove what its own layer holds"
good it hardlinks "a hard link to a file of a layer below"
is "$(cat $root/etc/again $root/etc/keep)" belowabove "is to what it was before its own layer replaced it"
good it implied "a layer with a file below a symlink of the layer below"
is "$(readlink $root/lib):$(ls $root/usr/lib | tr '\n' ' ')" "usr/lib:one two " "a directory that it only implies is the one that the symlink leads to"
good it replaced "a layer with a directory in the place of a symlink"
is "$(ls $root/lib | tr '\n' ' ')$(ls $root/usr/lib)" "two one" "one that it holds takes the symlink's place"
good it opaque-root "a layer with an opaque root"
is "$(ls -A $root/ | tr '\n' ' ')" "bin " "leaves nothing of those below"

# Extended attributes: umoci sets what a layer has, an image here has none, and everything else is the same.
attributes() { # of everything in a root
	python3 -c '
import os, sys
for path, dirs, files in os.walk(sys.argv[1]):
    for name in [path] + [os.path.join(path, n) for n in dirs + files]:
        for key in os.listxattr(name, follow_symlinks=False):
            print(os.path.relpath(name, sys.argv[1]), key)' "$1" | sort
}
good it xattrs "a layer with extended attributes"
like "$err" '3 lost capabilities or other extended attributes' "how many have lost theirs is said"
umoci raw unpack --image /srv/l/xattrs:latest /srv/umoci.xattrs >/dev/null 2>&1
check "control: umoci has set some" grep -q 'etc/capable security.capability' <(attributes /srv/umoci.xattrs)
is "$(attributes $root/)$(attributes $images/.layers)" "" "of them nothing is set, not even in a stored layer"
is "$(listing $root)" "$(listing /srv/umoci.xattrs)" "what else there is is as umoci unpacks it"
check "the contents too" diff -r --no-dereference /srv/umoci.xattrs/ $root/
like "$(image show it)" 'harmless +xattrs_dropped: 3' "show tells"

# Archives, and docker save.
tar -C /srv/l/base -cf /srv/base.tar .
good_file() { # FILE NAME
	run image import it "$1"
	is "$rc" 0 "$2"
	[ "$rc" = 0 ] || diag "$err"
	is "$(listing $root)" "$(listing /srv/umoci.base)" "$2: and is the same"
}
good_file /srv/base.tar "an archive of a layout is imported"
zstd -q /srv/base.tar -o /srv/base.tar.zst
good_file /srv/base.tar.zst "a compressed one too"
run bash -c "'$GOCKER' image import --image-dir $images it - </srv/base.tar"
is "$rc" 0 "and one from a pipe"
skopeo copy --insecure-policy -q oci:/srv/l/base:latest docker-archive:/srv/saved.tar:base:latest
good_file /srv/saved.tar "what docker save writes is imported"
good it saved "and what older Dockers wrote, as a directory"
is "$(listing $root)" "$(listing /srv/umoci.base)" "which is the same"
skopeo copy --insecure-policy -q --dest-compress-format zstd oci:/srv/l/twelve:latest oci:/srv/l/zstd:latest &&
	good it zstd "layers compressed with zstd are imported"
is "$(listing $root)" "$(listing /srv/umoci.twelve)" "and are the same"
run image import it /srv/l/two-names
like "$rc:$err" '125:.*2 images; choose with --ref: a:1, b:1' "of several images one must be chosen"
run image import --ref b:1 it /srv/l/two-names
is "$rc:$(ls $root/b)" "0:$root/b" "--ref chooses"
run image import --ref c:1 it /srv/l/two-names
like "$rc:$err" "125:.*no image is called 'c:1'" "a name that it does not hold is an error"
good it two-machines "of an image for several machines this one's is taken"
check "and no other" [ -e $root/mine ]

# The config is kept and shown.
good conf config "an image with a config"
is "$(image show --format json conf | jq -c '[.config.Env, .config.User, .config.WorkingDir, .config.Entrypoint, .config.Cmd, .config.Labels, .architecture]')" \
	'[["PATH=/opt/bin:/bin","LANG=C.UTF-8","LD_PRELOAD=/x"],"app","/srv",["/bin/sh","-c"],["true"],{"maintainer":"nobody"},"amd64"]' \
	"its config is kept"
is "$(image show conf | sed -n 's/^config *//p' | sort)" "Cmd: true
Entrypoint: -c
Entrypoint: /bin/sh
Env: LANG=C.UTF-8
Env: LD_PRELOAD=/x
Env: PATH=/opt/bin:/bin
Labels: maintainer=nobody
User: app
WorkingDir: /srv" "and shown"
like "$(image show conf)" "digest +sha256:$(jq -r '.manifests[0].digest' /srv/l/config/index.json | cut -d: -f2)" "with the digest of its manifest"

# Layers are stored once.
image remove -q it conf
is "$(layers)" 0 "layers go with the last image that is made of them"
good one base "an image of one layer"
good two whiteouts "another on top of it"
is "$(layers)" 2 "their common layer is stored once"
check "and so is a file of it" [ $images/one/etc/keep -ef $images/two/etc/keep ]
like "$(image show two | tr '\n' ' ')" 'layers +2.*shared with other images' "show tells layers, and what is shared"
is "$(image show --format json two | jq '[.shared_bytes == .layers[0].size_bytes, .own_bytes == .layers[1].size_bytes]' -c)" \
	"[true,true]" "in JSON, too, by bytes"
"$GOCKER" image edit -q --image-dir $images one /bin/true 2>/dev/null
image import -q one /srv/l/config
check "the other is whole after that" image verify -q two
image remove -q one
is "$(layers)" 2 "a layer stays while an image needs it"
check "the image that shares it is whole" image verify -q two
# Damaged layers are not used again.
layer=$(image show --format json two | jq -r '.layers[0].digest' | tr : -)
rm $images/.layers/"$layer"/tree/etc/keep
echo forged >$images/.layers/"$layer"/tree/etc/keep
run image verify two
like "$rc:$out" "1:.*layer +${layer/-/:} \(damaged or gone\)" "verify finds a layer in the store that was changed"
is "$(image verify --format json two | jq -c '[.[] | select(.kind == "layer") | .path]')" "[\"${layer/-/:}\"]" "in JSON, too"
good one base "where a layer in the store was changed"
is "$(cat $images/one/etc/keep)" below "it is unpacked anew"
image remove -q one two

# Hostile layouts.
image import -q victim /srv/l/base
link=$(readlink $images/victim)
before=$(outside)
kept=$(layers)
refuses() { # LAYOUT PATTERN NAME [OPTION...]
	run image import "${@:4}" victim "/srv/l/$1"
	if [ "$rc" != 125 ] || [ -n "$out" ] || [ "$(wc -l <"$GKT_WORK/err")" != 1 ]; then
		not_ok "$3" "wanted 125 and one line on stderr, got $rc: $out$err"
	elif [ "$(readlink $images/victim)" != "$link" ] || [ -n "$(staged)" ] || [ "$(outside)" != "$before" ]; then
		not_ok "$3" "something changed or was left: $(staged)"
	else
		like "$err" "$2" "$3"
	fi
}
refuses wh-dotdot 'whiteout without a name' "a whiteout of .. (.wh...) is refused"
refuses wh-dotdot-below 'whiteout without a name' "below a directory, too"
refuses wh-dot 'whiteout without a name' "a whiteout of . is refused"
refuses wh-none 'whiteout without a name' "a whiteout of nothing is refused"
refuses wh-link 'whiteout below a symlink' "a whiteout through a symlink of a layer below is refused"
refuses wh-link-out 'whiteout below a symlink' "and one through a symlink to the host"
refuses wh-own-link 'below something that is not a directory' "and through one of its own layer"
refuses wh-below 'below a whiteout' "an entry below a whiteout is refused"
refuses opq-link 'opaque|below something' "a symlink is not made opaque"
refuses hardlink-out 'hard link to something' "a hard link through a symlink to the host is refused"
refuses hardlink-none 'hard link to something' "a hard link to nothing is refused"
refuses hardlink-dotdot 'hard link out of the archive' "a hard link with .. is refused"
refuses dotdot 'leads out of the image' "a name with .. is refused"
refuses below-link 'below something that is not a directory' "a file below a symlink of its layer is refused"
refuses other-machine 'is for arm64; this host runs linux/amd64' "an image for another machine is refused"
refuses bad-diff-id 'diff_id' "a layer with another diff_id is refused"
refuses no-layers 'without layers' "an image without layers is refused"
refuses too-few-ids 'as many layers' "one with fewer diff_ids than layers is refused"
refuses bad-size 'does not have the size' "a layer of another size is refused"
refuses bad-algorithm 'without a SHA-256' "a digest that is not a SHA-256 is refused"
refuses path-digest 'without a SHA-256' "and one that is a path"
refuses missing-blob 'No such file' "a layer that is not there is refused"
refuses not-gzip 'not an intact tar' "a layer that is no archive is refused"
refuses spoilt-layer 'does not have the digest' "a layer with another digest is refused"
refuses spoilt-config 'does not have the digest' "a config with another digest is refused"
refuses fifo 'is not a file' "a FIFO in a layer's place is refused"
refuses linked-blob 'No such file' "a symlink to the host in a layer's place leads nowhere"
refuses json-deep 'not JSON' "JSON that is too deep is refused"
refuses json-none 'not JSON' "and what is none"
refuses json-empty 'holds no image' "and a layout of nothing"
refuses bomb 'limit on the size' "the limit on the size is one for all layers" --max-size 32M
refuses twelve 'entries' "and so is the one on entries" --max-entries 30
refuses saved-dotdot 'cannot be in it' "docker save with a path that leads out is refused"
refuses saved-link 'No such file' "and one through a symlink"
is "$(layers)" "$kept" "of refused layers none but the good one below them is kept"
run image import it /srv/l/implied-out
is "$rc" 0 "a file below a symlink to elsewhere is put into the image"
is "$(outside)" "$before" "and nothing outside changes"
isnt "$(stat -c %F "$root/out" 2>/dev/null)" "" "the image has what it names"
check "after all that the image is as it was" image verify -q victim
