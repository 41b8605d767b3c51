#include "run/build/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sys.h"
#include "run/build/bridge.h"
#include "run/build/forward.h"
#include "run/build/userns.h"
#include "run/privilege/creds.h"
#include "run/privilege/seccomp.h"

enum {
	READY_TIMEOUT_MS = 25000, /* less than a shared container may take (holder.c) */
	END_TIMEOUT_MS = 10000,
	SAID_MAX = 4096, /* of what a program says, which it cannot make longer */
};

/* ---- the namespaces ---- */

/* Namespaces live in a process until there is an fd of each: this one does nothing but be there. */
static void stay(uid_t id, pid_t parent, int ready) __attribute__((noreturn));
static void stay(uid_t id, pid_t parent, int ready)
{
	/* The effective uid becomes the owner's. Where users are kept from making user namespaces,
	 * it takes a capability. */
	if (setgroups(0, NULL) < 0 || setresgid((gid_t)-1, id, (gid_t)-1) < 0 ||
		setresuid((uid_t)-1, id, (uid_t)-1) < 0 || gk_creds_raise() < 0 ||
		unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		_exit(1);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent ||
		write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		(void)pause();
}

/* Its uid 0 is the owner's outside, and it has no other. */
static int write_map(pid_t pid, const char *name, uid_t id)
{
	char path[64], line[32];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	int n = snprintf(line, sizeof line, "0 %u 1\n", (unsigned)id);
	gk_autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : gk_write_all(fd, line, (size_t)n);
}

static int open_namespace(pid_t pid, const char *name)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int make_namespaces(uid_t id, int *ret_userns, int *ret_netns, struct gk_err *err)
{
	int ends[2];
	char byte;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return gk_fail_errno(err, -errno, "cannot make the session's network");
	gk_autoclose int from = ends[0], to = ends[1];
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		stay(id, parent, to);
	if (pid < 0)
		return gk_fail_errno(err, -errno, "cannot make the session's network");
	gk_close_fd(&to);
	int r = read(from, &byte, 1) == 1 ? 0 : -EPERM;
	/* Our child, not yet waited for: its number is its own. */
	if (r == 0)
		r = write_map(pid, "uid_map", id);
	if (r == 0)
		r = write_map(pid, "gid_map", id);
	if (r == 0)
		r = *ret_userns = open_namespace(pid, "user");
	if (r >= 0)
		r = *ret_netns = open_namespace(pid, "net");
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r < 0 ? gk_fail_errno(err, r, "cannot make the session's network") : 0;
}

/* ---- the programs ---- */

/* Nothing of the caller's: no descriptor above 2, no environment, no signal blocked or ignored. */
static int execute(const char *const *argv, const int *fds)
{
	static const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
	enum { ABOVE = 10 };
	int high[3];
	sigset_t none;
	sigemptyset(&none);
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	for (int i = 0; i < 3; i++)
		if ((high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, ABOVE)) < 0)
			return -errno;
	for (int i = 0; i < 3; i++)
		if (dup2(high[i], i) < 0)
			return -errno;
	int r = gk_sys_close_range(3, ~0U);
	if (r < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0 || chdir("/") < 0)
		return r < 0 ? r : -errno;
	(void)umask(022);
	/* execve(2) takes pointers to char for history's sake; it changes nothing. */
	(void)execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
	return -errno;
}

/* What a program can say, and no more than fits. */
static int open_said(void)
{
	int fd = memfd_create("said", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 && ftruncate(fd, SAID_MAX) == 0 &&
		fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) == 0)
		return fd;
	int r = -errno;
	gk_close_fd(&fd);
	return r;
}

/* Its first line becomes the detail of the error. */
static int failed(const char *program, int said, struct gk_err *err)
{
	char text[SAID_MAX + 1];
	ssize_t n = pread(said, text, SAID_MAX, 0);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	gk_fail(err, -EIO, "cannot connect the session's network: %s failed", program);
	gk_err_detail(err, "%s", text);
	return -EIO;
}

static bool can_run(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && gk_is_roots_alone(&st) &&
		(st.st_mode & 01);
}

