#!/bin/bash
# gocker doctor and the lines of the PAM door: account lines, programs that are not known, units with PAMName=;
# and keys whose command a ForceCommand voids.
# timeout: 240
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need jq
need_product
add_user alice --shell /bin/sh
add_user dan --shell /bin/dash
set_ini
ssh-keygen -q -t ed25519 -N '' -f "$GKT_WORK/key"
printf '%s\n' "HostKey $GKT_WORK/key" 'UsePAM yes' >"$GKT_WORK/sshd_config"
doctor() { run "$GOCKER" doctor --sshd-config "$GKT_WORK/sshd_config" "$@"; }
remember_host

# A key's command under a ForceCommand.
{ cat "$GKT_WORK/sshd_config"; printf 'Match User dan\nForceCommand %s\n' "$GOCKER_SHELL"; } >"$GKT_WORK/forced"
as_user dan mkdir -m 700 /home/dan/.ssh
printf '%s\n' '# command="none"' 'ssh-ed25519 AAAA x command="no"' 'restrict,command="/bin/backup a \"b\"" ssh-ed25519 AAAA y' \
	'environment="A=x,command=\"no\"" ssh-ed25519 AAAA z' | as_user dan tee /home/dan/.ssh/authorized_keys >/dev/null
run "$GOCKER" doctor --sshd-config "$GKT_WORK/forced" dan
like "$out" 'warn +sshd +ForceCommand voids the command="…" of 1 key of dan' "a key whose command a ForceCommand voids"
doctor dan
unlike "$out" 'voids the command' "control: not without a ForceCommand"
as_user dan rm -r /home/dan/.ssh

# The account line.
cp /usr/local/share/gocker/pam.d/sshd /etc/pam.d/sshd
doctor
like "$out" 'read +pam +/etc/pam.d/sshd: its account line refuses users who cannot get a session' "control: the shipped stack's account line counts"
unlike "$out" 'break_glass' "and nothing is said of break_glass"
sed -i '/^session.*pam_gocker.so/s/$/ break_glass=sudo/' /etc/pam.d/sshd
doctor
like "$out" 'bad +lockout +/etc/pam.d/sshd: break_glass=sudo is not on the account line' "a break-glass group that the account line can refuse"
cp /usr/local/share/gocker/pam.d/sshd /etc/pam.d/sshd
sed -i '/^account.*pam_gocker.so/i account sufficient pam_permit.so' /etc/pam.d/sshd
doctor
like "$out" 'warn +pam +PAM service sshd: the account line of pam_gocker.so can be skipped by pam_permit.so \(sufficient\)' \
	"an account line that another one leads past"
sed -i -e '/^account.*pam_permit/d' -e '/^account.*pam_gocker.so/s/required/optional/' /etc/pam.d/sshd
doctor
like "$out" 'warn +pam +PAM service sshd: the account line of pam_gocker.so is not required' "one whose refusal does not count"
sed -i '/^account.*pam_gocker/d' /etc/pam.d/sshd
doctor
like "$out" 'warn +pam +PAM service sshd has no account line of pam_gocker.so with check: sshd keeps a connection' "a stack without one"

# Session lines.
sed -i '/outer/d' /etc/pam.d/sshd
doctor
like "$out" 'read +pam +/etc/pam.d/sshd: contained, in the right order' "the last line alone contains, too"
sed -i '/^session.*pam_gocker.so/s/$/ outer/' /etc/pam.d/sshd
doctor
like "$out" 'bad +pam +PAM service sshd: no session line of pam_gocker.so follows the one with outer' "outer alone does not"
cp /usr/local/share/gocker/pam.d/sshd /etc/pam.d/sshd

# Programs that are not known, and systemd's PAMName=.
sed '/pam_gocker.so check/d' /etc/pam.d/sshd >/etc/pam.d/vsftpd
mkdir -p /etc/systemd/system
printf '[Service]\nUser=alice\nPAMName=sshd\n' >/etc/systemd/system/job.service
printf '[Service]\nUser=alice\nPAMName=su\n' >/etc/systemd/system/other.service
doctor
like "$out" 'warn +pam +/etc/pam.d/vsftpd: its program is not known, and its sessions are refused' "a program that the keeper does not know"
like "$out" 'bad +pam +/etc/pam.d/vsftpd: without session_support=YES vsftpd opens no session' "and one that may open none at all"
like "$out" 'warn +pam +/etc/systemd/system/job.service: PAMName=sshd, whose sessions systemd cannot open' "a unit with PAMName= and a stack with the lines"
unlike "$out" 'other.service' "control: not one whose stack has none"
sed -i -e '1i account required pam_gocker.so' -e 's#pam_gocker.so outer#& narrow=/usr/sbin/vsftpd#' /etc/pam.d/vsftpd
rm /etc/systemd/system/{job,other}.service
doctor
unlike "$out" '/etc/pam.d/vsftpd: (its program|without)' "control: neither of one that is named, and whose account part refuses"
rm /etc/pam.d/vsftpd

# User managers, on what is to all programs a host with systemd.
mkdir -p /run/systemd/system
printf '%s\n' 'account sufficient pam_permit.so' 'account required pam_gocker.so' >/etc/pam.d/systemd-user
doctor
like "$out" 'bad +manager +user@UID.service may run units .* can be skipped by pam_permit.so \(sufficient\)' \
	"an account line that another one leads past does not refuse user managers"
cp /usr/local/share/gocker/pam.d/systemd-user /etc/pam.d/
doctor
like "$out" 'read +manager +user managers are refused to contained users' "control: the shipped stack does"
rm -r /run/systemd/system
check_clean "nothing is left"
