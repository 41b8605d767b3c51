#!/bin/bash
# Fetching Alpine: pinned sums over file and https, nothing unverified, the fallback without a mirror.
. "$(dirname "$0")/../lib/test.sh"
need python3 openssl expect
images=/srv/images
fetch() { env -u ALPINE_MIRROR -u ALPINE_VERSION "$GOCKER" image fetch --image-dir $images "$@"; }
mkdir -p $images /srv/mirror

release=v3.20/releases/x86_64/alpine-minirootfs-3.20.3-x86_64.tar.gz
real=$GKT_SOURCE/../shared/alpine/$release
nothing_new() { # NAME
	is "$(find $images -mindepth 1 -not -path $images/.versions)" "" "$1"
}

# Without a mirror.
run fetch --mirror file:///nowhere
is "$rc" 3 "no mirror: exit status 3"
like "$err" '^gocker image fetch: file:///nowhere/.*[^:]*$' "no mirror: one line says where it looked"
is "$(wc -l <"$GKT_WORK/err")" 1 "and only one"
nothing_new "and leaves nothing"
run fetch --mirror https://127.0.0.1:9
is "$rc" 3 "a mirror that refuses connections: exit status 3"
for url in http://127.0.0.1/alpine ftp://127.0.0.1/ /srv/mirror gopher://x; do
	run fetch --mirror "$url"
	like "$rc:$err" '125:.*https or file' "$url is no mirror"
done
run fetch --release 1.2.3 --mirror file:///srv/mirror
like "$rc:$err" '125:.*no sum is known' "a release without a pinned sum is not fetched"

for name in ubuntu Debian-12 fedora42 rocky; do
	run fetch --mirror file:///srv/mirror $name
	like "$rc:$err" "125:.*this makes an Alpine, and '$name' is another" "an Alpine is not called $name"
done
run fetch --if-missing ubuntu
like "$rc:$err" '125:.*gocker image new ubuntu ubuntu' "and what makes such an image is said"
nothing_new "and nothing is made of those"

# What a mirror must not get away with.
mkdir -p "/srv/mirror/$(dirname $release)"
echo 'not what was asked for' >"/srv/mirror/$release"
run fetch --mirror file:///srv/mirror
like "$rc:$err" '125:.*wrong SHA-512' "a file with the wrong sum is refused"
nothing_new "and nothing of it stays"
run fetch --mirror file:///srv/mirror --fallback
like "$rc:$err" '125:.*wrong SHA-512' "nor does the fallback hide that"
nothing_new "and nothing is made instead"
truncate -s 300M "/srv/mirror/$release"
run fetch --mirror file:///srv/mirror
like "$rc:$err" '125:.*File too large' "a mirror can't fill the disk"
nothing_new "and nothing of that stays"

# The fallback.
if [ -x /bin/busybox ]; then
	run fetch --mirror file:///nowhere --fallback fallback
	is "$rc" 0 "the fallback is an image"
	is "$(wc -l <"$GKT_WORK/err")" 1 "one line says so"
	like "$err" 'no mirror .*fallback is made of /bin/busybox' "and what it is made of"
	like "$(cat $images/fallback/etc/os-release)" 'PRETTY_NAME="BusyBox .*made by gocker' "its os-release is honest"
	is "$("$GOCKER" run --image-dir $images --image fallback /bin/sh -c 'echo $((6 * 7)); ls /bin/ls')" \
		"42
/bin/ls" "it runs"
	check "it verifies" "$GOCKER" image verify --image-dir $images fallback
else
	skip_missing "the fallback" "busybox-static is not installed"
fi

if [ ! -f "$real" ]; then
	skip "Alpine from a mirror" "no copy of Alpine beside the source tree"
	exit 0
fi
cp "$real" "/srv/mirror/$release"
run fetch --mirror file:///srv/mirror
is "$rc" 0 "Alpine is fetched from a file mirror"
is "$(cat $images/alpine/etc/alpine-release)" 3.20.3 "an older release, where the mirror lacks the newest"
like "$err" "file:///srv/mirror/$release, SHA-512 verified" "it says what it fetched"
check "the image is as the archive" bash -c "mkdir /srv/tar && tar -C /srv/tar -xpf '$real' &&
	diff -r --no-dereference /srv/tar $images/alpine/ && rm -r /srv/tar"
