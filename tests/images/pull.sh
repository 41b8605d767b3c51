#!/bin/bash
# gocker image pull: images from a real registry on loopback, fetched by skopeo as a user of its own; digests,
# pins, signatures, updates.
# timeout: 400
# shellcheck disable=SC2012 # the names are plain
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_registry.sh"
need_product
need python3 jq curl skopeo docker-registry umoci gpg
[ "$(uname -m)" = x86_64 ] || { skip "images from a registry" "the layouts are for amd64"; exit 0; }
images=/srv/images
mkdir -p $images /srv/outside /srv/l
echo untouched >/srv/outside/flag
check "layouts are made" /usr/bin/python3 "$GKT_TOP/tests/images/layouts.py" /srv/l /srv/outside/flag
image() { "$GOCKER" image "$1" --image-dir $images "${@:2}"; }
layers() { find $images/.layers -mindepth 1 -maxdepth 1 2>/dev/null | wc -l; }
staged() { find $images/.versions -maxdepth 1 -mindepth 1 -name '.*'; }
versions() { find $images/.versions -mindepth 1 -maxdepth 1 -name "$1@*" | wc -l; }
field() { image show --format json "$1" | jq -r ".$2 // \"\""; }
listing() {
	(cd "$1/" && find . -mindepth 1 \( -type d -printf '%P\t%y %m %U:%G\n' \) -o -printf '%P\t%y %m %U:%G %s %T@ %l\n' | sort)
}

# The registry.
start_registry
push() { skopeo copy --insecure-policy -q --dest-tls-verify=false "$1" "docker://127.0.0.1:5000/$2" "${@:3}"; }
digest_of() { skopeo inspect --raw --tls-verify=false "docker://127.0.0.1:5000/$1" | sha256sum | cut -d ' ' -f 1; }
for name in base whiteouts twelve config; do
	check "$name is pushed" push oci:/srv/l/$name:latest test/$name:latest
done
refuses() { # NAME PATTERN TEST-NAME [OPTION...] REF
	local before link=none
	[ ! -L "$images/$1" ] || link=$(readlink "$images/$1")
	before=$(versions "$1")
	run image pull "${@:4}" "$1"
	if [ "$rc" != 125 ] || [ "$(wc -l <<<"$err")" != 1 ] || [ -n "$out" ]; then
		not_ok "$3" "wanted 125 and one line on stderr, got $rc: $out$err"
	elif [ "$(readlink "$images/$1" 2>/dev/null || echo none)" != "$link" ] || [ "$(versions "$1")" != "$before" ] || [ -n "$(staged)" ]; then
		not_ok "$3" "something changed or was left: $(staged)"
	else
		like "$err" "$2" "$3"
	fi
}
remember_host

# As umoci unpacks them.
for name in base whiteouts twelve; do
	run image pull 127.0.0.1:5000/test/$name:latest
	is "$rc:$out" "0:" "$name: it is pulled, under the last part of its name"
	[ "$rc" = 0 ] || diag "$err"
	umoci raw unpack --image "/srv/l/$name:latest" "/srv/umoci.$name" >/dev/null 2>&1
	is "$(listing $images/$name)" "$(listing "/srv/umoci.$name")" "$name: names, types, modes, owners, sizes and times are those that umoci unpacks"
	check "$name: the contents too" diff -r --no-dereference "/srv/umoci.$name/" $images/$name/
	check "$name: it is as it was made" image verify -q $name
	is "$(field $name digest)" "sha256:$(digest_of test/$name:latest)" "$name: its digest is the registry's"
done
is "$(field base origin):$(field base from)" "127.0.0.1:5000/test/base:latest:registry" "show tells where it is from"
is "$(layers)" 13 "layers that images share are stored once"
run image pull docker://127.0.0.1:5000/test/config:latest conf
is "$rc:$(field conf 'config.WorkingDir')" "0:/srv" "docker:// may stand before it, and a name behind it"

# Docker's own manifests keep their digest.
check "an image in docker's format is pushed" push oci:/srv/l/base:latest test/docker:1 --format v2s2
run image pull 127.0.0.1:5000/test/docker:1
is "$rc:$(field docker digest)" "0:sha256:$(digest_of test/docker:1)" "it is pulled with the registry's digest"
is "$(listing $images/docker)" "$(listing /srv/umoci.base)" "and is the same"

