/* SPDX-License-Identifier: ISC */
#include "smtp/body.h"

#include "ipc/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Written in pieces of this size once content is in a descriptor. */
enum { SPILL_SIZE = IPC_INLINE_CONTENT };

void smtp_body_init(struct smtp_body *body, struct smtp_body_pool *pool, uint64_t max)
{
	*body = (struct smtp_body){
		.pool = pool, .max = max, .head = BUF_MAX(SPILL_SIZE), .fd = -1
	};
}

void smtp_body_done(struct smtp_body *body)
{
	if (body->fd >= 0)
		close(body->fd);
	if (body->pool)
		body->pool->used -= body->stored;
	body->fd = -1;
	body->stored = 0;
	buf_done(&body->head);
}

void smtp_body_drop(struct smtp_body *body, enum err why)
{
	smtp_body_done(body);
	if (body->error == OK)
		body->error = why;
}

static enum err write_all(int fd, struct str s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_from_errno(errno) : ERR_IO;
		s = str_from(s, (size_t)n);
	}
	return OK;
}

static enum err read_at(int fd, uint64_t offset, char *to, size_t n)
{
	while (n > 0) {
		ssize_t got = pread(fd, to, n, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? err_from_errno(errno) : ERR_IO;
		to += got;
		n -= (size_t)got;
		offset += (size_t)got;
	}
	return OK;
}

static enum err open_memfd(struct smtp_body *body)
{
	body->fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	body->is_memfd = true;
	return body->fd < 0 ? err_from_errno(errno) : OK;
}

/* From memory that counts as this machine's to a file. */
static enum err move_to_file(struct smtp_body *body)
{
	char piece[1 << 14];
	int fd = -1;
	enum err e = body->pool->open_file(body->pool->open_arg, &fd);

	for (uint64_t at = 0; e == OK && at < body->stored;) {
		size_t n = body->stored - at < sizeof(piece) ? (size_t)(body->stored - at)
							     : sizeof(piece);

		e = read_at(body->fd, at, piece, n);
		if (e == OK)
			e = write_all(fd, str_make(piece, n));
		at += n;
	}
	if (e != OK) {
		if (fd >= 0)
			close(fd);
		return e;
	}
	close(body->fd);
	body->fd = fd;
	body->is_memfd = false;
	return OK;
}

static enum err choose_place(struct smtp_body *body, size_t more)
{
	if (body->fd < 0)
		return open_memfd(body);
	if (body->is_memfd && body->pool->open_file &&
		body->stored + more > SMTP_BODY_MEMFD_MAX)
		return move_to_file(body);
	return OK;
}

static enum err spill(struct smtp_body *body)
{
	struct str s = buf_str(&body->head);
	enum err e;

	if (body->pool->max && body->pool->used + s.n > body->pool->max)
		return ERR_LIMIT;
	e = choose_place(body, s.n);
	if (e == OK)
		e = write_all(body->fd, s);
	if (e != OK)
		return e;
	body->stored += s.n;
	body->pool->used += s.n;
	buf_clear(&body->head);
	return OK;
}

void smtp_body_add(void *arg, struct str piece)
{
	struct smtp_body *body = arg;

	body->size += piece.n;
	if (body->error == OK && body->size > body->max)
		smtp_body_drop(body, ERR_TOO_BIG);
	while (body->error == OK && piece.n > 0) {
		struct str part = str_sub(piece, 0, SPILL_SIZE - body->head.n);
		enum err e;

		buf_add(&body->head, part);
		piece = str_from(piece, part.n);
		/* A message of exactly the inline size stays inline. */
		if (piece.n == 0 || body->head.n < SPILL_SIZE)
			continue;
		e = spill(body);
		if (e != OK)
			smtp_body_drop(body, e);
	}
}

enum err smtp_body_finish(struct smtp_body *body)
{
	if (body->error == OK && body->fd >= 0 && body->head.n > 0)
		body->error = spill(body);
	if (body->error != OK || body->fd < 0)
		return body->error;
	buf_release(&body->head);
	if (body->is_memfd &&
		fcntl(body->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) != 0)
		body->error = err_from_errno(errno);
	return body->error;
}

struct str smtp_body_inline(const struct smtp_body *body)
{
	return body->fd < 0 ? buf_str(&body->head) : STR_NONE;
}

enum err smtp_body_copy(
	struct smtp_body *body, const struct smtp_body *source, uint64_t *offset, size_t max)
{
	size_t n = source->size - *offset < max ? (size_t)(source->size - *offset) : max;
	char piece[1 << 14];

	if (source->fd < 0) {
		smtp_body_add(body, str_sub(smtp_body_inline(source), (size_t)*offset, n));
		*offset += n;
		return body->error;
	}
	while (n > 0 && body->error == OK) {
		size_t part = n < sizeof(piece) ? n : sizeof(piece);
		enum err e = read_at(source->fd, *offset, piece, part);

		if (e != OK)
			return e;
		smtp_body_add(body, str_make(piece, part));
		*offset += part;
		n -= part;
	}
	return body->error;
}
