/* SPDX-License-Identifier: ISC */
/* The pieces of an account, read. */
#include "store/piece.h"

#include <stdlib.h>

enum { COPY_BYTES = 256 << 10, ENTRIES_AT_ONCE = 64 };

struct exporting {
	struct store *store;
	uint64_t account;
	struct arena *arena;
	struct buf meta;
	struct store_piece *piece;
	uint64_t content; /* bytes written */
	char *block;
};

/* Where the next piece begins: the messages of a folder from a UID on. */
struct cursor {
	uint64_t folder;
	uint32_t uid;
};

static enum err read_rows(struct exporting *x, enum store_sql which, struct folder_row *rows, size_t max, size_t *ret_n)
{
	struct sql_statement *st = x->store->statements[which];
	enum err e;

	SQL_BIND(st, SQL_I64(x->account));
	for (*ret_n = 0; *ret_n < max && sql_step(st, &e); ++*ret_n) {
		e = rows_read(st, x->arena, &rows[*ret_n]);
		if (e != OK)
			break;
	}
	sql_reset(st);
	return e;
}

static void put_head(struct exporting *x, const struct folder_row *all)
{
	buf_u8(&x->meta, PIECE_ACCOUNT);
	buf_u8(&x->meta, PIECE_VERSION);
	buf_varint(&x->meta, all->uidvalidity);
	buf_varint(&x->meta, all->counter);
	buf_varint(&x->meta, all->modseq + 1);
}

static enum err put_folders(struct exporting *x, const struct folder_row *all)
{
	size_t max = x->store->options.folders_max + 16, n = 0;
	struct folder_row *rows = arena_array(x->arena, struct folder_row, max);
	enum err e = read_rows(x, STORE_SQL_FOLDER_LIST, rows, max, &n);

	put_head(x, all);
	for (size_t i = 0; e == OK && i < n; i++)
		piece_put_folder(&x->meta, &rows[i]);
	return e;
}

static enum err put_subscriptions(struct exporting *x)
{
	struct str *names;
	size_t n;
	enum err e = store_subscriptions(x->store, x->account, x->arena, &names, &n);

	for (size_t i = 0; e == OK && i < n; i++) {
		buf_u8(&x->meta, PIECE_SUBSCRIBED);
		buf_blob(&x->meta, names[i]);
	}
	return e;
}

static enum err put_deliveries(struct exporting *x)
{
	struct sql_statement *st = ST(x->store, DELIVERY_OF);
	enum err e;

	SQL_BIND(st, SQL_I64(x->account));
	while (sql_step(st, &e)) {
		buf_u8(&x->meta, PIECE_DELIVERY);
		buf_blob(&x->meta, sql_column_blob(st, 0));
		buf_u64(&x->meta, (uint64_t)sql_column_i64(st, 1));
	}
	return e;
}

/* ERR_NOT_FOUND: it has never been used. */
static enum err put_account(struct exporting *x)
{
	struct folder_row pair[2];
	size_t n = 0;
	enum err e = read_rows(x, STORE_SQL_FOLDER_PAIR, pair, 2, &n);

	if (e == OK && (n == 0 || pair[0].id != ACCOUNT_ROW))
		e = ERR_NOT_FOUND;
	if (e != OK)
		return e;
	e = put_folders(x, &pair[0]);
	if (e == OK)
		e = put_subscriptions(x);
	return e == OK ? put_deliveries(x) : e;
}

static enum err write_at(struct exporting *x, const char *p, size_t n)
{
	struct iovec part = { (void *)(uintptr_t)p, n };
	enum err e = store_os_write(x->store->os, x->piece->fd, x->content, &part, 1);

	x->content += n;
	return e;
}

static enum err put_content(struct exporting *x, const struct store_message *m)
{
	enum err e = OK;

	for (uint64_t at = 0; e == OK && at < m->content_length;) {
		size_t n = 0;

		e = store_content_read(x->store, m, at, COPY_BYTES, x->block, &n);
		if (e == OK)
			e = write_at(x, x->block, n);
		at += n;
	}
	return e;
}

static enum err put_message(struct exporting *x, uint64_t folder, const struct store_entry *entry)
{
	struct arena *arena = arena_new();
	struct store_message m;
	enum err e = store_message_open(x->store, x->account, entry, arena, &m);