# Who fetches. A probe in skopeo's place, as a skopeo that was taken over would be, reports by its error message.
real=/usr/local/libexec/skopeo.real
cp /usr/bin/skopeo $real
probe() { # SHELL-CODE: what it prints, on one line
	{
		# shellcheck disable=SC2016 # the probe expands it
		printf '#!/bin/bash\nout=$({ %s\n} 2>/dev/null | tr "\\n" " ")\necho "level=fatal msg=\\"$out\\"" >&2\nexit 1\n' "$1"
	} >/usr/bin/skopeo.new
	chmod 755 /usr/bin/skopeo.new
	mv /usr/bin/skopeo.new /usr/bin/skopeo
	run image pull 127.0.0.1:5000/test/base:latest probed
	printf '%s' "${err##*skopeo: }"
}
# shellcheck disable=SC2016 # the probe expands it
{
	like "$(probe '[ $(id -u) = $(id -g) ] && echo $(id -u) $(id -G | wc -w)')" '^2[0-9]{9} 1 ?$' "skopeo is a user that no account has, in its group alone"
	is "$(probe 'grep -E "^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):" /proc/self/status | cut -f 2' | tr -s ' ')" \
		"$(printf '%016x ' 0 0 0 0 0)1 2 " "without a capability, no_new_privs, behind a filter"
	is "$(probe 'for d in /srv/open /var/tmp /dev/shm /run /etc /; do : >$d/written && echo $d; done; : >/tmp/written && echo $PWD; ls /tmp')" \
		"/tmp written " "it can write its own directory and nothing else"
	is "$(probe 'ls /proc/self/fd' | tr -s ' ')" "0 1 2 3 " "it has no descriptor but its streams"
	is "$(SECRET=1 https_proxy='' probe 'env | cut -d = -f 1 | sort')" \
		"HOME LC_ALL PATH PWD SHLVL TMPDIR XDG_RUNTIME_DIR _ https_proxy " "and of root's environment the proxies"
	is "$(probe 'sleep 1000 >/dev/null 2>&1 & echo left')" "left " "a process that it leaves behind"
}
mkdir -p /srv/open && chmod 777 /srv/open
check_not "does not outlive it" pgrep -x -f 'sleep 1000'
like "$(probe 'kill -9 $$')" 'signal 9|no reason given' "one that is killed is told"
is "$(probe 'printf "\033[31mred"')" '\x1b[31mred' "what it says cannot steer a terminal"
# ^C while it fetches. A shell ignores SIGINT for what it starts in the background.
printf '#!/bin/bash\ntouch /tmp/started\nexec sleep 1000\n' >/usr/bin/skopeo
env --default-signal=INT "$GOCKER" image pull --image-dir $images 127.0.0.1:5000/test/base:latest probed 2>/srv/pull.err &
puller=$!
fetching() { compgen -G "$images/.versions/.new@probed@*/download/started" >/dev/null; }
check "a pull is under way" wait_until 60 fetching
kill -INT "$puller"
wait "$puller"
is "$?:$(cat /srv/pull.err)" "130:gocker image pull: interrupted, nothing changed" "^C ends it by that signal, and says that nothing changed"
check_not "and skopeo with it" pgrep -x -f 'sleep 1000'
mv $real /usr/bin/skopeo
check_not "nothing of that is an image" test -e $images/probed
is "$(staged)" "" "nor left"

# What is refused.
push oci:/srv/l/other-machine:latest test/arm:latest
refuses arm 'is for arm64; this host runs linux/amd64' "an image for another machine is refused, in words" 127.0.0.1:5000/test/arm:latest
refuses none 'manifest unknown|not found' "a tag that the registry does not have" 127.0.0.1:5000/test/base:none
refuses none 'connection refused' "a registry that does not answer" 127.0.0.1:5009/test/base:latest
refuses none 'is not the name of an image in a registry' "what would be an option of skopeo's" -- --help
refuses none 'is not the name of an image in a registry' "another transport" oci:/srv/l//base
refuses none 'is not the name of an image in a registry' "a name with a blank" '127.0.0.1:5000/test/base:latest x'
refuses none 'limit on the size' "one that is larger than --max-size" --max-size 1K 127.0.0.1:5000/test/base:latest
refuses none 'limit on the number|entries' "or has more entries than --max-entries" --max-entries 3 127.0.0.1:5000/test/base:latest
push oci:/srv/l/wh-dotdot:latest test/evil:latest
refuses evil 'whiteout without a name' "an image that import refuses" 127.0.0.1:5000/test/evil:latest
is "$(cat /srv/outside/flag)" untouched "nothing outside was touched"

# For several machines.
push oci:/srv/l/other-machine:latest test/two:arm64
push oci:/srv/l/twelve:latest test/two:amd64
index() { # TAG MACHINE...: an index of those in test/two
	local tag=$1 machine list=''
	for machine in "${@:2}"; do
		skopeo inspect --raw --tls-verify=false "docker://127.0.0.1:5000/test/two:$machine" >/srv/manifest
		list+=${list:+,}$(printf '{"mediaType":"%s","size":%d,"digest":"sha256:%s","platform":{"os":"linux","architecture":"%s"}}' \
			"$(jq -r .mediaType /srv/manifest)" "$(stat -c %s /srv/manifest)" "$(sha256sum </srv/manifest | cut -d ' ' -f 1)" "$machine")
	done
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s]}' "$list" >/srv/index
	curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary @/srv/index \
		"http://127.0.0.1:5000/v2/test/two/manifests/$tag"
}
check "an image for two machines is pushed" index both arm64 amd64
run image pull 127.0.0.1:5000/test/two:both two
is "$rc:$(field two digest)" "0:sha256:$(digest_of test/two:amd64)" "of an image for several machines this one's is pulled"
is "$(listing $images/two)" "$(listing /srv/umoci.twelve)" "and is the same"
run image pull 127.0.0.1:5000/test/two:both two
like "$rc:$err" "^0:image two is up to date" "it is known again"
run image pull "127.0.0.1:5000/test/two@sha256:$(sha256sum </srv/index | cut -d ' ' -f 1)" two-by-digest
is "$rc:$(field two-by-digest digest)" "0:sha256:$(digest_of test/two:amd64)" "by the digest of the list, too"
check "one for other machines alone is pushed" index other arm64
refuses none 'no image found .* for architecture "?amd64' "and refused, with the reason" 127.0.0.1:5000/test/two:other

