/* SPDX-License-Identifier: ISC */
/* The store role: one shard.  Deliveries and sessions come from edge, waiting deliveries from queue. */
#include "role/store_own.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/time.h"
#include "ipc/recipients.h"
#include "os/file.h"

#include <stdlib.h>
#include <unistd.h>

enum { ENDED_MAX = 100000 /* accounts: far more than end sessions while a login is on its way */ };

/* One DELIVER request until its turn is durable; everything it points to is in its arena. */
struct delivery_job {
	struct store_job job;
	struct store_role *own;
	struct arena *arena;
	struct ipc_ticket ticket;
	uint64_t trace, start_us;
	struct store_delivery delivery;
	enum err *results;
};

static struct str prefix_of(struct arena *arena, const struct ipc_deliver *ask, struct str address)
{
	return arena_printf(arena, "Return-Path: <%.*s>\r\nDelivered-To: %.*s\r\n%.*s", STR_FMT(ask->sender),
		STR_FMT(address), STR_FMT(ask->trace_header));
}

static enum err take_recipients(struct delivery_job *d, const struct ipc_deliver *ask)
{
	struct store_recipient *all = arena_array(d->arena, struct store_recipient, STORE_RECIPIENTS_MAX);
	struct rd list = rd_of(ask->recipients);
	struct ipc_recipient r;

	d->delivery.recipients = all;
	while (ipc_recipient_next(&list, &r)) {
		if (d->delivery.n == STORE_RECIPIENTS_MAX)
			return ERR_TOO_MANY_RCPT;
		all[d->delivery.n++] = (struct store_recipient){ .account = r.account, .quota = r.quota,
			.prefix = prefix_of(d->arena, ask, r.address), .folder = arena_dup(d->arena, r.detail) };
	}
	d->results = arena_array(d->arena, enum err, d->delivery.n ? d->delivery.n : 1);
	return list.bad || d->delivery.n == 0 ? ERR_PROTOCOL : OK;
}

static void take_content(struct delivery_job *d, const struct ipc_deliver *ask, struct ipc_request *request)
{
	if (request->fd >= 0) {
		d->delivery.content = (struct store_content){ .fd = request->fd, .length = ask->length };
		request->fd = -1;
	} else {
		d->delivery.content = STORE_CONTENT(arena_dup(d->arena, ask->content));
	}
}

static void free_delivery(struct delivery_job *d)
{
	struct arena *arena = d->arena;

	if (d->delivery.content.fd >= 0)
		close(d->delivery.content.fd);
	arena_free(&arena);
}

static enum err run_delivery(struct store_job *job, struct store_tx *tx)
{
	struct delivery_job *d = (struct delivery_job *)job;

	return store_deliver(tx, &d->delivery, d->results);
}

static void log_delivery(const struct delivery_job *d, enum err e)
{
	if (e != OK)
		LOG(LOG_ERROR, "delivery_failed", F_TRACE(d->trace), F_ERR(e),
			F_CSTR("detail", store_last_error(d->own->store)));
	for (size_t i = 0; i < d->delivery.n && e == OK; i++)
		if (d->results[i] != OK)
			LOG(LOG_INFO, "delivery_refused", F_TRACE(d->trace), F_U64("account", d->delivery.recipients[i].account),
				F_ERR(d->results[i]));
}

static void end_delivery(struct store_job *job, enum err e)
{
	struct delivery_job *d = (struct delivery_job *)job;
	struct buf results = { 0 };
	struct ipc_deliver_reply reply;

	for (size_t i = 0; i < d->delivery.n; i++)
		buf_u32(&results, (uint32_t)(e == OK ? d->results[i] : e));
	log_delivery(d, e);
	reply.results = buf_str(&results);
	ipc_reply(d->ticket, IPC_DELIVER_REPLY, &reply, -1);
	metric_observe_us(METRIC_delivery_latency, time_mono_us() - d->start_us);
	buf_done(&results);
	free_delivery(d);
}

