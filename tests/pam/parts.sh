#!/bin/bash
# timeout: 240
# What the PAM door is made of: a module that asks little of the daemon it is loaded into, a keeper that
# holds what it needs, and a stub that stands in overlay and read-only roots.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need readelf nm
need_product
module=$(find /lib/*/security /usr/lib/*/security /lib/security -name pam_gocker.so 2>/dev/null | head -n 1)
libexec=/usr/local/libexec/gocker
libraries() { readelf -d "$1" | awk -F'[][]' '/NEEDED/ { print $2 }' | sort | tr '\n' ' '; }

# The module.
is "$(nm -D --defined-only "$module" | awk '{ print $3 }' | sort | tr '\n' ' ')" \
	"pam_sm_acct_mgmt pam_sm_authenticate pam_sm_chauthtok pam_sm_close_session pam_sm_open_session pam_sm_setcred " \
	"the module exports PAM's six entry points and nothing else"
is "$(libraries "$module")" "libc.so.6 libpam.so.0 " "it calls libpam and the C library"
asks=$(nm -D -u "$module" | awk '{ sub(/@.*/, "", $2); print $2 }')
like "$asks" $'\n__stack_chk_fail' "what it asks of them is found"
is "$(grep -xE 'exit|_Exit|abort|exec.*|fork|vfork|clone|.*printf|f?puts|putchar|perror|v?(err|warn)x?|system|popen|dlopen|setenv|putenv|sigaction|signal|alarm|fopen|getline|str(tok|tol|toul).*' <<<"$asks" | grep -vx snprintf)" \
	"" "it never ends a daemon, prints, parses, or changes its signal handlers or environment"
readable=$(readelf -hldW "$module")
for what in 'GNU_RELRO' 'BIND_NOW' 'GNU_STACK.* RW +0x'; do like "$readable" "$what" "it is hardened: ${what%%.*}"; done
unlike "$readable" 'NODLOPEN|TEXTREL|RPATH|RUNPATH' "it can be loaded, from its own place only"
like "$readable" 'NODELETE' "and stays: its fork handlers go with nobody's dlclose"
like "$(nm -D -u "$module")" '_chk@' "it is fortified"
check "and holds next to nothing in variables: $(size "$module" | awk 'NR == 2 { print $3 }') bytes of bss" \
	test "$(size "$module" | awk 'NR == 2 { print $3 }')" -lt 128

# The keeper and the stub, as files.
is "$(libraries $libexec/gocker-keeper)" "libc.so.6 " "the keeper's libraries: libc alone"
is "$(libraries $libexec/gocker-entry)" "" "the stub needs no library of the image's"
is "$(find $libexec -type f \( -perm /6000 -o -perm /022 -o ! -user root \))" "" "neither is set-uid, or anybody's but root's to write"

# The keeper, at work.
add_user alice
add_user bash --shell /bin/bash
add_user fish --shell /usr/bin/fish
add_user ash --shell /bin/sh
install -m 755 /bin/true /usr/bin/fish # sshd wants it on the host
set_ini
shipped sshd gocker-sshd
start_sshd
remember_host
hold_session alice
keeper=$held_supervisor
for fd in "/proc/$keeper/fd/"*; do readlink "$fd"; done |
	sed -E 's/^(socket|pipe|pidfd):.*/\1:/; s|^.*gocker/u[0-9]+/[0-9a-f]{12}(/pids.events)?$|LEAF|; s|^.*/gocker(/u[0-9]+)?$|LEAF|; s|^/run/gocker/u/[0-9]+/[0-9]+$|PLACE|' |
	sort -u >"$GKT_WORK/fds"
is "$(grep -vxE '/dev/null|socket:|anon_inode:\[(pidfd|signalfd)\]|pidfd:|LEAF|PLACE|/dev/pts|/sys/fs/cgroup.*' "$GKT_WORK/fds")" "" \
	"it holds pidfds, signals, sockets, its cgroup, its place and the session's terminals"
