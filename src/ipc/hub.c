/* SPDX-License-Identifier: ISC */
/* Calls and replies of one process, and who its peers are. */
#include "ipc/hub.h"

#include "base/metrics.h"
#include "base/time.h"

#include <assert.h>

enum { TICK_MS = 250, INDEX_MAX = 4096 };

static void flush_all(void *arg)
{
	struct ipc_hub *hub = arg;

	while (!link_is_empty(&hub->dirty))
		ipc_peer_flush(link_owner(hub->dirty.next, struct ipc_peer, dirty));
	while (!link_is_empty(&hub->graves))
		ipc_peer_free(link_owner(hub->graves.next, struct ipc_peer, link));
}

struct ipc_hub *ipc_hub_new(struct loop *loop, enum role_kind self, unsigned index, void *role)
{
	struct ipc_hub *hub = mem_make(struct ipc_hub);
	struct link *const lists[] = { &hub->peers, &hub->dead, &hub->graves, &hub->dirty,
		&hub->calls, &hub->failing, &hub->delivering };

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		link_init(lists[i]);
	hub->loop = loop;
	hub->self = self;
	hub->index = index;
	hub->role = role;
	loop_at_turn_last(loop, flush_all, hub);
	return hub;
}

static void free_calls(struct link *list)
{
	while (!link_is_empty(list)) {
		struct ipc_call *call = link_owner(list->next, struct ipc_call, link);

		link_remove(&call->link);
		free(call);
	}
}

static void free_peers(struct link *list)
{
	while (!link_is_empty(list))
		ipc_peer_free(link_owner(list->next, struct ipc_peer, link));
}

void ipc_hub_free(struct ipc_hub **hub)
{
	struct ipc_hub *h = *hub;

	if (!h)
		return;
	loop_turn_forget(h->loop, h);
	loop_defer_cancel(h->loop, h);
	loop_timer_remove(&h->tick);
	free_calls(&h->calls);
	free_calls(&h->failing);
	free_peers(&h->peers);
	free_peers(&h->dead);
	free_peers(&h->graves);
	for (unsigned i = 0; i < ROLE_KINDS; i++)
		vec_done(&h->table[i]);
	vec_done(&h->gone);
	free(h);
	*hub = NULL;
}

void ipc_handle(struct ipc_hub *hub, enum ipc_type type, ipc_handler_fn *fn)
{
	assert(type > IPC_NONE && type < IPC_TYPES);
	hub->handlers[type] = fn;
}

void ipc_on_gone(struct ipc_hub *hub, ipc_gone_fn *fn, void *arg)
{
	vec_push(&hub->gone, ((struct ipc_gone){ fn, arg }));
}

void ipc_gone_forget(struct ipc_hub *hub, void *arg)
{
	for (size_t i = 0; i < hub->gone.n; i++)
		if (hub->gone.v[i].arg == arg)
			hub->gone.v[i].fn = NULL;
}

static void deliver_failures(struct ipc_hub *hub)
{
	/*
	 * Calls that fail while these are told wait for the next time: a retry at once must
	 * not spin here.
	 */
	link_append_all(&hub->delivering, &hub->failing);
	while (!link_is_empty(&hub->delivering)) {
		struct ipc_call *call =
			link_owner(hub->delivering.next, struct ipc_call, link);
		int none = -1;

		link_remove(&call->link);
		call->fn(call->arg, call->failed, NULL, &none);
		free(call);
	}
}

static void bury_dead(struct ipc_hub *hub)
{
	while (!link_is_empty(&hub->dead)) {
		struct ipc_peer *peer = link_owner(hub->dead.next, struct ipc_peer, link);

		/* Its memory may be in use further up the stack until the turn ends. */
		link_remove(&peer->link);
		link_append(&hub->graves, &peer->link);
		for (size_t i = 0; i < hub->gone.n; i++)
			if (hub->gone.v[i].fn)
				hub->gone.v[i].fn(hub->gone.v[i].arg, peer->kind, peer->index);
	}
}

