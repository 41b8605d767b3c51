#!/bin/bash
# timeout: 300
# A5, A64: a system call that builds the root says that it did what it did not do. The mount table that is read
# afterwards must show it: the login is refused with 125 and nothing runs, or the session is the same. image = host
# has the most to lose: its mounts are the host's own files.
. "$(dirname "$0")/_lib.sh"
need strace perl
add_user alice
set_ini 'image = host' 'pids_max = 60'
stack gt
mkdir -p /opt/planted /usr/local/planted
echo x >/opt/planted/file
remember_host

# What a session is: its mounts, and what it can write.
probe='me=$(readlink /proc/self/ns/mnt); sum=$({ cut -d" " -f5- /proc/self/mountinfo | sed "s/fd\/[0-9]*/fd/g"; id; ls /dev
	touch /usr/x /opt/x /etc/x /proc/sys/x 2>&1; ls /usr / /etc; } | md5sum); echo "$me ${sum%% *}" >~/ran'
# strace_door [OPTION...]: a login through $door under strace.
strace_door() {
	rm -f /home/alice/ran
	case $door in
	shell) run timeout 100 strace -f -u alice -qq "$@" env HOME=/home/alice "$GOCKER_SHELL" -c "$probe" ;;
	pam) run timeout 100 strace -f -qq "$@" pamdrive gt alice open try "HOME=/home/alice; $probe" close ;;
	esac
}
# What came of it: "same", "refused" with the reason, or else what is wrong.
outcome() {
	local ns='' sum=''
	[ ! -e /home/alice/ran ] || read -r ns sum </home/alice/ran
	case $door:$rc:$sum in
	*:"$reference") if [ "$ns" = "$(readlink /proc/self/ns/mnt)" ]; then echo UNCONTAINED; else echo same; fi ;;
	shell:125:) echo "refused: ${err#gocker: }" ;;
	pam:*:) if grep -q '^open: 0' <<<"$out"; then echo "ran nothing, open: 0"; else echo "refused: $(sed -n 's/^said: gocker: //p' <<<"$out")"; fi ;;
	*) echo "ANOTHER SESSION, rc $rc: $err" ;;
	esac
}

# --- control: where nothing looks, such a lie leaves the host's files to be written ---

cat >"$GKT_WORK/bind.pl" <<'PERL'
sub check { die "$_[0]: $!\n" if $_[1] < 0; $_[1] }
my ($from, $to, $none, $attr) = ("/opt", "/mnt", "", pack("Q4", 1, 0, 0, 0)); # MOUNT_ATTR_RDONLY
my $tree = check("open_tree", syscall(428, -100, $from, 1));
check("mount_setattr", syscall(442, $tree, $none, 0x1000, $attr, 32));
check("move_mount", syscall(429, $tree, $none, -100, $to, 4));
print open(my $f, ">", "/mnt/planted/file") ? "written\n" : "$!\n";
PERL
bind() { run unshare -m strace -f -qq -o /dev/null "$@" perl "$GKT_WORK/bind.pl"; }
bind
is "$out" "Read-only file system" "A5 A64 control: a mount made as gocker makes them is read-only"
bind -e trace=mount_setattr -e inject=mount_setattr:retval=0
is "$out" "written" "A5 A64 control: where mount_setattr lies it is not, and the host's file is written"
bind -e trace=move_mount -e inject=move_mount:retval=0
like "$out" "No such file" "A5 A64 control: where move_mount lies there is no mount"

for door in $(doors); do
	reference=none
	strace_door -o "$GKT_WORK/trace" -e trace=mount_setattr,move_mount,mount,umount2,pivot_root
	read -r _ reference </home/alice/ran
	like "$reference" '^[0-9a-f]{32}$' "A5 A64 control [$door]: under strace a session is as any"
	# Those that matter most, by what is said of them.
	nth() { grep "$1(" "$GKT_WORK/trace" | awk -v "want=$2" '{ n[$1]++; if (index($0, want)) { print n[$1]; exit } }'; }
	host=$(nth mount_setattr "AT_RECURSIVE, {attr_set=MOUNT_ATTR_RDONLY") # /usr is the first of the host's
	strace_door -o /dev/null -e trace=mount_setattr -e inject="mount_setattr:retval=0:when=$host"
	is "$(outcome)" "refused: the mount at /usr lacks ro; nothing was run" "A5 A64 [$door]: /usr that stays writable is noticed"
	strace_door -o /dev/null -e trace=mount_setattr -e inject="mount_setattr:retval=0:when=$((host + 1))+"
	like "$(outcome)" "^refused: the mount at .* lacks ro; nothing was run" "A5 A64 [$door]: and any other part of the host"
	strace_door -o /dev/null -e trace=move_mount -e inject="move_mount:retval=0:when=$((host + 1))"
	like "$(outcome)" "^refused: the mount at /.* is missing; nothing was run" "A5 A64 [$door]: a part that is not mounted is missed"
	strace_door -o /dev/null -e trace=umount2 -e inject="umount2:retval=0:when=$(nth umount2 MNT_DETACH)"
	is "$(outcome)" "refused: /.. leads out of the root; nothing was run" "A5 A64 [$door]: the host's root that stays behind / is noticed"

	# All of them.
	: >"$GKT_WORK/outcomes"
	for call in mount_setattr move_mount mount umount2 pivot_root; do
		# The N-th of one process: strace counts for each by itself.
		most=$(grep "$call(" "$GKT_WORK/trace" | cut -d' ' -f1 | sort | uniq -c | sort -n | awk 'END { print $1 }')
		step=$(size $((most / 5 + 1)) 1)
		for ((n = RANDOM % step + 1; n <= most; n += step)); do
			strace_door -o /dev/null -e trace="$call" -e inject="$call:retval=0:when=$n"
			echo "$call:$n: $(outcome)" >>"$GKT_WORK/outcomes"
		done
	done
	is "$(grep -vE '^[a-z_0-9]+:[0-9]+: (same|refused: .)' "$GKT_WORK/outcomes")" "" \
		"A5 A64 [$door]: $(wc -l <"$GKT_WORK/outcomes") lies: each refused before anything runs, or the session is the same"
	check "A5 A64 [$door]: and most are refused" test "$(grep -c ': refused' "$GKT_WORK/outcomes")" -gt "$(grep -c ': same' "$GKT_WORK/outcomes")"
done
check_clean "A5 A64: the lies leave nothing"
is "$(cat /opt/planted/file; find /usr/x /opt/x /etc/x 2>/dev/null)" "" "A5 A64: and only the control wrote to the host"
