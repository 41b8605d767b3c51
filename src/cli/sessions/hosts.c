/* Each host's ssh writes into files in memory, so no host waits for another to be read. */
#include "cli/sessions/hosts.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/spawn.h"

enum { NAME_MOST = 255, ANSWER_MOST = 16 << 20, LINE_MOST = 1024 };

struct host {
	char name[NAME_MOST + 1];
	pid_t pid;
	int out, error;
};

/* What ssh does not take for an option, and no configuration of ssh's passes to a shell amiss. */
static bool is_name(const char *name, size_t n)
{
	if (n == 0 || n > NAME_MOST || name[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("@.:/_-[]", name[i]))
			return false;
	return true;
}

int gk_hosts_check(const char *command, const char *hosts)
{
	size_t n = 0;
	for (;;) {
		size_t len = strcspn(hosts, ",");
		if (!is_name(hosts, len))
			return gk_cli_usage(command,
				"--host takes HOST[,HOST...], each [USER@]NAME or "
				"ssh://[USER@]NAME[:PORT]");
		if (++n > GK_HOSTS_MOST)
			return gk_cli_usage(command, "--host: at most %d hosts", GK_HOSTS_MOST);
		if (!hosts[len])
			return 0;
		hosts += len + 1;
	}
}

/* The arguments as words of the shell there. */
static char *remote_command(const char *const *arguments)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	fputs("$(test \"$(id -u)\" = 0 || echo sudo -n) gocker ps --format json", f);
	for (; *arguments; arguments++) {
		fputs(" '", f);
		for (const char *p = *arguments; *p; p++)
			if (*p == '\'')
				fputs("'\\''", f);
			else
				fputc(*p, f);
		fputc('\'', f);
	}
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

/* With the caller's own environment: ssh's agent, keys and configuration are in it. */
static void exec_ssh(const struct host *host, char *command) __attribute__((noreturn));
static void exec_ssh(const struct host *host, char *command)
{
	static char ssh[] = "ssh", quiet[] = "-Tax", option[] = "-o", batch[] = "BatchMode=yes",
		    patience[] = "ConnectTimeout=15", alive[] = "ServerAliveInterval=15",
		    end[] = "--";
	char name[NAME_MOST + 1];
	struct rlimit most = { ANSWER_MOST, ANSWER_MOST };
	snprintf(name, sizeof name, "%s", host->name);
	char *argv[] = { ssh, quiet, option, batch, option, patience, option, alive, end, name,
		command, NULL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(host->out, 1) < 0 || dup2(host->error, 2) < 0 ||
		setrlimit(RLIMIT_FSIZE, &most) < 0)
		_exit(125);
	execvp(argv[0], argv);
	dprintf(2, "cannot run ssh: %s\n", strerror(errno));
	_exit(127);
}

static int start(struct host *host, char *command)
{
	host->out = memfd_create("gocker-ps", MFD_CLOEXEC);
	host->error = memfd_create("gocker-ps", MFD_CLOEXEC);
	if (host->out < 0 || host->error < 0)
		return -errno;
	host->pid = fork();
	if (host->pid == 0)
		exec_ssh(host, command);
	return host->pid < 0 ? -errno : 0;
}

/* The whole of a file in memory as a string, which the caller frees; NULL without memory. */
static char *read_whole(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	size_t size = end < 0 ? 0 : (size_t)end, at = 0;
	char *text = malloc(size + 1);
	while (text && at < size) {
		ssize_t n = pread(fd, text + at, size - at, (off_t)at);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	if (text)
		text[at] = '\0';
	return text;
}

/* Whether a string is as gocker prints them: nothing in it that a terminal would obey. */
static bool is_shown_as_is(const char *s)
{
	while (*s) {
		const unsigned char *u = (const unsigned char *)s;
		size_t n = *u >= 0x20 && *u < 0x7f ? 1 : gk_utf8_sequence(u);
		if (!n)
			return false;
		s += n;
	}
	return true;
}

static bool is_safe(struct json_object *value)
{
	if (json_object_is_type(value, json_type_array))
		return false;
	if (json_object_is_type(value, json_type_string))
		return strlen(json_object_get_string(value)) ==
			(size_t)json_object_get_string_len(value) &&
			is_shown_as_is(json_object_get_string(value));
	if (!json_object_is_type(value, json_type_object))
		return true;
	json_object_object_foreach(value, key, inner)
	{
		if (!is_shown_as_is(key) || !is_safe(inner))
			return false;
	}
	return true;
}

/* A session's fields behind the name of its host. */
static struct json_object *with_host(const char *host, struct json_object *session)
{
	struct json_object *o = json_object_new_object();
	json_object_object_add(o, "host", json_object_new_string(host));
	json_object_object_foreach(session, key, value)
	{
		if (strcmp(key, "host") != 0)
			json_object_object_add(o, key, json_object_get(value));
	}
	return o;
}

static bool is_answer(struct json_object *answer)
{
	if (!json_object_is_type(answer, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(answer); i++) {
		struct json_object *session = json_object_array_get_idx(answer, i);
		if (!json_object_is_type(session, json_type_object) || !is_safe(session))
			return false;
	}
	return true;
}

static bool take_answer(const struct host *host, struct json_object *list)
{
	gk_autofree char *text = read_whole(host->out);
	struct json_object *answer = text ? json_tokener_parse(text) : NULL;
	bool fits = is_answer(answer);
	for (size_t i = 0; fits && i < json_object_array_length(answer); i++)
		json_object_array_add(
			list, with_host(host->name, json_object_array_get_idx(answer, i)));
	json_object_put(answer);
	return fits;
}

/* What ssh and the host's gocker said, a line for each, and then what came of it. */
static void report(const struct host *host, int status)
{
	char shown[LINE_MOST];
	gk_autofree char *text = read_whole(host->error);
	for (char *rest = text, *line; rest && (line = strsep(&rest, "\r\n"));) {
		char *readable = line;
		if (strncmp(line, "gocker ps: ", 11) == 0)
			readable += 11;
		if (*readable)
			fprintf(stderr, "gocker ps: %s: %s\n", host->name,
				gk_escape(shown, sizeof shown, readable));
	}
	if (status == 0)
		fprintf(stderr, "gocker ps: %s: its answer is not what gocker prints\n",
			host->name);
	else if (status > 128 && status < 255)
		fprintf(stderr, "gocker ps: %s: ssh ended by signal %d\n", host->name,
			status - 128);
	else
		fprintf(stderr, "gocker ps: %s: its sessions are not shown (exit status %d)\n",
			host->name, status);
}

/* Returns whether the host answered. */
static bool finish(struct host *host, struct json_object *list)
{
	int status = gk_spawn_wait(host->pid);
	bool answered = status == 0 && take_answer(host, list);
	if (!answered)
		report(host, status);
	return answered;
}

static int ask_all(struct host *all, size_t n, char *command, struct json_object *list)
{
	int failed = 0, r = 0;
	size_t started = 0;
	while (started < n && (r = start(&all[started], command)) == 0)
		started++;
	for (size_t i = 0; i < started; i++)
		failed += !finish(&all[i], list);
	for (size_t i = 0; i < n; i++) {
		gk_close_fd(&all[i].out);
		gk_close_fd(&all[i].error);
	}
	return r < 0 ? r : failed;
}

int gk_hosts_ps(const char *hosts, const char *const *arguments, struct json_object *list)
{
	gk_autofree struct host *all = calloc(GK_HOSTS_MOST, sizeof *all);
	gk_autofree char *command = remote_command(arguments);
	size_t n = 0;
	if (!all || !command)
		return -ENOMEM;
	for (const char *p = hosts; n < GK_HOSTS_MOST; p += strcspn(p, ",") + 1) {
		snprintf(all[n].name, sizeof all[n].name, "%.*s", (int)strcspn(p, ","), p);
		all[n].out = all[n].error = -1;
		n++;
		if (!strchr(p, ','))
			break;
	}
	return ask_all(all, n, command, list);
}
