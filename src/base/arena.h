/* An arena: what one login needs to remember is allocated in it and freed at once. */
#ifndef GK_BASE_ARENA_H
#define GK_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct gk_arena_block;
struct gk_arena {
	struct gk_arena_block *head;
	size_t used_bytes;
};

/* The most one arena holds: a bound on what bad input can make a login allocate. */
#define GK_ARENA_MAX ((size_t)32 << 20)

/* size zeroed bytes, aligned for any type; NULL when memory or GK_ARENA_MAX is exhausted. */
void *gk_arena_alloc(struct gk_arena *arena, size_t size) __attribute__((malloc));

/* nmemb zeroed objects of size bytes; NULL also when the product overflows. */
void *gk_arena_array(struct gk_arena *arena, size_t nmemb, size_t size) __attribute__((malloc));

/* A copy of s (of its first n bytes at most). NULL in, NULL out. */
char *gk_arena_strdup(struct gk_arena *arena, const char *s);
char *gk_arena_strndup(struct gk_arena *arena, const char *s, size_t n);

/* A formatted string. */
char *gk_arena_printf(struct gk_arena *arena, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Frees everything allocated in the arena. */
void gk_arena_free(struct gk_arena *arena);

#endif
