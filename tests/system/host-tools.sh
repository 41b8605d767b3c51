#!/bin/bash
# timeout: 300
# image = host: the host's compilers, languages and clients work in a session. Each builds and runs a
# small project, once on the host and once in a session, with the same result. Then what users lose, since
# no set-uid program has an effect: each fails, says so, and gives nobody anything.
#
# What is installed is tried. What is missing is a failure where everything must work, unless it comes with one of
# the large packages of `make deps-tools`; the audit asks for those, too. tests/README.md has the table of the rows.
. "$(dirname "$0")/../lib/test.sh"
need_product
need git openssl python3 perl
add_user alice --shell /bin/bash
set_ini 'image = host' 'shell = /bin/bash' 'pids_max = 300' 'tmp_size = 256M' 'env_pass = LC_*'
touch "$GKT_WORK/start"
remember_host
LARGE=$(sed -n 's/^DEPS_TOOLS := //p' "$GKT_TOP/tests/system/system.mk")
PATH_OF_USERS=/usr/local/bin:/usr/bin:/bin:/usr/sbin
ROWS=()

# row NAME PACKAGE PROGRAM: begins a row of the table; fails, with a skip, if this machine has no such program for users.
row() {
	ROWS+=("$1")
	as_user alice env PATH=$PATH_OF_USERS sh -c "command -v $3" >/dev/null && return
	if [ "${GKT_FULL:-0}" != 1 ] && [[ " $LARGE " == *" $2 "* ]]; then
		skip "$1" "$2 is not installed (make deps-tools)"
	else
		skip_missing "$1" "$2 is not installed"
	fi
	return 1
}

# tool NAME PACKAGE PROGRAM SEEN <<'SCRIPT': runs the script as alice in an empty directory of hers, on the host and in a
# session. Both must succeed with the same output, which has to match SEEN (so that two empty failures are no success).
tool() {
	local name=$1 seen=$4 script host
	row "$1" "$2" "$3" || return
	script="export HOME=/home/alice PATH=$PATH_OF_USERS TERM=xterm; rm -rf /home/alice/p; mkdir /home/alice/p && cd /home/alice/p || exit 9
set -e -o pipefail
$(cat)"
	run as_user alice bash -c "$script"
	host=$rc:$out
	run as_user alice "$GOCKER_SHELL" -c "$script"
	is "$rc:$out" "$host" "$name: the same in a session as on the host"
	like "$rc:$out" "^0:(.*[^a-z])?$seen" "$name: and it works"
}

# --- compilers ---

hello='int main(void) { puts("hello 42"); return 0; }'
tool gcc gcc gcc 'hello 42' <<SCRIPT
printf '#include <stdio.h>\n$hello\n' >a.c
gcc -O2 -Wall -Wl,-z,now a.c -o a -lm
./a
SCRIPT
tool g++ g++ g++ 'hello 42' <<'SCRIPT'
printf '#include <iostream>\n#include <vector>\nint main() { std::vector<int> v{42}; std::cout << "hello " << v[0] << std::endl; }\n' >a.cc
g++ -std=c++17 a.cc -o a
./a
SCRIPT
tool make make make 'hello 42' <<'SCRIPT'
printf 'all: a\n\t@./a\na: a.c\n\t@$(CC) -o $@ $<\n' >Makefile
printf '#include <stdio.h>\nint main(void) { puts("hello 42"); return 0; }\n' >a.c
make -s -j2
SCRIPT
tool "shared libraries" gcc gcc '42' <<'SCRIPT'
echo 'int answer(void) { return 42; }' >l.c
printf '#include <stdio.h>\nint answer(void);\nint main(void) { printf("%%d\\n", answer()); }\n' >m.c
gcc -shared -fPIC -o libl.so l.c
gcc -o m m.c -L. -ll -Wl,-rpath,'$ORIGIN'
./m
SCRIPT
tool gdb gdb gdb 'Breakpoint 1' <<'SCRIPT'
printf 'int f(int x) {\n\treturn x + 2;\n}\nint main(void) { return f(40) - 42; }\n' >a.c
gcc -g -O0 a.c -o a
gdb -nx -batch -ex 'set debuginfod enabled off' -ex 'break f' -ex run -ex 'print x' -ex bt -ex continue ./a 2>/dev/null |
	grep -E '^(Breakpoint 1, f|\$1|#0)' | sed 's/0x[0-9a-f]* in //'
