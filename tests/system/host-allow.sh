#!/bin/bash
# timeout: 240
# image = host: each line of the built-in allow-list, by itself. What a line names is inside as on the host, and what has
# a like name, or lies beside it, is not. What is expected is worked out here from conf/host.allow, not by gocker.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../pam/_stack.sh"
need_product
need python3
add_user alice
set_ini 'image = host' 'pids_max = 60'
stack gt
# The machine's own may be large.
mkdir -p /opt
mount -t tmpfs -o mode=755 planted /opt
mkdir -p /opt/tool/bin
echo tool >/opt/tool/bin/file

# Something for each line that this host has nothing for, and neighbours.
cat >"$GKT_WORK/plant.py" <<'PY'
import glob, os, re, sys
lines = [l.strip() for l in open(sys.argv[1]) if l.strip() and not l.startswith('#')]
sample = lambda s: s.replace('[1-9]', '7').replace('*[0-9]', '8.9').replace('*', '9x')
for number, line in enumerate(lines):
    real = glob.glob(line)
    if not real:
        path = sample(line)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if re.search(r'\.(cnf|conf|cache|ini|rc|alias)$|rc$|release$|config$|\.pem$', path):
            open(path, 'w').write('planted for line %d\n' % number)
        else:
            os.makedirs(path + '/deep/er')
            open(path + '/deep/er/file', 'w').write('planted for line %d\n' % number)
    # Neighbours: a longer name, a backup, one in the same directory; a dot file that a wildcard must not match.
    path = sample(line)
    parent, name = os.path.split(path)
    os.makedirs(parent, exist_ok=True)
    for other in ('%s/gkt-beside-%s' % (parent, name), '%s/.%s' % (parent, name), path + ',gkt', path.replace('9x', '') + '~gkt'):
        if parent != '/' and not os.path.lexists(other) and not any(match for match in glob.glob(line) if match == other):
            open(other, 'w').write('planted neighbour\n')
PY
python3 "$GKT_WORK/plant.py" "$GKT_TOP/conf/host.allow"
# Debian's is man's, who could write it, so it stays out there; here the line is tried.
chown -R root: /var/cache/man
chmod -R go+rX /etc/php /etc/mysql /etc/pki /etc/ssh 2>/dev/null
# What cannot be let in, whatever a line says.
for file in theirs writable private; do echo "$file" >/etc/java-7-$file; done
chown alice /etc/java-7-theirs
chmod 666 /etc/java-7-writable
chmod 600 /etc/java-7-private
remember_host

# state FILE: each line's files with type, mode, link and content, below what the patterns match. It runs on the host and
# inside; files are copied there, so owners and times are not compared.
cat >"$GKT_WORK/state.py" <<'PY'
import glob, hashlib, os, stat, sys
def show(path, line):
    s = os.lstat(path)
    kind = stat.S_IFMT(s.st_mode)
    if kind == stat.S_IFLNK:
        what = '-> ' + os.readlink(path)
    elif kind == stat.S_IFREG:
        try:
            what = hashlib.md5(open(path, 'rb').read()).hexdigest()
        except OSError:
            what = 'unreadable'
    elif kind == stat.S_IFDIR:
        what = 'directory'
    else:
        what = 'other'
    print(line, path, what)
    if kind == stat.S_IFDIR and os.access(path, os.R_OK | os.X_OK):
        for name in sorted(os.listdir(path)):
            show(os.path.join(path, name), line)
for line in open(sys.argv[1]):
    line = line.strip()
    if line and not line.startswith('#'):
        for path in sorted(glob.glob(line)):
            show(path, line)
PY
install -m 644 "$GKT_WORK/state.py" "$GKT_TOP/conf/host.allow" /home/alice/
# As her: what everyone may read. A file that she may not is not copied.
as_user alice python3 /home/alice/state.py /home/alice/host.allow | grep -v '^[^ ]* /etc/java-7-' >"$GKT_WORK/want"
top_unreadable() { awk '$3 == "unreadable" && index($1, "*") == 0 && $1 == $2 { print $2 }' "$GKT_WORK/want"; }
grep -vxF -f <(top_unreadable | sed 's,.*,& & unreadable,') "$GKT_WORK/want" >"$GKT_WORK/want.in"
lines() { sed '/^#/d; /^$/d' "$GKT_TOP/conf/host.allow" | sort; }
is "$(cut -d' ' -f1 "$GKT_WORK/want.in" | sort -u | diff - <(lines))" "" "control: every one of the $(lines | wc -l) lines has something on this host"

for door in shell pam; do
	case $door in
	shell) as_user alice "$GOCKER_SHELL" -c 'python3 ~/state.py ~/host.allow' ;;
	pam) pamdrive gt alice open try 'python3 /home/alice/state.py /home/alice/host.allow' close | grep '^/' ;;
	esac >"$GKT_WORK/have"
	is "$(diff "$GKT_WORK/want.in" "$GKT_WORK/have" | head -n 20)" "" "[$door] each line's $(wc -l <"$GKT_WORK/have") files are inside as they are on the host"
	look='find /etc /opt /var /usr -xdev \( -name "*gkt-beside-*" -o -name "*,gkt" -o -name "*~gkt" -o -name "java-7-*" \) 2>/dev/null; find /etc /var -xdev -name ".*"
		for f in /etc/.gitconfig /etc/.vim /var/lib/.aspell /etc/ssl/.certs; do test ! -e $f || echo $f; done; echo looked'
	case $door in
	shell) as_user alice "$GOCKER_SHELL" -c "$look" ;;
	pam) pamdrive gt alice open try "$look" close | grep -v '^\(open\|run\|close\): ' ;;
	esac >"$GKT_WORK/beside"
	# What lies in a directory that is let in is let in.
	is "$(cut -d' ' -f2 "$GKT_WORK/want.in" | grep -vxF -f - "$GKT_WORK/beside")" looked "[$door] nothing beside them is, nor what root does not own or others can write"
done
check "control: the neighbours are on the host" test "$(find /etc -name 'gkt-beside-*' | wc -l)" -gt 60

# Nothing else: all of /etc, /var and / but what the lines name and what gocker makes itself.
own='/etc/(passwd|group|nsswitch.conf|hosts|hostname|localtime|resolv.conf|mtab)|/var/(cache|lib|log|mail|spool|tmp|run|lock)'
as_user alice "$GOCKER_SHELL" -c 'find /etc /var -mindepth 1 2>/dev/null' | grep -vxE "$own" >"$GKT_WORK/all"
# The directories on the way.
awk '{ print $2; p = $2; while (sub("/[^/]*$", "", p) && p != "") print p }' "$GKT_WORK/want.in" | sort -u >"$GKT_WORK/named"
is "$(grep -vxF -f "$GKT_WORK/named" "$GKT_WORK/all" | head -n 20)" "" "all of /etc and /var is named by a line or is gocker's own ($(wc -l <"$GKT_WORK/all") names)"

# The built-in lines are a table that nothing reads at a login: as an administrator's list they are read.
mkdir -p /etc/gocker.d
install -m 644 "$GKT_TOP/conf/host.allow" /etc/gocker.d/host.allow
check "each built-in line is one that an administrator could write" as_user alice "$GOCKER_SHELL" -c true
echo /etc/shadow >>/etc/gocker.d/host.allow
check_not "control: a line that could not be is a refusal" as_user alice "$GOCKER_SHELL" -c true
rm /etc/gocker.d/host.allow
check_clean "nothing is left"