static void take_deliver(void *arg, struct ipc_request *request)
{
	const struct ipc_deliver *ask = request->body;
	struct store_role *own = ((struct role *)arg)->own;
	struct arena *arena = arena_new();
	struct delivery_job *d = arena_make(arena, struct delivery_job);
	enum err e;

	d->own = own;
	d->arena = arena;
	d->ticket = ipc_ticket_of(request);
	d->trace = request->trace;
	d->start_us = time_mono_us();
	d->delivery.content.fd = -1;
	e = take_recipients(d, ask);
	if (e != OK) {
		ipc_reply_error(d->ticket, e);
		free_delivery(d);
		return;
	}
	take_content(d, ask, request);
	d->delivery.delivery_id = arena_dup(arena, ask->delivery_id);
	d->delivery.content_id = arena_dup(arena, ask->content_id);
	d->delivery.structure = arena_dup(arena, ask->structure);
	d->delivery.received_s = ask->received_s;
	d->job = (struct store_job){ .run = run_delivery, .done = end_delivery, .what = "deliver",
		.account = d->delivery.recipients[0].account, .id = d->delivery.delivery_id };
	store_submit(own->store, &d->job);
}

/* A login that directory accepted before it took the password back may come behind the word of it. */
static bool is_void(const struct store_role *own, const struct ipc_session_open *open)
{
	struct str domain = str_from(open->address, (size_t)(str_rindex(open->address, '@') + 1));

	return open->generation < (uintptr_t)map_get_u64(own->ended, open->account) ||
		open->generation < (uintptr_t)map_get(own->ended_domains, domain);
}

static void take_session(void *arg, struct ipc_request *request)
{
	const struct ipc_session_open *open = request->body;
	struct store_role *own = ((struct role *)arg)->own;
	struct ipc_session_open_reply reply = { .error = ERR_CANNOT };

	if (is_void(own, open) || store_account_is_here(own->store, open->account) != OK) {
		reply.error = ERR_UNAVAILABLE;
	} else if (open->protocol == SESSION_IMAP && request->fd >= 0) {
		imap_session_open(own->imap, request->fd, open, request->trace);
		request->fd = -1;
		reply.error = OK;
	} else if (open->protocol == SESSION_POP3 && request->fd >= 0) {
		reply.error = pop3_session_open(own->pop3, request->fd, open, request->trace);
		request->fd = -1;
	}
	ipc_reply(ipc_ticket_of(request), IPC_SESSION_OPEN_REPLY, &reply, -1);
}

static void take_account_end(void *arg, struct ipc_request *request)
{
	const struct ipc_account_end *ask = request->body;
	struct store_role *own = ((struct role *)arg)->own;

	if (map_count(own->ended) >= ENDED_MAX) {
		map_free(&own->ended);
		own->ended = map_new();
	}
	map_put_u64(own->ended, ask->account, (void *)(uintptr_t)ask->generation);
	imap_sessions_end(own->imap, ask->account, ask->device);
	pop3_sessions_end(own->pop3, ask->account, ask->device);
}

static void take_service_end(void *arg, struct ipc_request *request)
{
	const struct ipc_service_end *ask = request->body;
	struct store_role *own = ((struct role *)arg)->own;

	map_put(own->ended_domains, ask->domain, (void *)(uintptr_t)ask->generation);
	imap_sessions_end_domain(own->imap, ask->domain, err_text(ERR_MAINTENANCE));
	pop3_sessions_end_domain(own->pop3, ask->domain);
}

struct deletion_job {
	struct store_job job;
	struct ipc_ticket ticket;
};

static enum err run_deletion(struct store_job *job, struct store_tx *tx)
{
	return store_account_delete(tx, job->account);
}

static void end_deletion(struct store_job *job, enum err e)
{
	struct deletion_job *d = (struct deletion_job *)job;
	struct ipc_account_delete_reply reply = { .error = e };

	LOG(e == OK ? LOG_INFO : LOG_ERROR, "account_deleted", F_U64("account", job->account), F_ERR(e));
	ipc_reply(d->ticket, IPC_ACCOUNT_DELETE_REPLY, &reply, -1);
	free(d);
}

static void take_account_delete(void *arg, struct ipc_request *request)
{
	const struct ipc_account_delete *ask = request->body;
	struct store_role *own = ((struct role *)arg)->own;
	struct deletion_job *d = mem_make(struct deletion_job);

	imap_sessions_end(own->imap, ask->account, 0);
	pop3_sessions_end(own->pop3, ask->account, 0);
	d->ticket = ipc_ticket_of(request);
	d->job = (struct store_job){ .run = run_deletion, .done = end_deletion, .what = "account delete",
		.account = ask->account, .writes_often = true };
	store_submit(own->store, &d->job);
}

