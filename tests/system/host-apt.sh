#!/bin/bash
# timeout: 300
# image = host: apt upgrades Debian's own perl-base and libssl3 under 20 live sessions that run perl, and python with
# that library. The new versions are this host's files, marked at their ends, in packages of a higher version with
# Debian's maintainer scripts, so that dpkg does with them what it does with Debian's. host-upgrade.sh has a library
# whose name changes.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../pam/_stack.sh"
need_product
need apt-get dpkg-deb perl python3
libssl_package=$(dpkg-query -S '*/libssl.so.3' 2>/dev/null | sed -n '1s/:.*//p') # its name has changed with time_t
PACKAGES=(perl-base "${libssl_package:-libssl3}")
MARK=gkt-upgraded
for package in "${PACKAGES[@]}"; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' && continue
	skip "apt upgrade" "this host has no Debian package $package"
	exit 0
done
add_user alice
set_ini 'image = host' 'pids_max = 20' 'user_pids_max = 600' 'user_sessions_max = 40'
stack gt
SESSIONS=20
perl=/usr/bin/perl
libssl=$(dpkg-query -L "$libssl_package" | grep '/libssl\.so\.3$')

# rebuild PACKAGE: the installed files of that package, marked, as its next version.
repository=$GKT_WORK/repository
mkdir -p "$repository"
rebuild() {
	local name=$1 root=$GKT_WORK/$1 control file
	mkdir -p "$root/DEBIAN"
	dpkg-query -L "$name" | while read -r file; do if [ -L "$file" ] || [ ! -d "$file" ]; then echo "$file"; fi; done |
		tar -C / -P -c -T - | tar -C "$root" --transform 's,^/,,' --show-transformed-names -x 2>/dev/null
	for file in "$root$perl" "$root$libssl"; do [ ! -e "$file" ] || printf %s "$MARK" >>"$file"; done
	# Others that want exactly the version that is installed are content with it.
	dpkg-query -s "$name" | awk -v "self=$name (= $(dpkg-query -W -f '${Version}' "$name"))" '
		/^(Status|Conffiles|Provides):/ { if (/^P/) self = self ", " substr($0, 11); skip = /^C/; next }
		skip && /^ / { next }
		/^Version:/ { print $0 "+gkt1"; next }
		{ skip = 0; print }
		END { print "Provides: " self }' >"$root/DEBIAN/control"
	control=$(dpkg-query --control-path "$name" md5sums)
	for file in preinst postinst prerm postrm triggers shlibs symbols; do
		[ ! -e "${control%md5sums}$file" ] || cp -p "${control%md5sums}$file" "$root/DEBIAN/$file"
	done
	dpkg-deb --root-owner-group -Znone -b "$root" "$repository/$name.deb" >/dev/null || return
	dpkg-deb -f "$repository/$name.deb"
	printf 'Filename: ./%s.deb\nSize: %s\nSHA256: %s\n\n' "$name" "$(stat -c %s "$repository/$name.deb")" "$(sha256sum <"$repository/$name.deb" | cut -d' ' -f1)"
}
for package in "${PACKAGES[@]}"; do rebuild "$package"; done >"$repository/Packages"
is "$(grep -c '^Filename' "$repository/Packages")" ${#PACKAGES[@]} "the packages are built"
echo "deb [trusted=yes] file:$repository ./" >"$GKT_WORK/sources.list"
apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o "Dir::Etc::SourceList=$GKT_WORK/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o APT::Sandbox::User=root "$@" >>"$GKT_WORK/apt" 2>&1
}
rm -rf /var/lib/apt/lists/*
mkdir -p /var/lib/apt/lists/partial
check "apt knows of the new versions" apt update
remember_host

# What each session runs: perl and python that live on, and load more of themselves when told to.
cat >/home/alice/live.sh <<'LIVE'
perl -e '$| = 1; while (<STDIN>) { chomp; eval { require POSIX; require List::Util; require Data::Dumper; print "perl $_ ", POSIX::floor(List::Util::max(41.5, 42.5)), "\n"; 1 } or print "perl: $@" }' <"$1.perl" >"$1.perl.out" 2>&1 &
python3 -u -c 'import sys, ssl, hashlib
for line in sys.stdin:
    import sqlite3, zlib
    context = ssl.create_default_context()
    print("python", line.strip(), len(hashlib.sha256(b"x").hexdigest()), bool(context.get_ca_certs()))' <"$1.python" >"$1.python.out" 2>&1 &
cat "$1.go"
perl -MPOSIX -e 'print "new perl ", POSIX::floor(42.5), "\n"' >"$1.new" 2>&1
python3 -c 'import ssl; print("new python", bool(ssl.create_default_context()))' >>"$1.new" 2>&1
tail -c 12 /usr/bin/perl | tr '\0' . >>"$1.new"
echo >>"$1.new"
wait
LIVE
declare -A sessions=() fds=()
for ((i = 0; i < SESSIONS; i++)); do
	as_user alice mkfifo "/home/alice/$i.perl" "/home/alice/$i.python" "/home/alice/$i.go"
	if ((i % 2)); then
		(exec_as_user alice "$GOCKER_SHELL" -c "cd && sh live.sh $i") >"$GKT_WORK/end.$i" 2>&1 &
	else
		pamdrive gt alice open try "cd /home/alice && sh live.sh $i" close >"$GKT_WORK/end.$i" 2>&1 &
	fi
	sessions[$i]=$!
done
tell() { for fd in "${fds[@]}"; do echo "$1" >&"$fd"; done; }
for ((i = 0; i < SESSIONS; i++)); do
	for each in perl python go; do # each opens when the session reads it
		exec {fd}>"/home/alice/$i.$each"
		if [ $each = go ]; then go[i]=$fd; else fds[$i.$each]=$fd; fi
	done
done
have() { [ "$(cat /home/alice/*."$1".out | grep -cx "$2")" = $SESSIONS ]; }
tell before
check "$SESSIONS sessions through both doors run perl" wait_until 120 have perl 'perl before 42'
check "and python with libssl" wait_until 120 have python 'python before 64 True'
is "$(for map in /proc/[0-9]*/maps; do grep -l "$libssl" "$map" 2>/dev/null; done | wc -l)" $SESSIONS "control: each has the library of the host in its memory"

