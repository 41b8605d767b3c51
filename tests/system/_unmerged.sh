# shellcheck shell=bash
# A host whose /bin, /sbin and /lib* are directories beside /usr, as Debian's were before 12 and others' still are.

# unmerge_usr: makes the throwaway host one. What its packages list in /bin, /sbin and /lib* is taken out of /usr and put
# there, as dpkg would have unpacked it; everything else stays in /usr. Neither is found in the other place.
unmerge_usr() {
	local new=/unmerged path list=() busybox=$GKT_WORK/busybox
	local -a names
	mapfile -t names < <(find / -maxdepth 1 -type l -lname 'usr/*' \( -name bin -o -name sbin -o -name 'lib*' \) -printf '%f\n')
	cp "$(command -v busybox)" "$busybox" # static: for a moment there is no loader
	mkdir $new
	for path in "${names[@]}"; do mkdir -m 755 "$new/$path"; done
	while read -r path; do
		if [ -e "/usr/$path" ] || [ -L "/usr/$path" ]; then list+=("$path"); fi
	done < <(sed -nE 's,^/((s?bin|lib[^/]*)/.+),\1,p' /var/lib/dpkg/info/*.list | sort -u)
	# The module is where an installation on such a host puts it.
	path=$(cd /usr && echo lib/*/security/pam_gocker.so)
	[ ! -e "/usr/$path" ] || list+=("$path")
	printf '%s\n' "${list[@]}" | tar -C /usr --no-recursion -cf - -T - | tar -C $new -xpf -
	# shellcheck disable=SC2016 # the inner shell's
	"$busybox" sh -euc 'for name; do rm "/$name"; mv "/unmerged/$name" "/$name"; done' sh "${names[@]}"
	for path in "${list[@]}"; do
		if [ -L "/usr/$path" ] || ! [ -d "/usr/$path" ]; then echo "/usr/$path"; fi
	done | xargs -d '\n' rm -f
	rmdir $new
	ldconfig
	hash -r
}
