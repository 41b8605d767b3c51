#!/bin/bash
# timeout: 120
# That `make bench` still measures: two runs of everything. How fast is nobody's business here.
. "$(dirname "$0")/../lib/test.sh"
need_product

run env GKT_BENCH_ROUNDS=2 GKT_BENCH_ALIVE=5 "$GKT_TOP/tests/bench/run"
is "$rc" 0 "the bench ends with status 0, whatever the bars say"
for n in 1 2 3 4 5 7 8 10 11 12 13; do
	like "$out" $'\n'"$n  "[A-Z1-9] "measurement $n has its part of the table"
done
like "$out" $'\n  gocker-shell +2 +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9]+ [0-9.]+\n' \
	"a login is timed, without a failed one"
like "$out" $'\n  gocker-shell, host +2 +[0-9.]+' "one with image = host beside it"
if command -v bwrap >/dev/null && [[ $out != *"bubblewrap (user): fails"* ]]; then
	like "$out" $'\n  bubblewrap, host +2 +[0-9.]+' "and what panels make with bubblewrap"
fi
like "$out" $'\n  floor +2 +[0-9.]+' "so is the floor"
unlike "$out" '[0-9]+ failed|came up' "nothing that was measured failed"
like "$out" $'\n  floor +- +[0-9]{3}\n' "system calls are counted"
# 1: six, 2 to 5: one each, 6: two, 7: three, 8: one, 10: three, 11: two, 12: one for each limit, 13: two.
is "$(sed -n '/^Bars/,$p' <<<"$out" | grep -cE ' (met|not met|not measured)$')" "$([ "$GKT_CGROUP" = unified ] && echo 27 || echo 25)" "each bar has its verdict"
if [ "$(uname -m)" = x86_64 ]; then
	run bench-steps 0 / bench-spout 0
	like "$rc:$out" '^0:[0-9]{4,6}$' "instructions are counted, of a small program"
	is "$(bench-steps 0 / bench-spout 0)" "$out" "twice the same number"
fi
