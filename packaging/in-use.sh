#!/bin/sh
# in-use.sh BINDIR SYSCONFDIR [ROOT]: names what would refuse logins if gocker were removed, a line each:
# PAM stacks with pam_gocker.so (every login through them, root's too), accounts with gocker-shell as their
# shell, sshd's ForceCommand. ROOT is put before each path. Exit status: 1 if something was named.
bindir=$1 sysconfdir=$2 root=${3:-}

named=$(
	for file in "$root$sysconfdir"/pam.d/* "$root$sysconfdir/pam.conf" "$root"/usr/lib/pam.d/* "$root"/etc/pam.d/* \
		"$root/etc/pam.conf"; do
		[ -f "$file" ] && grep -q '^[^#]*pam_gocker\.so' "$file" && echo "PAM stack $file"
	done
	if [ -n "$root" ]; then cat "$root/etc/passwd" 2>/dev/null; else getent passwd; fi |
		awk -F: -v shell="$bindir/gocker-shell" '$7 == shell { print "login shell of " $1 }' | LC_ALL=C tr -cd '\n -~'
	for file in "$root"/etc/ssh/sshd_config "$root"/etc/ssh/sshd_config.d/*.conf; do
		[ -f "$file" ] && grep -qi "^[[:space:]]*ForceCommand[[:space:]=].*$bindir/gocker-shell" "$file" &&
			echo "ForceCommand in $file"
	done
)
[ -n "$named" ] || exit 0
printf '%s\n' "$named" | sort -u
exit 1
