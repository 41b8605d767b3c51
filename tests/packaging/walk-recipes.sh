#!/bin/bash
# README's recipes, and its ways from jailkit, bubblewrap and podmansh, run as they are written.
# timeout: 600
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_deb.sh"
. "$(dirname "$0")/_walk.sh"
need sudo python3 busybox openssl
need_product
own_images
reader_accounts
reader_sshd
page=$GKT_TOP/README.md
cd "$GKT_WORK" || exit 1

# --- an image for developers ---

# Alpine's packages are not in reach of a test: the repositories in the image are one of this host's, with packages of
# the names that README has, signed with a key of its own.
openssl genrsa -out "$GKT_WORK/test.rsa" 2048 2>/dev/null
openssl rsa -in "$GKT_WORK/test.rsa" -pubout -out "$GKT_WORK/test.rsa.pub" 2>/dev/null
block_files "$page" '### An image for developers'
wanted=$(sed -n 's/^sudo gocker image edit devel apk add //p' "$GKT_WORK/block.01.sh")
isnt "$wanted" "" "README adds packages with apk"
# shellcheck disable=SC2086 # words
python3 "$GKT_TOP/tests/images/apk.py" /srv/repo "$(uname -m)" "$GKT_WORK/test.rsa" $wanted
busybox httpd -f -p 127.0.0.1:8081 -h /srv/repo &
httpd=$!
wait_until 30 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8081'
pwd >"$GKT_WORK/cwd"
while IFS= read -r each; do
	check "\$ $each" bash -c "$each"
	if [[ $each == *'image fetch'* ]]; then
		check "(the image has this host's repository)" "$GOCKER" image edit devel /bin/sh -c \
			"echo http://127.0.0.1:8081 >/etc/apk/repositories; echo '$(cat "$GKT_WORK/test.rsa.pub")' >/etc/apk/keys/test.rsa.pub"
	fi
done <"$GKT_WORK/block.01.sh"
kill "$httpd"
for each in $wanted; do
	is "$("$GOCKER" run --image devel "/usr/bin/$each" 2>&1)" "from the package" "the image has $each"
done

# --- from jailkit ---

install -d /srv/jail/home
useradd --home-dir /srv/jail/./home/jane --shell /usr/sbin/jk_chrootsh jane
install -d -m 700 -o jane -g jane /srv/jail/home/jane
echo "from the jail" >/srv/jail/home/jane/file
set_ini
walk "$page" '### Moving from jailkit'
run ssh jane@localhost 'hostname; cat ~/file'
is "$rc:$out" "0:gocker-container
from the jail" "the jail's user is contained, and the home is inside"
check "disable goes back" "$GOCKER" disable jane
is "$(getent passwd jane)" "jane:x:$(id -u jane):$(id -g jane)::/srv/jail/./home/jane:/usr/sbin/jk_chrootsh" "to the jail as it was"

# --- from a bubblewrap script ---

useradd --create-home --shell /usr/local/sbin/bubbleshell kim
set_ini 'image = host'
walk "$page" '### Moving from a bubblewrap script'
is "$(ssh kim@localhost 'hostname; perl -e "print 42"')" $'gocker-container\n42' "the script's user is contained, with the host's programs"
set_ini

# --- from podmansh ---

useradd --create-home --shell /usr/bin/podmansh joe
walk "$page" '### Moving from podmansh'
is "$(ssh joe@localhost hostname)" gocker-container "the user of podmansh is contained"

# --- a Debian image ---

like "$(cat "$GKT_TOP/tests/images/debian-root")" 'mmdebstrap .*--variant=essential .*"\$VERSION_CODENAME" "\$file.new"' \
	"the archive that tests use is made as README says"
like "$(cat "$page")" '    mmdebstrap --variant=essential [a-z]+ debian.tar' "README makes it so"
if [ -s "$GKT_TOP/build/tests/debian.tar" ]; then
	cp "$GKT_TOP/build/tests/debian.tar" .
	walk "$page" '### A Debian image'
else
	skip_missing "README's Debian image" "mmdebstrap could not make a root (see tests/images/debian-root)"
fi
stop_reader