# By digest.
digest=$(digest_of test/base:latest)
run image pull "127.0.0.1:5000/test/base@sha256:$digest" bydigest
is "$rc:$(field bydigest digest)" "0:sha256:$digest" "an image is pulled by digest"
wrong=$(printf '%064d' 0)
refuses bydigest 'manifest unknown|not found' "a digest that the registry lacks is refused" "127.0.0.1:5000/test/base@sha256:$wrong"
blob=$(find /srv/registry -path "*/${digest}/data")
cp "$blob" /srv/blob.saved
sed 's/"schemaVersion": *2/"schemaVersion":2 /' /srv/blob.saved >"$blob"
run image pull "127.0.0.1:5000/test/base@sha256:$digest" forged
is "$rc" 125 "a manifest that the registry has forged is refused"
check_not "and makes no image" test -e $images/forged
cp /srv/blob.saved "$blob"

# A full disk: where the layers go first, and where they are unpacked.
head -c 4M /dev/urandom >/srv/random
tar -C /srv -cf /srv/large.tar random
umoci init --layout /srv/l/large && umoci new --image /srv/l/large:latest && umoci raw add-layer --image /srv/l/large:latest /srv/large.tar
push oci:/srv/l/large:latest test/large:latest
for size in 3m 7m; do
	mount -t tmpfs -o size=$size,mode=755 full /mnt
	run "$GOCKER" image pull --image-dir /mnt 127.0.0.1:5000/test/large:latest
	like "$rc:$(wc -l <<<"$err"):$err" '125:1:.*[Nn]o space left on device.* \(/mnt is full\)$' "a disk of $size is full: that is told, and which"
	is "$(find /mnt/.versions -mindepth 1)" "" "a disk of $size: nothing of it stays"
	umount /mnt
done

run image pull 127.0.0.1:9/none
like "$rc:$err" "^125:.*skopeo: .*'" "a registry that does not answer: skopeo's reason"
unlike "$err" 'x22' "with its quotes as quotes"
mkdir /srv/empty
run "$GOCKER" image update --image-dir /srv/empty
like "$rc:$out$err" '^0:no image came from a registry' "an update of nothing says so"

