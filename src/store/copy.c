/* SPDX-License-Identifier: ISC */
/*
 * COPY and MOVE within an account: new entries for the same records.
 */
#include "store/local.h"

struct copying {
	struct store_tx *tx;
	struct tx_folder *from, *to;
	const struct uidset *uids;
	bool moved;
	bool again; /* from the log: some may be missing */
	uint64_t first_uid, first_instance;
	size_t range; /* of uids, and how many stand before it */
	uint64_t before;
	uint32_t limit; /* source UIDs are below it: copying a folder to itself ends */
	uint64_t bytes, count, used; /* found by the first look; used: flags */
	uint64_t modseq;
	uint64_t map[64];
	struct uidset *source;
	struct store_entry entries[CHUNK_ENTRIES];
};

static enum err look_at(struct copying *c, const struct store_entry *entry)
{
	c->bytes += entry->size;
	c->used |= entry->flags;
	c->count++;
	return OK;
}

static uint64_t map_flags(const struct copying *c, uint64_t flags)
{
	uint64_t mapped = 0;

	for (; flags; flags &= flags - 1)
		mapped |= c->map[__builtin_ctzll(flags)];
	return mapped;
}

/* How many members of the set are below uid; asked for in ascending order. */
static uint64_t rank_of(struct copying *c, uint32_t uid)
{
	const struct uid_range *r = &c->uids->v[c->range];

	for (; uid > r->last; r = &c->uids->v[++c->range])
		c->before += r->last - r->first + 1;
	return c->before + (uid - r->first);
}

static void take_ids(struct copying *c, struct store_entry *copy)
{
	struct folder_row *row = &c->to->row, *all = &c->to->account->row;

	if (c->again) {
		row->counter = c->first_uid + rank_of(c, copy->uid);
		if (!c->moved)
			all->counter = c->first_instance + (row->counter - c->first_uid);
	}
	copy->uid = (uint32_t)row->counter++;
	if (!c->moved)
		copy->instance = all->counter++;
}

static enum err copy_one(struct copying *c, const struct store_entry *entry)
{
	struct folder_row *row = &c->to->row;
	struct store_entry copy = *entry;

	if (row->counter >= UINT32_MAX)
		return ERR_LIMIT;
	take_ids(c, &copy);
	copy.flags = map_flags(c, entry->flags);
	copy.modseq = c->modseq;
	copy.saved_date = c->tx->now_s;
	uidset_add(c->source, entry->uid);
	return tx_push(c->tx, c->to, &copy);
}

static enum err walk_chunk(struct copying *c, size_t n, enum err (*fn)(struct copying *, const struct store_entry *),
	uint32_t *next)
{
	enum err e = OK;

	for (size_t i = 0; e == OK && i < n && *next != 0 && *next < c->limit; i++) {
		uint32_t uid = c->entries[i].uid;

		if (uid > *next)
			*next = uidset_at_least(c->uids, uid);
		if (uid != *next)
			continue;
		if (uid < c->limit)
			e = fn(c, &c->entries[i]);
		*next = uidset_next(c->uids, uid);
	}
	return e;
}

static enum err walk(struct copying *c, enum err (*fn)(struct copying *, const struct store_entry *))
{
	struct chunk_place place = { c->from->account->account, c->from->row.id, 0 };
	uint32_t next = uidset_min(c->uids);
	struct str blob;
	enum err e = OK;

	while (e == OK && next != 0 && next < c->limit && chunks_next(c->tx, &place, next, &blob, &e)) {
		size_t n;

		e = chunk_decode(blob, c->entries, &n);
		if (e == OK)
			e = walk_chunk(c, n, fn, &next);
	}
	return e;
}

static enum err begin_copy(struct copying *c)
{
	enum err e = tx_write(c->tx);

	for (int bit = 0; bit < 64; bit++)
		c->map[bit] = 1ull << bit;
	if (e == OK && c->from != c->to && c->from->row.keywords.n > 0) {
		c->bytes = c->count = c->used = 0;
		e = walk(c, look_at);
		if (e == OK)
			e = keywords_map(c->tx, c->from, c->to, c->used, c->map);
	}
	return e;
}

static struct copying *new_copying(struct store_tx *tx, struct tx_folder *from, struct tx_folder *to,
	const struct uidset *uids)
{
	struct copying *c = arena_make(tx->arena, struct copying);

	c->tx = tx;
	c->from = from;
	c->to = to;
	c->uids = uids;
	c->limit = (uint32_t)from->row.counter;
	return c;
}

