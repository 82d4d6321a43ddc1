/* SPDX-License-Identifier: ISC */
/*
 * Arenas: memory with a lifetime (process, session, command, message).  Allocation cannot fail: the process
 * dies and is restarted.  Sizes that a peer chose are checked by the caller first.  One thread per arena.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

#include <stdarg.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena **arena);
/* Gives everything back but one small block, which the next command uses again. */
void arena_reset(struct arena *arena);
/* Bytes handed out since the last reset. */
size_t arena_used(const struct arena *arena);
/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
/* Not zeroed, no alignment: for bytes. */
char *arena_bytes(struct arena *arena, size_t size) __attribute__((returns_nonnull));
#define arena_make(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define arena_array(arena, type, count) \
	((type *)arena_alloc((arena), arena_array_size((count), sizeof(type))))
size_t arena_array_size(size_t count, size_t size);
/* A copy; NUL-terminated besides. */
struct str arena_dup(struct arena *arena, struct str s);
struct str arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
struct str arena_vprintf(struct arena *arena, const char *format, va_list ap);

/* Heap for long-lived things; these die rather than fail. */
void *mem_alloc(size_t size) __attribute__((returns_nonnull, malloc));
void *mem_grow(void *p, size_t size) __attribute__((returns_nonnull));
char *mem_dup(struct str s) __attribute__((returns_nonnull));
#define mem_make(type) ((type *)mem_alloc(sizeof(type)))

#endif
