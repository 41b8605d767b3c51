#include "run/privilege/seccomp.h"

#include <linux/seccomp.h>
#include <stddef.h>

#include "base/sys.h"
#include "filters.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static int load(const struct sock_filter *code, size_t n, struct gk_err *err)
{
	/* The kernel copies it; struct sock_fprog has no const. */
	struct sock_fprog program = {
		.len = (unsigned short)n,
		.filter = (struct sock_filter *)(uintptr_t)code,
	};
	int r = (int)gk_sys_ret(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
	return r < 0 ? gk_fail_errno(err, r, "cannot load the seccomp filter") : 0;
}

int gk_seccomp_payload(enum gk_filter filter, struct gk_err *err)
{
	if (filter == GK_FILTER_ADMIN)
		return load(filter_admin, COUNT(filter_admin), err);
	return load(filter_user, COUNT(filter_user), err);
}

int gk_seccomp_tcp(struct gk_err *err)
{
	return load(filter_tcp, COUNT(filter_tcp), err);
}

int gk_seccomp_supervisor(struct gk_err *err)
{
	return load(filter_supervisor, COUNT(filter_supervisor), err);
}

int gk_seccomp_unpacker(struct gk_err *err)
{
	return load(filter_unpacker, COUNT(filter_unpacker), err);
}

int gk_seccomp_forwarder(struct gk_err *err)
{
	return load(filter_forwarder, COUNT(filter_forwarder), err);
}
