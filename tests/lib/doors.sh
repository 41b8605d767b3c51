# shellcheck shell=bash
# The doors that a login can come through: `shell` (gocker-shell in /etc/passwd), `pam`
# (pam_gocker.so in sshd's stack) and, to measure against, `plain`: the host's own /bin/sh.

door=shell
row=''

# The doors that are installed here, or those that GKT_DOORS names.
doors() {
	local found=shell
	! pam_module >/dev/null || found+=" pam"
	echo "${GKT_DOORS:-$found}"
}

pam_module() { # prints the module's path
	local module
	for module in /lib/*/security/pam_gocker.so /usr/lib/*/security/pam_gocker.so \
		/lib/security/pam_gocker.so /lib64/security/pam_gocker.so; do
		[ -e "$module" ] && echo "$module" && return 0
	done
	return 1
}

# write_door_pam SERVICE [LINE...]: a service file whose session part goes through the door. Around
# the lines, as pam_selinux's close and open do: what closes first is the first line. pamdrive, which opens
# sessions by hand, is no program that gocker knows: it is named.
write_door_pam() {
	local service=$1
	shift
	{
		printf 'auth required pam_permit.so\naccount required pam_permit.so\n'
		[ "$door" != pam ] || echo "session required pam_gocker.so outer narrow=$GKT_HELPERS/pamdrive"
		printf '%s\n' "$@"
		[ "$door" != pam ] || echo "session required pam_gocker.so narrow=$GKT_HELPERS/pamdrive"
		echo "password required pam_deny.so"
	} >"/etc/pam.d/$service"
}

# open_door DOOR: users made and servers started from here on are its.
open_door() {
	door=$1
	write_door_pam gocker-sshd 'session optional pam_loginuid.so' 'session required pam_limits.so' \
		'session required pam_env.so' 'session required pam_unix.so'
}

door_user() { # NAME [add_user's options]
	local shell=$GOCKER_SHELL
	[ "$door" != plain ] || shell=/bin/sh
	add_user "$1" --shell "$shell" "${@:2}"
}

# through_each_door FUNCTION: runs it once a door, each time with `door` set. The function names the
# row of the table that its assertions are about in `row`.
through_each_door() {
	local each
	for each in $(doors); do
		open_door "$each"
		"$1"
		stop_sshd
	done
	row=''
}

# What each result's name begins with, so that the table in tests/README.md can be made of them.
tap_prefix() { [ -z "$row" ] || printf '%s %s: ' "$row" "$door"; }

# image_with NAME PROGRAM...: makes the image NAME: Alpine with programs of the host, brought in as
# an administrator does it.
image_with() {
	local name=$1 said
	[ "$(stat -f -c %T /var/lib/gocker/images)" = tmpfs ] || own_images
	said=$({
		[ -e "/var/lib/gocker/images/$name" ] || tar -C /var/lib/gocker/images/alpine -c . | "$GOCKER" image import "$name" -
		"$GOCKER" image tools "$@"
	} 2>&1) || not_ok "gocker image tools $*" "$said"
}
