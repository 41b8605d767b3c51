# shellcheck shell=bash
# The Debian package, for the tests that install it.

# cached_deb: prints the path of a package made of the checkout as it is now. The tests of one run
# share it: it is kept below the build, under a sum over the files that go in.
cached_deb() {
	local dir sum
	git config --global --add safe.directory '*'
	sum=$(cd "$GKT_TOP" && git ls-files -z | xargs -0 sha256sum 2>/dev/null | sha256sum | cut -c1-16)
	dir=$GKT_TOP/build/tests/deb-$sum
	mkdir -p "$GKT_TOP/build/tests"
	(
		flock 9
		[ ! -e "$dir" ] || exit 0
		rm -rf "$GKT_TOP"/build/tests/deb-*
		if build_deb "/tmp/deb-$sum"; then
			mkdir "$dir.new" && cp "/tmp/deb-$sum"/deb/gocker_*.deb "$dir.new/" && mv "$dir.new" "$dir"
		else
			tail -n 20 "/tmp/deb-$sum.log" >&2
		fi
		rm -rf "/tmp/deb-$sum"
	) 9>"$GKT_TOP/build/tests/.deb-lock"
	ls "$dir"/gocker_*.deb
}

build_deb() { # BUILD: what was said is in BUILD.log
	make -s -C "$GKT_TOP" deb "BUILD=$1" DEB_BUILD_OPTIONS='noautodbgsym parallel=2' >"$1.log" 2>&1
}

# bare_host: the throwaway host without what its stage has installed, and with an image directory that
# is the package's to fill and to remove. The Alpine root that was there is /run/gkt/alpine then.
bare_host() {
	cp -a /var/lib/gocker/images/alpine /run/gkt/alpine
	umount /var/lib/gocker/images
	rm -rf /var/lib/gocker /etc/gocker.ini /usr/local/bin/gocker* /usr/local/libexec/gocker \
		/usr/local/share/gocker "$(pam_module)" /usr/local/lib/systemd /usr/local/lib/tmpfiles.d \
		/var/lib/man-db/auto-update
	GOCKER=/usr/bin/gocker GOCKER_SHELL=/usr/bin/gocker-shell
}
