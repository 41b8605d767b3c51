/* hardened CMD [ARG...]: runs CMD under a filter of its own and no_new_privs, as a service hardened
 * by systemd (SystemCallFilter=~swapon, NoNewPrivileges=yes) starts its daemon. */
#include <errno.h>
#include <seccomp.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (argc < 2 || !ctx ||
		seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(swapon), 0) < 0 ||
		seccomp_load(ctx) < 0)
		return 3;
	execvp(argv[1], argv + 1);
	return 6;
}
