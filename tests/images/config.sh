#!/bin/bash
# What a login takes of an image's config: PATH and the locale, more where the policy says so, at every door.
# timeout: 200
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../lib/doors.sh"
need_product
need umoci jq
[ "$(uname -m)" = x86_64 ] || { skip "an image's config" "the layout is for amd64"; exit 0; }
own_images
unset LANG LANGUAGE "${!LC_@}" # what a client sends goes before the image
images=/var/lib/gocker/images
layout=/srv/layout
{
	umoci init --layout $layout && umoci new --image $layout:app &&
		mkdir -p /srv/more/opt/bin && printf '#!/bin/sh\necho from the image\n' >/srv/more/opt/bin/hello &&
		chmod 755 /srv/more/opt/bin/hello && tar -C $images/alpine -cf /srv/root.tar . && tar -C /srv/more -rf /srv/root.tar ./opt &&
		umoci raw add-layer --image $layout:app /srv/root.tar &&
		umoci config --image $layout:app --config.env PATH=/opt/bin:/usr/bin:/bin --config.env LANG=C.UTF-8 \
			--config.env APP=blue --config.env LD_PRELOAD=/x --config.env HOME=/nowhere --config.user daemon \
			--config.workingdir /opt --config.entrypoint /opt/bin/hello
} >/srv/umoci.out 2>&1
check "an image with a config is made" test -s $layout/index.json
run "$GOCKER" image import app $layout
is "$rc:$err" "0:$err" "it is imported"
is "$("$GOCKER" image show --format json app | jq -c '.config | [.User, .WorkingDir, .Entrypoint]')" '["daemon","/opt",["/opt/bin/hello"]]' \
	"show tells its User, WorkingDir and Entrypoint"
current=$images/$(readlink $images/app)/..
is "$(stat -c '%a %u' "$current/env")" "600 0" "the list of its variables is root's alone"

took() { # what a login finds: the variables of the config, the user, the directory
	# shellcheck disable=SC2016 # the session's shell expands it
	ssh_as "$1" 'echo "$PATH|$LANG|$APP|$LD_PRELOAD|$HOME|$(id -un)|$PWD|$(hello 2>/dev/null)"' 2>&1
}
at_door() {
	local user=$door-user
	set_ini 'image = app'
	door_user "$user"
	start_sshd
	is "$(took "$user")" "/opt/bin:/usr/bin:/bin|C.UTF-8|||/home/$user|$user|/home/$user|from the image" \
		"$door: a login has the image's PATH and locale, and nothing else of its config"
	set_ini 'image = app' 'image_env = *'
	is "$(took "$user")" "/opt/bin:/usr/bin:/bin|C.UTF-8|blue||/home/$user|$user|/home/$user|from the image" \
		"$door: image_env = * takes all but what is never passed or decided here"
	set_ini 'image = app' 'image_env = ""'
	like "$(took "$user")" '^/usr/local/sbin:[^|]*\|\|\|\|' "$door: with an empty image_env it takes nothing"
	set_ini 'image = app' 'image_env = APP' 'env_set = APP=red'
	like "$(took "$user")" '^/usr/local/sbin:[^|]*\|\|red\|' "$door: env_set goes before the image"
	printf 'PATH=/opt/bin\n' >"$current/env"
	chmod 666 "$current/env"
	run ssh_as "$user" true
	is "$rc" "$([ "$door" = shell ] && echo 125 || echo 254)" "$door: a list that others could have written refuses the login"
	like "$(gocker_log)" "variables are not root's alone" "$door: and the log says why"
	chmod 600 "$current/env"
	cp /srv/env.saved "$current/env"
}
cp "$current/env" /srv/env.saved
mark_syslog
through_each_door at_door
set_ini 'image = app'
# shellcheck disable=SC2016 # the session's shell expands it
is "$("$GOCKER" run --image app /bin/sh -c 'echo "$PATH|$LANG|$APP"')" '/opt/bin:/usr/bin:/bin|C.UTF-8|' "gocker run has them, too"
is "$("$GOCKER" run --image app hello)" "from the image" "and finds the image's programs by its PATH"
add_user ann
like "$("$GOCKER" explain --plan ann)" 'PATH=/opt/bin:/usr/bin:/bin' "explain shows the PATH that a login would have"
run "$GOCKER" image edit app true
is "$rc:$("$GOCKER" run --image app hello)" "0:from the image" "an edited image keeps it"
