#include "cli/enable/outside.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "plan/text.h"

struct process {
	pid_t pid, parent, session;
	unsigned tty;
	bool theirs; /* the user's, or a set-uid program that the user started */
	bool sshd, gocker, has_child;
	char command[64];
};

struct table {
	struct gk_arena arena;
	struct process *list;
	size_t n, cap;
};

/* Fields 4, 6 and 7 of /proc/PID/stat: parent, session, terminal (proc(5)). */
static bool read_stat(int dir, struct process *p)
{
	char text[512];
	gk_autoclose int fd = openat(dir, "stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	const char *end = strrchr(text, ')');
	int parent, session, tty;
	if (!end || sscanf(end, ") %*c %d %*d %d %d", &parent, &session, &tty) != 3)
		return false;
	p->parent = parent;
	p->session = session;
	p->tty = (unsigned)tty;
	return true;
}

static bool is_in_our_pids(int dir)
{
	struct stat theirs, ours;
	return fstatat(dir, "ns/pid", &theirs, 0) == 0 && stat("/proc/self/ns/pid", &ours) == 0 &&
		theirs.st_ino == ours.st_ino;
}

static void read_names(int dir, struct process *p)
{
	char exe[PATH_MAX] = "";
	ssize_t n = readlinkat(dir, "exe", exe, sizeof exe - 1);
	exe[n > 0 ? n : 0] = '\0';
	const char *base = strrchr(exe, '/');
	base = base ? base + 1 : exe;
	p->sshd = strncmp(base, "sshd", 4) == 0;
	p->gocker = strncmp(base, "gocker", 6) == 0 || strncmp(exe, "/memfd:gocker", 13) == 0;
	gk_autoclose int fd = openat(dir, "cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, p->command, sizeof p->command - 1);
	while (len > 0 && !p->command[len - 1])
		len--;
	p->command[len > 0 ? len : 0] = '\0';
	for (ssize_t i = 0; i < len; i++)
		if (!isprint((unsigned char)p->command[i]))
			p->command[i] = p->command[i] ? '?' : ' ';
}

/* The real uid: that of gocker-shell's supervisor is the user's where its effective one is not. */
static uid_t real_uid(int dir)
{
	char text[2048];
	unsigned uid = (unsigned)-1;
	gk_autoclose int fd = openat(dir, "status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	const char *line = strstr(text, "\nUid:");
	if (line)
		(void)sscanf(line, " Uid: %u", &uid);
	return uid;
}

static void read_all(struct table *t, const struct gk_identity *who)
{
	DIR *proc = opendir("/proc");
	for (const struct dirent *e; proc && (e = readdir(proc));) {
		struct process p = { .pid = (pid_t)strtol(e->d_name, NULL, 10) };
		gk_autoclose int dir = p.pid <= 0 ?
			-1 :
			openat(dirfd(proc), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0 || !is_in_our_pids(dir) || !read_stat(dir, &p))
			continue;
		read_names(dir, &p);
		p.theirs = real_uid(dir) == who->uid;
		struct process *list = gk_grow(&t->arena, t->list, t->n, &t->cap, sizeof *list);
		if (!list)
			break;
		t->list = list;
		list[t->n++] = p;
	}
	if (proc)
		closedir(proc);
}

/* What an sshd of the user's serves is told by its children. */
static void mark_parents(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->n; k++)
			if (t->list[k].pid == t->list[i].parent)
				t->list[k].has_child = true;
}

static bool is_outside(const struct process *p)
{
	return p->theirs && !p->gocker && !(p->sshd && p->has_child);
}

static void name_tty(char *buf, size_t size, unsigned tty)
{
	enum { PTS = 136 }; /* Documentation/admin-guide/devices.txt */
	unsigned number = minor((dev_t)tty);
	if (major((dev_t)tty) == PTS)
		snprintf(buf, size, "pts/%u", number);
	else
		snprintf(buf, size, "%s", tty ? "a terminal" : "no terminal");
}

size_t gk_outside_print(const struct gk_identity *who)
{
	struct table t = { 0 };
	size_t found = 0;
	read_all(&t, who);
	mark_parents(&t);
	for (size_t i = 0; i < t.n; i++) {
		const struct process *p = &t.list[i];
		bool first = is_outside(p);
		for (size_t k = 0; k < i && first; k++)
			first = !(is_outside(&t.list[k]) && t.list[k].session == p->session);
		if (!first)
			continue;
		char tty[32];
		name_tty(tty, sizeof tty, p->tty);
		printf("%s: still open outside: session %d on %s (%s)\n", who->name,
			(int)p->session, tty,
			p->sshd ? "a connection without a command; it may forward" : p->command);
		found++;
	}
	gk_arena_free(&t.arena);
	if (found)
		printf("%s: end %s with `pkill -s SESSION -u %s`, or wait\n", who->name,
			found == 1 ? "it" : "each", who->name);
	return found;
}
