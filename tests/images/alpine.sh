#!/bin/bash
# Which Alpine `image fetch` takes: the newest release that the mirror offers and that something vouches for, a
# pinned sum or a signature by the key that this host has; and what gpgv, which checks that, can do.
# timeout: 200
. "$(dirname "$0")/../lib/test.sh"
need_product
need gpg gpgv
[ "$(uname -m)" = x86_64 ] || { skip "releases of Alpine" "the one beside the source tree is for x86_64"; exit 0; }
images=/srv/images
mirror=/srv/mirror
key=/etc/gocker.d/alpine.gpg
real=$GKT_SOURCE/../shared/alpine/v3.20/releases/x86_64/alpine-minirootfs-3.20.3-x86_64.tar.gz
if [ ! -f "$real" ]; then
	skip "releases of Alpine" "no copy of Alpine beside the source tree"
	exit 0
fi
remember_host
mkdir -p $images "$mirror/latest-stable/releases/x86_64" "$(dirname $key)"
fetch() { env -u ALPINE_MIRROR -u ALPINE_VERSION "$GOCKER" image fetch --image-dir $images --mirror file://$mirror "$@"; }
image() { "$GOCKER" image "$1" --image-dir $images "${@:2}"; }
release_of() { cat "$images/$1/etc/alpine-release" 2>/dev/null; }
path_of() { # VERSION
	echo "$mirror/v${1%.*}/releases/x86_64/alpine-minirootfs-$1-x86_64.tar.gz"
}

# Two releases that nobody has seen, of which the mirror lists the newer, and one that this build knows.
new=3.98.1 old=3.97.4
mkdir /srv/root
tar -C /srv/root -xpf "$real"
for version in $new $old; do
	echo "$version" >/srv/root/etc/alpine-release
	mkdir -p "$(dirname "$(path_of "$version")")"
	tar -C /srv/root -czf "$(path_of "$version")" .
done
mkdir -p "$(dirname "$(path_of 3.20.3)")"
cp "$real" "$(path_of 3.20.3)"
list() { # VERSION
	cat >$mirror/latest-stable/releases/x86_64/latest-releases.yaml <<-END
		---
		-
		  title: "Standard"
		  arch: x86_64
		  version: 3.99.9
		  flavor: alpine-standard
		-
		  title: "Mini root filesystem"
		  desc: |
		    Minimal root filesystem.
		    For use in containers
		  branch: v${1%.*}
		  arch: x86_64
		  version: $1
		  flavor: alpine-minirootfs
		  file: alpine-minirootfs-$1-x86_64.tar.gz
	END
}
list $new
export GNUPGHOME=/srv/gnupg
mkdir -m 700 $GNUPGHOME
gpg -q --batch --passphrase '' --quick-gen-key signer@example.org ed25519 sign never 2>/dev/null
gpg -q --batch --passphrase '' --quick-gen-key other@example.org ed25519 sign never 2>/dev/null
gpg -q --batch --passphrase '' --faked-system-time 20200101T000000 --quick-gen-key past@example.org ed25519 sign 1d 2>/dev/null
sign() { # KEY VERSION [OPTION...]
	gpg -q --batch --yes "${@:3}" --local-user "$1@example.org" --armor --detach-sign "$(path_of "$2")" 2>/dev/null
}
sign signer $new
sign signer $old
check "a release is signed" test -s "$(path_of $new).asc"
fingerprint=$(gpg -q --with-colons --list-keys signer@example.org 2>/dev/null | sed -n 's/^fpr:::::::::\([^:]*\):.*/\1/p' | head -1)

# Without the key only pins vouch.
run fetch pinned
is "$rc:$(release_of pinned)" 0:3.20.3 "without a key the newest release with a known sum is taken"
like "$err" "the mirror also has $new, but no sum of it is known here, and no signature by a key in $key" "and the newer one is named"
like "$err" 'Alpine Linux v3.20 gets no security fixes since 2026-04-01' "and that the release is past its end of life"
run fetch --release $new none
like "$rc:$err" "125:.*no sum is known for Alpine $new .*no key for its signature \($key\)" "a release that nothing vouches for is refused"
check_not "and makes no image" test -e $images/none

# With it the mirror's newest.
gpg -q --export signer@example.org >$key
chmod 644 $key
run fetch signed
is "$rc:$(release_of signed)" 0:$new "with the key the newest release that the mirror lists is taken"
like "$err" "alpine-minirootfs-$new-x86_64.tar.gz, signature verified" "and its signature told"
unlike "$err" 'also has' "and no other release"
like "$(image show signed)" "release +$new
sum +sha512:$(sha512sum <"$(path_of $new)" | cut -d ' ' -f 1)
signed by +$fingerprint" "show tells release, sum and whose key signed it"
check "it is as it was made" image verify -q signed
is "$("$GOCKER" run --image-dir $images --image signed /bin/cat /etc/alpine-release)" $new "it runs"
run fetch --release $old older
is "$rc:$(release_of older)" 0:$old "another release is taken by name"
run fetch --release 3.20.3 older
like "$rc:$(release_of older):$err" '0:3.20.3:.*SHA-512 verified' "one with a known sum by that"
list 3.20.3
run fetch older
is "$rc:$(release_of older)" 0:3.20.3 "one that is listed and known, too"
list 3.19.1
run fetch older
is "$rc:$(release_of older)" 0:3.20.3 "a list of older ones leads to no older one"
list $new

# What a mirror must not get away with.
refuses() { # PATTERN NAME
	run fetch --fallback refused
	like "$rc:$err" "125:.*$1" "$2"
	is "$(find $images -maxdepth 1 -name 'refused*')$(find $images/.versions -maxdepth 1 -name '.*' -mindepth 1)" "" "$2: nothing of it stays"
}
cp "$(path_of $new)" /srv/saved.tar.gz
cp "$(path_of $new).asc" /srv/saved.asc
cp "$(path_of $old)" "$(path_of $new)"
refuses 'the signature is of something else: not used' "another file than was signed is refused"
cp "$(path_of $old).asc" "$(path_of $new).asc"
refuses "is not Alpine $new: not used" "an older release under a newer one's name is refused, though it is signed"
cp /srv/saved.tar.gz "$(path_of $new)"
sign other $new
refuses 'signed by a key that this host does not have: not used' "a signature by another key is refused"
sign past $new --faked-system-time 20200101T000100
gpg -q --export signer@example.org past@example.org >$key
refuses 'the key that signed it has expired: not used' "one by a key that has expired is refused"
gpg -q --export signer@example.org >$key
echo nonsense >"$(path_of $new).asc"
refuses 'no signature that gpgv can check: not used' "what is no signature is refused"
rm "$(path_of $new).asc"
run fetch unsigned
is "$rc:$(release_of unsigned)" 0:3.20.3 "a release without a signature is passed over for one with a known sum"
like "$err" "the mirror also has $new" "which is told"
cp /srv/saved.asc "$(path_of $new).asc"
head -c 400K /dev/zero >$mirror/latest-stable/releases/x86_64/latest-releases.yaml
refuses 'File too large' "a list without end is not read"
printf '<html>\n-\n' >$mirror/latest-stable/releases/x86_64/latest-releases.yaml
run fetch unsigned
is "$rc:$(release_of unsigned)" 0:3.20.3 "what is not a list of releases is not used"
list $new
chmod 666 $key
refuses "$key" "a key that others could have written is not used"
chmod 644 $key

# Who checks: in gpgv's place one that was taken over.
mv /usr/bin/gpgv /usr/bin/gpgv.away
refuses 'gpgv not found.*install the package gpgv' "without gpgv it says what to install"
mkdir -p /srv/open && chmod 777 /srv/open
cat >/usr/bin/gpgv <<END
#!/bin/bash
exec 2>/dev/null
echo "\$(id -u):\$(sed -n 's/^CapEff:\t//p; s/^NoNewPrivs:\t//p' /proc/self/status | tr '\n' ':')" >/tmp/who
: >/srv/open/written
: >$images/written
rm -f /tmp/archive && cp /etc/passwd /tmp/archive
echo "[GNUPG:] GOODSIG \$(tr ':\n' '  ' </tmp/who)"
echo "[GNUPG:] VALIDSIG AB 1 AB"
exit 0
END
chmod 755 /usr/bin/gpgv
run fetch taken
is "$rc:$(release_of taken)" 0:$new "a gpgv that was taken over cannot put another file in the place of the one that it checked"
check_not "nor write where everybody can" test -e /srv/open/written
check_not "nor where images are" test -e $images/written
cat >/usr/bin/gpgv <<'END'
#!/bin/bash
{ [ "$(id -u)" -ge 2000000000 ] && ! grep -E '^Cap(Eff|Prm|Bnd):.*[1-9a-f]' /proc/self/status && grep -q 'NoNewPrivs:.1' /proc/self/status; } >/dev/null 2>&1 || exit 1
echo "[GNUPG:] GOODSIG x"
echo "[GNUPG:] VALIDSIG AB 1 AB"
END
run fetch taken
is "$rc" 0 "it is a user that no account has, without a capability or a way to one"
[ "$rc" = 0 ] || diag "$err"
printf '#!/bin/bash\necho "x [GNUPG:] GOODSIG x"\necho "[GNUPG:] VALIDSIG AB 1 AB"\n' >/usr/bin/gpgv
refuses 'not used' "what is not said on a line of its own is no verdict"
printf '#!/bin/bash\necho "[GNUPG:] GOODSIG x"\necho "[GNUPG:] VALIDSIG AB 1 AB"\nexit 1\n' >/usr/bin/gpgv
refuses 'not used' "nor is one with a bad exit status"
mv /usr/bin/gpgv.away /usr/bin/gpgv

# The policy tells where its ids begin; a fault in it is no reason to guess.
echo nonsense >>/etc/gocker.ini
run fetch faulty
is "$rc" 125 "a policy that cannot be read ends it"
rm $key
run fetch faulty
is "$rc" 0 "but without a key it is not asked"
gpgconf --kill all
check_clean "no process or mount stays"