SCRIPT
tool cmake cmake cmake 'hello 42' <<'SCRIPT'
printf 'cmake_minimum_required(VERSION 3.10)\nproject(p C)\nadd_executable(a a.c)\n' >CMakeLists.txt
printf '#include <stdio.h>\nint main(void) { puts("hello 42"); return 0; }\n' >a.c
cmake -S . -B b >log 2>&1
cmake --build b >>log 2>&1
b/a
SCRIPT
tool java default-jdk-headless javac 'hello 42' <<'SCRIPT'
echo 'public class A { public static void main(String[] a) { System.out.println("hello " + java.util.List.of(42).get(0)); } }' >A.java
javac A.java
java -Xmx64m A
SCRIPT
tool go golang-go go 'hello 42' <<'SCRIPT'
printf 'package main\nimport "fmt"\nfunc main() { fmt.Println("hello 42") }\n' >a.go
GOFLAGS=-mod=mod GOPROXY=off go run a.go
SCRIPT
tool cargo cargo cargo $'hello 42\nrustc 42' <<'SCRIPT'
cargo init -q --name a --vcs none .
echo 'fn main() { println!("hello 42"); }' >src/main.rs
cargo run -q --offline
printf 'pub fn answer() -> i32 {\n\t42\n}\n' >own.rs
echo 'extern crate own; fn main() { println!("rustc {}", own::answer()); }' >b.rs
rustc --crate-type rlib own.rs
rustc -L . b.rs
./b
SCRIPT

# --- languages ---

