/* SPDX-License-Identifier: ISC */
/*
 * account move: pieces go from one shard through here to the other, as descriptors; then look-ups say the new shard,
 * and the old one forgets the account.  Whatever fails before that moment leaves everything as it was (decision 0007).
 */
#include "role/directory_own.h"

#include "base/log.h"
#include "base/time.h"

#include <stdlib.h>

enum { CALL_TIMEOUT_MS = 300000, LEFT_MAX = 16 };

struct moving {
	struct directory_role *own;
	struct control *control; /* NULL: nobody waits for it */
	struct directory_move move;
	struct buf cursor;
	uint64_t messages, bytes;
	int settled;   /* shards that know the end */
	enum err why;  /* it failed, or OK */
};

static struct moving *begin(struct directory_role *own, struct control *control, const struct directory_move *move)
{
	struct moving *m = mem_make(struct moving);

	m->own = own;
	m->control = control;
	m->move = *move;
	map_put_u64(own->moves, (uint64_t)move->account, m);
	return m;
}

/* What is still open is tried again by a later tick. */
static void end(struct moving *m, enum err e)
{
	if (e == OK)
		e = directory_move_end(m->own->directory, m->move.account);
	if (e != OK)
		LOG(LOG_WARNING, "move_not_settled", F_I64("account", m->move.account), F_ERR(e));
	LOG(m->why == OK ? LOG_INFO : LOG_WARNING, "account_moved", F_I64("account", m->move.account),
		F_U64("from", m->move.from), F_U64("to", m->move.to), F_U64("messages", m->messages), F_ERR(m->why));
	if (m->control && m->why == OK)
		control_answer(m->control, json_pack("{s:i,s:i,s:I,s:I}", "from", (int)m->move.from, "to",
			(int)m->move.to, "messages", (json_int_t)m->messages, "bytes", (json_int_t)m->bytes));
	else if (m->control)
		control_refuse(m->control, m->why, m->why == ERR_BUSY ?
			"what it had in that shard before is still being cleared away; try again in a minute" : NULL);
	map_remove_u64(m->own->moves, (uint64_t)m->move.account);
	buf_done(&m->cursor);
	free(m);
}

static void settle(struct moving *m);

static void settled(void *arg, enum err e, const void *body, int *fd)
{
	struct moving *m = arg;
	const struct ipc_account_settle_reply *r = body;

	e = e == OK ? (enum err)r->error : e;
	if (e != OK) {
		end(m, e);
		return;
	}
	m->settled++;
	settle(m);
}

/* Switched: the old shard forgets it.  Not: the new one does, and in the old one it stays. */
static void settle(struct moving *m)
{
	bool is_first = m->settled == 0;
	uint32_t shard = m->move.switched || !is_first ? m->move.from : m->move.to;
	struct ipc_account_settle ask = { (uint64_t)m->move.account, m->move.switched || is_first };

	if (m->settled == (m->move.switched ? 1 : 2)) {
		end(m, OK);
		return;
	}
	ipc_call(m->own->role->hub, ROLE_STORE, shard, IPC_ACCOUNT_SETTLE, &ask, -1, 0, CALL_TIMEOUT_MS, settled, m);
}

static void give_up(struct moving *m, enum err why)
{
	m->why = why;
	settle(m);
}

static void switch_over(struct moving *m)
{
	struct directory_change by = { .actor = S("control"), .now_ms = time_wall_ms() };
	enum err e = directory_move_switch(m->own->directory, &by, &m->move);

	if (e != OK) {
		give_up(m, e);
		return;
	}
	m->move.switched = true;
	settle(m);
}

static void next_piece(struct moving *m);

static void imported(void *arg, enum err e, const void *body, int *fd)
{
	struct moving *m = arg;
	const struct ipc_account_import_reply *r = body;

	e = e == OK ? (enum err)r->error : e;
	if (e != OK)
		give_up(m, e);
	else if (m->cursor.n > 0)
		next_piece(m);
	else
		switch_over(m);
}

static void exported(void *arg, enum err e, const void *body, int *fd)
{
	struct moving *m = arg;
	const struct ipc_account_export_reply *r = body;
	struct ipc_account_import ask;

	e = e == OK ? (enum err)r->error : e;
	/* Nobody has ever opened it, or written to it. */
	if (e == ERR_NOT_FOUND) {
		switch_over(m);
		return;
	}
	if (e != OK || *fd < 0) {
		give_up(m, e == OK ? ERR_PROTOCOL : e);
		return;
	}
	buf_clear(&m->cursor);
	buf_add(&m->cursor, r->cursor);
	m->messages += r->messages;
	m->bytes += r->length - r->meta;
	ask = (struct ipc_account_import){ (uint64_t)m->move.account, r->length, r->meta };
	ipc_call(m->own->role->hub, ROLE_STORE, m->move.to, IPC_ACCOUNT_IMPORT, &ask, *fd, 0, CALL_TIMEOUT_MS, imported,
		m);
}

static void next_piece(struct moving *m)
{
	struct ipc_account_export ask = { (uint64_t)m->move.account, buf_str(&m->cursor) };

	ipc_call(m->own->role->hub, ROLE_STORE, m->move.from, IPC_ACCOUNT_EXPORT, &ask, -1, 0, CALL_TIMEOUT_MS, exported,
		m);
}

void move_account(struct directory_role *own, struct control *control, const struct directory_errand *errand)
{
	struct directory_move move = { .account = errand->account, .from = errand->shard, .to = errand->to_shard };

	next_piece(begin(own, control, &move));
}

void move_settle_left(struct directory_role *own)
{
	struct directory_move moves[LEFT_MAX];
	size_t n = 0;
	enum err e = directory_moves(own->directory, 0, moves, LEFT_MAX, &n);

	for (size_t i = 0; e == OK && i < n; i++) {
		struct moving *m;

		if (map_get_u64(own->moves, (uint64_t)moves[i].account))
			continue;
		m = begin(own, NULL, &moves[i]);
		m->why = moves[i].switched ? OK : ERR_CANCELLED;
		settle(m);
	}
}
