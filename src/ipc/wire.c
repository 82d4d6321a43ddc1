/* SPDX-License-Identifier: ISC */
#include "ipc/wire.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_CHUNK = 128 << 10, KEEP_MAX = 512 << 10 };

static uint64_t syscalls;

uint64_t wire_syscalls(void)
{
	return syscalls;
}

void wire_init(struct wire *wire, int fd)
{
	*wire = (struct wire){ .fd = fd };
	/* What a peer sends is checked frame by frame; what we queue, in wire_add(). */
	wire->in.max = WIRE_HEADER + IPC_FRAME_MAX + READ_CHUNK;
}

void wire_done(struct wire *wire)
{
	for (unsigned i = 0; i < wire->in_fd_count; i++)
		close(wire->in_fds[i]);
	for (size_t i = wire->out_fds_start; i < wire->out_fds.n; i++)
		close(wire->out_fds.v[i].fd);
	vec_done(&wire->out_fds);
	buf_done(&wire->in);
	buf_done(&wire->out);
	if (wire->fd >= 0)
		close(wire->fd);
	*wire = (struct wire){ .fd = -1 };
}

size_t wire_waiting(const struct wire *wire)
{
	return wire->out.n - wire->out_start;
}

static void put_u32_at(struct buf *buf, size_t at, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		buf->p[at + i] = (char)(v >> (8 * i));
}

static void add_header(struct buf *out, const struct wire_frame *head, unsigned flags)
{
	buf_u32(out, 0);
	buf_u16(out, (uint16_t)head->type);
	buf_u16(out, (uint16_t)flags);
	buf_u32(out, head->id);
	buf_u64(out, head->trace);
}

/* Sets the length, or takes the frame that began at start back. */
static enum err finish_frame(struct wire *wire, size_t start)
{
	size_t n = wire->out.n - start - WIRE_HEADER;

	if (n <= IPC_FRAME_MAX && wire_waiting(wire) <= WIRE_OUTPUT_MAX) {
		put_u32_at(&wire->out, start, (uint32_t)n);
		return OK;
	}
	buf_truncate(&wire->out, start);
	return n > IPC_FRAME_MAX ? ERR_TOO_BIG : ERR_BUSY;
}

enum err wire_add(struct wire *wire, const struct wire_frame *head, const void *body)
{
	size_t start = wire->out.n;
	enum err e;
	int copy;

	add_header(&wire->out, head, head->fd >= 0 ? WIRE_HAS_FD : 0);
	ipc_encode(head->type, body, &wire->out);
	e = finish_frame(wire, start);
	if (e != OK || head->fd < 0)
		return e;
	copy = fcntl(head->fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0) {
		buf_truncate(&wire->out, start);
		return err_from_errno(errno);
	}
	vec_push(&wire->out_fds, ((struct wire_out_fd){ start, wire->out.n, copy }));
	return OK;
}

enum err wire_add_error(struct wire *wire, const struct wire_frame *head, enum err e)
{
	size_t start = wire->out.n;

	add_header(&wire->out, head, WIRE_ERROR);
	buf_u32(&wire->out, e);
	return finish_frame(wire, start);
}