tool "python3, venv and pip" python3-venv 'true; python3 -c "import ensurepip"' 'tiny 42' <<'SCRIPT'
mkdir d
python3 - <<'PY'
import zipfile
with zipfile.ZipFile('d/tiny-1.0-py3-none-any.whl', 'w') as z:
    z.writestr('tiny.py', 'answer = 42\n')
    z.writestr('tiny-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n')
    z.writestr('tiny-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
    z.writestr('tiny-1.0.dist-info/RECORD', 'tiny.py,,\ntiny-1.0.dist-info/METADATA,,\ntiny-1.0.dist-info/WHEEL,,\ntiny-1.0.dist-info/RECORD,,\n')
PY
/usr/bin/python3 -m venv v
v/bin/pip install -q --no-index --no-cache-dir --disable-pip-version-check --find-links d tiny
v/bin/python -c 'import tiny; print("tiny", tiny.answer)'
SCRIPT
tool "perl with a module" perl perl 'perl 42' <<'SCRIPT'
mkdir lib
echo 'package Own; use JSON::PP; use POSIX (); sub answer { decode_json(q({"a": 42}))->{a} } 1' >lib/Own.pm
perl -Ilib -MOwn -e 'print "perl ", Own::answer(), "\n"'
SCRIPT
tool "node and npm" npm npm 'node 42' <<'SCRIPT'
mkdir tiny app
echo '{ "name": "tiny", "version": "1.0.0", "main": "i.js" }' >tiny/package.json
echo 'exports.answer = 42' >tiny/i.js
echo '{ "name": "app", "version": "1.0.0", "private": true }' >app/package.json
npm --offline --no-audit --no-fund --no-update-notifier --loglevel=error pack --silent ./tiny >/dev/null
cd app
npm --offline --no-audit --no-fund --no-update-notifier --loglevel=error install --silent ../tiny-1.0.0.tgz >/dev/null
node -e 'console.log("node", require("tiny").answer)'
SCRIPT
tool ruby ruby ruby 'ruby 42' <<'SCRIPT'
echo 'module Own; def self.answer = JSON.parse("[42]")[0]; end' >own.rb
ruby -rjson -r./own -e 'puts "ruby #{Own.answer}"'
SCRIPT
tool php php-cli php 'php 42' <<'SCRIPT'
echo '<?php echo "php ", json_decode("[42]")[0], " ", ini_get("memory_limit"), "\n";' >a.php
php a.php
SCRIPT
tool "composer from a local repository" composer composer $'tiny 42\nphar 42' <<'SCRIPT'
mkdir -p tiny/src app
echo '{ "name": "own/tiny", "version": "1.0.0", "autoload": { "psr-4": { "Own\\": "src/" } } }' >tiny/composer.json
echo '<?php namespace Own; class Tiny { const A = 42; }' >tiny/src/Tiny.php
cd app
echo '{ "repositories": [ { "packagist.org": false }, { "type": "path", "url": "../tiny", "options": { "symlink": false } } ], "require": { "own/tiny": "1.0.0" } }' >composer.json
COMPOSER_DISABLE_NETWORK=1 COMPOSER_NO_INTERACTION=1 composer -q install
php -r 'require "vendor/autoload.php"; echo "tiny ", Own\Tiny::A, "\n";'
echo '<?php require "phar://app.phar/vendor/autoload.php"; echo "phar ", Own\Tiny::A, "\n";' >main.php
php -d phar.readonly=0 -r '$p = new Phar("app.phar"); $p->buildFromDirectory("."); $p->setStub(Phar::createDefaultStub("main.php"));'
mkdir ../run
mv app.phar ../run
cd ../run
php app.phar
SCRIPT
# Composer as its makers publish it, a single file, made of the files that Debian's package has: nothing of its own is
# read from elsewhere, which the included files tell. The repository is a directory with its index and an archive.
tool "composer's phar, from a repository of archives" composer composer $'Composer version [0-9].*\nfiles of the host: 0\ntiny 42' <<'SCRIPT'
cat >pack.php <<'PHP'
<?php
$all = new RecursiveDirectoryIterator("/usr/share/php", FilesystemIterator::SKIP_DOTS | FilesystemIterator::FOLLOW_SYMLINKS);
$files = [];
foreach (new RecursiveIteratorIterator($all) as $file)
	$files[substr($file, strlen("/usr/"))] = (string)$file;
$phar = new Phar("composer.phar");
$phar->startBuffering();
$phar->buildFromIterator(new ArrayIterator($files));
$phar["bin/composer"] = preg_replace("{^#!.*\n}", "", file_get_contents("/usr/bin/composer"));
$phar->setStub("#!/usr/bin/env php\n<?php Phar::mapPhar('composer.phar'); require 'phar://composer.phar/bin/composer'; __HALT_COMPILER();");
$phar->stopBuffering();
PHP
php -d phar.readonly=0 pack.php
chmod 755 composer.phar
mkdir bin app repository
mv composer.phar bin
./bin/composer.phar --version | grep -v '^PHP'
echo '<?php const TINY = 42;' >tiny.php
tar -cf repository/tiny.tar tiny.php
cat >repository/packages.json <<JSON
{ "packages": { "own/tiny": { "1.0.0": { "name": "own/tiny", "version": "1.0.0", "autoload": { "files": [ "tiny.php" ] },
	"dist": { "type": "tar", "url": "file://$PWD/repository/tiny.tar" } } } } }
JSON
echo '{ "repositories": [ { "packagist.org": false }, { "type": "composer", "url": "file://'$PWD'/repository" } ], "require": { "own/tiny": "^1.0" } }' >app/composer.json
cd app
echo '<?php register_shutdown_function(function () { echo "files of the host: ", count(preg_grep("{^/usr/share/php}", get_included_files())), "\n"; });' >../seen.php
COMPOSER_DISABLE_NETWORK=1 COMPOSER_NO_INTERACTION=1 php -d auto_prepend_file=../seen.php ../bin/composer.phar -q install
php -r 'require "vendor/autoload.php"; echo "tiny ", TINY, "\n";'
SCRIPT

# --- the rest of a day ---

tool sqlite3 sqlite3 sqlite3 42 <<'SCRIPT'
echo 'create table t (a); insert into t values (40), (2); select sum(a) from t;' | sqlite3 db
SCRIPT
tool git git git '1 file changed' <<'SCRIPT'
git init -q -b main r
cd r
git config user.name a
git config user.email a@b.example
echo 42 >f
git add f
GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' git commit -qm first --date=2020-01-01T00:00:00Z
git show --stat --format=%H
SCRIPT
tool man man-db 'true; man -w ls' 'NAME ls - list directory contents' <<'SCRIPT'
man -w ls >/dev/null
MANPAGER=cat man ls 2>/dev/null | tr -s ' \n' ' ' | grep -o 'NAME ls - list directory contents'
SCRIPT
tool locale libc-bin locale 'UTF-8' <<'SCRIPT'
LC_ALL=C.UTF-8 locale charmap
locale -a
LC_ALL=C.UTF-8 bash -c 'x=äöü; echo ${#x}'
SCRIPT
tool "time zones" tzdata date 'CEST' <<'SCRIPT'
TZ=Europe/Berlin date -d '2024-07-01 12:00 UTC' '+%Z %H'
SCRIPT
tool "bash completion" bash-completion 'true; ls /usr/share/bash-completion/bash_completion' 'git' <<'SCRIPT'
bash --norc -ic '. /usr/share/bash-completion/bash_completion; _completion_loader git; complete -p git' 2>/dev/null
SCRIPT
tool "vim, as an editor" vim vim 'forty-two' <<'SCRIPT'
echo 'forty' >f
vim -e -s -u NONE -c '%s/forty/forty-two/' -c wq f
cat f
SCRIPT
tool "OpenSSL and its certificates" openssl openssl '/usr/lib/ssl' <<'SCRIPT'
openssl version -d
ls /etc/ssl/certs | wc -l
SCRIPT
tool "curl and its certificates" curl curl 'https' <<'SCRIPT'
curl -V | sed -n 's/^Protocols:.* \(https\) .*/\1/p'
SCRIPT
tool "rsync" rsync rsync '42' <<'SCRIPT'
mkdir a
echo 42 >a/f
rsync -a a/ b/
cat b/f
SCRIPT
tool tmux tmux tmux 'in tmux' <<'SCRIPT'
export TMUX_TMPDIR=$PWD
tmux -f /dev/null new-session -d 'echo in tmux >out'
until grep -q tmux out 2>/dev/null; do sleep 0.1; done
cat out
SCRIPT

# A certificate is believed if an authority in /etc/ssl/certs made it, and only then.
ca=$GKT_WORK/ca
mkdir "$ca"
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=planted-ca -keyout "$ca/ca.key" -out "$ca/ca.pem" -days 2 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$ca/key" -out "$ca/req" 2>/dev/null
openssl x509 -req -in "$ca/req" -CA "$ca/ca.pem" -CAkey "$ca/ca.key" -CAcreateserial -days 2 \
	-extfile <(echo 'subjectAltName=DNS:localhost') -out "$ca/cert" 2>/dev/null
(cd "$ca" && exec openssl s_server -accept 127.0.0.1:8443 -cert cert -key key -www -quiet >/dev/null 2>&1) &
server=$!
wait_until 60 grep -q ':20FB 00000000:0000 0A' /proc/net/tcp
fetch='python3 -c "import urllib.request; print(urllib.request.urlopen(\"https://localhost:8443/\").status)" 2>&1 | tail -n 1'
like "$(as_user alice "$GOCKER_SHELL" -c "$fetch")" 'CERTIFICATE_VERIFY_FAILED' "certificates: one of an unknown authority is refused in a session"
cat "$ca/ca.pem" >>/etc/ssl/certs/ca-certificates.crt
cp "$ca/ca.pem" "/etc/ssl/certs/$(openssl x509 -hash -noout -in "$ca/ca.pem").0"
is "$(as_user alice "$GOCKER_SHELL" -c "$fetch")" 200 "certificates: one of an authority that the administrator added is taken"
if command -v curl >/dev/null; then
	is "$(as_user alice "$GOCKER_SHELL" -c 'curl -sS -o /dev/null -w "%{http_code}" https://localhost:8443/' 2>&1)" 200 "certificates: by curl, too"
fi
kill "$server"

# A real database server, reached over its socket, knows who it is.
pg=$(find /usr/lib/postgresql/*/bin -maxdepth 0 2>/dev/null | tail -n 1)
if row "psql over a socket to a real server" postgresql "psql && ls $pg/initdb"; then
	install -d -o postgres /var/lib/pgtest /run/pgtest
	chmod 755 /run/pgtest
	as_user postgres "$pg/initdb" -D /var/lib/pgtest -A peer --no-sync >/dev/null 2>&1
	(exec_as_user postgres "$pg/postgres" -D /var/lib/pgtest -k /run/pgtest -c listen_addresses= -c fsync=off >/dev/null 2>&1) &
	server=$!
	wait_until 120 as_user postgres psql -h /run/pgtest -qAtc 'create role alice login' postgres >/dev/null 2>&1
	psql='psql -h /run/pgtest -qAtc "select current_user, 42" postgres'
	like "$(as_user alice "$GOCKER_SHELL" -c "$psql" 2>&1)" 'No such file or directory' "psql: control: without a line in files there is no socket"
	set_ini 'image = host' 'shell = /bin/bash' 'pids_max = 300' 'files = /run/pgtest/.s.PGSQL.5432' 'network = none'
	is "$(as_user alice "$GOCKER_SHELL" -c "$psql" 2>&1)" 'alice|42' "psql: over its socket to a real server, as the user that she is"
	kill -INT "$server"
	wait "$server"
fi

if row "mariadb over a socket to a real server" mariadb-server "mariadb && command -v mariadbd"; then
	install -d -o mysql -m 755 /var/lib/mytest /run/mytest
	as_user mysql mariadb-install-db --no-defaults --datadir=/var/lib/mytest --skip-test-db \
		>"$GKT_WORK/mariadb.log" 2>&1
	(exec_as_user mysql "$(command -v mariadbd)" --no-defaults --datadir=/var/lib/mytest --socket=/run/mytest/s.sock --skip-networking \
		>>"$GKT_WORK/mariadb.log" 2>&1) &
	server=$!
	if wait_until 120 mariadb -S /run/mytest/s.sock -e 'create user alice@localhost identified via unix_socket' 2>/dev/null; then
		mariadb='mariadb -S /run/mytest/s.sock -N -e "select current_user(), 42"'
		set_ini 'image = host' 'shell = /bin/bash' 'pids_max = 300'
		like "$(as_user alice "$GOCKER_SHELL" -c "$mariadb" 2>&1)" "Can't connect" "mariadb: control: without a line in files there is no socket"
		set_ini 'image = host' 'shell = /bin/bash' 'pids_max = 300' 'files = /run/mytest/s.sock' 'network = none'
		is "$(as_user alice "$GOCKER_SHELL" -c "$mariadb" 2>&1)" $'alice@localhost\t42' "mariadb: over its socket to a real server, as the user that she is"
		like "$(as_user alice "$GOCKER_SHELL" -c 'mariadb -S /run/mytest/s.sock -u root -e "select 1"' 2>&1)" 'Access denied' \
			"mariadb: and as nobody else"
	else
		not_ok "mariadb: its server starts" "$(tail -n 20 "$GKT_WORK/mariadb.log")"
	fi
	kill "$server"
	wait "$server"
fi

# ping needs no privilege where the kernel lets the user's group have its sockets.
if command -v ping >/dev/null; then
	mkdir "$GKT_WORK/proc"
	mount -t proc proc "$GKT_WORK/proc"
	set_ini 'image = host' 'shell = /bin/bash' 'pids_max = 300'
	echo 1 0 >"$GKT_WORK/proc/sys/net/ipv4/ping_group_range"
	run as_user alice "$GOCKER_SHELL" -c 'ping -c 1 127.0.0.1'
	isnt "$rc" 0 "ping: control: without ping_group_range it fails"
	echo 0 2147483647 >"$GKT_WORK/proc/sys/net/ipv4/ping_group_range"
	run as_user alice "$GOCKER_SHELL" -c 'ping -c 1 127.0.0.1'
	like "$rc:$out" '^0:.* 1 received' "ping: with it it works"
	umount "$GKT_WORK/proc"
else
	skip_missing "ping" "iputils-ping is not installed"
fi

# Over ssh: the host's git and rsync serve in the session.
start_sshd
set_ini 'image = host' 'shell = /bin/bash' 'pids_max = 300'
as_user alice git init -q --bare -b main /home/alice/repo.git
git init -q -b main "$GKT_WORK/repo"
git -C "$GKT_WORK/repo" -c user.name=a -c user.email=a@b.example commit -q --allow-empty -m first
set_shell alice "$GOCKER_SHELL"
run timeout 120 git -C "$GKT_WORK/repo" push -q alice@gocker:repo.git main
is "$rc:$err" 0: "git push over ssh, into the host's git"
run timeout 120 git clone -q alice@gocker:repo.git "$GKT_WORK/clone"
is "$rc:$(git -C "$GKT_WORK/clone" log --format=%s)" 0:first "git clone"
if command -v rsync >/dev/null; then
	run timeout 120 rsync -a "$GKT_WORK/repo/" alice@gocker:copy/
	is "$rc:$err" 0: "rsync over ssh"
fi
stop_sshd

# --- what is lost ---

# lost PACKAGE PROGRAM SCRIPT: it fails on what it needs set-uid for.
lost() {
	local package=$1 program
	shift
	if ! program=$(command -v "$1"); then
		skip_missing "$1 is without effect" "$package is not installed"
		return
	elif ! [ -u "$program" ] && ! [ -g "$program" ]; then
		skip "$1 is without effect" "$program has no set-uid or set-gid bit on this machine"
		return
	fi
	run as_user alice timeout 300 "$GOCKER_SHELL" -c "$2; r=\$?; exec >&2; echo rc \$r; id -ru; id -u" </dev/null
	like "$err" "rc [1-9][0-9]*"$'\n'"$(uid_of alice)"$'\n'"$(uid_of alice)$" "$1 is without effect, and says so by its status"
}
lost sudo sudo 'sudo -n true'
lost util-linux su 'su -c true'
lost passwd passwd 'passwd'
lost login newgrp 'newgrp root'
lost cron crontab 'echo "* * * * * true" | crontab -'
lost at at 'echo true | at now'
lost passwd chsh 'chsh -s /bin/sh'
lost mount mount 'mount -t tmpfs none /mnt'
is "$(find /var/spool/cron -type f -newer "$GKT_WORK/start" 2>/dev/null)" "" "no job came to the host's cron or at"
check_clean "nothing is left"

# The rows of the table are those that were tried here.
is "$(sed -n '/^<!-- tools -->$/,/^<!-- \/tools -->$/s/^| \([^|]*[^ |]\) *|.*/\1/p' "$GKT_TOP/tests/README.md" | tail -n +2)" \
	"$(printf '%s\n' "${ROWS[@]}")" "tests/README.md has the table of these rows"