check "and not many: $(find "/proc/$keeper/fd" -type l | wc -l)" test "$(find "/proc/$keeper/fd" -type l | wc -l)" -le 18
is "$(stat -c %U "/proc/$keeper/fd")" root "it is not dumpable (A12)"
for ns in mnt pid net user uts ipc cgroup; do
	is "$(readlink "/proc/$keeper/ns/$ns")" "$(readlink "/proc/self/ns/$ns")" "it is in the host's $ns namespace"
done
for signal in KILL STOP TERM; do
	run as_user alice kill -$signal "$keeper"
	like "$rc:$err" '^1:.*not permitted' "the user can't send it $signal (A41)"
done
drop_session

# The stub, where the image has no such shell.
for root in overlay readonly; do
	set_ini "root = $root"
	for user in alice bash fish; do
		run ssh_as $user 'echo $0; tr "\0" " " </proc/$$/cmdline; grep -E "^(NoNewPrivs|Seccomp):" /proc/self/status | tr -s "\t\n" "  "'
		like "$rc:$out" $'^0:sh\nsh -c .* NoNewPrivs: 1 Seccomp: 2 $' "root = $root: $user's shell is the stub, which runs the policy's"
		is "$(ssh_as $user 'hostname; exit 9'; echo $?)" $'gocker-container\n9' "root = $root: $user is inside, once"
	done
	run ssh_as ash 'grep -E "^(NoNewPrivs|Seccomp):" /proc/self/status | tr -s "\t\n" "  "'
	is "$out" 'NoNewPrivs: 0 Seccomp: 0 ' "root = $root: a shell that the image has runs as it is"
	run ssh_as alice 'printf "#!/bin/sh\necho \"\$0 \$1\"\n" >/tmp/script && chmod 755 /tmp/script && /tmp/script x
		n=0; for at in /bin /sbin /usr/bin /usr/sbin; do for file in $at/*; do
			[ "$(readlink -f $file)" = /bin/busybox ] || continue
			n=$((n + 1)); cmp -s $file /bin/busybox || echo "$file is another"
		done; done; echo $n applets; busybox --list | wc -l'
	like "$out" $'^/tmp/script x\n([3-9][0-9][0-9]) applets\n[0-9]+$' "root = $root: #!/bin/sh and every applet of busybox are as the image has them"
	# A shell that the policy names by the stub's own path would be a loop.
	set_ini "root = $root" "shell = $GOCKER_SHELL"
	run timeout 30 ssh -l alice gocker 'echo ran'
	is "$rc:$out:$err" "127::gocker: $GOCKER_SHELL is not in the image; nothing was run" \
		"root = $root: shell = gocker-shell is no loop"
done
# A shell that is there and does not start says why, as at the shell door.
mkdir -p /srv/odd
cp "$(readlink -f /bin/true)" /srv/odd/loader
cp "$(readlink -f /bin/true)" /srv/odd/riscv
printf '\xf3\x00' | dd of=/srv/odd/riscv bs=1 seek=18 conv=notrunc status=none # EM_RISCV
set_ini 'volumes = /srv/odd:/odd:ro' 'shell = /odd/loader'
run timeout 60 ssh -l alice gocker 'echo ran'
like "$rc:$out:$err" '^127::gocker: /odd/loader needs the loader /[^ ]*, which is not in the image; nothing was run$' "a shell without its loader says so"
set_ini 'volumes = /srv/odd:/odd:ro' 'shell = /odd/riscv'
run timeout 60 ssh -l alice gocker 'echo ran'
is "$rc:$out:$err" "126::gocker: /odd/riscv is a program for another machine (riscv); nothing was run" "one for another machine, too"
# No stub can be put into the host's own /usr.
set_ini 'image = host'
stack gkt-gone
rm /usr/bin/fish
drive gkt-gone fish open user 'echo ran' close
like "$out$err" 'passwd shell /usr/bin/fish does not exist, and .*/gocker-shell cannot stand in for it there: change the shell' \
	"image = host: a passwd shell that is not there below /usr is named"
unlike "$out" '^ran' "image = host: and nothing runs"
check_clean "nothing is left"
