/* Cleanup by attribute, and the explicit steal that ends it. */
#ifndef GK_BASE_CLEANUP_H
#define GK_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void gk_close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static inline void gk_free_ptr(void *p)
{
	void **pp = p;
	free(*pp);
	*pp = NULL;
}

/* Takes an fd out of its cleanup variable. */
static inline int gk_steal_fd(int *fd)
{
	int stolen = *fd;
	*fd = -1;
	return stolen;
}

#define gk_autoclose __attribute__((unused, cleanup(gk_close_fd)))
#define gk_autofree  __attribute__((unused, cleanup(gk_free_ptr)))

#endif
