#!/bin/bash
# timeout: 300
# A64: image = host shows no secret of the host. Each file below holds one, and everyone may read it, so
# that no permission keeps anybody out: only that it is not in the root. A session walks all that it can
# reach, by name, by the roots, directories and descriptors of its processes, and by content; what it finds
# is compared by inode with all that the host has outside of the allow-list.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../pam/_stack.sh"
need_product
need jq perl
add_user alice
add_user ben
set_ini 'image = host' 'pids_max = 60'
stack gt
MARK=planted-$$-secret

SECRETS=(/etc/shadow /etc/shadow- /etc/gshadow /etc/passwd- /etc/security/opasswd /etc/sudoers /etc/sudoers.d/admins
	/etc/ssh/ssh_host_rsa_key /etc/ssh/ssh_host_ed25519_key /etc/ssh/sshd_config /etc/ssl/private/www.key
	/etc/letsencrypt/live/www/privkey.pem /etc/krb5.keytab /etc/wireguard/wg0.conf /etc/environment /etc/fstab
	/etc/crontab /etc/cron.d/backup /var/spool/cron/crontabs/ben /var/spool/cron/atjobs/a1 /etc/pam.d/planted
	/etc/default/backup /etc/mysql/debian.cnf /etc/postgresql/15/main/pg_hba.conf /etc/php/8.2/fpm/pool.d/www.conf
	/etc/msmtprc /etc/aliases /etc/gocker.ini /etc/gocker.d/notes /var/lib/gocker/planted /var/lib/gocker/images/planted
	/run/gocker/planted /run/secrets/token /run/user/0/planted /var/log/auth.log /var/log/syslog /var/mail/ben /var/backups/shadow.bak
	/var/lib/mysql/users.ibd /var/lib/postgresql/data/1 /var/lib/private/key /var/lib/systemd/random-seed /var/www/config.php
	/var/cache/debconf/passwords.dat /var/tmp/dump.sql /root/.bash_history /root/.ssh/id_ed25519 /root/backup.tar
	/home/ben/.ssh/id_ed25519 /home/ben/.my.cnf /home/planted /boot/grub.cfg /srv/www/config.php /mnt/backup /media/usb
	/tmp/planted /tmp/deep/planted)
