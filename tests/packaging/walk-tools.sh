#!/bin/bash
# packaging/walkthroughs.md, "A shared web host with the host's own tools": run as it is written.
# timeout: 600
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_deb.sh"
. "$(dirname "$0")/_walk.sh"
need dpkg-buildpackage dh git sudo apt service cron crontab
need_product
# Large packages, as for tests/system/host-tools.sh.
for program in php composer mariadb mariadbd; do
	command -v "$program" >/dev/null && continue
	missing="$program is not installed (make deps-tools)"
	if [ "${GKT_FULL:-0}" = 1 ]; then skip_missing "walk-tools.sh" "$missing"; else skip "walk-tools.sh" "$missing"; fi
	exit 0
done
reader_host
daemon cron
# MariaDB as its package starts it.
install -d -o mysql -m 755 /run/mysqld
[ -d /var/lib/mysql/mysql ] || mariadb-install-db --user=mysql >/dev/null 2>&1
(exec_as_user mysql "$(command -v mariadbd)" --skip-networking --socket=/run/mysqld/mysqld.sock >"$GKT_WORK/mariadbd" 2>&1) &
server=$!
check "the database is up" wait_until 120 mariadb -e 'SELECT 1'
git config --global user.name reader
git config --global user.email reader@host.example
check "the package is installed" apt install ./gocker_*.deb
walk "$GKT_TOP/packaging/walkthroughs.md" "## A shared web host with the host's own tools"
kill "$server"
wait "$server"
stop_reader