check "apt upgrade" apt upgrade
is "$(dpkg-query -W -f '${Version}\n' "${PACKAGES[@]}" | grep -c '+gkt1$')" ${#PACKAGES[@]} "it upgraded both" || diag "$(tail -n 30 "$GKT_WORK/apt")"
is "$(tail -q -c 12 $perl "$libssl" | tr '\0' .)" "$MARK$MARK" "control: the host's files are the new ones"
is "$(for map in /proc/[0-9]*/maps; do grep -l "${libssl##*/}.*deleted" "$map" 2>/dev/null; done | wc -l)" $SESSIONS "control: what runs has the old one, which is gone from the host"
tell after
check "what runs goes on: perl" wait_until 120 have perl 'perl after 42'
check "and python, with modules that it loads only then" wait_until 120 have python 'python after 64 True'
for fd in "${fds[@]}" "${go[@]}"; do exec {fd}>&-; done
broken=0
for pid in "${sessions[@]}"; do wait "$pid" || broken=$((broken + 1)); done
is "$broken:$(cat "$GKT_WORK"/end.* | sort | uniq -c | tr -s ' ' | tr '\n' ';')" \
	"0: $((SESSIONS / 2)) close: 0; $((SESSIONS / 2)) open: 0; $((SESSIONS / 2)) run: 0;" "no session breaks"
is "$(cat /home/alice/*.new | sort | uniq -c | tr -s ' ')" " $SESSIONS $MARK
 $SESSIONS new perl 42
 $SESSIONS new python True" "what they start after it works, and is the new version" ||
	diag "$(cat /home/alice/*.new | sort | uniq -c)"
for door in shell pam; do
	look="perl -e 'print 42'; tail -q -c 12 $perl $libssl | tr '\\0' .; python3 -c 'import ssl; print(ssl.OPENSSL_VERSION != \"\")'"
	case $door in
	shell) out=$(as_user alice "$GOCKER_SHELL" -c "$look") ;;
	pam) out=$(pamdrive gt alice open try "$look" close | grep 42) ;;
	esac
	is "$out" "42$MARK${MARK}True" "[$door] the next login has all of the new version"
done
check_clean "nothing is left"
