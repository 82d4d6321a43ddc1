/* SPDX-License-Identifier: ISC */
/* What peer.c and hub.c share.  Internal to ipc. */
#ifndef IPC_HUB_H
#define IPC_HUB_H

#include "ipc/wire.h"
#include "net/link.h"

/* A request of ours whose fn is still to be called. */
struct ipc_call {
	struct link link; /* hub->calls, or hub->failing */
	struct ipc_peer *peer;
	enum ipc_type type;
	enum err failed;
	uint32_t id;
	int64_t deadline; /* time_mono_ms(); 0: none */
	ipc_reply_fn *fn;
	void *arg;
};

/*
 * Requests have slots, of which each side has IPC_CREDITS: the low bits of an id are the slot.
 * A call that timed out or was cancelled keeps its slot (call NULL, id set) until the peer
 * replies: the peer still works on it.
 */
struct ipc_slot {
	uint32_t id; /* 0: free */
	struct ipc_call *call;
};

struct ipc_peer {
	struct ipc_hub *hub;
	struct link link, dirty; /* hub->peers or hub->dead; hub->dirty while output waits for
				    the turn's end */
	enum role_kind kind;
	unsigned index;
	uint64_t serial;
	bool dead;
	struct wire wire;
	struct loop_fd *watch;
	uint32_t generation;
	unsigned free_count;
	uint16_t free_slots[IPC_CREDITS];
	struct ipc_slot slots[IPC_CREDITS];
	uint32_t asked[IPC_CREDITS]; /* ids of the peer's requests we have not replied to, by
					slot */
};

struct ipc_gone {
	ipc_gone_fn *fn;
	void *arg;
};

struct ipc_hub {
	struct loop *loop;
	enum role_kind self;
	unsigned index;
	void *role;
	ipc_handler_fn *handlers[IPC_TYPES];
	VEC(struct ipc_peer *) table[ROLE_KINDS];
	unsigned expected[ROLE_KINDS];
	VEC(struct ipc_gone) gone;
	struct link peers, dead, graves, dirty, calls, failing, delivering;
	uint64_t serials;
	bool settling; /* deferred */
	bool ticking;
	struct loop_timer *tick;
};

/* peer.c */
struct ipc_peer *ipc_peer_new(
	struct ipc_hub *hub, enum role_kind kind, unsigned index, int fd);
void ipc_peer_free(struct ipc_peer *peer);
/* Output waits: flush at the turn's end. */
void ipc_peer_dirty(struct ipc_peer *peer);
void ipc_peer_flush(struct ipc_peer *peer);
/* Closes; calls under way fail with ERR_CLOSED at the turn's end. */
void ipc_peer_end(struct ipc_peer *peer);
/* ... because it did what is not allowed. */
void ipc_peer_violated(struct ipc_peer *peer, const char *what);
/* A slot for a request of ours; 0 when there is no credit. */
uint32_t ipc_peer_claim(struct ipc_peer *peer, struct ipc_call *call);
void ipc_peer_unclaim(struct ipc_peer *peer, uint32_t id);
/* The call's slot stays taken until the reply. */
void ipc_peer_abandon(struct ipc_peer *peer, uint32_t id);
/* True if this request of the peer's waited for our reply; no more then. */
bool ipc_peer_answer(struct ipc_peer *peer, uint32_t id);

/* hub.c: the call fails with call->failed at the turn's end. */
void ipc_fail_later(struct ipc_call *call, struct ipc_hub *hub, enum err e);
void ipc_settle_later(struct ipc_hub *hub);

#endif
