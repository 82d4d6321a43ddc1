/* SPDX-License-Identifier: ISC */
/* One connection to another role: what it may send, its requests and ours. */
#include "ipc/hub.h"

#include "base/log.h"
#include "base/metrics.h"

#include <assert.h>
#include <unistd.h>

enum { READS_A_TURN = 16, SLOT_MASK = IPC_CREDITS - 1, GENERATION_STEP = IPC_CREDITS };

void ipc_peer_end(struct ipc_peer *peer)
{
	struct ipc_hub *hub = peer->hub;

	if (peer->dead)
		return;
	peer->dead = true;
	loop_fd_remove(&peer->watch);
	wire_done(&peer->wire);
	link_remove(&peer->dirty);
	link_remove(&peer->link);
	link_append(&hub->dead, &peer->link);
	if (hub->table[peer->kind].v[peer->index] == peer)
		hub->table[peer->kind].v[peer->index] = NULL;
	for (unsigned i = 0; i < IPC_CREDITS; i++)
		if (peer->slots[i].call)
			ipc_fail_later(peer->slots[i].call, hub, ERR_CLOSED);
	ipc_settle_later(hub);
}

void ipc_peer_violated(struct ipc_peer *peer, const char *what)
{
	LOG(LOG_WARNING, "ipc-violation", F_CSTR("peer", role_name(peer->kind)),
		F_U64("index", peer->index), F_CSTR("what", what));
	ipc_peer_end(peer);
}

uint32_t ipc_peer_claim(struct ipc_peer *peer, struct ipc_call *call)
{
	unsigned slot;

	if (peer->free_count == 0)
		return 0;
	slot = peer->free_slots[--peer->free_count];
	peer->generation += GENERATION_STEP;
	/* 0 means no request, so the generation is never 0. */
	if (peer->generation == 0)
		peer->generation = GENERATION_STEP;
	peer->slots[slot] = (struct ipc_slot){ peer->generation | slot, call };
	return peer->slots[slot].id;
}

void ipc_peer_unclaim(struct ipc_peer *peer, uint32_t id)
{
	unsigned slot = id & SLOT_MASK;

	peer->slots[slot] = (struct ipc_slot){ 0, NULL };
	peer->free_slots[peer->free_count++] = (uint16_t)slot;
}

void ipc_peer_abandon(struct ipc_peer *peer, uint32_t id)
{
	peer->slots[id & SLOT_MASK].call = NULL;
}

bool ipc_peer_answer(struct ipc_peer *peer, uint32_t id)
{
	uint32_t *asked = &peer->asked[id & SLOT_MASK];

	if (id == 0 || *asked != id)
		return false;
	*asked = 0;
	return true;
}

static void handle_request(struct ipc_peer *peer, struct wire_frame *f, const void *body)
{
	struct ipc_request request = { peer, f->type, f->id, f->trace, body, f->fd };

	f->fd = -1;
	peer->hub->handlers[f->type](peer->hub->role, &request);
	if (request.fd >= 0)
		close(request.fd);
}

/* NULL, or what is wrong. */
static const char *take_request(struct ipc_peer *peer, struct wire_frame *f)
{
	union ipc_any_body body;
	bool wants_reply = ipc_reply_type(f->type) != IPC_NONE;

	if (!peer->hub->handlers[f->type])
		return "unexpected type";
	if (f->flags & WIRE_ERROR || wants_reply != (f->id != 0))
		return "request without id or notice with one";
	if (wants_reply && peer->asked[f->id & SLOT_MASK] != 0)
		return "more requests than credits";
	if (ipc_decode(f->type, f->body, &body) != OK)
		return "malformed body";
	if (wants_reply)
		peer->asked[f->id & SLOT_MASK] = f->id;
	handle_request(peer, f, &body);
	return NULL;
}

static const char *take_error(
	struct ipc_peer *peer, struct ipc_call *call, const struct wire_frame *f)
{
	struct rd rd = rd_of(f->body);
	uint32_t e = rd_u32(&rd);
	int none = -1;

	if (rd.bad || rd_left(&rd) || e == OK || e >= ERR_COUNT || f->flags & WIRE_HAS_FD)
		return "malformed error";
	ipc_peer_unclaim(peer, f->id);
	if (call) {
		link_remove(&call->link);
		call->fn(call->arg, (enum err)e, NULL, &none);
		free(call);
	}
	return NULL;
}

