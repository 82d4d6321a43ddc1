/* SPDX-License-Identifier: ISC */
#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_SIZE = 4096 - 32 };

struct block {
	struct block *next;
	size_t used, size;
	alignas(max_align_t) char data[];
};

struct arena {
	struct block *head;
	size_t used;
};

static _Noreturn void die_of_memory(void)
{
	fputs("event=out_of_memory\n", stderr);
	abort();
}

void *mem_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		die_of_memory();
	return p;
}

void *mem_grow(void *p, size_t size)
{
	p = realloc(p, size ? size : 1);
	if (!p)
		die_of_memory();
	return p;
}

char *mem_dup(struct str s)
{
	char *p = mem_alloc(s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	return p;
}

struct arena *arena_new(void)
{
	return mem_make(struct arena);
}

static struct block *add_block(struct arena *arena, size_t size)
{
	struct block *b;

	size = size > BLOCK_SIZE ? size : BLOCK_SIZE;
	b = malloc(sizeof(*b) + size);
	if (!b)
		die_of_memory();
	b->size = size;
	b->used = 0;
	b->next = arena->head;
	arena->head = b;
	return b;
}

static void free_blocks(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
}

void arena_free(struct arena **arena)
{
	if (!*arena)
		return;
	free_blocks((*arena)->head);
	free(*arena);
	*arena = NULL;
}

void arena_reset(struct arena *arena)
{
	struct block *keep = arena->head;

	arena->used = 0;
	if (!keep)
		return;
	free_blocks(keep->next);
	keep->next = NULL;
	keep->used = 0;
	if (keep->size > BLOCK_SIZE) {
		free(keep);
		arena->head = NULL;
	}
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}

static char *take(struct arena *arena, size_t size, size_t align)
{
	struct block *b = arena->head;
	size_t at = b ? (b->used + align - 1) & ~(align - 1) : 0;

	if (size > SIZE_MAX / 2)
		die_of_memory();
	if (!b || at + size > b->size) {
		b = add_block(arena, size);
		at = 0;
	}
	b->used = at + size;
	arena->used += size;
	return b->data + at;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	return memset(take(arena, size, alignof(max_align_t)), 0, size);
}

char *arena_bytes(struct arena *arena, size_t size)
{
	return take(arena, size, 1);
}

size_t arena_array_size(size_t count, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(count, size, &all))
		die_of_memory();
	return all;
}

struct str arena_dup(struct arena *arena, struct str s)
{
	char *p = arena_bytes(arena, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct str){ p, s.n };
}

struct str arena_vprintf(struct arena *arena, const char *format, va_list ap)
{
	va_list again;
	int n;
	char *p;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0)
		die_of_memory();
	p = arena_bytes(arena, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, format, ap);
	return (struct str){ p, (size_t)n };
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
	va_list ap;
	struct str s;

	va_start(ap, format);
	s = arena_vprintf(arena, format, ap);
	va_end(ap);
	return s;
}
