#!/bin/bash
# README's three commands, from nothing to a contained login, as they stand there.
# timeout: 600
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_deb.sh"
. "$(dirname "$0")/_walk.sh"
need dpkg-buildpackage dh git sudo apt expect
need_product
reader_host
useradd --create-home --shell /bin/bash alice
is "$(ssh alice@localhost hostname)" throwaway "before it alice's logins are on the host"

block_files "$GKT_TOP/README.md" '## Installing'
mapfile -t commands <"$GKT_WORK/block.01.sh"
is "${#commands[@]}" 3 "README has three commands"
check "\$ ${commands[0]}" bash -c "${commands[0]}"
check "\$ ${commands[1]}" bash -c "${commands[1]}"
expect_test "\$ ${commands[2]}: contained" <<TCL
spawn -noecho ${commands[2]}
want_prompt
prompt
equal [ask {hostname; whoami; ps >/tmp/ps; wc -l </tmp/ps}] "gocker-container\r\nalice\r\n4"
equal [ask {grep ^ID= /etc/os-release}] "ID=alpine"
say exit
equal [ended] 0
TCL
run ssh alice@localhost hostname
is "$rc:$out" "0:gocker-container" "and so is each command"
echo "by sftp" >up.txt
printf 'put up.txt\nls -1\n' >put.batch
run sftp -b put.batch alice@localhost
like "$rc:$out" '^0:.*up.txt' "sftp works"
run scp -O up.txt alice@localhost:by-scp.txt
is "$rc:$(cat /home/alice/by-scp.txt)" "0:by sftp" "and so does the old scp"
check "gocker check and doctor find no fault" sh -c 'gocker check && gocker image verify alpine'
run sudo gocker disable alice
is "$(ssh alice@localhost hostname)" throwaway "disable, as README says, takes it back"

# What --fix wrote goes with the package, also where a user is contained still.
run sudo gocker enable alice --fix --yes
is "$rc" 0 "enable --fix"
wrote=(/etc/cron.allow /etc/ssh/sshd_config.d/gocker.conf)
check "writes a list of cron's, and sshd's drop-in" test -e "${wrote[0]}" -a -e "${wrote[1]}"
run dpkg -r gocker
is "$rc:$(ls "${wrote[@]}" 2>/dev/null)" "0:" "dpkg -r removes both again"
like "$err" "/etc/cron.allow: removed, as gocker made it" "which is said"
like "$err" "usermod -s '/bin/bash' 'alice'" "beside how alice gets the old shell back"
stop_reader