const char *gk_network_lacks(void)
{
	struct stat st;
	if (!can_run(GK_NETWORK_PASTA))
		return GK_NETWORK_PASTA;
	if (!can_run(GK_NETWORK_NFT))
		return GK_NETWORK_NFT;
	bool open =
		stat(GK_NETWORK_TUN, &st) == 0 && S_ISCHR(st.st_mode) && (st.st_mode & 06) == 06;
	return open ? NULL : GK_NETWORK_TUN " with mode 0666";
}

/* ---- the rules ---- */

static int add_addresses(int fd)
{
	struct ifaddrs *list;
	if (getifaddrs(&list) < 0)
		return -errno;
	int r = 0;
	for (const struct ifaddrs *a = list; r == 0 && a; a = a->ifa_next) {
		char text[INET6_ADDRSTRLEN];
		int family = a->ifa_addr ? a->ifa_addr->sa_family : AF_UNSPEC;
		if (family != AF_INET && family != AF_INET6)
			continue;
		/* Aligned by libc; each begins with its family (sockaddr(3type)). */
		const void *raw = a->ifa_addr;
		const void *address = family == AF_INET ?
			(const void *)&((const struct sockaddr_in *)raw)->sin_addr :
			(const void *)&((const struct sockaddr_in6 *)raw)->sin6_addr;
		if (!inet_ntop(family, address, text, sizeof text) ||
			dprintf(fd, "add element inet gocker host%d { %s }\n",
				family == AF_INET ? 4 : 6, text) < 0)
			r = -errno;
	}
	freeifaddrs(list);
	return r;
}

static int write_rules(const struct gk_plan *plan, struct gk_err *err)
{
	gk_autoclose int fd = memfd_create("rules", MFD_CLOEXEC);
	int r = fd < 0 ? -errno :
			 gk_write_all(fd, plan->network_rules, strlen(plan->network_rules));
	if (r == 0)
		r = add_addresses(fd);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? gk_fail_errno(err, r, "cannot write the network's rules") : gk_steal_fd(&fd);
}

/* Becomes the owner, who has all power in the namespaces, and none outside. */
static void load_rules(uid_t id, int userns, int netns, int rules, int said)
	__attribute__((noreturn));
