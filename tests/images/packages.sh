#!/bin/bash
# `image new` with the real mmdebstrap: a Debian and an Ubuntu of a repository on loopback, whose packages are Debian's
# and whose signature is a stand-in's; README's image for developers, and logins through both doors.
# timeout: 400
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../lib/doors.sh"
need_product
need mmdebstrap gpg python3 expect dpkg-deb
debs=$GKT_TOP/build/tests/debs
if [ ! -e "$debs/complete" ]; then
	skip_missing "images of packages" "their packages could not be fetched (see tests/images/debian-debs)"
	exit 0
fi
images=/var/lib/gocker/images
own_images
image() { "$GOCKER" image "$1" --image-dir $images "${@:2}"; }
unset http_proxy https_proxy all_proxy
for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do # the proxy that this machine's apt has knows nothing of the loopback
	[ ! -f "$file" ] || sed -i '/Proxy/d' "$file"
done
. /etc/os-release
suite=$VERSION_CODENAME
remember_host

# Two repositories, of which apt trusts the signatures.
mkdir -p /srv/repo /srv/debs
ln -s "$debs"/*.deb /srv/debs/
package() { # NAME [SCRIPT]: a package with the program NAME, which its postinst finishes
	mkdir -p "/srv/work/$1/DEBIAN" "/srv/work/$1/usr/bin"
	printf 'Package: %s\nVersion: 1\nArchitecture: all\nPriority: optional\nMaintainer: nobody\nDescription: a stand-in\n' "$1" \
		>"/srv/work/$1/DEBIAN/control"
	printf '#!/bin/sh\necho "%s of the package"\n' "$1" >"/srv/work/$1/usr/bin/$1"
	printf '#!/bin/sh\nset -e\nid -u >/usr/bin/%s.configured\n' "$1" >"/srv/work/$1/DEBIAN/postinst"
	chmod 755 "/srv/work/$1/usr/bin/$1" "/srv/work/$1/DEBIAN/postinst"
	dpkg-deb --root-owner-group -Znone -b "/srv/work/$1" "/srv/debs/$1_1_all.deb" >/dev/null
}
# What README's image has besides: the large ones are stand-ins, openssh's are Debian's.
line=$(sed -n 's/^    sudo gocker image new \(--include [^ ]* debian devel\)$/\1/p' "$GKT_TOP/README.md")
isnt "$line" "" "README makes an image for developers of Debian's packages"
for name in build-essential git python3; do package $name; done
keyring() { # HOME FILE: a key of its own, and FILE for who trusts it
	mkdir -m 700 "$1"
	GNUPGHOME=$1 gpg -q --batch --passphrase '' --quick-gen-key "${1##*/}@example.org" rsa2048 sign never 2>/dev/null
	GNUPGHOME=$1 gpg -q --export >"$2" && chmod 644 "$2"
}
keyring /srv/debian-key /etc/apt/trusted.gpg.d/gocker-test.gpg
mkdir -p /usr/share/keyrings
keyring /srv/other-key /srv/other.gpg
keyring /srv/ubuntu-key /usr/share/keyrings/ubuntu-archive-keyring.gpg
check "a Debian's repository is made" env GNUPGHOME=/srv/debian-key "$GKT_TOP/tests/images/debrepo" /srv/repo/debian /srv/debs "Debian of a test" debian "$suite"
check "and an Ubuntu's" env GNUPGHOME=/srv/ubuntu-key "$GKT_TOP/tests/images/debrepo" /srv/repo/ubuntu /srv/debs "Ubuntu of a test" ubuntu noble
others=/srv/debs
if [ "${GKT_FULL:-0}" != 1 ]; then # of which only the lists are read
	others=/srv/few
	mkdir $others && cp /srv/debs/git_1_all.deb $others/
fi
check "and one of what is like it" env GNUPGHOME=/srv/other-key "$GKT_TOP/tests/images/debrepo" /srv/repo/other $others "Like Ubuntu" likely one
rm -f /etc/apt/trusted.gpg.d/ubuntu*
python3 -m http.server --bind 127.0.0.1 --directory /srv/repo 8000 >/srv/http.log 2>&1 &
server=$!
listens() { (: </dev/tcp/127.0.0.1/8000) 2>/dev/null; }
check "they are served" wait_until 60 listens

# README's line, of this mirror.
# shellcheck disable=SC2086 # words
run image new --mirror http://127.0.0.1:8000/debian $line
is "$rc" 0 "README's image for developers is made"
[ "$rc" = 0 ] || { diag "$err"; exit 1; }
like "$err" "image devel: debian $suite, [0-9]+ entries" "of this host's release"
check "it verifies" image verify -q devel
is "$("$GOCKER" run --image devel /bin/bash -c 'dpkg --audit; for p in build-essential git python3; do $p; cat /usr/bin/$p.configured; done')" \
	"build-essential of the package
0
git of the package
0
python3 of the package
0" "its packages are there, configured as root of the image"
is "$("$GOCKER" run --image devel /bin/bash -c '. /etc/os-release; echo $ID; ls -ld /var/lib/apt /dev/null | cut -c 1')" \
	"debian
