#include "run/privilege/landlock.h"

#include <stdint.h>

#include "base/cleanup.h"
#include "base/sys.h"

/* struct landlock_ruleset_attr as of ABI 6; the headers of older distributions end before `scoped`.
 */
struct ruleset {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

enum { VERSION = 1, ABI_SCOPE = 6, SCOPE_ABSTRACT_UNIX_SOCKET = 1 };

bool gk_landlock_can_scope(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION) >= ABI_SCOPE;
}

int gk_landlock_scope(struct gk_err *err)
{
	const struct ruleset rules = { .scoped = SCOPE_ABSTRACT_UNIX_SOCKET };
	if (!gk_landlock_can_scope())
		return 0;
	gk_autoclose int fd =
		(int)gk_sys_ret(syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0));
	int r = fd < 0 ? fd : (int)gk_sys_ret(syscall(SYS_landlock_restrict_self, fd, 0));
	return r < 0 ? gk_fail_errno(err, r, "cannot close abstract unix sockets to the session") :
		       0;
}
