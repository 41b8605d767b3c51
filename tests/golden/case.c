#include "case.h"

#include <stdlib.h>
#include <string.h>

static void unescape(char *s)
{
	char *to = s;
	for (; *s; s++) {
		if (*s == '\\' && (s[1] == 'n' || s[1] == '\\'))
			*to++ = *++s == 'n' ? '\n' : '\\';
		else
			*to++ = *s;
	}
	*to = '\0';
}

static const char **text_field(struct gk_case *c, const char *word)
{
	struct gk_override *over = &c->request.override;
	const struct {
		const char *word;
		const char **field;
	} fields[] = { { "name", &c->who.name }, { "gecos", &c->who.gecos },
		{ "home", &c->who.home }, { "shell", &c->who.shell },
		{ "session", &c->request.session_id }, { "command", &c->request.command },
		{ "agent", &c->request.agent_socket }, { "--image", &over->image },
		{ "--hostname", &over->hostname }, { "--network", &over->network },
		{ "--root", &over->root }, { "--home", &over->home },
		{ "--volume", &over->volumes }, { "--env", &over->env_set },
		{ "--workdir", &over->workdir }, { "--edit-root", &over->edit_root } };
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (strcmp(word, fields[i].word) == 0)
			return fields[i].field;
	return NULL;
}

/* Words with a number, or with one of a few names. */
static int read_number(struct gk_case *c, const char *word, char *rest)
{
	unsigned long number = strtoul(rest, NULL, 10);
	if (strcmp(word, "uid") == 0)
		c->who.uid = (uid_t)number;
	else if (strcmp(word, "gid") == 0)
		c->who.gid = (gid_t)number;
	else if (strcmp(word, "--pids-limit") == 0)
		c->request.override.pids_max = number;
	else if (strcmp(word, "--memory") == 0)
		c->request.override.memory_max = number;
	else if (strcmp(word, "--cpus-milli") == 0)
		c->request.override.cpus_milli = (uint32_t)number;
	else if (strcmp(word, "--userns") == 0)
		c->request.override.userns_base = number;
	else if (strcmp(word, "login") == 0)
		c->request.login = true;
	else if (strcmp(word, "--container-root") == 0)
		c->request.override.as_container_root = true;
	else if (strcmp(word, "door") == 0)
		c->request.door = *rest == 'p' ? GK_DOOR_PAM :
			*rest == 'r'           ? GK_DOOR_RUN :
						 GK_DOOR_SHELL;
	else if (strcmp(word, "tty") == 0)
		c->request.tty = *rest == 't' ? GK_TTY_TAKEOVER :
			*rest == 'r'          ? GK_TTY_RELAY :
						GK_TTY_NONE;
	else
		return 0;
	return 1;
}

static int add_word(const char **list, char *word)
{
	size_t n = 0;
	while (list[n])
		n++;
	if (n < GK_CASE_LIST_MAX)
		list[n] = word;
	return 1;
}

/* device KIND MAJOR MINOR MODE UID GID NAME */
static int add_device(struct gk_case *c, char *rest)
{
	unsigned number[5] = { 0 };
	char *at = rest;
	bool block = *rest == 'b';
	if (c->request.ndevices == GK_CASE_LIST_MAX)
		return 1;
	at += strcspn(at, " ");
	for (size_t i = 0; i < 5; i++)
		number[i] = (unsigned)strtoul(at, &at, i == 2 ? 8 : 10);
	c->devices[c->request.ndevices++] = (struct gk_node){ .name = at + strspn(at, " "),
		.major = number[0],
		.minor = number[1],
		.mode = number[2],
		.by_policy = true,
		.block = block,
		.uid = number[3],
		.gid = number[4] };
	c->request.devices = c->devices;
	return 1;
}

static int read_list(struct gk_case *c, const char *word, char *rest)
{
	if (strcmp(word, "arg") == 0)
		return add_word(c->argv, rest);
	if (strcmp(word, "env") == 0)
		return add_word(c->env, rest);
	if (strcmp(word, "device") == 0)
		return add_device(c, rest);
	if (strcmp(word, "group") != 0)
		return 0;
	if (c->who.ngroups == GK_CASE_LIST_MAX)
		return 1;
	char *name = strchr(rest, ' ');
	c->groups[c->who.ngroups++] =
		(struct gk_group){ (gid_t)strtoul(rest, NULL, 10), name ? name + 1 : NULL };
	return 1;
}

static int read_line(struct gk_case *c, char *line)
{
	char *rest = strchr(line, ' ');
	if (rest)
		*rest++ = '\0';
	else
		rest = line + strlen(line);
	unescape(rest);
	const char **field = text_field(c, line);
	if (field)
		*field = rest;
	return field || read_number(c, line, rest) || read_list(c, line, rest);
}

const char *gk_case_read(char *text, struct gk_case *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->who.name = "";
	ret->who.groups = ret->groups;
	for (char *next, *line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (*line && *line != '#' && !read_line(ret, line))
			return line;
	}
	if (ret->argv[0])
		ret->request.argv = ret->argv;
	ret->request.env = ret->env;
	return NULL;
}
