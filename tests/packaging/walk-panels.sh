#!/bin/bash
# packaging/panels.md, run as it is written, for accounts as Hestia, Virtualmin and ISPConfig make them. What is
# the panels' own is not run.
# timeout: 600
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_deb.sh"
. "$(dirname "$0")/_walk.sh"
need sudo useradd service cron python3
need_product
reader_accounts
reader_sshd
page=$GKT_TOP/packaging/panels.md
cd "$GKT_WORK" || exit 1
ln -s /usr/local/share/gocker /usr/share/gocker # where a package has it

# The panels' shells, which sshd wants to be there.
for shell in jailbash jk_chrootsh; do
	printf '#!/bin/sh\necho outside\n' >"/usr/sbin/$shell"
	chmod 755 "/usr/sbin/$shell"
done
groupadd customers
# Hestia: bubblewrap in a script as the shell.
useradd --create-home --shell /usr/sbin/jailbash carla
# Virtualmin: the home mounted into the jail.
useradd --create-home --shell /bin/bash dave
mkdir -p /home/chroot/17/home/dave
mount --bind /home/dave /home/chroot/17/home/dave
usermod --home /home/chroot/17/./home/dave --shell /usr/sbin/jk_chrootsh dave
# ISPConfig: the shell user has the uid of the site's account.
groupadd client1
site=/var/www/clients/client1/web1
useradd --gid client1 --home-dir $site --shell /bin/false web1
mkdir -p $site/home/c1shop $site/web
useradd --non-unique --uid "$(id -u web1)" --gid client1 --home-dir $site/./home/c1shop --shell /usr/sbin/jk_chrootsh c1shop
chown web1:client1 $site/home/c1shop $site/web
echo "the site" >$site/web/index.html
for home in /home/carla /home/dave $site/home/c1shop; do
	echo "kept in ${home##*/}" >"$home/file"
done
passwd_before=$(getent passwd carla dave)

walk "$page" '## The policy'
walk "$page" '## Hestia'
walk "$page" '## Virtualmin'
walk "$page" '## ISPConfig'

seen='cat file; hostname; grep ^NoNewPrivs: /proc/self/status; ls -d /var/www /home/* /srv/jail 2>/dev/null; python3 -c "print(6*7)"'
echo 'get /etc/passwd accounts' >sftp.batch
contained() { # USER HOMES: that a session shows
	run ssh "$1@localhost" "$seen"
	is "$rc:$out" "0:kept in $1
gocker-container
NoNewPrivs:	1
$2
42" "$1: contained, with the home and the host's programs"
	run sftp -b sftp.batch "$1@localhost"
	is "$rc:$(cut -d: -f1 accounts | tr '\n' ' ')" "0:root $1 nobody " "$1: sftp is inside"
}
contained carla /home/carla
contained dave /home/chroot
contained c1shop /var/www
is "$(ssh c1shop@localhost 'id -un; cat /web/index.html; ls ~/..')" $'c1shop\nthe site\nc1shop' "ISPConfig's user is who logged in, and has the site"
refused "the shell door by itself refuses the shared uid" 'share uid' as_user c1shop "$GOCKER_SHELL" -c id

check "disable gives the shells back" "$GOCKER" disable carla dave
is "$(getent passwd carla dave)" "$passwd_before" "as they were"
check "and the stacks" "$GOCKER" disable --door pam
umount /home/chroot/17/home/dave
stop_reader
