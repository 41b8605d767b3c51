#!/bin/bash
# timeout: 400
# image = host on a host whose /bin, /sbin and /lib* are directories beside /usr: the plan binds each of them, sessions
# through both doors have the programs and libraries that are there only, and all that system/host-root.sh asserts of a
# merged /usr holds here, too.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../pam/_stack.sh"
. "$(dirname "$0")/_unmerged.sh"
need_product
need dpkg busybox tar ldconfig gcc git jq perl python3
if [ -L /bin ] && ! grep -qsx /bin/sh /var/lib/dpkg/info/*.list; then
	skip "$(basename "$0")" "the packages of this system have nothing in /bin"
	exit 0
fi
unmerge_usr
DIRS=()
for dir in /bin /sbin /lib /lib32 /lib64 /libx32; do
	[ ! -e $dir ] || DIRS+=("$dir")
done
add_user cora --shell /bin/bash
set_ini 'image = host' 'shell = /bin/bash' 'pids_max = 100'
stack gt
remember_host

# --- the host ---

is "$(find "${DIRS[@]}" -maxdepth 0 -type d | tr '\n' ' ')" "${DIRS[*]} " "control: this host's /bin, /sbin and /lib* are directories"
is "$(ls -d /bin/bash /bin/ls /usr/bin/bash /usr/bin/ls 2>/dev/null)" $'/bin/bash\n/bin/ls' "control: a program is in one place only"
is "$(find /usr/lib -name 'libc.so.6' -path '*-gnu*')" "" "control: so is the C library"
check_not "control: without /lib no program starts" chroot /usr /bin/env true

# --- the plan, and the mount table ---

plan=$("$GOCKER" explain --plan cora)
for dir in "${DIRS[@]}"; do
	is "$(grep -cx "mount host \"$dir\" ro,nosuid,nodev,optional from host:\"$dir\"" <<<"$plan")" 1 "the plan binds $dir, read-only"
done
is "$(grep -cE '^entry symlink [^"]*"/(s?bin|lib[^/"]*)"' <<<"$plan")" 0 "and has no link in their place"
cora() { as_user cora "$GOCKER_SHELL" -c "$1"; }
targets=$(cora 'cut -d" " -f5 /proc/self/mountinfo' | sort)
is "$(grep -vxF "$(mounts_of_plan <<<"$plan")" <<<"$targets")" "" "a session has no mount that is not planned"
is "$(needed_mounts_of_plan <<<"$plan" | grep -vxF "$targets")" "" "and each that is"
is "$(printf '%s\n' "${DIRS[@]}" | grep -vxF "$targets")" "" "with /bin, /sbin and /lib* among them"

# --- sessions ---

# Programs of /bin and /usr/bin, libraries of /lib and /usr/lib, a loader, a compiler that needs all of them.
work='cd /tmp && readlink -f /bin/ls && ! ls /usr/bin/ls 2>/dev/null && readlink -f /bin /lib64 | tr "\n" " " && echo &&
	echo "int main(void) { return 42; }" >a.c && gcc a.c -o a && { ./a; echo gcc $?; } &&
	perl -e "print qq(perl\n)" && python3 -c "import ssl; print(\"python\")" && git init -q r && git -C r status -s && echo git &&
	printf "#!/bin/sh\necho script\n" >s && chmod 755 s && ./s && awk "BEGIN { print \"awk\" }"'
seen=$'/bin/ls\n/bin /lib64 \ngcc 42\nperl\npython\ngit\nscript\nawk'
[ -d /lib64 ] || seen=${seen/ \/lib64/}
write='for d in /bin /sbin /lib /usr/bin; do touch $d/x 2>&1 | grep -c "Read-only"; done; su -c true 2>/dev/null </dev/null || echo su $?'
for door in shell pam run ssh; do
	case $door in
	shell) as() { cora "$1"; } ;;
	pam) as() { pamdrive gt cora open try "export HOME=/home/cora; $1" close | grep -vE '^(run|open|close|said): '; } ;;
	run) as() { "$GOCKER" run --image host --user cora -- /bin/bash -c "$1"; } ;;
	ssh)
		set_shell cora "$GOCKER_SHELL"
		start_sshd
		as() { ssh_as cora "$1"; }
		;;
	esac
	is "$(as "$work" 2>&1)" "$seen" "[$door] the host's programs run, each from where it is"
	is "$(as "$write" 2>&1)" $'1\n1\n1\n1\nsu 1' "[$door] nothing there can be written, and su is without effect"
	is "$(as 'awk "\$5 ~ \"^/(s?bin|lib[^/]*)\$\" { print \$6 }" /proc/self/mountinfo' | grep -vc ro,nosuid,nodev)" 0 \
		"[$door] each of these directories is read-only, nosuid and nodev"
done
stop_sshd
is "$("$GOCKER" run --image host --userns --read-only -- /bin/sh -c 'ls -d /bin/ls; id -u')" $'/bin/ls\n0' "[run --userns] works, too"

# --- what is said ---

like "$("$GOCKER" doctor --format json | jq -r '.[] | select(.item == "image") | "\(.level) \(.finding)"' | head -n 1)" \
	'^ok host is made of [0-9]+ parts of this host \(/bin, /sbin and /lib\* beside /usr\)$' "doctor: says that /usr is not merged"
printf '[default]\nimage = host\nshell = /bin/bash\n' >"$GKT_WORK/draft.ini"
is "$("$GOCKER" check --strict "$GKT_WORK/draft.ini")" "$GKT_WORK/draft.ini: no fault found" "check: a shell in /bin is found"
sed -i s,/bin/bash,/usr/bin/bash, "$GKT_WORK/draft.ini"
like "$("$GOCKER" check "$GKT_WORK/draft.ini")" ':3: warning: sessions with image = host have no program /usr/bin/bash' \
	"check: one in /usr/bin, where it is not, is told"
"$GOCKER" image show -q host | tr -s ' ' >"$GKT_WORK/show"
for dir in "${DIRS[@]}"; do
	is "$(grep -cx "directory $dir" "$GKT_WORK/show")" 1 "image show host lists $dir"
done
is "$(grep -c "^harmless /bin/su: its set-user-ID bit" "$GKT_WORK/show")" 1 "and /bin/su as harmless"
check_clean "nothing is left"

# --- all that is asserted of a merged /usr ---

set_ini
bash "$GKT_TOP/tests/system/host-root.sh" >"$GKT_WORK/host-root" 2>&1
is "$?:$(grep '^not ok\|^#' "$GKT_WORK/host-root")" "0:" "all that system/host-root.sh asserts"
check "which was more than 50 things" test "$(grep -c '^ok' "$GKT_WORK/host-root")" -gt 50
