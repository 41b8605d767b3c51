#!/bin/bash
# timeout: 120
# A78: a program of the user's types into the terminal that it was started from. Root calls su, runuser or sudo on a
# terminal of its own; what is typed there runs when they have ended, as root. Behind the PAM door, with programs that
# start without the entry stub and its filter.
. "$(dirname "$0")/_lib.sh"
[[ $(doors) = *pam* ]] || { skip "the PAM door" "it is not built"; exit 0; }
need script su runuser sudo
add_user alice
set_ini
cp "$GKT_HELPERS/tiocsti" /home/alice/
: >/etc/default/locale
echo 'Defaults !lecture, !use_pty' >/etc/sudoers
echo 'root ALL=(ALL:ALL) NOPASSWD: ALL' >>/etc/sudoers
chmod 440 /etc/sudoers
legacy=$(cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null || echo 1)

# types HOW: what became of it, by each program: alone, or typed to a shell (with -c su gives the terminal up).
types() {
	local program
	for program in runuser sudo; do
		script -qec "$program -u alice /home/alice/tiocsti $1" /dev/null </dev/null | answer $program
	done
	script -qec 'su -s /bin/sh alice' /dev/null <<<"/home/alice/tiocsti $1; exit" | answer su
}
answer() { echo "$1 $(grep -owE 'done|E[A-Z]+')"; }
all() { printf 'runuser %s\nsudo %s\nsu %s' "$1" "$1" "$1"; }

printf '%s required pam_permit.so\n' auth account session >/etc/pam.d/plain
for service in su runuser sudo; do cp /etc/pam.d/plain "/etc/pam.d/$service"; done
if [ "$legacy" = 0 ]; then
	skip "A78 control: without gocker's lines it is typed" "this kernel refuses TIOCSTI everywhere (dev.tty.legacy_tiocsti)"
else
	is "$(types plain)" "$(all 'done')" "A78 control: without gocker's lines it is typed"
	is "$(types high)" "$(all 'done')" "A78 control: also with a bit more in the request"
fi
foreign=$(types i386)
for service in su runuser sudo; do shipped $service; done
remember_host
for how in plain high linux x32; do
	is "$(types $how)" "$(all EPERM)" "A78 [pam]: nothing is typed ($how)"
done
if [ "$foreign" = "$(all 'done')" ]; then
	is "$(types i386)" "$(all EPERM)" "A78 [pam]: nor by a call of i386, which is typed without gocker's lines"
else
	skip "A78 [pam]: nor by a call of i386" "this host answers it with ${foreign%%$'\n'*}"
fi
run script -qec 'runuser -u alice -- stty -a' /dev/null </dev/null
like "$out" 'speed' "A78 [pam] control: other requests reach the terminal"
check_clean "A78: nothing is left"