static void turn_end(void *arg)
{
	struct store_role *own = arg;

	store_turn_end(own->store);
	own->role->sessions = imap_sessions_count(own->imap) + pop3_sessions_count(own->pop3);
}

/* Jobs that a done() submitted wait for the next turn: there must be one. */
static void wake(void *arg)
{
	struct store_role *own = arg;

	loop_defer(own->role->loop, turn_end, own);
}

static struct store_options options_of(struct store_role *own)
{
	const struct conf *conf = own->role->conf;

	return (struct store_options){ .segment_bytes = (uint64_t)conf->segment_size,
		.wal_soft_bytes = (uint64_t)conf->checkpoint_size,
		.delivery_memory_s = (uint32_t)(conf->delivery_memory / 1000),
		.folders_max = (uint32_t)conf->folders_max,
		.compact_grace_s = (uint32_t)(conf->compact_grace / 1000), .wake = wake, .wake_arg = own };
}

/* A turn after stop(), so that the last words reach edge. */
static void end(void *arg)
{
	struct store_role *own = arg;

	loop_stop(own->role->loop);
}

static void stop(struct role *role)
{
	struct store_role *own = role->own;

	imap_sessions_stop(own->imap);
	pop3_sessions_stop(own->pop3);
	store_turn_end(own->store);
	loop_defer(role->loop, end, own);
}

/* Rather late than empty: without its index a shard would look like a new one. */
static enum err rebuild_if_lost(const char *dir, const struct store_options *options)
{
	struct store_rebuilt rebuilt = { 0 };
	enum err e;

	if (!store_has_lost_index(dir))
		return OK;
	LOG(LOG_WARNING, "index_lost", F_CSTR("shard", dir));
	e = store_rebuild_index(dir, options, &rebuilt);
	LOG(LOG_WARNING, "index_rebuilt", F_CSTR("shard", dir), F_U64("messages", rebuilt.messages),
		F_U64("notes", rebuilt.notes), F_U64("from_copy", rebuilt.from_copy), F_U64("lost", rebuilt.lost), F_U64("damaged", rebuilt.damaged), F_ERR(e));
	return e;
}

void role_store(struct role *role)
{
	struct store_role *own = mem_make(struct store_role);
	char dir[OS_PATH_MAX];
	struct sandbox_path paths[] = { { os_path(dir, "%s/shard-%u", role->conf->data_dir, role->index), true } };
	struct store_options options;
	enum err e;

	own->role = role;
	role->own = own;
	role->on_stop = stop;
	options = options_of(own);
	role_lock_in(role, SANDBOX_FILES | SANDBOX_MEMFD | SANDBOX_THREADS, paths, 1);
	e = rebuild_if_lost(dir, &options);
	if (e == OK)
		e = store_open(dir, &options, &own->store);
	if (e != OK)
		role_die(role, "store_not_opened", e, str_of(dir));
	own->imap = imap_sessions_new(role->loop, own->store, role->hub, role->conf, dir);
	own->pop3 = pop3_sessions_new(role->loop, own->store, role->conf);
	own->ended = map_new();
	own->ended_domains = map_new();
	loop_at_turn_end(role->loop, turn_end, own);
	ipc_handle(role->hub, IPC_DELIVER, take_deliver);
	ipc_handle(role->hub, IPC_SESSION_OPEN, take_session);
	ipc_handle(role->hub, IPC_ACCOUNT_END, take_account_end);
	ipc_handle(role->hub, IPC_SERVICE_END, take_service_end);
	ipc_handle(role->hub, IPC_ACCOUNT_DELETE, take_account_delete);
	store_role_start_upkeep(own);
	store_role_handle_moves(role->hub);
	store_role_handle_special(role->hub);
	role_run(role);
	imap_sessions_free(&own->imap);
	pop3_sessions_free(&own->pop3);
	retention_done(&own->retention);
	map_free(&own->ended);
	map_free(&own->ended_domains);
	vec_done(&own->compact_asked);
	store_close(&own->store);
}
