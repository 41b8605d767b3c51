#include "powers.h"

#include <errno.h>
#include <sys/prctl.h>
#include <linux/capability.h>
#include <linux/securebits.h>

#include "base/sys.h"

enum { CAPS_MOST = 64 };

#define BIT(cap) (1ULL << (cap))

static int set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct data[2] = {
		{ (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
		{ (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
			(uint32_t)(inheritable >> 32) },
	};
	return (int)gk_sys_ret(syscall(SYS_capset, &head, data));
}

int gk_powers_read(struct gk_powers *ret)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	/* On failure it has none: a caller that went on by mistake would have nothing to keep. */
	*ret = (struct gk_powers){ 0 };
	int r = (int)gk_sys_ret(syscall(SYS_capget, &head, data));
	int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
	int ambient = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_SETUID, 0, 0);
	if (r < 0 || bits < 0)
		return r < 0 ? r : -errno;
	*ret = (struct gk_powers){
		.effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
		.inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
		.securebits = bits,
		.ambient_setuid = ambient == 1,
	};
	return 0;
}

int gk_powers_raise(void)
{
	struct gk_powers now;
	int r = gk_powers_read(&now);
	if (r < 0 || now.effective == now.permitted)
		return r;
	return set_caps(now.permitted, now.permitted, now.inheritable);
}

static int set_securebits(int bits)
{
	return prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0 ? -errno : 0;
}

int gk_powers_guard_exec(struct gk_powers *saved)
{
	struct gk_powers now;
	int r = gk_powers_read(&now);
	if (r < 0)
		return r;
	r = set_securebits(now.securebits | SECBIT_NOROOT);
	if (r == 0)
		*saved = now;
	return r;
}

int gk_powers_guard(struct gk_powers *saved)
{
	struct gk_powers now;
	int r = gk_powers_read(&now);
	if (r < 0)
		return r;
	r = set_securebits(now.securebits | SECBIT_NOROOT | SECBIT_NO_SETUID_FIXUP);
	if (r < 0)
		return r;
	if (now.ambient_setuid && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_SETUID, 0, 0) < 0)
		r = -errno;
	if (r == 0)
		r = set_caps(now.effective & ~BIT(CAP_SETUID), now.permitted, now.inheritable);
	if (r < 0) {
		(void)gk_powers_restore(&now);
		return r;
	}
	*saved = now;
	return 0;
}

int gk_powers_restore(const struct gk_powers *saved)
{
	/* The securebits need CAP_SETPCAP, and so the capabilities first. */
	int r = set_caps(saved->effective, saved->permitted, saved->inheritable);
	if (r == 0 && saved->ambient_setuid &&
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0) < 0)
		r = -errno;
	int bits = set_securebits(saved->securebits);
	return r < 0 ? r : bits;
}

int gk_powers_narrow(uint64_t keep, uint64_t bounding)
{
	struct gk_powers now;
	int r = gk_powers_read(&now);
	if (r < 0)
		return r;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	for (int cap = 0; cap < CAPS_MOST; cap++) {
		/* The first number that the kernel does not know ends the set. */
		if (!(bounding & BIT(cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 &&
			errno != EINVAL)
			return -errno;
	}
	/* A change of uid is to clear capabilities again, as it does without the guard. */
	r = set_securebits((now.securebits & ~(SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS)) |
		SECBIT_NOROOT | SECBIT_NOROOT_LOCKED);
	if (r < 0)
		return r;
	return set_caps(now.permitted & keep, now.permitted & keep, 0);
}
