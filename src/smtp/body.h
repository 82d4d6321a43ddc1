/* SPDX-License-Identifier: ISC */
/*
 * The content of one message while it arrives and until it is stored: in memory while it may
 * travel inline (IPC_INLINE_CONTENT), then in a memfd, past SMTP_BODY_MEMFD_MAX in an unlinked
 * file where the role gave a way to open one.  All bodies together keep to one budget.  Errors
 * stick: adding goes on, nothing is kept.
 */
#ifndef SMTP_BODY_H
#define SMTP_BODY_H

#include "base/buf.h"

enum { SMTP_BODY_MEMFD_MAX = 1 << 20 };

/* Shared by all bodies of a server. */
struct smtp_body_pool {
	uint64_t max; /* bytes outside the heap, all bodies together; 0: no limit */
	uint64_t used;
	/* Opens an unlinked file for reading and writing; NULL: memfds of any size. */
	enum err (*open_file)(void *arg, int *ret_fd);
	void *open_arg;
};

struct smtp_body {
	struct smtp_body_pool *pool;
	uint64_t size, max; /* size counts on when content is no longer kept */
	struct buf head;    /* all of it, or what is not yet in fd */
	int fd;             /* -1: inline */
	bool is_memfd;
	uint64_t stored; /* bytes in fd */
	enum err error;  /* ERR_TOO_BIG, ERR_NO_SPACE, ERR_LIMIT (the pool), ERR_IO */
};

void smtp_body_init(struct smtp_body *body, struct smtp_body_pool *pool, uint64_t max);
void smtp_body_done(struct smtp_body *body);
/* A sink of smtp_data_scan; arg is the struct smtp_body. */
void smtp_body_add(void *arg, struct str piece);
/* Gives the bytes back, keeps counting: the message will be refused. */
void smtp_body_drop(struct smtp_body *body, enum err why);
/* No more comes: afterwards content and fd may be sent; a memfd is sealed (write, shrink,
 * grow). */
MUST_CHECK enum err smtp_body_finish(struct smtp_body *body);
/* What goes into a message: inline content, empty when fd >= 0. */
struct str smtp_body_inline(const struct smtp_body *body);
/*
 * Appends up to max bytes of source from *offset on to body and moves *offset.  A finished
 * body is edited by making a new one of pieces.
 */
MUST_CHECK enum err smtp_body_copy(
	struct smtp_body *body, const struct smtp_body *source, uint64_t *offset, size_t max);

#endif
