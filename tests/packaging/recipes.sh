#!/bin/bash
# The recipes for Alpine and for distributions with RPM, as far as they can be tried on Debian: what they
# say, what their scripts do, and with GKT_FULL=1 the builds with the lists of files that come out.
# timeout: 900
. "$(dirname "$0")/../lib/test.sh"
need_product
need busybox
cd "$GKT_TOP" || exit 1
spec=packaging/rpm/gocker.spec
version=$(make -s version)

# --- what they say ---

is "$(sed -n '1s/.*(\(.*\)).*/\1/p' packaging/debian/changelog)" "$version" "the Debian package has the version of the build"
is "$(sed -n 's/^Version: *//p' $spec)" "$version" "so has the one for RPM"
# shellcheck disable=SC2016
is "$(busybox ash -euc '. packaging/alpine/APKBUILD; echo $pkgver')" "$version" "and the one for Alpine"
# shellcheck disable=SC2016
is "$(busybox ash -euc '. packaging/alpine/APKBUILD; for f in $install; do test -e packaging/alpine/$f || echo $f; done
	for f in build check package; do type $f >/dev/null || echo $f; done')" "" "APKBUILD has its functions and scripts"

# --- the scripts of the package for Alpine ---

script() { busybox sh "packaging/alpine/gocker.$1"; }
grep -v gocker-shell /etc/shells >"$GKT_WORK/shells"
cp "$GKT_WORK/shells" /etc/shells
script post-install && script post-install
is "$(diff "$GKT_WORK/shells" /etc/shells)" "$(wc -l <"$GKT_WORK/shells" | awk '{ print $1 "a" $1 + 1 }')"$'\n'"> /usr/bin/gocker-shell" \
	"installed twice, gocker-shell is in /etc/shells once"
echo 'session required pam_gocker.so' >/etc/pam.d/of-mine
run script pre-deinstall
is "$rc" 1 "it does not go while a stack names the module"
like "$err" "/etc/pam.d/of-mine" "the file is named"
check "and gocker-shell stays a shell" grep -qx /usr/bin/gocker-shell /etc/shells
rm /etc/pam.d/of-mine
useradd --shell /usr/bin/gocker-shell carol
run script pre-deinstall
is "$rc" 0 "else it goes"
like "$err" "give carol another shell" "who has gocker-shell is named, with what to do"
check "/etc/shells is as before" cmp "$GKT_WORK/shells" /etc/shells

# --- built ---

if [ "${GKT_FULL:-0}" != 1 ]; then
	skip "the packages are built from the recipes" "with GKT_FULL=1"
	exit
fi
need rpmbuild rpm make gcc git
git config --global --add safe.directory '*'
tree=$GKT_WORK/gocker-$version
mkdir "$tree"
git ls-files -z | xargs -0 cp --parents -t "$tree"
tar -C "$GKT_WORK" -cf "$GKT_WORK/gocker-$version.tar.gz" -z "gocker-$version"

cd "$tree" || exit 1
# abuild goes through build, check and package, in the unpacked source, with $pkgdir as the root. Alpine has
# ncurses in one library.
# shellcheck disable=SC2016
if pkgdir=$GKT_WORK/apk NCURSES_LIBS=$(pkg-config --libs ncursesw) \
	busybox ash -euc '. packaging/alpine/APKBUILD; build; check; package' >"$GKT_WORK/apk.log" 2>&1; then
	ok "APKBUILD's build, check and package succeed"
else
	not_ok "APKBUILD's build, check and package succeed" "$(tail -n 20 "$GKT_WORK/apk.log")"
fi
like "$(tail -n 100 "$GKT_WORK/apk.log")" '[1-9][0-9]* passed, 0 failed' "the unit tests were run"
is "$(cd "$GKT_WORK/apk" && find . -name gocker-scope -o -path '*/systemd/*' -o -path '*/tmpfiles.d/*')" "" "there is nothing of systemd's"
is "$(find "$GKT_WORK/apk" -perm /6000 | sed "s,$GKT_WORK/apk,,")" /usr/bin/gocker-shell "one file is set-uid"
for file in /usr/bin/gocker /usr/libexec/gocker/gocker-{admin,keeper,entry} /lib/security/pam_gocker.so \
	/etc/gocker.ini /usr/share/man/man8/gocker.8 /usr/share/bash-completion/completions/gocker; do
	[ -e "$GKT_WORK/apk$file" ] || not_ok "the package for Alpine has $file"
done

mkdir -p "$GKT_WORK/rpm/SOURCES"
cp "$GKT_WORK/gocker-$version.tar.gz" "$GKT_WORK/rpm/SOURCES/"
places=(--define "_topdir $GKT_WORK/rpm" --define '_unitdir /usr/lib/systemd/system' --define '_tmpfilesdir /usr/lib/tmpfiles.d'
	--define 'systemd_post %{nil}' --define 'systemd_preun %{nil}' --define 'systemd_postun %{nil}')
if rpmbuild -bb --nodeps "${places[@]}" "$spec" >"$GKT_WORK/rpm.log" 2>&1; then
	ok "rpmbuild makes a package, after the unit tests"
else
	not_ok "rpmbuild makes a package, after the unit tests" "$(tail -n 30 "$GKT_WORK/rpm.log")"
fi
like "$(tail -n 300 "$GKT_WORK/rpm.log")" '[1-9][0-9]* passed, 0 failed' "the unit tests were run"
made=$(ls "$GKT_WORK"/rpm/RPMS/*/gocker-"$version"-*.rpm)
is "$(rpm -qlvp "$made" | awk '$1 ~ /s/ { print $1, $NF }')" "-rwsr-xr-x /usr/bin/gocker-shell" "one file is set-uid"
is "$(rpm -qlp "$made" | grep /libexec/gocker/ | sed 's,.*/,,' | sort | paste -sd' ')" \
	"gocker-admin gocker-entry gocker-keeper gocker-scope" "the package has what gocker executes"
is "$(rpm -qcp "$made")" /etc/gocker.ini "gocker.ini is a configuration file"
check "its scripts are shell" sh -c "rpm -qp --scripts '$made' | sed '/^[a-z]* scriptlet/d' | sh -n"
