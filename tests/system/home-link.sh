#!/bin/bash
# A home that the host reaches through a link of root's is seen inside under both paths, and nothing is made where the
# real path leads into what is mounted or what the image has.
# timeout: 120
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../lib/doors.sh"
need_product
mkdir -p /data/homes /srv/shared
ln -s /data/homes /people

both_paths() {
	local user=ann-$door
	door_user "$user" --no-home
	usermod -d "/people/$user" "$user"
	install -d -o "$user" -g "$user" "/data/homes/$user"
	set_ini
	start_sshd
	remember_host
	run ssh_as "$user" "echo \$HOME; pwd; echo kept >/people/$user/file; cat /data/homes/$user/file; readlink /data/homes/$user"
	is "$rc:$out" "0:/people/$user
/people/$user
kept
/people/$user" "$door: the home is there under the passwd path and under its real one"
	is "$(cat "/data/homes/$user/file")" kept "$door: as on the host"
	run ssh_as "$user" 'ls /data/homes'
	is "$out" "$user" "$door: by a link, which shows no other home"
	set_ini 'root = readonly' 'image = host'
	run ssh_as "$user" "cat /data/homes/$user/file"
	is "$rc:$out" 0:kept "$door: image = host, root = readonly: there, too"
	set_ini 'share = user'
	run ssh_as "$user" "cat /data/homes/$user/file"
	is "$rc:$out" 0:kept "$door: share = user: there, too"
	"$GOCKER" stop -t 0 --user "$user" >/dev/null 2>&1

	# In a volume it would be made on the host.
	set_ini 'volumes = /srv/shared:/data'
	run ssh_as "$user" "cat /people/$user/file; ls -A /data"
	is "$rc:$out" 0:kept "$door: a volume over the real path stays as it is"
	is "$(ls -A /srv/shared)" "" "$door: also on the host"
	set_ini 'home = tmpfs'
	run ssh_as "$user" 'ls /data'
	isnt "$rc" 0 "$door: home = tmpfs has one path"
	check_clean "$door: nothing is left"
}
through_each_door both_paths

# What the image has of that name is never covered, and its links lead nowhere else.
own_images
open_door shell
add_user ben --no-home
usermod -d /people/ben ben
install -d -o ben -g ben /data/homes/ben
image=/var/lib/gocker/images/alpine
set_ini
mkdir -p "$image/data/homes/ben"
echo image >"$image/data/homes/ben/file"
start_sshd
run ssh_as ben 'cat /data/homes/ben/file; echo home >/people/ben/file'
is "$rc:$out" 0:image "what the image has under the real path is what is seen"
rm -r "$image/data"
mkdir /victim "$image/victim"
ln -s /victim "$image/data"
run ssh_as ben 'cat /victim/homes/ben/file'
is "$rc:$out" 0:home "a link of the image's in the way is followed inside"
is "$(ls -A /victim)" "" "and not on the host"
ln -sfn /proc "$image/data"
run ssh_as ben 'cat /people/ben/file'
is "$rc:$out" 0:home "one that leads where nothing can be made refuses nobody"
