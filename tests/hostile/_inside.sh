# shellcheck shell=bash
# What a session of alice's tries from the inside, by whatever way `inside` gets in ($door says which).

# What the filter answers to each system call number, against the recorded table. A difference is
# either a hole or a change that belongs into the table (see tests/README.md).
table=$GKT_TOP/tests/hostile/syscalls.$(uname -m)
walk_syscalls() {
	inside alice './syscalls'
	awk '!/^#/ { print $1, $NF }' "$table" >"$GKT_WORK/wanted"
	is "$(diff "$GKT_WORK/wanted" "$GKT_WORK/out")" "" \
		"A30 A32 [$door]: the filter answers every system call number as recorded"
	check "A30 A32 [$door]: the table has all numbers: $(wc -l <"$GKT_WORK/out")" \
		test "$(wc -l <"$GKT_WORK/out")" -gt 690
}

namespaces() {
	local name flags
	for flags in 0x10000000 0x00020000 0x20000000 0x40000000 0x02000000 0x04000000 0x08000000; do
		denied A30 "unshare $flags" alice EPERM "./try unshare $flags"
		denied A30 "clone $flags" alice EPERM "./try clone $flags"
	done
	denied A30 "clone with bits above the 32 of the flags" alice EPERM './try clone 0xffffffff10000000'
	denied A30 "clone3 is not there, so that libc falls back" alice ENOSYS './try clone3 0'
	denied A30 "setns" alice EPERM './try setns /proc/self/ns/mnt'
	denied A30 "mount" alice EPERM './try mount'
	denied A30 "umount" alice EPERM './try umount /home/alice'
	denied A30 "fsopen" alice EPERM './try fsopen tmpfs'
	denied A30 "open_tree" alice EPERM './try open_tree /'
	denied A30 "pivot_root" alice EPERM './try pivot_root'
	denied A30 "chroot" alice EPERM './try chroot /tmp'
}

kernel_doors() {
	local family how
	denied A38 "keyctl" alice EPERM './try keyctl 0 -4'
	denied A38 "add_key" alice EPERM './try add_key'
	for family in 3 5 9 15 17 21 26 29 30 31 38 40 43 44 45; do # AX.25 ... AF_ALG, VSOCK, XDP
		denied A32 "socket of family $family" alice EPERM "./try socket $family 2 0"
		denied A32 "socketpair of family $family" alice EPERM "./try socketpair $family"
	done
	denied A32 "netlink but for routing" alice EPERM './try socket 16 3 12'
	denied A32 "a packet socket" alice EPERM './try socket 17 3 0'
	for family in 1 2 10; do
		inside alice "./try socket $family 1 0"
		is "$rc:$out" 0:done "A32 [$door] control: a socket of family $family is allowed"
	done
	local protocol
	for protocol in 33 115 132 136 255 256; do # DCCP, L2TP, SCTP, UDP-Lite, RAW, SMC
		denied A32 "an inet socket of protocol $protocol" alice EPERM "./try socket 2 1 $protocol"
		denied A32 "an inet6 socket of protocol $protocol" alice EPERM "./try socket 10 2 $protocol"
	done
	denied A32 "an inet socket of type DCCP" alice EPERM './try socket 2 6 0'
	for protocol in 6 262; do
		inside alice "./try socket 2 1 $protocol"
		like "$rc:$out" '^(0:done|1:EPROTONOSUPPORT|1:ENOPROTOOPT)$' "A32 [$door] control: protocol $protocol reaches the kernel"
	done
	for how in mmap memfd shmget; do
		denied A35 "huge pages by $how, which no limit counts [limit huge_pages hog]" alice EPERM "./try huge $how"
	done
	denied A16 "TIOCSTI with bit 32 set" alice EPERM './try ioctl 0x5412 32'
	denied A16 "TIOCSTI with bit 63 set" alice EPERM './try ioctl 0x5412 63'
	denied A16 "TIOCLINUX" alice EPERM './try ioctl 0x541c 40'
	denied A16 "TIOCSETD" alice EPERM './try ioctl 0x5423'
	inside alice './try ioctl 0x5401'
	is "$out" ENOTTY "A16 [$door] control: another request reaches the kernel"
}

own_processes() {
	local file
	for file in root cwd exe fd environ mem maps fd/0 root/etc/passwd; do
		inside alice "ls -L /proc/1/$file 2>&1; cat /proc/1/$file 2>&1 | head -c 200"
		like "$out" '(ermission denied|not permitted)' "A12 A29 [$door]: /proc/1/$file is closed"
	done
	denied A41 "init can't be traced" alice EPERM './try ptrace 1'
	denied A41 "init can't be killed" alice EPERM './try kill 1 9'
	denied A12 "init's memory can't be read" alice EPERM './try readmem 1'
	run "$GOCKER" run /bin/sh -c 'cat /proc/1/exe 2>/dev/null | head -c 4; echo x 2>/dev/null >>/proc/1/exe; echo $?'
	is "$out" 1 "A14: a container's root can't open the host's program behind /proc/1/exe, to read or to write"
	check "A14 control: root outside opens /proc/N/exe" sh -c 'head -c 4 /proc/self/exe | grep -q ELF'
	inside alice 'exec 2>/dev/null; mknod /tmp/d c 1 5; mknod ~/d c 1 5; ls /tmp/d ~/d'
	is "$out" "" "A43 [$door]: no device node can be made"
	cp /bin/cat /home/alice/suid-cat
	mknod -m 666 /home/alice/zero c 1 5
	chmod 4755 /home/alice/suid-cat
	inside alice 'head -c 1 ~/zero'
	like "$rc:$err" '^1:.*ermission' "A43 [$door]: a device node in the home does not open"
	check "A43 control: outside, it does" as_user alice cmp -n 1 /home/alice/zero /dev/zero
	rm -f /home/alice/zero /home/alice/suid-cat
}
