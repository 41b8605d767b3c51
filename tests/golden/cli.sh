#!/bin/bash
# gocker check and gocker explain, as anyone runs them, on files that are no host's.
. "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1
gocker=${BUILD:-build}/gocker
cases=tests/golden/cases
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
GKT_WORK=$work

# What this machine happens not to have is not what these files are about.
here() { grep -v ': warning: \(volumes: \)\{0,1\}this host has no '; }
is "$("$gocker" check conf/gocker.ini | here)" "conf/gocker.ini: no fault found" "the shipped configuration has no fault"

# The profiles in it, taken as a reader would take them.
sed 's/^; \(\[group:\|[a-z_]* = \)/\1/' conf/gocker.ini >"$work/profiles.ini"
is "$(grep -c '^\[group:' "$work/profiles.ini")" 4 "the shipped configuration has three profiles, and a section with what is for groups only"
run "$gocker" check "$work/profiles.ini"
# image_dir, a default told of, is the one other line that this takes the mark from.
is "$rc:$(here <<<"$out")" "0:$work/profiles.ini: no fault found" "its profiles have no fault either"

run "$gocker" check "$cases/faults.bad"
is "$rc" 1 "a file with faults: exit status 1"
is "$err" "" "the report goes to stdout"
[ -z "${GOLDEN_UPDATE:-}" ] || printf '%s\n' "$out" >"$cases/faults.check"
is "$out" "$(cat "$cases/faults.check")" "every fault has its line, its reason and what to write instead"
run "$gocker" check --format json "$cases/faults.bad"
is "$rc" 1 "as JSON: exit status 1"
is "$(perl -MJSON::PP -0777 -ne '
	my $report = decode_json($_);
	printf "%s:%d: %s; %s\n", $report->{file}, @$_{qw(line reason hint)} for @{$report->{faults}};
' <<<"$out" 2>&1)" "$(cat "$cases/faults.check")" "as JSON: the same faults"
is "$("$gocker" check --format json conf/gocker.ini | jq -c '.warnings = [.warnings[]|select(.reason|test("^(volumes: )?this host has no ")|not)]')" \
	'{"file":"conf/gocker.ini","ok":true,"faults":[],"warnings":[]}' "as JSON: no fault is an empty list"

refuses() { # NAME STATUS STDERR-REGEX CMD...
	local name=$1 status=$2 said=$3
	shift 3
	run "$@"
	is "$rc" "$status" "$name: exit status $status"
	like "$err$out" "$said" "$name: says why"
	is "$(printf '%s\n' "$err$out" | wc -l)" 1 "$name: in one line"
}
mkfifo "$work/fifo"
head -c 2000000 /dev/zero >"$work/big"
printf '[default]\0\n' >"$work/nul"
printf '[default]\nshell = /b\xe4\n' >"$work/latin1"
printf '[default]\nenv_pass = TZ KRB5CCNAME\n[user:ann]\nenv_pass = XDG_RUNTIME_DIR GIT_*\n' >"$work/vain.ini"
run "$gocker" check "$work/vain.ini"
is "$rc:$(here <<<"$out" | sed 's/; .*//;s/.*vain.ini//')" $'0::2: warning: env_pass: KRB5CCNAME is never passed\n:4: warning: env_pass: XDG_RUNTIME_DIR is never passed\n: no fault found' \
	"names that are never passed are warned of, and are no fault"
refuses "a missing file" 125 'No such file' "$gocker" check "$work/missing"
refuses "a directory" 1 'not a regular file' "$gocker" check "$work"
refuses "a FIFO" 1 'not a regular file' timeout 10 "$gocker" check "$work/fifo"
refuses "2 MB of zeros" 1 'larger than' "$gocker" check "$work/big"
refuses "a NUL byte" 1 'NUL' "$gocker" check "$work/nul"
refuses "Latin-1" 1 'latin1:2: .*not UTF-8' "$gocker" check "$work/latin1"
refuses "two files" 2 'one file' "$gocker" check a b
refuses "an unknown option" 2 'unknown option.*--wrong' "$gocker" check --wrong
refuses "an unknown format" 2 'text or json' "$gocker" check --format yaml

me=$(id -un)
HOME_OF_ME=$(getent passwd "$me" | cut -d: -f6)
cat >"$work/explain.ini" <<EOF
[default]
pids_max = 31
home = none
[user:$me]
cpus = 1.5
[group:nobody-is-in-this]
pids_max = 32
EOF
explain() { "$gocker" explain --plan --config "$work/explain.ini" "$@"; }
for args in "check conf/gocker.ini" "check --format json conf/gocker.ini" \
	"explain --config $work/explain.ini $me" "explain --format json --config $work/explain.ini $me"; do
	# shellcheck disable=SC2086 # words
	said=$("$gocker" $args 2>&1 >/dev/full)
	is "$? $said" "125 gocker ${args%% *}: cannot write: No space left on device" "a report that cannot be written is an error: ${args%%"$work"*}"
