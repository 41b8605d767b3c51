#include <stdio.h>
#include <string.h>

#include "cli/check-host.h"
#include "cli/doctor/doctor.h"
#include "cli/spawn.h"
#include "run/build/bridge.h"
#include "run/build/network.h"

/* Firewalls that drop what is forwarded, by a part of the name of their table or chains, and how
 * each is told to let sessions pass. */
static const struct firewall {
	const char *part, *how;
} firewalls[] = {
	{ "firewalld",
		"with firewalld: `firewall-cmd --permanent --zone=trusted --add-interface=" GK_BRIDGE
		"` and `firewall-cmd --reload`" },
	{ "ufw", "with ufw: `ufw route allow in on " GK_BRIDGE "`" },
	{ "DOCKER-USER",
		"beside docker: `iptables -I DOCKER-USER -i " GK_BRIDGE
		" -j ACCEPT` and the same with -o" },
};
enum { FIREWALLS = sizeof firewalls / sizeof *firewalls };

/* A table in nft(8)'s list. */
struct table {
	char name[128]; /* "ip filter" */
	bool forwards;  /* in a chain at the forward hook */
	bool drops;     /* such a chain drops or rejects what none of its rules accepts */
	bool knows;     /* it has a rule with the bridge's name */
	unsigned whose; /* a bit for each of the firewalls that has part in it */
};

/* Of a table of nobody's that is known, all are told. NULL without memory. */
static const char *hint(struct gk_doctor *d, unsigned whose)
{
	const char *text = "let the firewall forward from and to " GK_BRIDGE, *before = " (";
	for (unsigned i = 0; text && i < FIREWALLS; i++)
		if (!whose || (whose & 1U << i)) {
			text = gk_arena_printf(&d->arena, "%s%s%s", text, before, firewalls[i].how);
			before = "; ";
		}
	return text ? gk_arena_printf(&d->arena, "%s)", text) : NULL;
}

static void end_table(struct gk_doctor *d, struct table *t)
{
	if (t->drops && !t->knows && strcmp(t->name, "inet gocker") != 0)
		gk_found(d, GK_FOUND_BAD, "network", hint(d, t->whose),
			"the firewall's table %s drops what is forwarded, and has no rule for " GK_BRIDGE
			": sessions on it reach nothing",
			t->name);
	*t = (struct table){ 0 };
}

static void note_name(struct table *t, const char *name)
{
	for (unsigned i = 0; i < FIREWALLS; i++)
		if (strstr(name, firewalls[i].part))
			t->whose |= 1U << i;
}

/* "table ip filter {", then chains: "type filter hook forward priority filter; policy drop;". What
 * firewalld has is a chain with a rule at its end that rejects everything. */
static void read_line(struct gk_doctor *d, struct table *t, const char *line)
{
	const char *text = line + strspn(line, "\t ");
	if (strncmp(text, "table ", strlen("table ")) == 0) {
		end_table(d, t);
		snprintf(t->name, sizeof t->name, "%.*s", (int)strcspn(text + 6, "{\n") - 1,
			text + 6);
		note_name(t, t->name);
	} else if (strncmp(text, "chain ", strlen("chain ")) == 0) {
		note_name(t, text);
	} else if (strncmp(text, "type ", strlen("type ")) == 0) {
		t->forwards = strstr(text, "hook forward") != NULL;
		t->drops = t->drops || (t->forwards && strstr(text, "policy drop"));
	} else if (*text == '}') {
		t->forwards = false;
	} else if (t->forwards &&
		(strncmp(text, "reject", strlen("reject")) == 0 || strcmp(text, "drop\n") == 0)) {
		t->drops = true;
	}
	t->knows = t->knows || strstr(text, "gocker");
}

static void check_firewall(struct gk_doctor *d)
{
	static const char *const argv[] = { GK_NETWORK_NFT, "list", "ruleset", NULL };
	struct gk_err err = GK_ERR_INIT;
	struct table table = { 0 };
	char line[4096];
	pid_t pid;
	FILE *f = gk_spawn_stream(argv, &pid, &err);
	while (f && fgets(line, sizeof line, f))
		read_line(d, &table, line);
	end_table(d, &table);
	if (f) {
		(void)fclose(f);
		(void)gk_spawn_wait(pid);
	}
}

void gk_doctor_bridge(struct gk_doctor *d)
{
	const char *lacking = gk_bridge_lacks();
	if (!d->have_config || !gk_check_wants_bridge(&d->config))
		return;
	if (lacking)
		gk_found(d, GK_FOUND_BAD, "network", GK_BRIDGE_HINT,
			"no %s: logins with private_network = bridge are refused", lacking);
	else
		gk_found(d, GK_FOUND_OK, "network", NULL,
			"the bridge and the rules of private_network = bridge");
	check_firewall(d);
}