static void settle(void *arg)
{
	struct ipc_hub *hub = arg;

	hub->settling = false;
	deliver_failures(hub);
	bury_dead(hub);
}

void ipc_settle_later(struct ipc_hub *hub)
{
	if (hub->settling)
		return;
	hub->settling = true;
	loop_defer(hub->loop, settle, hub);
}

void ipc_fail_later(struct ipc_call *call, struct ipc_hub *hub, enum err e)
{
	call->peer = NULL;
	call->failed = e;
	link_remove(&call->link);
	link_append(&hub->failing, &call->link);
	ipc_settle_later(hub);
}

static struct ipc_peer *find_peer(
	const struct ipc_hub *hub, enum role_kind kind, unsigned index)
{
	assert(kind < ROLE_KINDS);
	return index < hub->table[kind].n ? hub->table[kind].v[index] : NULL;
}

void ipc_add_peer(struct ipc_hub *hub, enum role_kind kind, unsigned index, int fd)
{
	struct ipc_peer *old;

	assert(kind < ROLE_KINDS && index < INDEX_MAX && fd >= 0);
	while (hub->table[kind].n <= index)
		vec_push(&hub->table[kind], NULL);
	old = find_peer(hub, kind, index);
	if (old)
		ipc_peer_end(old);
	/* What hung on the old connection ends before anything uses the new one. */
	settle(hub);
	hub->table[kind].v[index] = ipc_peer_new(hub, kind, index, fd);
}

bool ipc_has_peer(const struct ipc_hub *hub, enum role_kind kind, unsigned index)
{
	return find_peer(hub, kind, index) != NULL;
}

void ipc_expect(struct ipc_hub *hub, enum role_kind kind, unsigned count)
{
	hub->expected[kind] = count;
}

unsigned ipc_peer_count(const struct ipc_hub *hub, enum role_kind kind)
{
	unsigned known = (unsigned)hub->table[kind].n;

	return known > hub->expected[kind] ? known : hub->expected[kind];
}

static void tick(void *arg)
{
	struct ipc_hub *hub = arg;
	int64_t now = time_mono_ms();
	struct link *next;

	hub->ticking = false;
	for (struct link *l = hub->calls.next; l != &hub->calls; l = next) {
		struct ipc_call *call = link_owner(l, struct ipc_call, link);

		next = l->next;
		if (call->deadline && call->deadline <= now) {
			ipc_peer_abandon(call->peer, call->id);
			ipc_fail_later(call, hub, ERR_TIMEOUT);
		} else if (call->deadline) {
			hub->ticking = true;
		}
	}
	if (hub->ticking)
		loop_timer_start(hub->tick, TICK_MS);
}

static void set_deadline(struct ipc_hub *hub, struct ipc_call *call, int64_t timeout_ms)
{
	if (timeout_ms <= 0)
		return;
	call->deadline = time_mono_ms() + timeout_ms;
	if (!hub->tick)
		hub->tick = loop_timer_add(hub->loop, tick, hub);
	if (!hub->ticking)
		loop_timer_start(hub->tick, timeout_ms < TICK_MS ? timeout_ms : TICK_MS);
	hub->ticking = true;
}

static enum err send_frame(
	struct ipc_peer *peer, const struct wire_frame *head, const void *body)
{
	enum err e = wire_add(&peer->wire, head, body);

	if (e == OK) {
		metric_add(METRIC_ipc_messages_sent, 1);
		ipc_peer_dirty(peer);
	}
	return e;
}

static enum err send_call(struct ipc_call *call, const void *body, int fd, uint64_t trace)
{
	struct ipc_peer *peer = call->peer;
	struct wire_frame head = { .type = call->type, .trace = trace, .fd = fd };
	enum err e;

	if (wire_waiting(&peer->wire) > WIRE_BUSY)
		return ERR_BUSY;
	head.id = call->id = ipc_peer_claim(peer, call);
	if (head.id == 0)
		return ERR_BUSY;
	e = send_frame(peer, &head, body);
	if (e != OK)
		ipc_peer_unclaim(peer, head.id);
	return e;
}