	if (e == OK)
		e = put_content(x, &m);
	if (e == OK) {
		struct piece_message item = { .folder = folder, .entry = *entry, .prefix = m.prefix,
			.structure = m.structure, .content = m.content_length };

		memcpy(item.content_id, m.content_id, sizeof(item.content_id));
		piece_put_message(&x->meta, &item);
		x->piece->messages++;
	}
	arena_free(&arena);
	return e;
}

static bool is_full(const struct exporting *x)
{
	return x->content >= STORE_PIECE_BYTES || x->meta.n >= STORE_PIECE_BYTES;
}

/* The folder's messages from the cursor on; at its end cursor->uid is 0. */
static enum err put_messages(struct exporting *x, struct cursor *cursor)
{
	struct sql_statement *st = ST(x->store, CHUNK_AFTER), *at = ST(x->store, CHUNK_AT);
	struct store_entry entries[CHUNK_ENTRIES];
	size_t n = 0, i;
	enum err e;

	SQL_BIND(at, SQL_I64(x->account), SQL_I64(cursor->folder), SQL_I64(cursor->uid));
	e = sql_first(at);
	if (e == OK)
		e = chunk_decode(sql_column_blob(at, 1), entries, &n);
	sql_reset(at);
	/* Nothing of that chunk is left: the next one. */
	if (e == ERR_NOT_FOUND || (e == OK && n && entries[n - 1].uid < cursor->uid)) {
		SQL_BIND(st, SQL_I64(x->account), SQL_I64(cursor->folder), SQL_I64(cursor->uid));
		e = sql_first(st);
		if (e == OK)
			e = chunk_decode(sql_column_blob(st, 1), entries, &n);
		sql_reset(st);
	}
	if (e == ERR_NOT_FOUND) {
		cursor->uid = 0;
		return OK;
	}
	for (i = 0; e == OK && i < n && !is_full(x); i++)
		if (entries[i].uid >= cursor->uid)
			e = put_message(x, cursor->folder, &entries[i]);
	if (i > 0)
		cursor->uid = entries[i - 1].uid + 1;
	return e;
}

/* False: there is none after it. */
static enum err next_folder(struct exporting *x, struct cursor *cursor, bool *ret_found)
{
	struct sql_statement *st = ST(x->store, FOLDER_AFTER);
	enum err e;

	SQL_BIND(st, SQL_I64(x->account), SQL_I64(cursor->folder));
	e = sql_first(st);
	*ret_found = e == OK;
	if (e == OK)
		*cursor = (struct cursor){ (uint64_t)sql_column_i64(st, 0), 1 };
	sql_reset(st);
	return e == ERR_NOT_FOUND ? OK : e;
}

static enum err put_some(struct exporting *x, struct cursor *cursor, bool *ret_more)
{
	enum err e = OK;

	*ret_more = true;
	while (e == OK && *ret_more && !is_full(x)) {
		if (cursor->uid == 0)
			e = next_folder(x, cursor, ret_more);
		else
			e = put_messages(x, cursor);
	}
	return e;
}

static enum err end_piece(struct exporting *x, bool more)
{
	enum err e;

	if (!more)
		buf_u8(&x->meta, PIECE_END);
	x->piece->meta = (uint32_t)x->meta.n;
	e = x->meta.overflow ? ERR_TOO_BIG : write_at(x, x->meta.p, x->meta.n);
	x->piece->length = x->content;
	return e;
}

enum err store_account_export(struct store *store, uint64_t account, struct buf *cursor, struct store_piece *piece)
{
	struct exporting x = { .store = store, .account = account, .meta = BUF_MAX(PIECE_META_MAX), .piece = piece };
	struct rd rd = rd_of(buf_str(cursor));
	struct cursor at = { 0, 0 };
	bool more = true;
	enum err e = OK;

	if (store_account_is_here(store, account) != ERR_UNAVAILABLE)
		return ERR_SEQUENCE;
	x.arena = arena_new();
	x.block = mem_alloc(COPY_BYTES);
	piece->messages = 0;
	if (cursor->n == 0) {
		e = put_account(&x);
	} else {
		at.folder = rd_u64(&rd);
		at.uid = rd_u32(&rd);
	}
	if (e == OK)
		e = rd.bad ? ERR_SYNTAX : put_some(&x, &at, &more);
	if (e == OK)
		e = end_piece(&x, more);
	buf_clear(cursor);
	if (e == OK && more) {
		buf_u64(cursor, at.folder);
		buf_u32(cursor, at.uid);
	}
	buf_done(&x.meta);
	free(x.block);
	arena_free(&x.arena);
	return e;
}
