#include "plan/plan.h"

#include <arpa/inet.h>
#include <string.h>

#include "plan/hostroot.h"
#include "plan/iomax.h"
#include "plan/names.h"
#include "plan/text.h"

/* A string in quotes, with everything that could break a line or a terminal as \xNN. */
static void put(FILE *out, const char *s)
{
	if (!s) {
		fputs("-", out);
		return;
	}
	fputc('"', out);
	for (; *s; s++) {
		if (*s == '\n')
			fputs("\\n", out);
		else if (*s == '\t')
			fputs("\\t", out);
		else if (gk_is_control(*s) || (unsigned char)*s >= 0x80)
			fprintf(out, "\\x%02x", (unsigned)(unsigned char)*s);
		else {
			if (*s == '"' || *s == '\\')
				fputc('\\', out);
			fputc(*s, out);
		}
	}
	fputc('"', out);
}

/* The names of the bits that are set, separated by commas; "none" for none. */
static void put_bits(FILE *out, enum gk_bits what, uint64_t bits)
{
	const char *comma = "", *name;
	while ((name = gk_bits_next(what, &bits))) {
		fprintf(out, "%s%s", comma, name);
		comma = ",";
	}
	if (bits)
		fprintf(out, "%s%#llx", comma, (unsigned long long)bits);
	else if (!*comma)
		fputs("none", out);
}

static void print_io_max(const struct gk_policy *policy, FILE *out)
{
	for (size_t i = 0; i < policy->nio_max; i++) {
		const struct gk_io_limit *limit = &policy->io_max[i];
		fputs("io_max ", out);
		put(out, limit->target);
		for (int kind = 0; kind < GK_IO_KINDS; kind++)
			if (limit->most[kind] != GK_UNLIMITED)
				fprintf(out, " %s %llu", gk_io_names[kind],
					(unsigned long long)limit->most[kind]);
		fputc('\n', out);
	}
}

static void print_limits(const struct gk_plan *plan, FILE *out)
{
	struct gk_limit limits[GK_LIMITS];
	gk_plan_limits(plan, limits);
	for (size_t i = 0; i < GK_LIMITS; i++) {
		if (limits[i].value == GK_UNLIMITED)
			fprintf(out, "limit %s none\n", limits[i].name);
		else
			fprintf(out, "limit %s %llu\n", limits[i].name,
				(unsigned long long)limits[i].value);
	}
	print_io_max(plan->policy, out);
}

static void print_node(const struct gk_node *n, FILE *out)
{
	if (!n->by_policy) {
		fprintf(out, "node %s %u:%u %04o\n", n->name, n->major, n->minor,
			(unsigned)n->mode);
		return;
	}
	fprintf(out, "device %s ", n->block ? "block" : "char");
	put(out, n->name);
	fprintf(out, " %u:%u %04o %u:%u\n", n->major, n->minor, (unsigned)n->mode, (unsigned)n->uid,
		(unsigned)n->gid);
}

static void print_entries(const struct gk_plan *plan, FILE *out)
{
	for (size_t i = 0; i < plan->nentries; i++) {
		const struct gk_entry *e = &plan->entries[i];
		fprintf(out, "entry %s %04o %u:%u ", gk_entry_name(e->kind), (unsigned)e->mode,
			(unsigned)e->uid, (unsigned)e->gid);
		put(out, e->path);
		if (e->content) {
			fputc(' ', out);
			put(out, e->content);
		}
		fputc('\n', out);
	}
	for (size_t i = 0; i < plan->nnodes; i++)
		print_node(&plan->nodes[i], out);
}

static void print_mount(const struct gk_plan *plan, const struct gk_mount *m, FILE *out)
{
	fprintf(out, "mount %s ", gk_mount_name(m->kind));
	put(out, m->target);
	fputc(' ', out);
	put_bits(out, GK_BITS_MOUNT, m->flags);
	if (m->kind == GK_MOUNT_SCRATCH || m->kind == GK_MOUNT_SKELETON) {
		fprintf(out, " from %s:", gk_scratch_name((enum gk_scratch)m->index));
		put(out, m->source);
	}
	if (m->kind == GK_MOUNT_HOST) {
		fputs(" from host:", out);
		put(out, m->source);
	}
	if (m->kind == GK_MOUNT_BIND || m->kind == GK_MOUNT_EDIT) {
		const struct gk_bind *tree = &plan->binds[m->index];
		fprintf(out, " from host%s%s%s:", tree->as_user ? " as_user" : "",
			tree->socket ? " socket" : "", tree->file ? " file" : "");
		put(out, tree->source);
	}
	fputc('\n', out);
}

static void print_root(const struct gk_plan *plan, FILE *out)
{
	fputs("image ", out);
	put(out, plan->image_path ? plan->image_path : GK_IMAGE_HOST);
	fputc('\n', out);
	for (size_t i = 0; i < GK_SCRATCH_COUNT; i++)
		fprintf(out, "tmpfs %s size %llu inodes %llu\n",
			gk_scratch_name((enum gk_scratch)i),
			(unsigned long long)plan->scratch[i].size_bytes,
			(unsigned long long)plan->scratch[i].inodes);
	print_entries(plan, out);
	for (size_t i = 0; i < plan->nmounts; i++)
		print_mount(plan, &plan->mounts[i], out);
}

