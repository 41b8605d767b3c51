/* publish: which ports of the host are free for a session, and which of them it has got. */
#ifndef GK_RUN_BUILD_PUBLISH_H
#define GK_RUN_BUILD_PUBLISH_H

#include <stdbool.h>
#include <sys/types.h>

#include "plan/plan.h"

/* Room for one range as pasta(1) takes it: ADDRESS/FIRST-LAST. */
enum { GK_PORTS_TEXT = 64 };

/* Room for what the user is told of ports that could not be published. */
enum { GK_PORTS_NOTICE = 400 };

/* The ports of a plan, as ranges "ADDRESS:FIRST-LAST" with blanks between them. What does not fit
 * is replaced by "...". */
struct gk_ports_text {
	char open[256]; /* those that lead to the session */
	char shut[256]; /* those that something else on the host has */
};

/* What the user is told, in ret, of ports that something else has (shut, or as a record has them).
 * False where there are none. */
bool gk_ports_notice(const char *shut, char *ret, size_t size);

/* Tells it on a terminal (-1: none). */
void gk_ports_tell(const char *shut, int tty);

/* Where something could not be published: logs it for a session, and tells it on its terminal (-1:
 * none). */
void gk_ports_report(const struct gk_ports_text *ports, const char *id, int tty);

/* The text, or "-" for none. */
const char *gk_ports_shown(const char *text);

/* Fills ret with the free ports of a plan, a range each, at most GK_PUBLISH_MOST. Free is a port
 * that this process can bind; another may take it a moment later. Returns how many ranges. */
size_t gk_ports_free(const struct gk_plan *plan, char ret[GK_PUBLISH_MOST][GK_PORTS_TEXT]);

/* Listens on the free ports of a plan, in this network namespace; ret: the sockets, which do not
 * block. Fills ret_ports with what is open and what is not. Returns how many sockets there are. */
size_t gk_ports_listen(
	const struct gk_plan *plan, int ret[GK_PUBLISH_MOST], struct gk_ports_text *ret_ports);

/* Finds out on which ports of the plan a process of uid listens in this network namespace, by the
 * kernel's list (proc_net_tcp.rst). */
void gk_ports_read(const struct gk_plan *plan, uid_t uid, struct gk_ports_text *ret);

#endif