# Again: updates, and pins.
before=$(readlink $images/base)
run image pull 127.0.0.1:5000/test/base:latest
like "$rc:$err" "^0:image base is up to date" "what is up to date makes no version"
is "$(readlink $images/base)" "$before" "and stays"
# What was imported and is the registry's comes from there from then on, for update.
check "an archive of the same image" skopeo copy --insecure-policy -q docker://127.0.0.1:5000/test/base:latest oci-archive:/srv/same.tar
check "is imported" image import -q same /srv/same.tar
run image update same
like "$rc:$err" "^125:.*did not come from a registry" "control: update does not know where from"
run image pull 127.0.0.1:5000/test/base:latest same
like "$rc:$err" "^0:image same is up to date" "a pull finds it up to date"
is "$(field same from),$(field same origin)" "registry,$(field base origin)" "and notes where it is from"
run image update same
like "$rc:$err" "^0:image same is up to date" "so that update pulls it"
check "and it is as it was made" image verify -q same
check "(away again)" image remove -q same
run image pull -q --pin 127.0.0.1:5000/test/base:latest pinned
is "$rc:$(field pinned pinned)" "0:sha256:$digest" "--pin keeps the digest"
push oci:/srv/l/whiteouts:latest test/base:latest
other=$(digest_of test/base:latest)
refuses pinned "pinned to sha256:${digest:0:12}.*registry has sha256:${other:0:12}" "a pinned image does not go on" 127.0.0.1:5000/test/base:latest
run image pull -q 127.0.0.1:5000/test/base:latest
is "$rc:$(field base digest):$(versions base)" "0:sha256:$other:2" "another goes on, and the version before is kept"
run image pull -q --unpin 127.0.0.1:5000/test/base:latest pinned
is "$rc:$(field pinned digest):$(field pinned pinned)" "0:sha256:$other:" "--unpin lets it go on"
run image pull -q --pin 127.0.0.1:5000/test/base:latest pinned
is "$rc:$(field pinned pinned):$(versions pinned)" "0:sha256:$other:2" "what is up to date can be pinned"
refuses pinned 'pinned' "and is" 127.0.0.1:5000/test/twelve:latest
run image pull --pin --unpin 127.0.0.1:5000/test/base:latest
is "$rc" 2 "--pin and --unpin exclude each other"

# Signatures, as policy.json says.
echo '{"default":[{"type":"reject"}]}' >/srv/reject.json
refuses none 'rejected by policy' "a policy that rejects all" --policy /srv/reject.json 127.0.0.1:5000/test/base:latest
export GNUPGHOME=/srv/gnupg
mkdir -m 700 $GNUPGHOME
gpg -q --batch --passphrase '' --quick-gen-key signer@example.org ed25519 sign never 2>/dev/null
gpg -q --export signer@example.org >/srv/signer.gpg
chmod 644 /srv/signer.gpg
mkdir -p /srv/sigs /etc/containers/registries.d
chmod 755 /srv /srv/sigs
printf 'docker:\n  127.0.0.1:5000:\n    sigstore: file:///srv/sigs\n    sigstore-staging: file:///srv/sigs\n' >/etc/containers/registries.d/gocker-test.yaml
cat >/srv/signed.json <<'END'
{"default":[{"type":"reject"}],"transports":{"docker":{"127.0.0.1:5000":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"/srv/signer.gpg"}]}}}
END
chmod 600 /srv/signed.json
check "a signed image is pushed" push oci:/srv/l/twelve:latest test/signed:latest --sign-by signer@example.org
chmod -R a+rX /srv/sigs
run image pull -q --policy /srv/signed.json 127.0.0.1:5000/test/signed:latest
is "$rc:$(field signed digest)" "0:sha256:$(digest_of test/signed:latest)" "an image that is signed as the policy wants is pulled"
[ "$rc" = 0 ] || diag "$err"
refuses none 'signature' "one without a signature is refused" --policy /srv/signed.json 127.0.0.1:5000/test/base:latest
cp /srv/signed.json /etc/containers/policy.json
chmod 644 /etc/containers/policy.json
refuses none 'signature' "the host's policy.json is obeyed" 127.0.0.1:5000/test/base:latest
gpgconf --kill all
unset GNUPGHOME

# Without skopeo.
mv /usr/bin/skopeo /usr/bin/skopeo.away
refuses none 'skopeo not found.*install the package skopeo' "without skopeo it says what to install" 127.0.0.1:5000/test/base:latest
mv /usr/bin/skopeo.away /usr/bin/skopeo
check_clean "nothing is left"
kill "$registry"
wait
