#!/bin/bash
# timeout: 120
# gocker starts containers and links the C library alone; commands that need more are in gocker-admin, which it
# executes from one path, with a clean environment.
. "$(dirname "$0")/../lib/test.sh"
need readelf
need_product
admin=/usr/local/libexec/gocker/gocker-admin
# The loader is there for whoever is linked with the C library; with thread-local variables it is named.
libraries() { readelf -d "$1" | awk -F'[][]' '/NEEDED/ && $2 !~ /^ld-linux/ { print $2 }' | tr '\n' ' '; }

is "$(libraries "$GOCKER")" "libc.so.6 " "gocker's libraries: libc alone"
for library in libcurl libarchive libcrypto libncursesw libpam; do
	like "$(libraries $admin)" "$library" "control: gocker-admin links $library"
done
table=$("$GOCKER" help --table)
for row in 'ps	args' 'run	args' 'top	args' 'enable	args' 'image fetch	--mirror'; do
	like "$table" "$row" "gocker help --table has the row of ${row%%	*}, whichever program it is from"
done
run "$GOCKER" help image fetch
is "$rc" 0 "gocker help image fetch is answered"
like "$out" 'Usage: gocker image fetch' "by the page of image fetch"
run "$GOCKER" pull --help
like "$out" 'Usage: gocker image pull' "and so is gocker pull --help"
run "$GOCKER" top --help
like "$out" 'Usage: gocker top' "and gocker top --help"
run $admin ps
is "$rc" 2 "gocker-admin is no second gocker"
is "$err" "gocker-admin: this is a part of gocker; run gocker(8)" "and says so"

# What it is executed with: a script in its place tells.
mv $admin "$admin.kept"
printf '#!/bin/sh\nenv | sort\necho "args: $0 $*"\n' >$admin
chmod 755 $admin
mkdir "$GKT_WORK/path"
printf '#!/bin/sh\necho from PATH\n' >"$GKT_WORK/path/gocker-admin"
chmod 755 "$GKT_WORK/path/gocker-admin"
run env -i -C "$GKT_WORK/path" PATH="$GKT_WORK/path:$PATH" LD_LIBRARY_PATH=/x LD_BIND_NOW=1 GLIBC_TUNABLES=x=y \
	OPENSSL_CONF=/x OPENSSL_MODULES=/x GCONV_PATH=/x BASH_ENV=/x TERM=vt100 LC_ALL=C ALPINE_MIRROR=file:///m LC=1 \
	"$GOCKER" image list
is "$out" "ALPINE_MIRROR=file:///m
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
PWD=$GKT_WORK/path
TERM=vt100
args: $admin image list" "gocker-admin gets terminal, language and mirror, a fixed PATH, and nothing that names code"
check "control: a search of PATH would have found another one" env PATH="$GKT_WORK/path:$PATH" gocker-admin
rm $admin
run env PATH="$GKT_WORK/path:$PATH" "$GOCKER" image list
is "$rc" 125 "without gocker-admin, gocker image is refused"
is "$out" "" "with nothing on stdout"
like "$err" "gocker image: cannot run $admin: No such file" "and the path that is missing"
run "$GOCKER" ps
is "$rc" 0 "while gocker ps needs no gocker-admin"
run "$GOCKER" --help
like "$out" 'image +fetch, import' "and gocker --help lists its commands"

# A build tree has both programs side by side.
mkdir "$GKT_WORK/tree"
cp "$GOCKER" "$GKT_WORK/tree/gocker"
cp "$admin.kept" "$GKT_WORK/tree/gocker-admin"
run "$GKT_WORK/tree/gocker" image list
is "$rc" 0 "in a build tree, gocker runs the gocker-admin beside it"
mv "$admin.kept" $admin
check_clean "nothing is left"
