/* Apart from landlock.c: the PAM module has it, too, and is to have no more than it needs. */
#include <unistd.h>

#include "base/sys.h"
#include "run/privilege/landlock.h"
#include "run/privilege/seccomp.h"

int gk_landlock_enter(int rules, bool tcp, struct gk_err *err)
{
	int r = rules < 0 ? 0 : (int)gk_sys_ret(syscall(SYS_landlock_restrict_self, rules, 0));
	if (r < 0)
		return gk_fail_errno(err, r, "cannot put the session's Landlock rules in force");
	return tcp ? gk_seccomp_tcp(err) : 0;
}