c
d" "it is the Debian of the repository, with apt"
is "$(stat -c %u:%g $images/devel/etc/shadow)" "0:42" "owners are those that dpkg gave"
at_door() {
	local user=$door-dev
	set_ini 'image = devel' 'shell = /bin/bash'
	door_user "$user"
	start_sshd
	# shellcheck disable=SC2016 # the session's shell expands it
	is "$(ssh_as "$user" '. /etc/os-release; echo "$ID $(id -un) $PWD $(git)"')" "debian $user /home/$user git of the package" \
		"$door: a login gets it"
	is "$(ssh_as "$user" -tt 'tty; [ -t 0 ] && echo terminal' 2>/dev/null | tr -d '\r' | tail -1)" terminal "$door: with a terminal"
	echo data >"/srv/data-$door"
	check "$door: scp, by the image's own sftp-server" scp -q -o "User=$user" "/srv/data-$door" gocker:by-scp
	is "$(cat "/home/$user/by-scp" 2>/dev/null)" data "$door: the file is there"
}
through_each_door at_door

# Ubuntu's release must be named here; its keyring is another.
expect_test "on a terminal an Ubuntu is made, with what mmdebstrap does as progress" <<-TCL
	spawn -noecho $GOCKER image new --image-dir $images --suite noble --mirror http://127.0.0.1:8000/ubuntu ubuntu noble
	want {(running apt-get update|downloading|extracting|installing)[^\n]*: [0-9.]+ ([KM]i)?B} 120
	equal [ended 300] 0
TCL
is "$("$GOCKER" run --image noble /bin/bash -c '. /etc/os-release; echo "$ID $VERSION_CODENAME"' 2>&1)" "ubuntu noble" "it is an Ubuntu"
like "$(image show noble)" 'from +packages
origin +ubuntu noble' "and show tells"
check "it verifies" image verify -q noble
expect_test "^C ends mmdebstrap, and says that nothing changed" <<-TCL
	spawn -noecho $GOCKER image new --image-dir $images --suite noble --mirror http://127.0.0.1:8000/ubuntu ubuntu noble
	want {(running apt-get update|downloading|extracting|installing)} 120
	send "\003"
	want {interrupted, nothing changed}
TCL

# What is not signed by the distribution's key, or not what was signed.
versions=$(ls -A $images/.versions)
refuses() { # PATTERN NAME OPTION...
	run image new "${@:3}" refused
	like "$rc:$err" "125:.*$1" "$2"
	is "$(ls -A $images/.versions)" "$versions" "$2: nothing of it stays"
}
chmod 600 /srv/other.gpg
if [ "${GKT_FULL:-0}" = 1 ]; then
	run image new --suite one --mirror http://127.0.0.1:8000/other --keyring /srv/other.gpg likely like
	# shellcheck disable=SC2016 # the session's shell expands it
	is "$rc:$("$GOCKER" run --image like /bin/bash -c '. /etc/os-release; echo "$ID"' 2>&1)" "0:likely" "a distribution like it is made, with its own keyring"
	[ "$rc" = 0 ] || diag "$err"
	versions=$(ls -A $images/.versions)
else # apt reads the lists once it trusts the signature; what follows is as above
	"$GOCKER" image new --suite one --mirror http://127.0.0.1:8000/other --keyring /srv/other.gpg likely like >/dev/null 2>&1
	check "of a distribution like it the lists are read, with its own keyring" grep -q 'GET /other/dists/one/main/[^ ]*Packages HTTP/1.1" 200' /srv/http.log
fi
rm /etc/apt/trusted.gpg.d/gocker-test.gpg
refuses 'mmdebstrap: .*(NO_PUBKEY|not signed)' "a repository with another's signature is refused" \
	--suite "$suite" --mirror http://127.0.0.1:8000/debian debian
GNUPGHOME=/srv/debian-key gpg -q --export >/etc/apt/trusted.gpg.d/gocker-test.gpg
chmod 644 /etc/apt/trusted.gpg.d/gocker-test.gpg
cp /srv/other.gpg /etc/apt/trusted.gpg.d/gocker-other.gpg
chmod 644 /etc/apt/trusted.gpg.d/gocker-other.gpg
refuses 'mmdebstrap: .*(NO_PUBKEY|not signed)' "with --keyring no other key is trusted, though the host's apt trusts it" \
	--suite one --mirror http://127.0.0.1:8000/other --keyring /etc/apt/trusted.gpg.d/gocker-test.gpg likely
refuses '/srv/none.gpg: No such file' "a keyring that is not there is told" \
	--suite one --mirror http://127.0.0.1:8000/other --keyring /srv/none.gpg likely
refuses 'Unable to locate package nosuch' "a package that is not there is told" \
	--suite "$suite" --mirror http://127.0.0.1:8000/debian --include nosuch debian
sizes=10m # too small for what is fetched, or for what is made of it
[ "${GKT_FULL:-0}" != 1 ] || sizes+=' 60m'
for size in $sizes; do
	mount -t tmpfs -o size="$size",mode=755 full /mnt
	run "$GOCKER" image new --image-dir /mnt --suite "$suite" --mirror http://127.0.0.1:8000/debian debian full
	is "$rc:$err" "125:gocker image new: debian $suite: mmdebstrap: No space left on device (/mnt is full)" "a disk of $size is full: that is told, and which"
	is "$(ls -A /mnt/.versions)" "" "a disk of $size: nothing of it stays"
	umount /mnt
done
sed -i 's/^Version: 1$/Version: 2/' /srv/repo/debian/dists/"$suite"/main/binary-*/Packages
refuses 'mmdebstrap: ' "lists that were changed after they were signed are refused" \
	--suite "$suite" --mirror http://127.0.0.1:8000/debian debian
kill "$server"
wait "$server" 2>/dev/null
gpgconf --homedir /srv/debian-key --kill all
gpgconf --homedir /srv/ubuntu-key --kill all
gpgconf --homedir /srv/other-key --kill all
check_clean "no process or mount stays"