done
line() { explain "$me" | awk -v key="$1" '$1 == key { $1 = ""; print substr($0, 2) }'; }
is "$(line pids_max)" "31 [default] line 2" "explain: a value and the line that decided it"
is "$(line cpus)" "1.500 [user:$me] line 5" "explain: the user's own section"
is "$(line shell)" "/bin/sh built-in" "explain: a default"
is "$(explain "$me" | grep -c '^mount overlay')" 1 "explain --plan: the plan follows"
is "$("$gocker" explain --config "$work/explain.ini" "$me" | grep -c '^mount')" 0 "explain: and only then"
like "$(explain "$me")" 'arg "-sh"' "explain: a login without a command is a login shell"
like "$(explain --command 'ls "x"' "$me")" 'arg "-c"
arg "ls \\"x\\""' "explain --command: the plan for that command"
like "$(explain --door pam "$me")" '^user.*door pam' "explain --door pam: the other door's plan"
# The JSON, written as the text writes it: nothing may be missing, more or different.
cat >"$work/as-text.pl" <<'EOF'
use JSON::PP;
local $/;
my $p = decode_json(<STDIN>)->{plan};
sub q_ { my $s = shift; return '-' unless defined $s; utf8::encode($s); $s =~ s/(["\\\\])/\\$1/g; $s =~ s/\n/\\n/g;
	$s =~ s/\t/\\t/g; $s =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge; qq("$s") }
sub list { @{$_[0]} ? join ',', @{$_[0]} : 'none' }
print "door $p->{door}\nsession ", q_($p->{session}), "\nuser ", q_($p->{user}), "\nhostname ", q_($p->{hostname}),
	"\nnamespaces ", list($p->{namespaces}), "\n";
print "limit $_ ", $p->{limits}{$_}{value} // 'none', "\n" for qw(leaf_pids_max terminals_max
	user_pids_max memory_max memory_high memory_low memory_swap_max user_memory_max cpu_weight io_weight net_rate nofile cpus_milli
	user_cpus_milli sessions_max user_sessions_max group_sessions_max idle_timeout_s max_duration_s);
for my $l (@{$p->{io_max}}) {
	print 'io_max ', q_($l->{target}), map({ defined $l->{$_} ? " $_ $l->{$_}" : '' } qw(rbps wbps riops wiops)), "\n";
}
print "image ", q_($p->{image}), "\n";
print "tmpfs $_ size $p->{tmpfs}{$_}{size_bytes} inodes $p->{tmpfs}{$_}{inodes}\n" for qw(root tmp);
print "entry $_->{kind} $_->{mode} $_->{uid}:$_->{gid} ", q_($_->{path}),
	defined $_->{content} ? ' ' . q_($_->{content}) : '', "\n" for @{$p->{entries}};
print "node $_->{name} $_->{major}:$_->{minor} $_->{mode}\n" for @{$p->{nodes}};
for (@{$p->{mounts}}) {
	my $f = $_->{from};
	print "mount $_->{kind} ", q_($_->{target}), ' ', list($_->{flags});
	print " from $f->{tmpfs}:", q_($f->{path}) if $f && exists $f->{tmpfs};
	print ' from host', $f->{as_user} ? ' as_user' : '', $f->{socket} ? ' socket' : '', ':', q_($f->{host})
		if $f && exists $f->{host};
	print "\n";
}
my $c = $p->{credentials};
print "tty $p->{tty}\nuid $c->{uid}\ngid $c->{gid}\ngroups @{$c->{groups}}\ncapabilities ", list($c->{capabilities}),
	"\nno_new_privs ", $c->{no_new_privs} ? 'yes' : 'no', "\nfilter $c->{filter}",
	@{$c->{scoped} // []} ? "\nscoped " . list($c->{scoped}) : '', "\numask ", $p->{umask} // 'inherit',
	"\ncwd ", q_($p->{cwd}), ' else ', q_($p->{cwd_else}), "\nexec ", q_($p->{exec}), "\n";
print 'banner ', q_($p->{banner}), "\n" if defined $p->{banner};
print 'arg ', q_($_), "\n" for @{$p->{argv}};
print 'env ', q_($_), "\n" for @{$p->{env}};
EOF
cat >"$work/much.ini" <<EOF
[gocker]
sessions_max = 500
[default]
hostname = h-{user}
shell = /bin/bash
user_pids_max = none
memory_max = 512M
memory_high = 400M
memory_low = 100M
memory_swap_max = 0
cpus = 0.5
user_cpus = 2
cpu_weight = 50
io_max = root:riops=500 home:rbps=1M,wbps=2M
root = readonly
home = none
network = none
env_set = A=1 'B=two words'
env_pass = TZ GIT_*
umask = 027
idle_timeout = 30m
[user:$me]
volumes = /srv/courses:/courses:ro '/srv/hand in/{user}':/work
home = bind
EOF
same_plan() { # NAME FILE OPTION...
	local name=$1 file=$2
	shift 2
	is "$("$gocker" explain --config "$file" --format json "$@" "$me" | perl "$work/as-text.pl" 2>&1)" \
		"$("$gocker" explain --plan --config "$file" "$@" "$me" | sed -n '/^door /,$p')" \
		"explain --format json: the plan in full, $name"
}
same_plan "for a login" "$work/explain.ini"
same_plan "for a command" "$work/explain.ini" --command $'say "\\" \t\nä\x01'
same_plan "for the PAM door" "$work/explain.ini" --door pam
same_plan "with volumes and limits" "$work/much.ini"
json() { "$gocker" explain --config "$work/much.ini" --format json "$me" | jq -c "$1" 2>&1; }
is "$(json '[.user.name, .refused, .policy.hostname.value]')" "[\"$me\",null,\"h-$me\"]" "explain --format json: who it is about"
is "$(json '.policy | [.memory_max, .home, .pids_max] | map([.value, .section, .line])')" \
	"[[536870912,\"default\",7],[\"bind\",\"user:$me\",24],[20,\"built-in\",null]]" \
	"explain --format json: each value and who decided it"
is "$(json '.policy | map_values(.value) | [.sessions_max, .user_pids_max, .memory_swap_max, (.cpus == 0.5), .contain, .umask, .idle_timeout, .max_duration, .agent, .env_pass, .env_set, .volumes]')" \
	"[500,null,0,true,$([ "$(id -u)" = 0 ] && echo false || echo true),\"0027\",1800,null,true,[\"TZ\",\"GIT_*\"],[\"A=1\",\"B=two words\"],[{\"source\":\"/srv/courses\",\"target\":\"/courses\",\"readonly\":true},{\"source\":\"/srv/hand in/$me\",\"target\":\"/work\",\"readonly\":false}]]" \
	"explain --format json: numbers, truths, lists and objects, null for none"
is "$(json '[.plan.limits.cpus_milli, .plan.tmpfs.tmp.by, (.plan.mounts[] | select(.by) | [.target, .by])]')" \
	"[{\"value\":500,\"by\":\"cpus\"},\"tmp_size\",[\"/\",\"root\"],[\"$HOME_OF_ME\",\"home\"],[\"/courses\",\"volumes\"],[\"/work\",\"volumes\"]]" \
	"explain --format json: which key is behind a limit, a tmpfs and a mount"
printf '[default]\nlinger = forever\ncontainer_max_duration = 1d\n[user:%s]\nshare = user\n[group:x]\nshare = "user"\n' "$me" >"$work/share.ini"
run "$gocker" check "$work/share.ini"
is "$rc" 0 "check: share = user is no fault"
unlike "$out" linger "check: with share = user linger has an effect"
run "$gocker" explain --plan --config "$work/share.ini" "$me"
is "$rc" 0 "explain: a login with share = user"
like "$out" $'\nshare user linger forever container_max_duration 86400\n' "explain --plan: says how long the container lasts"
is "$("$gocker" explain --config "$work/share.ini" --format json "$me" 2>/dev/null |
	jq -c '.policy | map_values(.value) | [.share, .linger, .container_max_duration]')" '["user","forever",86400]' \
	"explain --format json: how long a container lasts"
printf '[default]\nlinger = 8h\nshare = login\n' >"$work/linger.ini"
run "$gocker" check "$work/linger.ini"
is "$rc" 0 "check: linger alone is no fault"
like "$out" 'linger.ini:2: .*warning:.* linger: it has no effect with share = login; remove it' "check: but is warned of"
refuses "explain an unknown user" 125 'no account' "$gocker" explain --config "$work/explain.ini" no-such-user
refuses "explain under a file with faults" 125 'faults.bad:2: ' "$gocker" explain --config "$cases/faults.bad" "$me"
printf '[default]\nvolumes = /srv:/etc\nhome = none\n[user:%s]\n' "$me" >"$work/refused.ini"
run "$gocker" explain --config "$work/refused.ini" "$me"
is "$rc" 1 "explain a login that would be refused: exit status 1"
like "$err" 'would be refused: the volume /etc' "explain a login that would be refused: says why"
like "$out" 'volumes +/srv:/etc +\[default\] line 2' "explain a login that would be refused: tells the policy all the same"
is "$("$gocker" explain --config "$work/refused.ini" --format json "$me" 2>/dev/null | grep -c '"plan": *null')" 1 \
	"explain a login that would be refused: as JSON without a plan"
echo "1..$tap_n"
[ "$tap_failed" = 0 ]
