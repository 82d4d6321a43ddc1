/* SPDX-License-Identifier: ISC */
/*
 * Hot arrays of a folder: loaded once, then kept in step with commits by deltas.
 */
#include "store/local.h"

#include <assert.h>
#include <stdlib.h>

uint64_t index_bytes(const struct store_folder *folder)
{
	return (uint64_t)folder->cap * (sizeof(*folder->uids) + 2 * sizeof(*folder->flags));
}

static void set_capacity(struct store_folder *f, uint32_t cap)
{
	f->uids = mem_grow(f->uids, arena_array_size(cap, sizeof(*f->uids)));
	f->flags = mem_grow(f->flags, arena_array_size(cap, sizeof(*f->flags)));
	f->modseqs = mem_grow(f->modseqs, arena_array_size(cap, sizeof(*f->modseqs)));
	f->cap = cap;
	f->index.uids = f->uids;
	f->index.flags = f->flags;
	f->index.modseqs = f->modseqs;
}

static void reserve(struct store_folder *f, uint32_t more)
{
	if (f->index.count + more > f->cap)
		set_capacity(f, f->index.count + more + f->index.count / 8 + 16);
}

void index_drop(struct store_folder *folder)
{
	free(folder->uids);
	free(folder->flags);
	free(folder->modseqs);
	folder->uids = NULL;
	folder->flags = folder->modseqs = NULL;
	folder->cap = 0;
	folder->index = (struct store_index){ 0 };
	folder->loaded = false;
	arena_free(&folder->words);
}

enum err index_load_row(struct store_folder *folder)
{
	struct sql_statement *st = ST(folder->store, FOLDER_BY_ID);
	struct store_index *index = &folder->index;
	struct arena *words = arena_new();
	struct folder_row row;
	struct str *names = NULL;
	enum err e;

	SQL_BIND(st, SQL_I64(folder->account), SQL_I64(folder->id));
	e = sql_first(st);
	if (e == OK)
		e = rows_read(st, words, &row);
	sql_reset(st);
	if (e == OK)
		e = keywords_parse(row.keywords, words, &names, &index->keyword_count);
	if (e != OK) {
		arena_free(&words);
		return e == ERR_NOT_FOUND ? ERR_NO_FOLDER : e;
	}
	arena_free(&folder->words);
	folder->words = words;
	free(folder->name);
	folder->name = mem_dup(row.name);
	index->keywords = names;
	index->uidvalidity = (uint32_t)row.uidvalidity;
	index->uidnext = (uint32_t)row.counter;
	index->recent_uid = (uint32_t)row.recent;
	index->highest_modseq = row.modseq;
	return OK;
}

static enum err load_chunk(struct store_folder *f, struct str blob, struct chunk_hot *hot)
{
	struct store_index *index = &f->index;
	struct str rest;
	enum err e = chunk_decode_hot(blob, hot, &rest);

	if (e != OK)
		return e;
	if (index->count > 0 && hot->uids[0] <= f->uids[index->count - 1])
		return ERR_CORRUPT;
	reserve(f, hot->n);
	memcpy(f->uids + index->count, hot->uids, hot->n * sizeof(*hot->uids));
	memcpy(f->flags + index->count, hot->flags, hot->n * sizeof(*hot->flags));
	memcpy(f->modseqs + index->count, hot->modseqs, hot->n * sizeof(*hot->modseqs));
	index->count += hot->n;
	return OK;
}

enum err index_load(struct store_folder *folder)
{
	struct sql_statement *st = ST(folder->store, CHUNK_SCAN);
	struct chunk_hot hot;
	enum err e = index_load_row(folder);

	assert(!folder->store->tx);
	if (e != OK)
		return e;
	SQL_BIND(st, SQL_I64(folder->account), SQL_I64(folder->id), SQL_I64(0), SQL_I64(UINT32_MAX));
	while (sql_step(st, &e)) {
		e = load_chunk(folder, sql_column_blob(st, 1), &hot);
		if (e != OK)
			break;
	}
	sql_reset(st);
	if (e != OK)
		index_drop(folder);
	folder->loaded = e == OK;
	return e;
}

uint32_t store_index_find(const struct store_index *index, uint32_t uid)
{
	uint32_t low = 0, high = index->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (index->uids[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint64_t store_index_keyword(const struct store_index *index, struct str name)
{
	for (uint32_t i = 0; i < index->keyword_count; i++)
		if (str_iequal(index->keywords[i], name))
			return STORE_KEYWORD_BIT(i);
	return 0;
}

static void append_messages(struct store_folder *f, const struct delta *deltas, size_t n)
{
	reserve(f, (uint32_t)n);
	for (size_t i = 0; i < n; i++, f->index.count++) {
		assert(f->index.count == 0 || f->uids[f->index.count - 1] < deltas[i].uid);
		f->uids[f->index.count] = deltas[i].uid;
		f->flags[f->index.count] = deltas[i].flags;
		f->modseqs[f->index.count] = deltas[i].modseq;
	}
}

/* Both ascend: a search for the first of each stretch, then side by side. */
static void change_flags(struct store_folder *f, const struct delta *deltas, size_t n)
{
	uint32_t at = 0, before = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		if (at >= f->index.count || f->uids[at] != deltas[i].uid || deltas[i].uid <= before)
			at = store_index_find(&f->index, deltas[i].uid);
		before = deltas[i].uid;
		assert(at < f->index.count && f->uids[at] == deltas[i].uid);
		f->flags[at] = deltas[i].flags;
		f->modseqs[at] = deltas[i].modseq;
		at++;
	}
}

/* One pass over what stands behind the first that goes. */
static size_t remove_messages(struct store_folder *f, const struct delta *deltas, size_t n)
{
	uint32_t from = store_index_find(&f->index, deltas[0].uid), to = from;
	size_t gone = 0;

	for (; from < f->index.count; from++) {
		if (gone < n && deltas[gone].uid == f->uids[from] && (gone == 0 || deltas[gone].uid > deltas[gone - 1].uid)) {
			gone++;
			continue;
		}
		f->uids[to] = f->uids[from];
		f->flags[to] = f->flags[from];
		f->modseqs[to++] = f->modseqs[from];
	}
	f->index.count = to;
	return gone;
}

void index_apply(struct store_folder *folder, const struct delta *deltas, size_t n)
{
	if (deltas[0].kind == DELTA_APPEND)
		append_messages(folder, deltas, n);
	else if (deltas[0].kind == DELTA_FLAGS)
		change_flags(folder, deltas, n);
	/* Two expunges in one turn: the second may begin below the first one's end. */
	while (n > 0 && deltas[0].kind == DELTA_EXPUNGE) {
		size_t done = remove_messages(folder, deltas, n);

		assert(done > 0);
		deltas += done;
		n -= done;
	}
}