own_images
plant() {
	local file dir
	for file in "${SECRETS[@]}"; do
		mkdir -p "${file%/*}"
		case $file in
		/etc/gocker.ini | /etc/environment) echo "# $MARK" >>"$file" ;;
		/etc/shadow | /etc/shadow- | /etc/gshadow) echo "$MARK:*:::::::" >>"$file" ;;
		*) echo "# $MARK $file" >>"$file" ;;
		esac
		chmod 644 "$file"
		for ((dir = 1; dir; )); do
			case ${file%/*} in /tmp | /var/tmp | /) ;; *) chmod go+rx "${file%/*}" ;; esac
			file=${file%/*}
			[[ $file == */*/* ]] || dir=0
		done
	done
}
plant
perl -MIO::Socket::UNIX -e 'for (@ARGV) { IO::Socket::UNIX->new(Local => $_, Listen => 1) and chmod 0666, $_ or die; push @s, $_ } print "up\n"; close STDOUT; sleep 1000' \
	/run/planted.sock /run/secrets/agent.sock >"$GKT_WORK/up" &
server=$!
wait_until 60 grep -q up "$GKT_WORK/up"

# The walk. Lines "i DEVICE:INODE TYPE PATH" of all that can be named, and "c PATH" of files that have the mark.
cat >"$GKT_WORK/walk" <<WALK
find / \\( -path /proc -o -path /sys \\) -prune -o -printf 'i %D:%i %y %p\\n' 2>/dev/null
for p in /proc/[0-9]*; do
	find -L \$p/root \$p/cwd \$p/fd \$p/root/.. \$p/cwd/.. -maxdepth 1 -printf 'i %D:%i %y %p\\n' 2>/dev/null
	find -L \$p/root/etc \$p/root/run \$p/root/root \$p/root/var -maxdepth 3 -printf 'i %D:%i %y %p\\n' 2>/dev/null
	grep -sl "$MARK" \$p/root/etc/shadow \$p/cwd/../../etc/shadow \$p/environ 2>/dev/null | sed 's/^/c /'
done
find / \\( -path /proc -o -path /sys -o -path /usr -o -path /opt \\) -prune -o -type f -readable -print0 2>/dev/null |
	xargs -0r grep -l "$MARK" 2>/dev/null | sed 's/^/c /'
for f in ${SECRETS[*]} /run/planted.sock /run/secrets/agent.sock; do
	cat "\$f" 2>/dev/null | grep -q "$MARK" && echo "c \$f"
done
echo walked
WALK
walk=$(cat "$GKT_WORK/walk")

# The inodes of the host that no session may name: all outside of /usr, /proc, /sys, /dev, alice's home and what
# the allow-list lets in.
"$GOCKER" image show -q --format json host | jq -r '.items[] | select(.left_out == null and .kind == "directory") | .path' >"$GKT_WORK/let-in"
grep -qx /usr "$GKT_WORK/let-in" || not_ok "the list of what is let in has /usr"
forbidden() {
	find / \( -path /proc -o -path /sys -o -path /dev -o -path /gocker -o -path "$GKT_TOP" -o -path /home/alice \) -prune -o -printf '%D:%i %p\n' 2>/dev/null |
		awk -v list="$GKT_WORK/let-in" 'BEGIN { while ((getline d < list) > 0) dir[++n] = d }
			{ p = substr($0, index($0, " ") + 1); for (i = 1; i <= n; i++) if (p == dir[i] || index(p, dir[i] "/") == 1) next; print }'
}
forbidden >"$GKT_WORK/forbidden"
check "there are things to hide" test "$(wc -l <"$GKT_WORK/forbidden")" -gt 500

# seen: of the walk in $GKT_WORK/seen, the host's names of what it met.
seen() {
	awk 'NR == FNR { path[$1] = substr($0, index($0, " ") + 1); next } $1 == "i" && ($2 in path) && $2 != "" { print path[$2] }' \
		"$GKT_WORK/forbidden" "$GKT_WORK/seen" | sort -u
}
marked() { sed -n 's/^c //p' "$GKT_WORK/seen" | sort -u; }
# verdict NAME: the walk met nothing of it.
verdict() {
	is "$(tail -n 1 "$GKT_WORK/seen")" walked "A64 [$1]: the walk came to its end"
	check "A64 [$1]: it met more than 10000 files" test "$(grep -c '^i ' "$GKT_WORK/seen")" -gt 10000
	is "$(seen | head -n 20)" "" "A64 [$1]: by inode, nothing of the host outside of the allow-list"
	is "$(marked | head -n 20)" "" "A64 [$1]: by content, none of ${#SECRETS[@]} secrets"
}

# --- controls ---

as_user alice sh -c "$walk" 2>/dev/null | cat >"$GKT_WORK/seen"
is "$(marked | grep -cxF -f <(printf '%s\n' "${SECRETS[@]}"))" "${#SECRETS[@]}" "A64 control: on the host the walk reads every one of them"
is "$(seen | grep -cx '/etc/shadow\|/run/planted.sock\|/run/secrets/agent.sock\|/root/backup.tar')" 4 "A64 control: and names what it should not, sockets too"
chmod 700 /run/gocker # or no login works
remember_host
set_ini 'image = host' 'pids_max = 60' 'volumes = /etc:/mnt/e:ro /var:/mnt/v:ro /root:/mnt/r:ro /run:/mnt/run:ro'
echo "# $MARK" >>/etc/gocker.ini
as_user alice "$GOCKER_SHELL" -c "$walk" 2>/dev/null | cat >"$GKT_WORK/seen"
check "A64 control: the same walk in a session that was given /etc, /var, /root and /run finds the secrets in them" \
	test "$(marked | grep -c '^/mnt/[evr]')" -ge "$(printf '%s\n' "${SECRETS[@]}" | grep -c '^/etc\|^/root\|^/var')"
is "$(seen | grep -cx '/etc/shadow\|/run/planted.sock\|/run/secrets/agent.sock\|/root/backup.tar')" 4 "A64 control: by their inodes, too"
set_ini 'image = host' 'pids_max = 60'
echo "# $MARK" >>/etc/gocker.ini
forbidden >"$GKT_WORK/forbidden"

# --- the walks ---
# Through a pipe: a file on their stdout would be met, too.

as_user alice "$GOCKER_SHELL" -c "$walk" 2>/dev/null | cat >"$GKT_WORK/seen"
verdict "shell door"
pamdrive gt alice open try "$walk" close 2>/dev/null | grep '^[ic] \|^walked' >"$GKT_WORK/seen"
verdict "PAM door"
pamdrive gt alice open root "$walk" close 2>/dev/null | grep '^[ic] \|^walked' >"$GKT_WORK/seen"
verdict "PAM door, before the daemon's child drops root"
"$GOCKER" run --image host sh -c "$walk" 2>/dev/null | cat >"$GKT_WORK/seen"
verdict "gocker run, root"
"$GOCKER" run --image host --userns sh -c "$walk" 2>/dev/null | cat >"$GKT_WORK/seen"
verdict "gocker run --userns, root"
kill "$server"
check_clean "the walks leave nothing"
