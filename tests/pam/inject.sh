#!/bin/bash
# timeout: 1800
# Every kind of system call that module, keeper and init make fails once (A5). GKT_INJECT says up to
# which occurrence of each; the default is the first.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need strace
need_product
deep=${GKT_INJECT:-1}
add_user alice
set_ini
stack gt
remember_host

steps=(state open try 'hostname >>/home/alice/where; hostname' state close state)
traced() { run timeout -s KILL 100 strace -f -qq -o /dev/null "$@" pamdrive gt alice "${steps[@]}"; }
strace -f -qq -o "$GKT_WORK/trace" pamdrive gt alice "${steps[@]}" >"$GKT_WORK/out" 2>&1
like "$(cat "$GKT_WORK/out")" $'open: 0\ngocker-container' "(control) it works under strace"
mapfile -t calls < <(sed -nE 's/^[0-9]+ +([a-z_0-9]+)\(.*/\1/p' "$GKT_WORK/trace" | sort -u |
	grep -vE '^(exit|exit_group|rt_sigreturn|restart_syscall|execve|brk|mmap|munmap|mprotect|arch_prctl)$')
check "module, keeper and init make enough different calls (${#calls[@]})" test ${#calls[@]} -gt 40

own() { grep -E '^(/proc/self/ns/|root |Cap|NoNewPrivs|[0-9]+:)' "$GKT_WORK/part"; }
wrong='' refused=0 through=0
for call in "${calls[@]}"; do
	for ((n = 1; n <= deep; n++)); do
		rm -f /home/alice/where
		traced -e trace="$call" -e inject="$call:error=EIO:when=$n"
		# The user's own calls fail as well: what counts is that nothing names the host.
		if grep -qs throwaway /home/alice/where; then wrong+="$call:$n: ran on the host; "; fi
		case $out in
		*'open: 0'*) through=$((through + 1)) ;;
		*'open: '*) # refused: where it was before
			refused=$((refused + 1))
			sed '/^open:/,$d' <<<"$out" >"$GKT_WORK/part"
			before=$(own)
			sed '1,/^open:/d;/^close:/,$d' <<<"$out" >"$GKT_WORK/part"
			after=$(own)
			# A failure that met the looking itself leaves lines out on one side.
			if [ "$(cut -d' ' -f1 <<<"$before")" = "$(cut -d' ' -f1 <<<"$after")" ] &&
				[ "$before" != "$after" ] && ! [[ $call =~ ^(readlink|newfstatat|getdents64)$ ]]; then
				wrong+="$call:$n: the caller is not where it was: $(diff <(echo "$before") <(echo "$after")); "
			fi
			;;
		esac
	done
done
is "$wrong" "" "$refused refused, $through passed: no command ran outside, every refused caller is where it was"
"$GOCKER" gc >/dev/null 2>&1
drive gt alice open user hostname close
like "$out" $'open: 0\ngocker-container' "the next login is as any"
check_clean "nothing is left" 30
