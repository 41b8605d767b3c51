#!/bin/bash
# What pam_gocker(8) says is not closed is so, and no more than it says.
# timeout: 240
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need_product
add_user alice --shell /bin/sh
set_ini
stack gt
remember_host
where='hostname; id -u; grep CapEff /proc/self/status'

drive gt alice open user "$where" close
like "$out" "gocker-container
$(id -u alice)
" "control: a process of the user's that is made by fork(3) is inside"
drive gt alice open raw "$where" close
like "$out" 'run: 99' "one that is made by clone(2) cannot become the user"
unlike "$out" throwaway "and executes nothing"
drive gt alice open clone "$where" close
like "$out" 'throwaway
0
CapEff:.0000000000000000' "one of root's stays on the host: uid 0, without a capability once it has executed something"
drive gt alice open raise "$where" close
like "$out" "throwaway
$(id -u alice)
" "one that takes the capability out of its permitted set passes the guard"

# After a refusal the keeper ends what is below the caller.
set_ini 'image = nosuch'
drive gt alice open raw 'sleep 1001; true'
like "$out" 'run: 137' "after a refusal a process of the user's below the caller is killed"
no_keeper() { ! pgrep -x gocker-keeper >/dev/null; }
check "and the keeper ends" wait_until 60 no_keeper
check_clean "nothing is left"