static const char *take_reply(struct ipc_peer *peer, struct wire_frame *f)
{
	struct ipc_slot *slot = &peer->slots[f->id & SLOT_MASK];
	struct ipc_call *call = slot->call;
	union ipc_any_body body;

	if (f->id == 0 || slot->id != f->id)
		return "reply to nothing";
	if (call && ipc_reply_type(call->type) != f->type)
		return "reply of another type";
	if (f->flags & WIRE_ERROR)
		return take_error(peer, call, f);
	if (ipc_decode(f->type, f->body, &body) != OK)
		return "malformed body";
	ipc_peer_unclaim(peer, f->id);
	if (call) {
		link_remove(&call->link);
		call->fn(call->arg, OK, &body, &f->fd);
		free(call);
	}
	return NULL;
}

static bool is_reply(enum ipc_type type)
{
	return false
#define IPC_MESSAGE(name, lower, from, to, reply) || type == IPC_##reply
#include "ipc/messages.def"
#undef IPC_MESSAGE
		;
}

static void take_frame(struct ipc_peer *peer, struct wire_frame *f)
{
	const char *wrong;

	metric_add(METRIC_ipc_messages_received, 1);
	if (!ipc_may_send(peer->kind, peer->hub->self, f->type))
		wrong = "type not allowed";
	else
		wrong = is_reply(f->type) ? take_reply(peer, f) : take_request(peer, f);
	if (f->fd >= 0)
		close(f->fd);
	if (wrong && !peer->dead)
		ipc_peer_violated(peer, wrong);
}

/* False when the peer ended. */
static bool take_frames(struct ipc_peer *peer)
{
	struct wire_frame f;
	enum err e;

	while ((e = wire_next(&peer->wire, &f)) == OK) {
		take_frame(peer, &f);
		if (peer->dead)
			return false;
	}
	if (e == ERR_NOT_FOUND)
		return true;
	ipc_peer_violated(peer, "malformed frame");
	return false;
}

static void read_peer(struct ipc_peer *peer)
{
	bool more = true;

	for (int i = 0; more && i < READS_A_TURN; i++) {
		enum err e = wire_read(&peer->wire, &more);

		if (e == ERR_PROTOCOL)
			ipc_peer_violated(peer, "malformed control data");
		else if (e != OK)
			ipc_peer_end(peer);
		if (e != OK || !take_frames(peer))
			return;
	}
}

static void on_ready(void *arg, int events)
{
	struct ipc_peer *peer = arg;

	if (events & LOOP_WRITE)
		ipc_peer_dirty(peer);
	if (events & LOOP_READ)
		read_peer(peer);
}

void ipc_peer_dirty(struct ipc_peer *peer)
{
	if (!link_is_empty(&peer->dirty))
		return;
	link_append(&peer->hub->dirty, &peer->dirty);
	loop_wake(peer->hub->loop);
}

void ipc_peer_flush(struct ipc_peer *peer)
{
	link_remove(&peer->dirty);
	if (wire_flush(&peer->wire) != OK)
		ipc_peer_end(peer);
	else
		loop_fd_watch(
			peer->watch, LOOP_READ | (wire_waiting(&peer->wire) ? LOOP_WRITE : 0));
}

struct ipc_peer *ipc_peer_new(struct ipc_hub *hub, enum role_kind kind, unsigned index, int fd)
{
	struct ipc_peer *peer = mem_make(struct ipc_peer);

	peer->hub = hub;
	peer->kind = kind;
	peer->index = index;
	peer->serial = ++hub->serials;
	link_init(&peer->dirty);
	link_append(&hub->peers, &peer->link);
	wire_init(&peer->wire, fd);
	for (unsigned i = 0; i < IPC_CREDITS; i++)
		peer->free_slots[peer->free_count++] = (uint16_t)(IPC_CREDITS - 1 - i);
	peer->watch = loop_fd_add(hub->loop, fd, on_ready, peer);
	loop_fd_watch(peer->watch, LOOP_READ);
	return peer;
}

void ipc_peer_free(struct ipc_peer *peer)
{
	link_remove(&peer->link);
	link_remove(&peer->dirty);
	loop_fd_remove(&peer->watch);
	wire_done(&peer->wire);
	free(peer);
}
