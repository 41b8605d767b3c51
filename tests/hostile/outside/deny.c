/* deny CALL[:VALUE] ERROR USER CMD [ARG...]: runs CMD as the user with one system call that always
 * answers with the error, as an older kernel (ENOSYS) or a container runtime's filter (EPERM) does;
 * with a VALUE only where its third argument is that number. Installed by root, without
 * no_new_privs, so that set-uid programs still work. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	struct passwd *pw = getpwnam(argv[3]);
	int error = strcmp(argv[2], "ENOSYS") == 0 ? ENOSYS : EPERM;
	char *value = strchr(argv[1], ':');
	if (value)
		*value++ = '\0';
	int nr = seccomp_syscall_resolve_name(argv[1]);
	struct scmp_arg_cmp third = SCMP_A2(SCMP_CMP_EQ, value ? strtoull(value, NULL, 10) : 0);
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (!pw || nr < 0 || !ctx || seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0) < 0 ||
		seccomp_rule_add_array(
			ctx, SCMP_ACT_ERRNO((unsigned)error), nr, value ? 1 : 0, &third) < 0)
		return 3;
	if (initgroups(pw->pw_name, pw->pw_gid) < 0 || seccomp_load(ctx) < 0)
		return 4;
	if (setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0)
		return 5;
	execv(argv[4], argv + 4);
	return 6;
}