static ssize_t send_part(struct wire *wire, size_t n, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { wire->out.p + wire->out_start, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		control.align =
			(struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	}
	syscalls++;
	return sendmsg(wire->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The frame with a descriptor that stands at the head of the output, if one does. */
static struct wire_out_fd *fd_at_head(struct wire *wire)
{
	struct wire_out_fd *next = &wire->out_fds.v[wire->out_fds_start];

	return wire->out_fds_start < wire->out_fds.n && next->at == wire->out_start ? next :
										      NULL;
}

/* How many bytes the next sendmsg() may have: a frame with a descriptor goes alone. */
static size_t part_size(const struct wire *wire, const struct wire_out_fd *head)
{
	if (head)
		return head->end - head->at;
	if (wire->out_fds_start < wire->out_fds.n)
		return wire->out_fds.v[wire->out_fds_start].at - wire->out_start;
	return wire_waiting(wire);
}

static void tidy_output(struct wire *wire)
{
	if (wire_waiting(wire) > 0 && wire->out_start < wire->out.n / 2)
		return;
	buf_consume(&wire->out, wire->out_start);
	for (size_t i = wire->out_fds_start; i < wire->out_fds.n; i++) {
		wire->out_fds.v[i].at -= wire->out_start;
		wire->out_fds.v[i].end -= wire->out_start;
	}
	wire->out_start = 0;
	if (wire->out.n == 0 && wire->out.cap > KEEP_MAX)
		buf_release(&wire->out);
	if (wire->out_fds_start == wire->out_fds.n)
		wire->out_fds_start = wire->out_fds.n = 0;
}

enum err wire_flush(struct wire *wire)
{
	enum err e = OK;

	while (e == OK && wire_waiting(wire) > 0) {
		struct wire_out_fd *head = fd_at_head(wire);
		ssize_t n = send_part(wire, part_size(wire, head), head ? head->fd : -1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0) {
			e = err_from_errno(errno);
			continue;
		}
		/* The descriptor went with the first byte, even if not all bytes went. */
		if (head) {
			close(head->fd);
			wire->out_fds_start++;
		}
		wire->out_start += (size_t)n;
	}
	tidy_output(wire);
	return e;
}

/* Keeps what came in control data; false when that is not at most one descriptor. */
static bool take_descriptors(struct wire *wire, struct msghdr *msg, bool *ret_any)
{
	bool good = !(msg->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		good = good && count == 1;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			good = good && wire->in_fd_count < WIRE_FDS_WAITING;
			*ret_any = true;
			if (good)
				wire->in_fds[wire->in_fd_count++] = fd;
			else
				close(fd);
		}
	}
	return good;
}

static uint32_t length_at(const struct wire *wire, size_t at)
{
	struct rd rd = rd_of(str_make(wire->in.p + at, 4));

	return rd_u32(&rd);
}

/* Room for a chunk, or for the rest of the frame that has begun. */
static char *make_room(struct wire *wire, size_t *ret_room)
{
	size_t left = wire->in.n - wire->in_start, want = READ_CHUNK;

	if (wire->in_start)
		buf_consume(&wire->in, wire->in_start);
	wire->in_start = 0;
	if (left == 0 && wire->in.cap > KEEP_MAX)
		buf_release(&wire->in);
	if (left >= WIRE_HEADER && length_at(wire, 0) + WIRE_HEADER > left + want)
		want = length_at(wire, 0) + WIRE_HEADER - left;
	*ret_room = want;
	return buf_reserve(&wire->in, want);
}

enum err wire_read(struct wire *wire, bool *ret_more)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	size_t room;
	char *p = make_room(wire, &room);
	struct iovec iov = { p, room };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	bool any = false;
	ssize_t n;

	assert(p);
	*ret_more = false;
	syscalls++;
	n = recvmsg(wire->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return OK;
	if (n < 0)
		return err_from_errno(errno);
	if (!take_descriptors(wire, &msg, &any))
		return ERR_PROTOCOL;
	if (n == 0)
		return ERR_CLOSED;
	buf_added(&wire->in, (size_t)n);
	/* The kernel ends a read where a descriptor came. */
	*ret_more = any || (size_t)n == room;
	return OK;
}

static int take_fd(struct wire *wire)
{
	int fd = wire->in_fds[0];

	wire->in_fd_count--;
	memmove(wire->in_fds, wire->in_fds + 1, wire->in_fd_count * sizeof(int));
	return fd;
}

/* No frame is complete: only one that has begun can have a descriptor waiting. */
static enum err nothing_yet(const struct wire *wire, size_t left)
{
	return wire->in_fd_count > (left > 0 ? 1U : 0U) ? ERR_PROTOCOL : ERR_NOT_FOUND;
}

enum err wire_next(struct wire *wire, struct wire_frame *ret_frame)
{
	size_t left = wire->in.n - wire->in_start;
	struct rd rd = rd_of(str_make(wire->in.p + wire->in_start, left));
	struct wire_frame f = { .fd = -1 };
	uint32_t length;

	if (left < WIRE_HEADER)
		return nothing_yet(wire, left);
	length = rd_u32(&rd);
	f.type = rd_u16(&rd);
	f.flags = rd_u16(&rd);
	f.id = rd_u32(&rd);
	f.trace = rd_u64(&rd);
	if (length > IPC_FRAME_MAX || f.flags & ~(unsigned)(WIRE_HAS_FD | WIRE_ERROR))
		return ERR_PROTOCOL;
	if (rd_left(&rd) < length)
		return nothing_yet(wire, left);
	f.body = rd_bytes(&rd, length);
	if (f.flags & WIRE_HAS_FD && wire->in_fd_count == 0)
		return ERR_PROTOCOL;
	if (f.flags & WIRE_HAS_FD)
		f.fd = take_fd(wire);
	wire->in_start += WIRE_HEADER + length;
	*ret_frame = f;
	return OK;
}
