#!/bin/bash
# timeout: 300
# A55: generated stacks through the real libpam, with modules that return what they are told, and
# through the judge of keeper, enable and doctor. What the judge lets pass never succeeds uncontained.
. "$(dirname "$0")/../lib/test.sh"
# libpam looks for what a stack includes in /etc/pam.d, wherever the stack itself is.
dir=/etc/pam.d
mount -t tmpfs gkt-stacks $dir
for module in pam_gocker pam_permit pam_unix; do cp "$GKT_HELPERS/pam_trace.so" "$dir/$module.so"; done
printf 'session required pam_deny.so\n' >"$dir/other"
run differ "$dir" "${GKT_STACKS:-3000}" "${GKT_SEED:-1}"
is "$rc" 0 "A55 [pam]: no stack that the judge lets pass opens a session without the last line: $(tail -n 1 <<<"$out")"
[ "$rc" = 0 ] || diag "$out"
read -r _ passed _ unsure _ escaping _ <<<"$(tail -n 1 <<<"$out")"
check "A55 [pam]: control: stacks that libpam opens uncontained are among them ($escaping)" test "${escaping:-0}" -gt 100
check "A55 [pam]: and stacks that pass ($passed)" test "${passed:-0}" -gt 100
check "A55 [pam]: and such as the reader cannot tell of ($unsure)" test "${unsure:-0}" -gt 100

# The account part: a line that is judged to count is neither skipped nor undone.
printf 'account required pam_deny.so\n' >"$dir/other"
run differ "$dir" "${GKT_STACKS:-3000}" "${GKT_SEED:-1}" account
is "$rc" 0 "A55 [pam]: no account part that the judge lets pass succeeds past gocker's line: $(tail -n 1 <<<"$out")"
[ "$rc" = 0 ] || diag "$out"
read -r _ passed _ unsure _ escaping _ <<<"$(tail -n 1 <<<"$out")"
check "A55 [pam]: account: control: parts that libpam lets succeed past it are among them ($escaping)" test "${escaping:-0}" -gt 100
check "A55 [pam]: account: and parts that pass ($passed)" test "${passed:-0}" -gt 100
