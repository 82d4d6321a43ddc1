/* SPDX-License-Identifier: ISC */
/*
 * Frames over one UNIX stream socket, both directions buffered.  A frame is
 * { u32 body length, u16 type, u16 flags, u32 id, u64 trace } and the body, little-endian.
 * A frame with a descriptor is sent by a sendmsg() of its own, so the kernel delivers
 * descriptors in the order of the frames that say they have one; a missing or a surplus
 * descriptor is ERR_PROTOCOL.  Internal to ipc.
 */
#ifndef IPC_WIRE_H
#define IPC_WIRE_H

#include "ipc/ipc.h"

#include "base/vec.h"

enum {
	WIRE_HEADER = 20,
	/*
	 * Requests are refused above the first; a peer that lets replies pile up to the second
	 * is ended.
	 */
	WIRE_BUSY = 8 << 20,
	WIRE_OUTPUT_MAX = 64 << 20,
	WIRE_FDS_WAITING = 4,
};

enum { WIRE_HAS_FD = 1, WIRE_ERROR = 2 /* the body is a u32 enum err */ };

struct wire_frame {
	unsigned type; /* as sent: may be no enum ipc_type */
	unsigned flags;
	uint32_t id;
	uint64_t trace;
	struct str body; /* valid until the next wire_read() */
	int fd;          /* -1: none; the receiver's */
};

struct wire_out_fd {
	size_t at, end; /* the frame's place in out */
	int fd;
};

struct wire {
	int fd;
	struct buf in, out;
	size_t in_start, out_start;
	int in_fds[WIRE_FDS_WAITING];
	unsigned in_fd_count;
	VEC(struct wire_out_fd) out_fds;
	size_t out_fds_start;
};

void wire_init(struct wire *wire, int fd);
void wire_done(struct wire *wire);
/* Queues a frame; head->body is not looked at and head->fd (-1: none) stays the caller's. */
MUST_CHECK enum err wire_add(
	struct wire *wire, const struct wire_frame *head, const void *body);
MUST_CHECK enum err wire_add_error(
	struct wire *wire, const struct wire_frame *head, enum err e);
/* Bytes that wait. */
size_t wire_waiting(const struct wire *wire);
/* Sends until nothing waits or the kernel takes no more. */
MUST_CHECK enum err wire_flush(struct wire *wire);
/*
 * One read.  ERR_CLOSED at the end of file.  more: another read is likely to bring something.
 */
MUST_CHECK enum err wire_read(struct wire *wire, bool *ret_more);
/* The next complete frame; ERR_NOT_FOUND when there is none yet. */
MUST_CHECK enum err wire_next(struct wire *wire, struct wire_frame *ret_frame);
/* How often this process called the kernel here: for measurements. */
uint64_t wire_syscalls(void);

#endif