is "$("$GOCKER" run --image-dir $images --image alpine /bin/cat /etc/alpine-release)" 3.20.3 "it runs"
old=$(readlink $images/alpine)
run env ALPINE_MIRROR=file:///srv/mirror "$GOCKER" image fetch --image-dir $images other
is "$rc" 0 "ALPINE_MIRROR names the mirror"
run fetch --mirror file:///nowhere --if-missing
is "$rc:$(readlink $images/alpine)" "0:$old" "--if-missing does nothing when the image is there"

# What was brought into an image is in the one that is fetched in its place.
run fetch --mirror file:///srv/mirror --with scp again
is "$rc:$("$GOCKER" image show --image-dir $images again | grep -c '^tool ')" "0:1" "an image is fetched with scp"
run fetch --mirror file:///srv/mirror again
is "$rc:$("$GOCKER" image show --image-dir $images again | grep -c '^tool ')" "0:1" "fetched again it has scp still"
unlike "$err" 'changed by edit' "and nothing else is said to be lost"
check "it is edited" "$GOCKER" image edit --image-dir $images again /bin/true
run fetch --mirror file:///srv/mirror again
like "$rc:$err" '0:.*had been changed by edit; it is kept until .gocker image prune again.' "that an edit is not in it is said"
head -c 2000000 "$real" >"/srv/mirror/$release"
run fetch --mirror file:///srv/mirror
like "$rc:$err" '125:.*wrong SHA-512' "a truncated file is refused"
is "$(readlink $images/alpine)" "$old" "the image is the old one"
mount -t tmpfs -o size=5m,mode=755 full /mnt
cp "$real" "/srv/mirror/$release"
run "$GOCKER" image fetch --image-dir /mnt --mirror file:///srv/mirror
like "$rc:$err" "125:.*No space left.*(/[^ ]* is full)" "a full disk is told, and which"
is "$(ls -A /mnt/.versions)" "" "nothing half-fetched stays"
umount /mnt

# https: a certificate that the host trusts, and one that it does not.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost -keyout "$GKT_WORK/key" -out "$GKT_WORK/cert" 2>/dev/null
cat >"$GKT_WORK/server.py" <<'END'
import http.server, ssl, sys, time
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        print(self.headers["User-Agent"], file=log, flush=True)
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", self.path[len("/moved"):])
            return self.end_headers()
        if self.path.startswith("/slow/"):
            try:
                data = open("/srv/mirror" + self.path[len("/slow"):], "rb").read()
            except FileNotFoundError:
                return self.send_error(404)
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            for part in range(0, len(data), len(data) // 4):
                self.wfile.write(data[part:part + len(data) // 4])
                time.sleep(0.6)
            return
        if self.path.startswith("/plain/"):
            self.send_response(302)
            self.send_header("Location", "http://localhost:1/" + self.path)
            return self.end_headers()
        super().do_GET()
    def log_message(self, *args):
        pass
log = open(sys.argv[1] + "/agents", "w")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8443),
    lambda *args: Handler(*args, directory="/srv/mirror"))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1] + "/cert", sys.argv[1] + "/key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
END
python3 "$GKT_WORK/server.py" "$GKT_WORK" 2>/dev/null &
server=$!
wait_until 30 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8443'
run fetch --mirror https://localhost:8443
like "$rc:$err" '3:.*certificate' "a certificate that the host does not trust ends it"
cat "$GKT_WORK/cert" >>/etc/ssl/certs/ca-certificates.crt
run fetch --mirror https://localhost:8443 tls
is "$rc" 0 "Alpine is fetched over https"
like "$(tail -n 1 "$GKT_WORK/agents")" '^gocker/[0-9.]+$' "the user agent says who asks"
run fetch --mirror https://localhost:8443/moved tls
is "$rc" 0 "a redirection to https is followed"
run fetch --mirror https://localhost:8443/plain tls
like "$rc:$err" '125:.*https or file' "one to http is not"
expect_test "on a terminal a slow mirror's progress is shown" <<-TCL
	spawn -noecho $GOCKER image fetch --image-dir $images --mirror https://localhost:8443/slow tls
	want {fetching: [0-9.]+ [KM]?i?B .[0-9]+%}
	equal [ended] 0
TCL
printf 'x' >>"/srv/mirror/$release"
run fetch --mirror https://localhost:8443 tls
like "$rc:$err" '125:.*wrong SHA-512' "https alone is no reason to trust a file"
kill "$server"
wait "$server" 2>/dev/null || true
