/* SPDX-License-Identifier: ISC */
/*
 * The pieces of an account, taken in.  All it has gets one modseq, above any that it had where it was and any that it
 * had here: so the log of a shard to which an account comes back still tells what was before and what after (decision
 * 0005), and clients that resynchronise look at everything once.
 */
#include "store/piece.h"

struct importing {
	struct store_tx *tx;
	const struct store_piece *piece;
	uint64_t account;
	struct tx_account *a;
	uint64_t content; /* where the next message's begins */
};

/* What a former stay left must be gone: its folders had the same ids. */
static enum err check_free(struct importing *m)
{
	struct sql_statement *st = ST(m->tx->store, DROPPED_OF);
	enum err e = tx_get_account(m->tx, m->account, &m->a);

	if (e != ERR_NOT_FOUND)
		return e == OK ? ERR_EXISTS : e;
	SQL_BIND(st, SQL_I64(m->account));
	e = sql_first(st);
	sql_reset(st);
	return e == OK ? ERR_BUSY : e == ERR_NOT_FOUND ? OK : e;
}

static enum err take_account(struct importing *m, struct rd *rd)
{
	uint8_t version = rd_u8(rd);
	uint64_t uidvalidity = rd_varint(rd), counter = rd_varint(rd), modseq = rd_varint(rd), left = 0;
	enum err e = rd->bad || version != PIECE_VERSION || modseq == 0 ? ERR_CORRUPT : check_free(m);

	if (e == OK)
		e = away_clock(m->tx, m->account, &left);
	/* Behind all that this log says of it. */
	modseq = modseq > left ? modseq : left + 1;

	if (e == OK)
		e = tx_write(m->tx);
	/* Frozen until it is whole. */
	if (e == OK)
		e = away_freeze(m->tx, m->account);
	if (e == OK)
		e = account_insert(m->tx, m->account, uidvalidity, modseq);
	if (e == OK)
		e = tx_get_account(m->tx, m->account, &m->a);
	if (e != OK)
		return e;
	m->a->row.counter = counter;
	m->a->dirty = true;
	return OK;
}

static enum err take_folder(struct importing *m, struct rd *rd)
{
	char bytes[STORE_NAME_MAX];
	struct tx_folder *f = NULL;
	struct folder_row row;
	struct str name;
	enum err e;

	piece_get_folder(rd, &row);
	if (rd->bad || name_canonical(row.name, bytes, &name) != OK)
		return ERR_CORRUPT;
	row.modseq = row.floor = m->a->row.modseq;
	e = folder_insert_row(m->tx, m->account, &row);
	if (e == OK)
		e = tx_get_folder(m->tx, m->a, row.id, &f);
	if (e != OK)
		return e;
	f->row.keywords = arena_dup(m->tx->arena, row.keywords);
	f->keywords_dirty = true;
	tx_touch(m->tx, f);
	note_folder(m->tx, m->account, &f->row);
	return OK;
}

static enum err take_subscription(struct importing *m, struct rd *rd)
{
	struct str name = rd_blob(rd);
	enum err e = rd->bad ? ERR_CORRUPT : account_subscribe(m->tx, m->account, name);

	if (e == OK)
		note_subscribe(m->tx, m->a, name, true);
	return e;
}

static enum err take_delivery(struct importing *m, struct rd *rd)
{
	struct sql_statement *st = ST(m->tx->store, DELIVERY_INSERT);
	struct str id = rd_blob(rd);
	uint64_t at = rd_u64(rd);

	if (rd->bad)
		return ERR_CORRUPT;
	SQL_BIND(st, SQL_I64(m->account), SQL_BLOB(id), SQL_I64(at));
	return sql_run(st);
}

static enum err write_record(struct importing *m, const struct piece_message *item, struct store_entry *entry)
{
	struct record_recipient to = { .account = m->account, .folder = item->folder, .uid = entry->uid,
		.flags = entry->flags, .modseq = entry->modseq, .internal_date = entry->internal_date,
		.saved_date = entry->saved_date, .instance = entry->instance, .thread = entry->thread,
		.prefix = item->prefix };
	struct record_head head = { .header = { .type = RECORD_MESSAGE, .recipients = 1 }, .structure = item->structure,
		.recipients = &to };
	struct store_content content = { .fd = m->piece->fd, .length = item->content, .at = m->content };
	enum err e;

