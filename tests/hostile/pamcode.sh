#!/bin/bash
# A53, A56: the image's code waits for root's daemon, which stays on the host; and a program that is not known
# to fork gets no session.
. "$(dirname "$0")/_lib.sh"
[[ $(doors) = *pam* ]] || { skip "the PAM door" "it is not built"; exit 0; }
need pamtester
own_images
evil=/var/lib/gocker/images/evil
cp -a /var/lib/gocker/images/alpine $evil
set_ini 'image = evil'
add_user alice
mkdir -p $evil/etc/update-motd.d $evil/usr/local/sbin
printf '#!/bin/sh\necho "trap uid=$(id -u) $(grep CapEff /proc/self/status)" >&2\n' >$evil/usr/local/sbin/run-parts
chmod 755 $evil/usr/local/sbin/run-parts
remember_host
motd_behind() { # MODE: pam_motd, which executes run-parts, behind the last line
	stack gt
	sed -i "s|narrow=|$1=|" /etc/pam.d/gt
	echo 'session optional pam_motd.so motd=/run/motd.dynamic' >>/etc/pam.d/gt
	run pamdrive gt alice open try hostname close
}
motd_behind whole
like "$out$err" 'trap uid=0' "A53 control: with whole= root's daemon runs the image's run-parts"
like "$out$err" 'trap uid=0 CapEff:[[:space:]]0+' "A53 [pam]: even then it has no capability"
motd_behind narrow
unlike "$out$err" 'trap uid' "A53 [pam]: with narrow= the image's run-parts is not run"
like "$out" gocker-container "A53 [pam]: and the session is contained"

stack gt
run pamtester gt alice open_session
isnt "$rc" 0 "A56 [pam]: a program that nobody has named opens no session"
like "$out$err" 'pamtester is not a program whose sessions can be contained' "A56 [pam]: and the user is told why"
drive gt alice open root 'grep CapEff /proc/self/status' close
like "$out" 'CapEff:[[:space:]]0+' "A56 [pam]: what a narrowed child executes as root has no capability"
check_clean "nothing is left"
