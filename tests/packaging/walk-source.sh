#!/bin/bash
# README's way from source, its configuration, its commands by hand and its ForceCommand, run as they are written.
# timeout: 600
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_deb.sh"
. "$(dirname "$0")/_walk.sh"
need make gcc git sudo
need_product
bare_host
# A file system that can map owners, as a host's own can, and the overlay of a throwaway host cannot.
mkdir -p /var/lib/gocker
mount -t tmpfs -o mode=755 gkt-state /var/lib/gocker
reader_accounts
reader_sshd
page=$GKT_TOP/README.md
useradd --create-home --shell /bin/bash alice
cd "$GKT_TOP" || exit 1
# What is built stays built: by the same compiler, with warnings as errors or not.
CC=$(cut -d' ' -f1 "${BUILD:-build}/flags")
export CC
! grep -q -- -Werror "${BUILD:-build}/flags" || export WERROR=1
cp /etc/shells /run/gkt/shells.before

# `make rootfs` in between: one that finds no mirror makes a root of busybox, and says so.
block_files "$page" '### From source'
installation=$GKT_WORK/block.01.sh
is "$(grep -c . "$installation")" 3 "README has three commands from source"
pwd >"$GKT_WORK/cwd"
walk_commands "$installation"
run ssh alice@localhost hostname
is "$rc:$out" "0:gocker-container" "and then alice's logins are contained"
cp "$GKT_WORK/block.02.sh" "$GKT_WORK/uninstall"

# The configuration that README shows is one, and goes into its place as README says.
cd /root || exit 1
sed -n '/^## The configuration/,/^## /{/^```ini$/,/^```$/p}' "$page" | grep -v '^```' >new.ini
mkdir -p /srv/courses
groupadd students
walk "$page" '## The configuration'
is "$(stat -c '%a %U' /etc/gocker.ini)" "644 root" "the file is root's"
check "it is what was written" cmp new.ini /etc/gocker.ini
like "$(gocker explain alice)" 'pids_max *20 ' "explain tells what applies to alice"
walk "$page" '## Running commands by hand'
is "$(gocker run --user alice --network none id -un)" alice "a command as a user"

# A group by ForceCommand, with a shell that reads nothing on the host before.
useradd --create-home --shell /bin/dash --groups students sam
sed -n '/^Match Group students$/,/^```$/p' "$page" | grep -v '^```' >/etc/ssh/sshd_config.d/students.conf
before=$(times_sshd_began)
kill -HUP "$(cat /run/sshd.pid)"
wait_until 20 sshd_began_again "$before"
run ssh sam@localhost 'hostname; grep -c . /courses/none; id -un'
is "$(head -n 1 <<<"$out"),$(tail -n 1 <<<"$out")" "gocker-container,sam" "the group is contained without a change of passwd"
run ssh -W localhost:22 sam@localhost
like "$rc:$err" '^255:.*stdio forwarding failed' "and its forwards are shut"

# Away again. What still names gocker is said, and nothing is removed before it does not.
cd "$GKT_TOP" || exit 1
printf 'session required pam_gocker.so\n' >/etc/pam.d/of-mine
run make uninstall
isnt "$rc" 0 "make uninstall refuses while gocker is in use"
like "$err" 'in use: ForceCommand in /etc/ssh/sshd_config.d/students.conf' "it names the ForceCommand"
like "$err" 'in use: PAM stack /etc/pam.d/of-mine' "and the stack"
like "$err" 'in use: login shell of alice' "and alice, whose shell it is"
check "nothing was removed" test -e "$(pam_module)" -a -u /usr/local/bin/gocker-shell -a -e /usr/local/bin/gocker
rm /etc/pam.d/of-mine /etc/ssh/sshd_config.d/students.conf
pwd >"$GKT_WORK/cwd"
walk_commands "$GKT_WORK/uninstall"
is "$(ssh alice@localhost hostname)" throwaway "alice's logins are on the host again"
is "$(find /usr/local /lib/*/security /usr/lib/*/security -name '*gocker*' ! -name gocker-tests 2>/dev/null)" "" "make uninstall leaves nothing of gocker"
check "but gocker.ini and the images" test -e /etc/gocker.ini -a -e /var/lib/gocker/images/alpine
make -s install >/dev/null 2>&1
printf '  session\trequired pam_gocker.so outer\n' >/etc/pam.d/of-mine
run make uninstall FORCE=1
is "$rc" 0 "FORCE=1 removes it all the same"
like "$err" 'in use: PAM stack /etc/pam.d/of-mine' "and says what is left"
check_not "the module is gone" test -e "$(pam_module)"
rm /etc/pam.d/of-mine
stop_reader
