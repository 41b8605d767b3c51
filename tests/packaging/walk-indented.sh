#!/bin/bash
# README's indented blocks: what needs another host, the network or systemd. Each line is typed here, with a registry, a
# mmdebstrap and a directory for systemd's links in their places, or its words are held to what they speak of. A line
# that nothing here knows is a failure.
# timeout: 300
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_deb.sh"
. "$(dirname "$0")/_walk.sh"
. "$(dirname "$0")/../images/_registry.sh"
need sudo buildah skopeo podman docker-registry ansible-playbook busybox
need_product
own_images
reader_accounts
add_user alice
set_ini
page=$GKT_TOP/README.md
share=/usr/local/share
cd "$GKT_WORK" || exit 1

# The continued lines of a command as one.
awk '/^```/ { open = !open } open { next }
	more || /^    [^ ]/ { sub(/^ +/, ""); more = sub(/ *\\$/, " "); printf "%s%s", $0, more ? "" : "\n" }' "$page" >indented
check "README has indented blocks" test "$(wc -l <indented)" -ge 20

# registry.example is this host, with an image that a Dockerfile makes of this host's Alpine.
echo '127.0.0.1 registry.example' >>/etc/hosts
start_registry registry.example 80
[ -e /etc/containers/policy.json ] || echo '{"default":[{"type":"insecureAcceptAnything"}]}' >/etc/containers/policy.json
printf '[storage]\ndriver = "vfs"\ngraphroot = "/srv/storage"\nrunroot = "/srv/storage-run"\n' >/srv/storage.conf
export CONTAINERS_STORAGE_CONF=/srv/storage.conf BUILDAH_ISOLATION=chroot
tar -C /var/lib/gocker/images/alpine -cf alpine.tar .
printf 'FROM scratch\nADD alpine.tar /\nCMD ["/bin/sh"]\n' >Dockerfile

# One that writes Alpine's root, whatever it is asked for.
cat >/usr/bin/mmdebstrap <<END
#!/bin/sh
for to; do :; done
case \$to in *.tar) ;; *) to=\$(printf '%s\n' "\$@" | grep '\.tar\$') ;; esac
printf '%s\n' "\$*" >/tmp/asked
cp /usr/local/share/root.tar "\${to:-/tmp/root.tar}" 2>/dev/null || cat /usr/local/share/root.tar
END
chmod 755 /usr/bin/mmdebstrap
cp alpine.tar /usr/local/share/root.tar

typed() { # LINE [CMD]: runs it, or CMD in its place
	run bash -c "${2:-$1}"
	is "$rc" 0 "\$ $1" || diag "$out$err"
}
enabled() { # UNIT: what `systemctl enable` needs of it
	mkdir -p units/etc/systemd/system
	cp "/usr/local/lib/systemd/system/$1" units/etc/systemd/system/
	check "$2" systemctl --root="$PWD/units" enable "$1"
}
push_again() { # what the second week has
	echo second >second
	printf 'FROM scratch\nADD alpine.tar /\nCOPY second /second\n' >Dockerfile.2
	buildah build --quiet --tag registry.example/school/class:latest -f Dockerfile.2 . &&
		buildah push --quiet registry.example/school/class:latest
}

while IFS= read -r line <&9; do
	case $line in
	'sudo make demo'* | 'sudo make run')
		target=${line#sudo make } target=${target%% *}
		check "make $target is typed by another test" grep -q "make $target" "$GKT_TOP/tests/system/targets.sh"
		;;
	'sudo make check '*) check "make check is there" make -s -n -C "$GKT_TOP" check ;;
	'account '*pam_gocker.so* | 'session '*pam_gocker.so* | …)
		# Beside the comments they are the lines that enable writes.
		words=$(tr -s ' ' <<<"${line%%#*}")
		[ "$line" = … ] || check "enable writes ${words% }" grep -qxF -- "${words% }" \
			<(tr -s ' \t' ' ' <"$share/gocker/pam.d/sshd")
		;;
	'systemctl enable --now '*) enabled "${line##* }" "\$ $line" ;;
	'systemctl edit '*)
		unit=${line#systemctl edit } unit=${unit%% *}
		check "\$ $line: the file says how" grep -q "systemctl edit $unit" "/usr/local/lib/systemd/system/$unit"
		;;
	'ansible-playbook '*)
		cp -r "$share/doc/gocker/ansible" play
		echo 'localhost ansible_connection=local' >play/hosts
		cp /etc/gocker.ini play/gocker.ini
		printf '\n[default]\nhostname = by-ansible\n' >>play/gocker.ini
		add_user ann --shell /bin/sh
		add_user ben --shell /bin/sh
		export ANSIBLE_LOCAL_TEMP=$GKT_WORK/ansible ANSIBLE_REMOTE_TEMP=$GKT_WORK/ansible ANSIBLE_NOCOLOR=1
		typed "$line" "cd play && $line"
		like "$out" '\+hostname = by-ansible' "it shows the difference"
		like "$(getent passwd ann)" ':/bin/sh$' "and changes nothing"
		;;
	'sudo gocker image new '*)
		typed "$line"
		check "the image is there" gocker image verify -q "${line##* }"
		;;
	'mmdebstrap '*)
		typed "$line"
		typed "sudo gocker image import debian debian.tar"
		;;
	'buildah '* | 'sudo gocker image import class '*) typed "$line" ;;
	'sudo gocker image pull '*)
		buildah tag class registry.example/school/class:latest
		check "(the registry has the image)" buildah push --quiet registry.example/school/class:latest
		typed "$line"
		;;
	'sudo gocker image update')
		check "(the registry has a newer one)" push_again
		typed "$line"
		is "$(gocker run --image class cat /second)" second "it is in place"
		;;
	'sudo gocker image rollback class')
		typed "$line"
		isnt "$(gocker run --image class cat /second 2>/dev/null)" second "it is taken back"
		;;
	'podman export '*)
		typed "$line" "$(sed -e 's/IMAGE/class/' -e 's/NAME/from-podman/' <<<"$line")"
		is "$(gocker run --image from-podman grep -c ^ID=alpine /etc/os-release)" 1 "the image is podman's"
		;;
	'event=refused '*)
		mark_syslog
		mv /var/lib/gocker/images/alpine /var/lib/gocker/images/away
		as_user alice "$GOCKER_SHELL" -c true 2>/dev/null
		mv /var/lib/gocker/images/away /var/lib/gocker/images/alpine
		keys() { grep -o '[a-z]*=' <<<"${1%%detail*}" | paste -sd' '; }
		is "$(keys "$(gocker_log | grep -o 'event=refused .*')")" "$(keys "$line")" "a refusal is logged as README shows"
		;;
	*) not_ok "no test types this line of README: $line" ;;
	esac
done 9<indented
kill "$registry"
wait
