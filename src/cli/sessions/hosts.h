/* Sessions of other hosts, asked for over ssh. */
#ifndef GK_CLI_SESSIONS_HOSTS_H
#define GK_CLI_SESSIONS_HOSTS_H

struct json_object;

enum { GK_HOSTS_MOST = 128 };

/* Checks "HOST[,HOST...]", each as ssh takes it: [USER@]NAME or ssh://[USER@]NAME[:PORT]. Returns
 * 0, or 2 after a usage error of the command. */
int gk_hosts_check(const char *command, const char *hosts);

/* Runs `gocker ps --format json ARGUMENT...` on all of them at once, with sudo where the user
 * there is not root, and appends what they answer to list, host by host in the given order, with
 * the host's name as the field "host" of each session. arguments ends with NULL. A host that did
 * not answer is reported on stderr, with what ssh said. Returns how many these are, or -errno. */
int gk_hosts_ps(const char *hosts, const char *const *arguments, struct json_object *list);

#endif
