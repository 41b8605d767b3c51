/* What was asked for: the door, the command, the terminal, the environment. Pure data. */
#ifndef GK_PLAN_REQUEST_H
#define GK_PLAN_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

struct gk_hostroot;
struct gk_node;

enum gk_door {
	GK_DOOR_SHELL, /* gocker-shell: the user's login shell or a ForceCommand */
	GK_DOOR_PAM,   /* pam_gocker.so through the keeper: no payload of its own */
	GK_DOOR_RUN,   /* gocker run, by root */
};

enum gk_tty_mode {
	GK_TTY_NONE,     /* fds 0-2 as they are */
	GK_TTY_TAKEOVER, /* session leader on a pty: hand the controlling terminal over */
	GK_TTY_RELAY,    /* a pty inside, a relay outside */
};

/* Bits over the policy that `gocker run` options set; unset members (NULL, 0) change nothing. */
struct gk_override {
	const char *image;
	const char *hostname;
	const char *network;    /* "host", "private" or "none" */
	const char *root;       /* "overlay" or "readonly" */
	const char *home;       /* "bind", "tmpfs" or "none" */
	const char *volumes;    /* as the volumes key; added after the policy's own */
	const char *env_set;    /* as the env_set key; added after the policy's own */
	const char *workdir;    /* inside; NULL: the home, else / */
	uint64_t pids_max;      /* tasks */
	uint64_t memory_max;    /* bytes */
	uint32_t cpus_milli;    /* thousandths of a CPU */
	const char *edit_root;  /* `gocker image edit`: this host directory itself is the root, and
				   is written to; nothing is laid over it */
	bool as_container_root; /* uid 0 inside with a bounded capability set */
	uint64_t userns_base;   /* a user namespace: the first of GK_USERNS_IDS host ids; 0: none */
};

struct gk_request {
	enum gk_door door;
	const char *session_id;  /* 12 lower-case hex digits, or "ID" placeholder for explain */
	bool login;              /* argv[0] began with '-', or -l: a login shell */
	const char *command;     /* the -c string, untouched bytes; NULL: none */
	const char *const *argv; /* GK_DOOR_RUN: the command and its arguments; GK_DOOR_SHELL:
				    what the shell was called with, passed on in place of
				    command; NULL-ended, or NULL */
	const char *const
		*env;         /* the caller's environment, NULL-ended; may be NULL. For the plan of
				 a GK_DOOR_PAM session: names that the stack's modules have set */
	enum gk_tty_mode tty; /* how the payload gets its terminal */
	const char *agent_socket; /* host path of the ssh agent's socket to bring in, or NULL */
	bool join;                /* GK_DOOR_RUN: in the container that the user's logins share */
	bool greet; /* a person sits at a terminal and asked for no command: the banner is due */
	const char *banner; /* what stands in the file that the policy's banner names; NULL: none */
	bool container;     /* the plan is that of such a container (gk_plan_make_container) */
	struct gk_override override;
	const struct gk_hostroot *host; /* image = host: what of the host is there; else NULL */
	const char *const
		*image_env; /* NAME=value that the image's config sets; NULL-ended, or NULL */
	const struct gk_node *devices; /* those that the policy's devices name on this host */
	size_t ndevices;
};

/* Fills in what a login shell was called for, as sshd, su, login and sudo call one: "-sh" for a
 * login, `-c STRING` for a command. As an sshd ForceCommand there is no argument, and the client's
 * command is in the environment, request->env. self: the path at which the shell stands. argv is
 * kept, not copied, and has at least argv[0]. request->tty is read. */
void gk_request_called(
	struct gk_request *request, const char *self, int argc, const char *const *argv);

#endif
