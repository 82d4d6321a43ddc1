/* SPDX-License-Identifier: ISC */
#include "store/check.h"

#include "store/local.h"

#include <stdio.h>
#include <sys/stat.h>

enum { CONTENT_PIECE = 64 << 10 };

struct checker {
	const struct store_check *how;
	struct store *store;
	struct arena *arena, *message; /* of an account; of a message */
	struct store_checked counts;
	uint64_t account, folder;
	char piece[CONTENT_PIECE];
	struct store_entry entries[CHUNK_ENTRIES];
};

/* What the messages of a folder say that its row should say. */
struct sums {
	uint64_t messages, unseen, deleted, bytes, last_uid;
};

static void complain(struct checker *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void complain(struct checker *c, const char *format, ...)
{
	struct buf text = BUF_MAX(1000);
	va_list ap;

	va_start(ap, format);
	buf_vaddf(&text, format, ap);
	va_end(ap);
	c->counts.problems++;
	if (c->how->report)
		c->how->report(c->how->arg, c->account, c->folder, buf_str(&text));
	buf_done(&text);
}

static void expect(struct checker *c, const char *what, uint64_t row, uint64_t found)
{
	if (row != found)
		complain(c, "%s: the row says %llu, the messages %llu", what, (unsigned long long)row,
			(unsigned long long)found);
}

static void expect_at_most(struct checker *c, const char *what, uint64_t value, uint64_t most)
{
	if (value > most)
		complain(c, "%s is %llu, but at most %llu was given", what, (unsigned long long)value,
			(unsigned long long)most);
}

/* ---- a message ---- */

static void check_content(struct checker *c, const struct store_entry *entry, const struct store_message *m)
{
	enum err e = OK;

	for (uint64_t at = 0; e == OK && at < m->content_length;) {
		size_t got = 0;

		e = store_content_read(c->store, m, at, sizeof(c->piece), c->piece, &got);
		at += got;
	}
	if (e != OK)
		complain(c, "UID %u: content: %s", entry->uid, err_text(e));
}

static void check_record(struct checker *c, const struct store_entry *entry)
{
	struct store_message m;
	enum err e;

	arena_reset(c->message);
	e = store_message_open(c->store, c->account, entry, c->message, &m);
	if (e != OK) {
		complain(c, "UID %u: record in segment %u at %llu: %s", entry->uid, entry->extent.segment,
			(unsigned long long)entry->extent.offset, err_text(e));
		return;
	}
	if (m.prefix.n + m.content_length != entry->size)
		complain(c, "UID %u: size: the index says %u, the record %llu", entry->uid, entry->size,
			(unsigned long long)(m.prefix.n + m.content_length));
	if (c->how->content)
		check_content(c, entry, &m);
}

static uint64_t flags_of(struct checker *c, const struct folder_row *row)
{
	struct str *names;
	uint32_t n = 0;

	if (keywords_parse(row->keywords, c->arena, &names, &n) != OK) {
		complain(c, "its keywords cannot be read");
		return UINT64_MAX;
	}
	return STORE_SYSTEM_FLAGS | (n ? ((1ull << n) - 1) << STORE_KEYWORD_FIRST : 0);
}

static void check_entry(struct checker *c, const struct folder_row *row, const struct folder_row *all, uint64_t known,
	const struct store_entry *entry, struct sums *sums)
{
	if (entry->uid <= sums->last_uid)
		complain(c, "UID %u stands behind %llu", entry->uid, (unsigned long long)sums->last_uid);
	if (entry->uid >= row->counter)
		complain(c, "UID %u is not below UIDNEXT %llu", entry->uid, (unsigned long long)row->counter);
	if (entry->flags & ~known)
		complain(c, "UID %u has flags without a name", entry->uid);
	expect_at_most(c, "a message's MODSEQ", entry->modseq, row->modseq);
	if (entry->instance >= all->counter)
		complain(c, "UID %u: its instance id was not given", entry->uid);
	sums->last_uid = entry->uid;
	sums->messages++;
	sums->bytes += entry->size;
	sums->unseen += !(entry->flags & STORE_SEEN);
	sums->deleted += (entry->flags & STORE_DELETED) != 0;
	check_record(c, entry);
}

/* ---- a folder ---- */

static enum err check_chunks(
	struct checker *c, const struct folder_row *row, const struct folder_row *all, struct sums *sums)
{
	struct sql_statement *st = ST(c->store, CHUNK_SCAN);
	uint64_t known = flags_of(c, row);
	enum err e;

	SQL_BIND(st, SQL_I64(c->account), SQL_I64(row->id), SQL_I64(0), SQL_I64(INT64_MAX));
	while (sql_step(st, &e)) {
		size_t n = 0;

		if (chunk_decode(sql_column_blob(st, 1), c->entries, &n) != OK)
			complain(c, "the chunk from UID %lld on cannot be read", (long long)sql_column_i64(st, 0));
		else if (c->entries[0].uid < (uint64_t)sql_column_i64(st, 0))
			complain(c, "the chunk from UID %lld on begins before it", (long long)sql_column_i64(st, 0));
		for (size_t i = 0; i < n; i++)
			check_entry(c, row, all, known, &c->entries[i], sums);
	}
	sql_reset(st);
	return e;
}

static enum err check_folder(struct checker *c, const struct folder_row *row, const struct folder_row *all)
{
	struct sums sums = { 0 };
	char bytes[STORE_NAME_MAX];
	struct str name;
	enum err e;

	c->folder = row->id;
	if (name_canonical(row->name, bytes, &name) != OK || !str_equal(name, row->name))
		complain(c, "its name is none that can be given");
	expect_at_most(c, "MODSEQ", row->modseq, all->modseq);
	expect_at_most(c, "the floor of MODSEQ", row->floor, row->modseq);
	expect_at_most(c, "UIDVALIDITY", row->uidvalidity, all->uidvalidity);
	expect_at_most(c, "the first recent UID", row->recent, row->counter);
	e = check_chunks(c, row, all, &sums);
	if (e != OK)
		return e;
	expect(c, "messages", row->messages, sums.messages);
	expect(c, "unseen messages", row->unseen, sums.unseen);
	expect(c, "deleted messages", row->deleted, sums.deleted);
	expect(c, "bytes", row->bytes, sums.bytes);
	c->counts.folders++;
	c->counts.messages += sums.messages;
	c->counts.bytes += sums.bytes;
	return OK;
}

/* ---- an account ---- */

static enum err read_rows(struct checker *c, enum store_sql which, struct folder_row **ret_rows, size_t *ret_n)
{
	struct sql_statement *st = c->store->statements[which];
	struct folder_row *rows = NULL;
	size_t n = 0, cap = 0;
	enum err e;

	SQL_BIND(st, SQL_I64(c->account));
	while (sql_step(st, &e)) {
		if (n == cap) {
			struct folder_row *more = arena_array(c->arena, struct folder_row, cap = cap ? 2 * cap : 16);

			if (n)
				memcpy(more, rows, n * sizeof(*rows));
			rows = more;
		}
		if (rows_read(st, c->arena, &rows[n++]) != OK)
			complain(c, "a folder's row cannot be read");
	}
	sql_reset(st);
	*ret_rows = rows;
	*ret_n = n;
	return e;
}

static enum err check_rows(struct checker *c)
{
	struct folder_row *pair, *rows;
	uint64_t messages = 0, bytes = 0;
	size_t pair_n, n;
	enum err e = read_rows(c, STORE_SQL_FOLDER_PAIR, &pair, &pair_n);

	if (e == OK)
		e = read_rows(c, STORE_SQL_FOLDER_LIST, &rows, &n);
	if (e != OK)
		return e;
	if (pair_n < 2 || pair[0].id != ACCOUNT_ROW || pair[1].id != INBOX_ID) {
		complain(c, "it has no row of its own, or no INBOX");
		return OK;
	}
	for (size_t i = 0; e == OK && i < n; i++) {
		e = check_folder(c, &rows[i], &pair[0]);
		messages += rows[i].messages;
		bytes += rows[i].bytes;
	}
	c->folder = 0;
	expect(c, "messages of the account", pair[0].messages, messages);
	expect(c, "bytes of the account", pair[0].bytes, bytes);
	return e;
}

static enum err next_account(struct checker *c, bool *ret_end)
{
	struct sql_statement *st = ST(c->store, ACCOUNT_AFTER);
	enum err e;

	SQL_BIND(st, SQL_I64(c->account));
	e = sql_first(st);
	*ret_end = e == ERR_NOT_FOUND;
	if (e == OK)
		c->account = (uint64_t)sql_column_i64(st, 0);
	sql_reset(st);
	return e == ERR_NOT_FOUND ? OK : e;
}

/* A view no longer than an account keeps the store's log from growing. */
static enum err check_account(struct checker *c, bool *ret_end)
{
	enum err e = sql_begin_read(c->store->sql);

	c->folder = 0;
	if (e == OK)
		e = next_account(c, ret_end);
	if (e == OK && !*ret_end) {
		e = check_rows(c);
		c->counts.accounts++;
	}
	sql_rollback(c->store->sql);
	arena_reset(c->arena);
	return e;
}

enum err store_check(const struct store_check *how, struct store_checked *ret_checked)
{
	struct checker *c = mem_make(struct checker);
	bool end = false;
	enum err e = store_open_bare(how->dir, NULL, "index.db", true, &c->store);

	c->how = how;
	c->arena = arena_new();
	c->message = arena_new();
	while (e == OK && !end)
		e = check_account(c, &end);
	*ret_checked = c->counts;
	store_close_bare(&c->store);
	arena_free(&c->arena);
	arena_free(&c->message);
	free(c);
	return e;
}
