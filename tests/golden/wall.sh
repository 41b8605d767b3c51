#!/bin/bash
# The wall round src/plan: memory only. No object there may refer to anything outside but functions
# on memory, strings and printing to a stream it was given, and it has no variable.
. "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build}

# What the C library may be asked for. Fortified and C23 forms of the same count as the same.
allowed='^(mem(chr|cmp|cpy|mem|move|set)|str(casecmp|chr|cmp|cspn|len|ncmp|nlen|pbrk|rchr|spn|str)|fputc|putc'
allowed+='|fputs|fwrite|fprintf|vsnprintf|snprintf|inet_ntop|inet_pton|stack_chk_fail)$'
# gcc's and the sanitizers' own.
runtime='^(_GLOBAL_OFFSET_TABLE_|__(asan|ubsan|sanitizer|sancov|gcov|llvm)_.*)$'

own=$(nm -g --defined-only "$build"/src/plan/*.o "$build"/src/base/{arena,err}.o |
	awk 'NF == 3 { print $3 }')
foreign() { # OBJECT: what it refers to and may not
	[ -e "$1" ] || echo "not built: $1"
	nm -u "$1" | awk '{ print $2 }' | grep -vxF "$own" | grep -vE "$runtime" |
		sed 's/^__\(.*\)_chk$/\1/; s/^__//' | grep -vE "$allowed"
}
variables() { # OBJECT: bytes in its writable sections
	nm -u "$1" | grep -q ' __asan_init$' && { echo 0; return; } # has its own
	size -A "$1" | awk '$1 ~ /^\.(t?bss|t?data)/ && $1 !~ /^\.data\.rel\.ro/ { n += $2 } END { print n + 0 }'
}

for source in src/plan/*.c; do
	object=$build/${source%.c}.o
	is "$(foreign "$object")" "" "${object##*/} asks nothing of the system"
	is "$(variables "$object")" 0 "${object##*/} has no variable of its own"
done
# The check would see one.
like "$(foreign "$build/src/base/ini.o")" memfd_create "a system call is seen where there is one"
echo "1..$tap_n"
[ "$tap_failed" = 0 ]