	memcpy(head.content_id, item->content_id, sizeof(head.content_id));
	e = segments_append(m->tx->store->segments, &head, &content, &entry->extent);
	m->tx->has_mail = true;
	return e;
}

static enum err take_message(struct importing *m, struct rd *rd)
{
	struct piece_message item;
	struct store_entry entry;
	struct tx_folder *f;
	enum err e;

	piece_get_message(rd, &item);
	if (rd->bad || item.content > m->piece->length - m->piece->meta - m->content || item.prefix.n > STORE_PREFIX_MAX)
		return ERR_CORRUPT;
	e = tx_get_folder(m->tx, m->a, item.folder, &f);
	if (e != OK)
		return e == ERR_NO_FOLDER ? ERR_CORRUPT : e;
	entry = item.entry;
	entry.modseq = f->row.modseq;
	entry.size = (uint32_t)(item.prefix.n + item.content);
	if (entry.uid >= f->row.counter || entry.instance >= m->a->row.counter)
		return ERR_CORRUPT;
	e = write_record(m, &item, &entry);
	m->content += item.content;
	return e == OK ? tx_push(m->tx, f, &entry) : e;
}

/* A rebuild subscribes to the folders that every account has. */
static enum err note_unsubscribed(struct importing *m, const struct tx_folder *f, const struct str *names, size_t n)
{
	if (f->row.special == STORE_ORDINARY && f->row.id != INBOX_ID)
		return OK;
	for (size_t i = 0; i < n; i++)
		if (str_equal(names[i], f->row.name))
			return OK;
	note_subscribe(m->tx, m->a, f->row.name, false);
	return OK;
}

static enum err end_account(struct importing *m)
{
	struct sql_statement *st = ST(m->tx->store, FOLDER_AFTER);
	struct str *names;
	size_t n;
	enum err e = store_subscriptions(m->tx->store, m->account, m->tx->arena, &names, &n);

	for (uint64_t id = 0; e == OK;) {
		struct tx_folder *f;

		SQL_BIND(st, SQL_I64(m->account), SQL_I64(id));
		e = sql_first(st);
		if (e == OK)
			id = (uint64_t)sql_column_i64(st, 0);
		sql_reset(st);
		if (e == OK)
			e = tx_get_folder(m->tx, m->a, id, &f);
		if (e == OK)
			e = note_unsubscribed(m, f, names, n);
		if (e == OK)
			note_clock(m->tx, f);
	}
	return e == ERR_NOT_FOUND ? away_clear(m->tx, m->account) : e;
}

static enum err take_item(struct importing *m, struct rd *rd)
{
	uint8_t kind = rd_u8(rd);

	if (kind == PIECE_ACCOUNT)
		return m->a ? ERR_CORRUPT : take_account(m, rd);
	if (!m->a)
		return ERR_CORRUPT;
	switch (kind) {
	case PIECE_FOLDER:
		return take_folder(m, rd);
	case PIECE_SUBSCRIBED:
		return take_subscription(m, rd);
	case PIECE_DELIVERY:
		return take_delivery(m, rd);
	case PIECE_MESSAGE:
		return take_message(m, rd);
	case PIECE_END:
		return end_account(m);
	default:
		return ERR_CORRUPT;
	}
}

static enum err read_meta(struct store_tx *tx, const struct store_piece *piece, struct str *ret_meta)
{
	char *bytes;

	if (piece->meta > PIECE_META_MAX || piece->meta > piece->length)
		return ERR_CORRUPT;
	bytes = arena_bytes(tx->arena, piece->meta + 1);
	*ret_meta = str_make(bytes, piece->meta);
	return store_os_read(tx->store->os, piece->fd, piece->length - piece->meta, bytes, piece->meta);
}

enum err store_account_import(struct store_tx *tx, uint64_t account, const struct store_piece *piece)
{
	struct importing m = { .tx = tx, .piece = piece, .account = account };
	struct str meta = STR_NONE;
	struct rd rd;
	enum err e = read_meta(tx, piece, &meta);

	tx->moves = true;
	if (e == OK)
		e = tx_write(tx);
	/* Only the first piece brings the account with it. */
	if (e == OK && meta.n && meta.p[0] != PIECE_ACCOUNT) {
		e = store_account_is_here(tx->store, account) == ERR_UNAVAILABLE ? tx_get_account(tx, account, &m.a)
										: ERR_SEQUENCE;
	}
	for (rd = rd_of(meta); e == OK && rd_left(&rd);)
		e = take_item(&m, &rd);
	return e;
}
