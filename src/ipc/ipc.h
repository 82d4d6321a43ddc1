/* SPDX-License-Identifier: ISC */
/*
 * Typed messages between roles over UNIX stream sockets: requests with replies, and notices.
 * messages.def lists them with their fields and which role may send which to which; anything
 * else on a wire ends that peer. Small content travels inline, larger as a descriptor.  One
 * thread.  Errors: ERR_UNAVAILABLE (no such peer now), ERR_TIMEOUT, ERR_CLOSED (peer died
 * before it replied), ERR_TOO_BIG (more than IPC_FRAME_MAX), ERR_BUSY (no credit left, or the
 * peer does not keep up), and what the peer replied with.
 */
#ifndef IPC_IPC_H
#define IPC_IPC_H

#include "base/buf.h"
#include "ipc/roles.h"
#include "net/loop.h"

enum {
	IPC_FRAME_MAX = 2 << 20,       /* bytes of one encoded message */
	IPC_INLINE_CONTENT = 64 << 10, /* larger content goes by descriptor */
	IPC_CREDITS = 1024,            /* requests under way at one peer */
};

enum ipc_type {
	IPC_NONE,
#define IPC_MESSAGE(name, lower, from, to, reply) IPC_##name,
#include "ipc/messages.def"
#undef IPC_MESSAGE
	IPC_TYPES
};

/* struct ipc_dir_lookup { struct str address; uint8_t purpose; ... }: one struct a message. */
#define IPC_C_u8 uint8_t
#define IPC_C_u32 uint32_t
#define IPC_C_u64 uint64_t
#define IPC_C_i64 int64_t
#define IPC_C_str struct str
#define IPC_MESSAGE(name, lower, from, to, reply) \
	struct ipc_##lower { \
		IPC_FIELDS_##name \
	};
#define F(type, field) IPC_C_##type field;
#include "ipc/fields.def"
#include "ipc/messages.def"
#undef IPC_MESSAGE
#undef F

/* As large as the largest of those structs. */
union ipc_any_body {
#define IPC_MESSAGE(name, lower, from, to, reply) struct ipc_##lower lower;
#include "ipc/messages.def"
#undef IPC_MESSAGE
};

struct ipc_peer;
struct ipc_hub;
struct ipc_call;

/*
 * A request or notice that arrived.  body points to the decoded struct; its strs live until
 * the handler returns.
 */
struct ipc_request {
	struct ipc_peer *peer;
	enum ipc_type type;
	uint32_t id; /* 0: a notice */
	uint64_t trace;
	const void *body;
	int fd; /* -1: none.  The handler takes it by setting it to -1; else it is closed. */
};

/* To reply later: copy this out of the request.  Every request is replied to exactly once. */
struct ipc_ticket {
	struct ipc_hub *hub;
	uint64_t peer_serial, trace;
	uint32_t id;
	enum ipc_type type;
};

typedef void ipc_handler_fn(void *role, struct ipc_request *request);
/*
 * reply is the decoded struct of the request's reply type when e is OK, else NULL; fd as in
 * ipc_request.
 */
typedef void ipc_reply_fn(void *arg, enum err e, const void *reply, int *fd);

/*
 * self, index: who this process is.  handlers[type] may be NULL: such a request ends the peer.
 */
struct ipc_hub *ipc_hub_new(
	struct loop *loop, enum role_kind self, unsigned index, void *role);
/* Not from inside a callback of the hub.  Calls under way are forgotten. */
void ipc_hub_free(struct ipc_hub **hub);
void ipc_handle(struct ipc_hub *hub, enum ipc_type type, ipc_handler_fn *fn);
/* Takes fd over.  Replaces an older connection to the same role and index. */
void ipc_add_peer(struct ipc_hub *hub, enum role_kind kind, unsigned index, int fd);
bool ipc_has_peer(const struct ipc_hub *hub, enum role_kind kind, unsigned index);
/* How many of a role are connected or were told to exist by ipc_expect(). */
void ipc_expect(struct ipc_hub *hub, enum role_kind kind, unsigned count);
unsigned ipc_peer_count(const struct ipc_hub *hub, enum role_kind kind);
/*
 * Called when a peer's connection ends (it died), after its calls failed: sessions that hung
 * on it end.  Several may register.  When ipc_add_peer() replaces a connection, this comes
 * from inside ipc_add_peer().
 */
typedef void ipc_gone_fn(void *arg, enum role_kind kind, unsigned index);
void ipc_on_gone(struct ipc_hub *hub, ipc_gone_fn *fn, void *arg);
void ipc_gone_forget(struct ipc_hub *hub, void *arg);

/*
 * Sends a request.  body is the struct of type; fd (-1: none) is sent along and stays the
 * caller's.  fn is called exactly once, never from inside ipc_call, unless the call is
 * cancelled.  timeout_ms 0: none. Returns NULL only if fn will be called with an error at the
 * turn's end all the same.
 */
struct ipc_call *ipc_call(struct ipc_hub *hub, enum role_kind kind, unsigned index,
	enum ipc_type type, const void *body, int fd, uint64_t trace, int64_t timeout_ms,
	ipc_reply_fn *fn, void *arg);
/*
 * Forgets fn and arg of every call under way with this arg.  The credit comes back with the
 * reply.
 */
void ipc_cancel(struct ipc_hub *hub, void *arg);
MUST_CHECK enum err ipc_notify(struct ipc_hub *hub, enum role_kind kind, unsigned index,
	enum ipc_type type, const void *body, int fd, uint64_t trace);

struct ipc_ticket ipc_ticket_of(const struct ipc_request *request);
/*
 * body is the struct of the request's reply type.  A peer that is gone meanwhile is no error.
 */
void ipc_reply(struct ipc_ticket ticket, enum ipc_type reply_type, const void *body, int fd);
/* The request failed: the caller's fn gets e. */
void ipc_reply_error(struct ipc_ticket ticket, enum err e);

/* Wire form of one body; for ipc.c, tests and the fuzzer.  Decoded strs point into s. */
void ipc_encode(enum ipc_type type, const void *body, struct buf *out);
MUST_CHECK enum err ipc_decode(enum ipc_type type, struct str s, void *ret_body);
size_t ipc_body_size(enum ipc_type type);
const char *ipc_type_name(enum ipc_type type);
/* The reply type of a request, IPC_NONE for notices and replies. */
enum ipc_type ipc_reply_type(enum ipc_type type);
bool ipc_may_send(enum role_kind from, enum role_kind to, enum ipc_type type);

/*
 * Content that may be inline or in a descriptor: appends the whole to out.  More than max is
 * ERR_TOO_BIG; a descriptor of another length, or neither a sealed memfd nor (above 1 MiB) an
 * unlinked file, ERR_PROTOCOL.
 */
MUST_CHECK enum err ipc_content_read(
	struct str inline_content, uint64_t length, int fd, size_t max, struct buf *out);
/*
 * Content above IPC_INLINE_CONTENT goes into a sealed memfd; *ret_fd is -1 when s may go
 * inline.
 */
MUST_CHECK enum err ipc_content_write(struct str s, int *ret_fd);

#endif