static void print_credentials(const struct gk_credentials *cred, FILE *out)
{
	fprintf(out, "uid %u\ngid %u\ngroups", (unsigned)cred->uid, (unsigned)cred->gid);
	for (size_t i = 0; i < cred->ngroups; i++)
		fprintf(out, " %u", (unsigned)cred->groups[i]);
	fputs("\ncapabilities ", out);
	put_bits(out, GK_BITS_CAPS, cred->caps);
	fprintf(out, "\nno_new_privs %s\nfilter %s\n", cred->no_new_privs ? "yes" : "no",
		gk_filter_name(cred->filter));
	if (cred->scope) {
		fputs("scoped ", out);
		put_bits(out, GK_BITS_SCOPE, cred->scope);
		fputc('\n', out);
	}
}

/* The ports that are allowed; nothing where all are. */
static void print_ports(const char *what, const struct gk_ports *ports, FILE *out)
{
	if (!ports->limited)
		return;
	fputs(what, out);
	for (size_t i = 0; i < ports->n; i++)
		fprintf(out, " %u-%u", (unsigned)ports->ranges[i].first,
			(unsigned)ports->ranges[i].last);
	fputs(ports->n ? "\n" : " none\n", out);
}

static void print_payload(const struct gk_plan *plan, FILE *out)
{
	fprintf(out, "tty %s\n", gk_tty_name(plan->tty));
	print_credentials(&plan->cred, out);
	print_ports("tcp_connect", &plan->policy->tcp_connect, out);
	print_ports("tcp_bind", &plan->policy->tcp_bind, out);
	if (plan->umask == (mode_t)-1)
		fputs("umask inherit\n", out);
	else
		fprintf(out, "umask %04o\n", (unsigned)plan->umask);
	fputs("cwd ", out);
	put(out, plan->cwd);
	fputs(" else ", out);
	put(out, plan->cwd_else);
	fputs("\nexec ", out);
	put(out, plan->exec_path);
	fputc('\n', out);
	if (plan->banner) {
		fputs("banner ", out);
		put(out, plan->banner);
		fputc('\n', out);
	}
	for (const char *const *arg = plan->argv; *arg; arg++) {
		fputs("arg ", out);
		put(out, *arg);
		fputc('\n', out);
	}
	for (const char *const *var = plan->env; *var; var++) {
		fputs("env ", out);
		put(out, *var);
		fputc('\n', out);
	}
}

static void print_rules(const char *rules, FILE *out)
{
	for (size_t len; rules && *rules; rules += len + (rules[len] == '\n')) {
		len = strcspn(rules, "\n");
		size_t blank = strspn(rules, "\t");
		fprintf(out, "network %.*s\n", (int)(len - blank), rules + blank);
	}
}

/* The rules for a session on the bridge, as net_deny and net_allow write networks. */
static void print_net_rules(const struct gk_plan *plan, FILE *out)
{
	if (plan->net_rules)
		fputs("network bridge\n", out);
	for (size_t i = 0; plan->net_rules && i < plan->nnet_rules; i++) {
		const struct gk_net_rule *rule = &plan->net_rules[i];
		char address[INET6_ADDRSTRLEN] = "all";
		fprintf(out, "network %s ", rule->accept ? "accept" : "reject");
		if (rule->family != AF_UNSPEC)
			(void)inet_ntop(rule->family, rule->address, address, sizeof address);
		fputs(address, out);
		if (rule->family != AF_UNSPEC)
			fprintf(out, "/%u", rule->bits);
		if (rule->last)
			fprintf(out, " port %u-%u", rule->first, rule->last);
		fputc('\n', out);
	}
}

static void print_share(const struct gk_policy *policy, FILE *out)
{
	fputs("share user linger ", out);
	if (policy->linger_s == GK_UNLIMITED)
		fputs("forever", out);
	else
		fprintf(out, "%llu", (unsigned long long)policy->linger_s);
	fprintf(out, " container_max_duration %llu\n",
		(unsigned long long)policy->container_max_duration_s);
}

void gk_plan_print(const struct gk_plan *plan, FILE *out)
{
	fprintf(out, "door %s\nsession ", gk_door_name(plan->door));
	put(out, plan->session_id);
	fputs("\nuser ", out);
	put(out, plan->who->name);
	fputs("\nhostname ", out);
	put(out, plan->hostname);
	fputs("\nnamespaces ", out);
	put_bits(out, GK_BITS_NAMESPACES, plan->namespaces);
	fputc('\n', out);
	if (plan->door != GK_DOOR_RUN && plan->policy->share == GK_SHARE_USER)
		print_share(plan->policy, out);
	if (plan->userns_base)
		fprintf(out, "userns 0 is %llu of %d\n", (unsigned long long)plan->userns_base,
			GK_USERNS_IDS);
	for (size_t i = 0; i < plan->npublish; i++)
		fprintf(out, "publish %s %u-%u\n", plan->publish[i].address,
			(unsigned)plan->publish[i].first, (unsigned)plan->publish[i].last);
	print_rules(plan->network_rules, out);
	print_net_rules(plan, out);
	print_limits(plan, out);
	print_root(plan, out);
	print_payload(plan, out);
}
