#!/bin/bash
# Each of the archives that nobody should trust as a layer: on top of another, and below one. What is refused as a root
# is refused as a layer, what is made harmless there is so here.
# timeout: 200
. "$(dirname "$0")/../lib/test.sh"
need python3
[ "$(uname -m)" = x86_64 ] || { skip "hostile layers" "the layouts are for amd64"; exit 0; }
images=/srv/images
mkdir -p $images /srv/outside /srv/archives /srv/l
flag=/srv/outside/flag
echo untouched >$flag
python3 "$GKT_TOP/tests/images/archives.py" /srv/archives $flag
image() { "$GOCKER" image "$1" --image-dir $images "${@:2}"; }
outside() { # everything that an escape could change
	find /srv/outside /etc /home -printf '%p %m %u %s %T@ %C@\n' | sort | cksum
	cat $flag
}
staged() { find $images/.versions -maxdepth 1 -name '.*' -mindepth 1; }
versions() { find $images/.versions -maxdepth 1 -name "$1@*" | wc -l; }
listing() {
	(cd "$1/" && find . -mindepth 1 \( -type d -printf '%P\t%y %m %U:%G\n' \) -o -printf '%P\t%y %m %U:%G %s %l\n' | sort)
}
# The layer beside it has what each of the archives begins with, and a file of its own.
mkdir -p /srv/base/bin /srv/base/etc
printf '#!/bin/sh\n' >/srv/base/bin/sh
chmod 755 /srv/base/bin/sh
echo 'PRETTY_NAME="Test root"' >/srv/base/etc/os-release
echo beside >/srv/base/etc/beside
tar -C /srv/base --owner=0 --group=0 --mtime=@0 --sort=name -cf /srv/base.tar bin etc
image import -q victim /srv/archives/good.tar
link=$(readlink $images/victim)
before=$(outside)

layout() { # NAME LAYER...
	rm -rf /srv/l/"$1"
	python3 "$GKT_TOP/tests/images/layered.py" "/srv/l/$1" "${@:2}"
}
# Whether an import was refused as it must be; $rc, $out and $err are its.
refused_well() {
	[ "$rc" = 125 ] && [ -z "$out" ] && [ "$(wc -l <<<"$err")" = 1 ] && [ -z "$(staged)" ] &&
		[ "$(readlink $images/victim)" = "$link" ] && [ "$(outside)" = "$before" ]
}
refused=0 imported=0
for archive in /srv/archives/*; do
	name=${archive##*/}
	options=()
	case $name in
	sparse-bomb.tar) options=(--max-size 4G) ;;
	zero-bomb.tar.gz) options=(--max-size 100M) ;;
	many.tar) options=(--max-entries 10000) ;;
	good.tar.xz | cut*.xz) continue ;; # no layer is packed so
	docker-save.tar) continue ;;       # as a layer it is a root like any other
	zeros.tar) continue ;;             # an empty layer is one
	cut-boundary.tar) continue ;;      # whole by its digest: some tools leave the end mark out
	esac
	layout above /srv/base.tar "$archive"
	layout below "$archive" /srv/base.tar
	run image import "${options[@]}" plain "$archive"
	if [ "$rc" = 0 ]; then
		imported=$((imported + 1))
		layout alone "$archive"
		run image import "${options[@]}" layered /srv/l/alone
		[ "$rc" = 0 ] || diag "$err"
		is "$rc:$(listing $images/layered)" "0:$(listing $images/plain)" "$name: as a layer it becomes what it becomes as a root"
		run image import "${options[@]}" layered /srv/l/above
		is "$rc:$(cat $images/layered/etc/beside)" "0:beside" "$name: on top of another it leaves what that has"
		is "$(find $images/layered/ -perm /6000 -o ! -type f ! -type d ! -type l)" "" "$name: with nothing that has power"
		is "$(outside):$(staged)" "$before:" "$name: nothing outside changes"
		continue
	fi
	refused=$((refused + 1))
	for place in above below; do
		run image import "${options[@]}" victim "/srv/l/$place"
		if refused_well; then ok "$name: as the layer $place another it is refused"; else
			not_ok "$name: as the layer $place another it is refused" "got $rc: $out$err" "$(staged)"
		fi
	done
done
check "archives of both kinds were tried ($refused refused, $imported imported)" [ "$refused" -gt 30 -a "$imported" -gt 6 ]
check "after all that the image is as it was" image verify -q victim
is "$(versions victim)" 1 "and the only one of its name"
