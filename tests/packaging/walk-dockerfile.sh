#!/bin/bash
# packaging/walkthroughs.md, "From a Dockerfile to a login": run as it is written.
# timeout: 400
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_deb.sh"
. "$(dirname "$0")/_walk.sh"
. "$(dirname "$0")/../images/_registry.sh"
need sudo buildah skopeo docker-registry busybox openssl python3
need_product
own_images
reader_accounts
reader_sshd
cd "$GKT_WORK" || exit 1

# The network ends at this host: registry.example is here, docker.io too, and the repositories in its Alpine are this
# host's, with packages of the names that the document has.
echo '127.0.0.1 registry.example' >>/etc/hosts
start_registry registry.example 80
printf '[[registry]]\nprefix = "docker.io"\nlocation = "registry.example/docker"\ninsecure = true\n' \
	>/etc/containers/registries.conf.d/gocker-docker.conf
[ -e /etc/containers/policy.json ] || echo '{"default":[{"type":"insecureAcceptAnything"}]}' >/etc/containers/policy.json
# A store of its own: what this machine has in the usual place may be of another driver.
printf '[storage]\ndriver = "vfs"\ngraphroot = "/srv/storage"\nrunroot = "/srv/storage-run"\n' >/srv/storage.conf
export CONTAINERS_STORAGE_CONF=/srv/storage.conf BUILDAH_ISOLATION=chroot
page=$GKT_TOP/packaging/walkthroughs.md
wanted=$(sed -n 's/^RUN apk add --no-cache //p' "$page")
isnt "$wanted" "" "the document adds packages with apk"
openssl genrsa -out test.rsa 2048 2>/dev/null
openssl rsa -in test.rsa -pubout -out test.rsa.pub 2>/dev/null
# shellcheck disable=SC2086 # words
python3 "$GKT_TOP/tests/images/apk.py" /srv/repo "$(uname -m)" "$GKT_WORK/test.rsa" $wanted
busybox httpd -f -p 127.0.0.1:8081 -h /srv/repo &
httpd=$!
served() { (: </dev/tcp/127.0.0.1/8081) 2>/dev/null; }
check "packages are served" wait_until 60 served
mkdir base
tar -C /var/lib/gocker/images/alpine -cf base/alpine.tar .
cp test.rsa.pub base/
printf 'FROM scratch\nADD alpine.tar /\nCOPY test.rsa.pub /etc/apk/keys/\nRUN echo http://127.0.0.1:8081 >/etc/apk/repositories\n' >base/Dockerfile
run buildah build --quiet --tag registry.example/docker/library/alpine:latest base
is "$rc" 0 "an Alpine is built"
[ "$rc" = 0 ] || diag "$err"
check "and is docker.io's" buildah push --quiet registry.example/docker/library/alpine:latest
buildah rmi --all --force >/dev/null 2>&1

walk "$page" '## From a Dockerfile to a login'
kill "$registry" "$httpd"
wait
stop_reader