static void load_rules(uid_t id, int userns, int netns, int rules, int said)
{
	static const char *const argv[] = { GK_NETWORK_NFT, "-f", "-", NULL };
	const struct gk_credentials owner = { .uid = id, .gid = id };
	const int fds[] = { rules, said, said };
	if (gk_creds_become(&owner) == 0 && setns(userns, CLONE_NEWUSER) == 0 &&
		setns(netns, CLONE_NEWNET) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		(void)execute(argv, fds);
	_exit(126);
}

static int apply_rules(
	const struct gk_plan *plan, uid_t id, int userns, int netns, struct gk_err *err)
{
	int status = 0;
	gk_autoclose int rules = write_rules(plan, err), said = open_said();
	if (rules < 0)
		return rules;
	if (said < 0)
		return gk_fail_errno(err, said, "cannot write the network's rules");
	pid_t pid = fork();
	if (pid == 0)
		load_rules(id, userns, netns, rules, said);
	if (pid < 0)
		return gk_fail_errno(err, -errno, "cannot run " GK_NETWORK_NFT);
	gk_autoclose int pidfd = gk_sys_pidfd_open(pid);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	while (pidfd >= 0 && poll(&p, 1, READY_TIMEOUT_MS) < 0 && errno == EINTR)
		;
	if (!(p.revents & POLLIN))
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 :
							       failed(GK_NETWORK_NFT, said, err);
}

/* ---- pasta, and who keeps it ---- */

struct keeper {
	const struct gk_plan *plan;
	const struct gk_cgroup *cg;
	uid_t id;
	int userns, netns;
	int said;  /* what pasta says */
	int ready; /* a byte when it is */
	size_t nports;
	char ports[GK_PUBLISH_MOST][GK_PORTS_TEXT]; /* to listen on, for the session */
};

/* The namespaces are its 0 and 1: newer versions close all descriptors above 2. It goes on in a
 * process of its own when the network is ready, with /dev/null in their place. */
static void run_pasta(const struct keeper *k) __attribute__((noreturn));
static void run_pasta(const struct keeper *k)
{
	static const char *const fixed[] = { GK_NETWORK_PASTA, "--quiet", "--config-net",
		"--no-map-gw", "--no-netns-quit", "-u", "none", "-T", "none", "-U", "none",
		"--dns-forward", GK_PRIVATE_DNS4, "--dns-forward", GK_PRIVATE_DNS6, "--userns",
		"/proc/self/fd/0", "--netns", "/proc/self/fd/1" };
	enum { FIXED = sizeof fixed / sizeof *fixed };
	const char *argv[FIXED + 2 * GK_PUBLISH_MOST + 1];
	const struct gk_credentials nobody = { .uid = k->id, .gid = k->id, .no_new_privs = true };
	const int fds[] = { k->userns, k->netns, k->said };
	struct gk_err ignored = GK_ERR_INIT;
	size_t n = FIXED;
	memcpy(argv, fixed, sizeof fixed);
	for (size_t i = 0; i < k->nports || i == 0; i++) {
		argv[n++] = "-t";
		argv[n++] = k->nports ? k->ports[i] : "none";
	}
	argv[n] = NULL;
	if (gk_creds_bound(0, &ignored) == 0 && gk_creds_drop(&nobody, &ignored) == 0 &&
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		(void)execute(argv, fds);
	_exit(126);
}

static int start_pasta(const struct keeper *k)
{
	int status = 0, r = gk_cgroup_join(k->cg);
	pid_t pid = r < 0 ? r : fork();
	if (pid == 0)
		run_pasta(k);
	if (pid < 0)
		return r < 0 ? r : -errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

/* PID 1 of a PID namespace: what pasta becomes is its child, and ends when it does. */
static void keep(struct keeper *k) __attribute__((noreturn));
static void keep(struct keeper *k)
{
	struct gk_err ignored = GK_ERR_INIT;
	(void)prctl(PR_SET_NAME, "gocker-network", 0, 0, 0);
	int kept[] = { k->ready };
	/* Here for as long as pasta starts; the change of credentials below takes it away. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || start_pasta(k) < 0 ||
		gk_fd_null_stdio() < 0 || gk_fd_keep_only(kept, 1) < 0)
		_exit(1);
	/* A supervisor that has ended already is found by the write. */
	if (gk_creds_reduce(0, &ignored) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
		gk_seccomp_supervisor(&ignored) < 0 || write(kept[0], "", 1) != 1)
		_exit(1);
	(void)close(kept[0]);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	_exit(0);
}

static int start_keeper(struct keeper *k, pid_t *ret_pid)
{
	int pidfd = -1;
	struct clone_args args = { .flags = CLONE_NEWPID | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD };
	pid_t pid = gk_sys_clone3(&args);
	if (pid == 0)
		keep(k);
	*ret_pid = pid;
	return pid < 0 ? pid : pidfd;
}

/* Ends pasta, and waits for that. */
static void end_keeper(struct gk_network *net)
{
	siginfo_t info;
	struct pollfd p = { .fd = net->keeper, .events = POLLIN };
	if (net->keeper < 0)
		return;
	(void)gk_sys_pidfd_send_signal(net->keeper, SIGKILL);
	while (poll(&p, 1, END_TIMEOUT_MS) < 0 && errno == EINTR)
		;
	(void)waitid(P_PIDFD, (id_t)net->keeper, &info, WEXITED | WNOHANG);
	gk_close_fd(&net->keeper);
}

/* With the ports that k names. */
static int connect_once(
	struct keeper *k, struct gk_cgroup *cg, struct gk_network *net, struct gk_err *err)
{
	int ends[2];
	char byte;
	pid_t pid;
	gk_autoclose int said = open_said();
	if (said < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return gk_fail_errno(
			err, said < 0 ? said : -errno, "cannot connect the session's network");
	gk_autoclose int from = ends[0], to = ends[1];
	k->said = said;
	k->ready = to;
	net->keeper = start_keeper(k, &pid);
	if (net->keeper < 0)
		return gk_fail_errno(err, net->keeper, "cannot connect the session's network");
	cg->network = (struct gk_cgroup_network){ pid, k->id };
	gk_close_fd(&to);
	struct pollfd p = { .fd = from, .events = POLLIN };
	int n;
	while ((n = poll(&p, 1, READY_TIMEOUT_MS)) < 0 && errno == EINTR)
		;
	return n > 0 && read(from, &byte, 1) == 1 ? 0 : failed(GK_NETWORK_PASTA, said, err);
}

/* Newer versions of pasta end where something else has taken a port meanwhile. */
static int connect_host(const struct gk_plan *plan, struct gk_cgroup *cg, uid_t id, int userns,
	struct gk_network *net, struct gk_err *err)
{
	enum { TRIES = 5 };
	gk_autofree struct keeper *k = calloc(2, sizeof *k);
	if (!k)
		return gk_fail_errno(err, -ENOMEM, "cannot connect the session's network");
	int r = -EIO;
	for (int i = 0; r < 0 && i < TRIES; i++) {
		struct gk_err why = GK_ERR_INIT;
		k[0] = (struct keeper){
			.plan = plan, .cg = cg, .id = id, .userns = userns, .netns = net->netns
		};
		k->nports = gk_ports_free(plan, k->ports);
		if (i > 0 && memcmp(k[0].ports, k[1].ports, sizeof k->ports) == 0)
			break;
		end_keeper(net);
		r = connect_once(k, cg, net, &why);
		*err = why;
		k[1] = k[0];
	}
	if (r == 0)
		gk_ports_read(plan, id, &net->ports);
	return r;
}

/* ---- the bridge ---- */

static int forward_ports(const struct gk_plan *plan, struct gk_cgroup *cg,
	const struct gk_bridge_addresses *session, struct gk_network *net, struct gk_err *err)
{
	uint64_t id = 0;
	int r = net->ids = gk_userns_take(plan->policy->userns_base, &id, err);
	if (r < 0)
		return r;
	const struct gk_forward f = {
		.plan = plan, .cg = cg, .netns = net->netns, .id = (uid_t)id, .session = *session
	};
	r = net->keeper = gk_forward_start(&f, &net->ports, err);
	if (r >= 0)
		return 0;
	gk_close_fd(&net->ids);
	return r == -ENOENT ? 0 : r;
}

static int open_on_bridge(const struct gk_plan *plan, struct gk_cgroup *cg, struct gk_network *net,
	struct gk_err *err)
{
	struct gk_bridge_addresses session;
	int r = net->netns = gk_bridge_join(plan, &session, err);
	if (r >= 0 && plan->npublish)
		r = forward_ports(plan, cg, &session, net, err);
	if (r < 0)
		gk_network_close(net);
	return r < 0 ? r : 0;
}

/* ---- all of it ---- */

int gk_network_open(const struct gk_plan *plan, struct gk_cgroup *cg, struct gk_network *ret,
	struct gk_err *err)
{
	uint64_t id = 0;
	gk_autoclose int userns = -1;
	if (plan->net_rules)
		return open_on_bridge(plan, cg, ret, err);
	if (!plan->network_rules)
		return 0;
	const char *lacking = gk_network_lacks();
	if (lacking)
		return gk_fail(err, -ENOENT, "network = private needs %s; ask your administrator",
			lacking);
	int r = ret->ids = gk_userns_take(plan->policy->userns_base, &id, err);
	if (r >= 0)
		r = make_namespaces((uid_t)id, &userns, &ret->netns, err);
	if (r >= 0)
		r = apply_rules(plan, (uid_t)id, userns, ret->netns, err);
	if (r == 0)
		r = connect_host(plan, cg, (uid_t)id, userns, ret, err);
	if (r < 0)
		gk_network_close(ret);
	return r < 0 ? r : 0;
}

void gk_network_close(struct gk_network *net)
{
	end_keeper(net);
	gk_close_fd(&net->netns);
	gk_close_fd(&net->ids);
}

void gk_network_ended(struct gk_network *net, const struct gk_plan *plan)
{
	siginfo_t info;
	char user[256];
	(void)waitid(P_PIDFD, (id_t)net->keeper, &info, WEXITED | WNOHANG);
	gk_close_fd(&net->keeper);
	gk_log(LOG_ERR, "event=%s-ended id=%s user=\"%s\"", plan->net_rules ? "publish" : "network",
		plan->session_id, gk_escape(user, sizeof user, plan->who->name));
}
