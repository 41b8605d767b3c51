# shellcheck shell=bash
# What a test script sources: `. "$(dirname "$0")/../lib/test.sh"`. Results are TAP; the plan is
# printed at the end. tests/README.md lists the functions.
set -u

if [ "${GKT_CGROUP:-}" = "" ]; then
	echo "Bail out! run me with tests/run or tests/lib/host" >&2
	exit 2
fi
GKT_LIB=$GKT_TOP/tests/lib
GKT_HELPERS=/usr/local/libexec/gocker-tests
GKT_WORK=$(mktemp -d /run/gkt/test.XXXXXX)
GKT_SYSLOG=/var/log/gkt-syslog
GOCKER_SHELL=/usr/local/bin/gocker-shell
GOCKER=/usr/local/bin/gocker
PIDS_CGROUP=/sys/fs/cgroup/pids # where gocker's pids groups are
[ "$GKT_CGROUP" = hybrid ] || PIDS_CGROUP=/sys/fs/cgroup
export GKT_LIB GKT_HELPERS GKT_WORK GKT_SYSLOG GOCKER_SHELL GOCKER PIDS_CGROUP
export HOME=/root PATH="$PATH:$GKT_HELPERS"

. "$GKT_LIB/tap.sh"
. "$GKT_LIB/users.sh"
. "$GKT_LIB/sshd.sh"
. "$GKT_LIB/product.sh"
. "$GKT_LIB/leftovers.sh"
. "$GKT_LIB/doors.sh"
trap tap_end EXIT
