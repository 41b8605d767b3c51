/* Trying a program that was brought into an image, before anybody is told that it is there. */
#ifndef GK_IMAGE_TRIAL_H
#define GK_IMAGE_TRIAL_H

#include <stddef.h>

/* How to run a program in a container: the caller's, since images are made without containers. */
struct gk_try {
	/* Runs argv (NULL-ended) in a container without a network whose root is dir/root, or the
	 * host's own files where dir is NULL. text (size bytes) takes the end of what it prints.
	 * Returns its exit status, 128 + N after signal N, 125 when there was no container; or
	 * -errno: -ETIME when it ran on and on, -EINTR when the caller was interrupted. */
	int (*fn)(void *arg, const char *dir, const char *const *argv, char *text, size_t size);
	void *arg;
};

/* Whether the program at path runs in dir/root: it ends there with status 0, with --version or a
 * small task where one is known; or with the same status and the same words as on the host. Returns
 * 0, or with why filled in: -ENOEXEC when it does not run, -ECANCELED when it could not be tried,
 * -EINTR. */
int gk_trial(const struct gk_try *try, const char *dir, const char *path, char *why, size_t size);

#endif