struct ipc_call *ipc_call(struct ipc_hub *hub, enum role_kind kind, unsigned index,
	enum ipc_type type, const void *body, int fd, uint64_t trace, int64_t timeout_ms,
	ipc_reply_fn *fn, void *arg)
{
	struct ipc_call *call = mem_make(struct ipc_call);
	enum err e;

	assert(ipc_may_send(hub->self, kind, type) && ipc_reply_type(type) != IPC_NONE);
	call->peer = find_peer(hub, kind, index);
	call->type = type;
	call->fn = fn;
	call->arg = arg;
	link_init(&call->link);
	e = call->peer ? send_call(call, body, fd, trace) : ERR_UNAVAILABLE;
	if (e != OK) {
		ipc_fail_later(call, hub, e);
		return NULL;
	}
	link_append(&hub->calls, &call->link);
	set_deadline(hub, call, timeout_ms);
	return call;
}

static void cancel_in(struct link *list, void *arg)
{
	struct link *next;

	for (struct link *l = list->next; l != list; l = next) {
		struct ipc_call *call = link_owner(l, struct ipc_call, link);

		next = l->next;
		if (call->arg != arg)
			continue;
		if (call->peer)
			ipc_peer_abandon(call->peer, call->id);
		link_remove(&call->link);
		free(call);
	}
}

void ipc_cancel(struct ipc_hub *hub, void *arg)
{
	cancel_in(&hub->calls, arg);
	cancel_in(&hub->failing, arg);
	cancel_in(&hub->delivering, arg);
}

enum err ipc_notify(struct ipc_hub *hub, enum role_kind kind, unsigned index,
	enum ipc_type type, const void *body, int fd, uint64_t trace)
{
	struct wire_frame head = { .type = type, .trace = trace, .fd = fd };
	struct ipc_peer *peer = find_peer(hub, kind, index);

	assert(ipc_may_send(hub->self, kind, type) && ipc_reply_type(type) == IPC_NONE);
	if (!peer)
		return ERR_UNAVAILABLE;
	return wire_waiting(&peer->wire) > WIRE_BUSY ? ERR_BUSY :
						       send_frame(peer, &head, body);
}

struct ipc_ticket ipc_ticket_of(const struct ipc_request *request)
{
	return (struct ipc_ticket){ request->peer->hub, request->peer->serial, request->trace,
		request->id, request->type };
}

/* The peer that waits for this reply; NULL when it is gone. */
static struct ipc_peer *redeem(struct ipc_ticket ticket)
{
	struct ipc_hub *hub = ticket.hub;

	for (struct link *l = hub->peers.next; l != &hub->peers; l = l->next) {
		struct ipc_peer *peer = link_owner(l, struct ipc_peer, link);
		bool waits;

		if (peer->serial != ticket.peer_serial)
			continue;
		waits = ipc_peer_answer(peer, ticket.id);
		assert(waits);
		return peer;
	}
	return NULL;
}

static void send_error(struct ipc_peer *peer, const struct wire_frame *head, enum err e)
{
	if (wire_add_error(&peer->wire, head, e) != OK) {
		ipc_peer_violated(peer, "does not read its replies");
		return;
	}
	metric_add(METRIC_ipc_messages_sent, 1);
	ipc_peer_dirty(peer);
}

void ipc_reply(struct ipc_ticket ticket, enum ipc_type reply_type, const void *body, int fd)
{
	struct wire_frame head = {
		.type = reply_type, .id = ticket.id, .trace = ticket.trace, .fd = fd
	};
	struct ipc_peer *peer = redeem(ticket);
	enum err e;

	assert(reply_type == ipc_reply_type(ticket.type));
	if (!peer)
		return;
	e = send_frame(peer, &head, body);
	if (e != OK)
		send_error(peer, &head, e);
}

void ipc_reply_error(struct ipc_ticket ticket, enum err e)
{
	struct wire_frame head = {
		.type = ipc_reply_type(ticket.type), .id = ticket.id, .trace = ticket.trace
	};
	struct ipc_peer *peer = redeem(ticket);

	assert(e != OK);
	if (peer)
		send_error(peer, &head, e);
}
