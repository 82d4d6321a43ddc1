/* SPDX-License-Identifier: ISC */
/* Accounts on their way between shards, as one of them sees it. */
#include "role/store_own.h"

#include "base/log.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct move_job {
	struct store_job job;
	struct store_role *own;
	struct ipc_ticket ticket;
	struct store_piece piece;
	bool leaves;
};

static struct move_job *new_job(
	void *arg, struct ipc_request *request, uint64_t account, const char *what, const struct store_job *how)
{
	struct move_job *m = mem_make(struct move_job);

	m->own = ((struct role *)arg)->own;
	m->ticket = ipc_ticket_of(request);
	m->piece.fd = -1;
	m->job = *how;
	m->job.account = account;
	m->job.what = what;
	m->job.writes_often = true;
	return m;
}

static void free_job(struct move_job *m)
{
	if (m->piece.fd >= 0)
		close(m->piece.fd);
	free(m);
}

/* ---- out ---- */

static void send_piece(struct store_role *own, struct ipc_ticket ticket, uint64_t account, struct str cursor)
{
	struct store_piece piece = { .fd = memfd_create("piece", MFD_CLOEXEC) };
	struct ipc_account_export_reply reply = { .error = ERR_NO_MEMORY };
	struct buf at = { 0 };

	buf_add(&at, cursor);
	if (piece.fd >= 0)
		reply.error = store_account_export(own->store, account, &at, &piece);
	reply.cursor = buf_str(&at);
	reply.length = piece.length;
	reply.meta = piece.meta;
	reply.messages = piece.messages;
	ipc_reply(ticket, IPC_ACCOUNT_EXPORT_REPLY, &reply, reply.error == OK ? piece.fd : -1);
	if (piece.fd >= 0)
		close(piece.fd);
	buf_done(&at);
}

static enum err run_freeze(struct store_job *job, struct store_tx *tx)
{
	return store_account_freeze(tx, job->account);
}

static void end_freeze(struct store_job *job, enum err e)
{
	struct move_job *m = (struct move_job *)job;
	struct ipc_account_export_reply reply = { .error = e };

	if (e == OK)
		send_piece(m->own, m->ticket, job->account, STR_NONE);
	else
		ipc_reply(m->ticket, IPC_ACCOUNT_EXPORT_REPLY, &reply, -1);
	free_job(m);
}

static void take_export(void *arg, struct ipc_request *request)
{
	static const struct store_job freeze = { .run = run_freeze, .done = end_freeze };
	const struct ipc_account_export *ask = request->body;
	struct store_role *own = ((struct role *)arg)->own;

	if (ask->cursor.n > 0) {
		send_piece(own, ipc_ticket_of(request), ask->account, ask->cursor);
		return;
	}
	imap_sessions_end(own->imap, ask->account, 0);
	pop3_sessions_end(own->pop3, ask->account, 0);
	store_submit(own->store, &new_job(arg, request, ask->account, "account freeze", &freeze)->job);
}

/* ---- in ---- */

static enum err run_import(struct store_job *job, struct store_tx *tx)
{
	return store_account_import(tx, job->account, &((struct move_job *)job)->piece);
}

static void end_import(struct store_job *job, enum err e)
{
	struct move_job *m = (struct move_job *)job;
	struct ipc_account_import_reply reply = { .error = e };

	ipc_reply(m->ticket, IPC_ACCOUNT_IMPORT_REPLY, &reply, -1);
	/* What stands in its way is purged now. */
	if (e == ERR_BUSY)
		loop_timer_start(m->own->background, 1);
	free_job(m);
}

static void take_import(void *arg, struct ipc_request *request)
{
	static const struct store_job import = { .run = run_import, .done = end_import };
	const struct ipc_account_import *ask = request->body;
	struct move_job *m;

	if (request->fd < 0) {
		ipc_reply_error(ipc_ticket_of(request), ERR_PROTOCOL);
		return;
	}
	m = new_job(arg, request, ask->account, "account import", &import);
	m->piece = (struct store_piece){ .fd = request->fd, .length = ask->length, .meta = ask->meta };
	request->fd = -1;
	store_submit(m->own->store, &m->job);
}

/* ---- its end ---- */

static enum err run_settle(struct store_job *job, struct store_tx *tx)
{
	return ((struct move_job *)job)->leaves ? store_account_leave(tx, job->account) :
						  store_account_thaw(tx, job->account);
}

static void end_settle(struct store_job *job, enum err e)
{
	struct move_job *m = (struct move_job *)job;
	struct ipc_account_settle_reply reply = { .error = e };

	LOG(e == OK ? LOG_INFO : LOG_ERROR, m->leaves ? "account_left" : "account_stays",
		F_U64("account", job->account), F_ERR(e));
	ipc_reply(m->ticket, IPC_ACCOUNT_SETTLE_REPLY, &reply, -1);
	free_job(m);
}

static void take_settle(void *arg, struct ipc_request *request)
{
	static const struct store_job settle = { .run = run_settle, .done = end_settle };
	const struct ipc_account_settle *ask = request->body;
	struct move_job *m = new_job(arg, request, ask->account, "account settle", &settle);

	m->leaves = ask->leaves;
	store_submit(m->own->store, &m->job);
}

void store_role_handle_moves(struct ipc_hub *hub)
{
	ipc_handle(hub, IPC_ACCOUNT_EXPORT, take_export);
	ipc_handle(hub, IPC_ACCOUNT_IMPORT, take_import);
	ipc_handle(hub, IPC_ACCOUNT_SETTLE, take_settle);
}
