#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gk_arena_block {
	struct gk_arena_block *next;
	size_t size, used;
	_Alignas(max_align_t) unsigned char data[];
};

/* Under AddressSanitizer every allocation is a block of its own, so that it sees a step outside. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GK_ASAN 1
#endif
#endif
#if defined(GK_ASAN) || defined(__SANITIZE_ADDRESS__)
enum { BLOCK_BYTES = 1 };
#else
enum { BLOCK_BYTES = 16 << 10 };
#endif

void *gk_arena_alloc(struct gk_arena *arena, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	if (size > GK_ARENA_MAX - align)
		return NULL;
	size = (size + align - 1) / align * align;
	struct gk_arena_block *block = arena->head;
	if (!block || block->size - block->used < size) {
		size_t want = size > BLOCK_BYTES ? size : BLOCK_BYTES;
		if (want > GK_ARENA_MAX - arena->used_bytes)
			return NULL;
		block = calloc(1, sizeof *block + want);
		if (!block)
			return NULL;
		block->size = want;
		block->next = arena->head;
		arena->head = block;
		arena->used_bytes += want;
	}
	void *p = block->data + block->used;
	block->used += size;
	return p;
}

void *gk_arena_array(struct gk_arena *arena, size_t nmemb, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(nmemb, size, &total))
		return NULL;
	return gk_arena_alloc(arena, total ? total : 1);
}

char *gk_arena_strndup(struct gk_arena *arena, const char *s, size_t n)
{
	if (!s)
		return NULL;
	size_t len = strnlen(s, n);
	char *copy = gk_arena_alloc(arena, len + 1);
	if (copy)
		memcpy(copy, s, len);
	return copy;
}

char *gk_arena_strdup(struct gk_arena *arena, const char *s)
{
	return gk_arena_strndup(arena, s, PTRDIFF_MAX - 1);
}

char *gk_arena_printf(struct gk_arena *arena, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *s = n < 0 ? NULL : gk_arena_alloc(arena, (size_t)n + 1);
	if (s)
		vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s;
}

void gk_arena_free(struct gk_arena *arena)
{
	while (arena->head) {
		struct gk_arena_block *next = arena->head->next;
		free(arena->head);
		arena->head = next;
	}
	arena->used_bytes = 0;
}