enum err copy_messages(struct store_tx *tx, struct tx_folder *from, struct tx_folder *to, const struct uidset *uids,
	bool moved, struct store_copied *ret_copied)
{
	struct copying *c = new_copying(tx, from, to, uids);
	struct note_copy note = { from, to, &ret_copied->source, to->row.counter, to->account->row.counter, 0, moved };
	struct uidset gone = { 0 };
	enum err e = tx_flush_entries(tx, from);

	uidset_clear(&ret_copied->source);
	c->source = &ret_copied->source;
	c->moved = moved;
	if (e == OK)
		e = begin_copy(c);
	c->modseq = note.first_modseq = to->account->row.modseq + 1;
	if (e == OK)
		e = walk(c, copy_one);
	if (e != OK || c->source->n == 0)
		return e;
	(void)tx_next_modseq(to);
	note_copy(tx, &note);
	ret_copied->uidvalidity = (uint32_t)to->row.uidvalidity;
	ret_copied->first_uid = (uint32_t)note.first_uid;
	if (moved)
		e = expunge_messages(tx, from, c->source, true, true, &gone);
	uidset_done(&gone);
	return e;
}

/* The counters end where they did, also when the last ones are missing. */
enum err copy_again_messages(struct store_tx *tx, struct tx_folder *from, struct tx_folder *to, const struct uidset *uids,
	bool moved, struct uidset *ret_source)
{
	struct copying *c = new_copying(tx, from, to, uids);
	uint64_t end = to->row.counter + uidset_count(uids), instances = to->account->row.counter + uidset_count(uids);
	enum err e = tx_flush_entries(tx, from);

	c->limit = from == to ? (uint32_t)to->row.counter : UINT32_MAX;
	c->source = ret_source;
	c->moved = moved;
	c->again = true;
	c->first_uid = to->row.counter;
	c->first_instance = to->account->row.counter;
	if (e == OK)
		e = begin_copy(c);
	c->modseq = tx_next_modseq(to);
	if (e == OK)
		e = walk(c, copy_one);
	to->row.counter = end;
	if (!moved)
		to->account->row.counter = instances;
	tx_touch(tx, to);
	return e;
}

/* Sizes are added up only when they could matter. */
static enum err check_quota(struct store_tx *tx, struct tx_folder *from, const struct uidset *uids, uint64_t quota)
{
	uint64_t used = from->account->row.bytes;
	struct copying *c;
	enum err e;

	if (quota == 0 || used + from->row.bytes <= quota)
		return OK;
	c = new_copying(tx, from, from, uids);
	e = tx_flush_entries(tx, from);
	if (e == OK)
		e = walk(c, look_at);
	return e == OK && c->bytes > 0 && used + c->bytes > quota ? ERR_OVER_QUOTA : e;
}

static enum err find_folders(struct store_tx *tx, const struct store_folder *folder, struct str target,
	struct tx_folder **ret_from, struct tx_folder **ret_to)
{
	char bytes[STORE_NAME_MAX];
	enum err e = tx_open_folder(tx, folder, ret_from);

	if (e != OK)
		return e;
	if (name_canonical(target, bytes, &target) != OK)
		return ERR_TRYCREATE;
	e = tx_find_folder(tx, (*ret_from)->account, target, ret_to);
	return e == ERR_NO_FOLDER ? ERR_TRYCREATE : e;
}

enum err store_copy(struct store_tx *tx, const struct store_folder *folder, const struct uidset *uids,
	struct str target, uint64_t quota, struct store_copied *ret_copied)
{
	struct tx_folder *from, *to;
	enum err e = find_folders(tx, folder, target, &from, &to);

	if (e == OK)
		e = check_quota(tx, from, uids, quota);
	return e == OK ? copy_messages(tx, from, to, uids, false, ret_copied) : e;
}

enum err store_move(struct store_tx *tx, const struct store_folder *folder, const struct uidset *uids,
	struct str target, struct store_copied *ret_copied)
{
	struct tx_folder *from, *to;
	enum err e = find_folders(tx, folder, target, &from, &to);

	return e == OK ? copy_messages(tx, from, to, uids, true, ret_copied) : e;
}
