/* SPDX-License-Identifier: ISC */
#include "store/local.h"

enum err keywords_parse(struct str packed, struct arena *arena, struct str **ret_names, uint32_t *ret_n)
{
	struct str *names = arena_array(arena, struct str, STORE_KEYWORDS_MAX);
	struct rd rd = rd_of(packed);
	uint32_t n = 0;

	while (rd_left(&rd) > 0 && !rd.bad && n < STORE_KEYWORDS_MAX)
		names[n++] = rd_blob(&rd);
	if (rd.bad || rd_left(&rd) > 0)
		return ERR_CORRUPT;
	*ret_names = names;
	*ret_n = n;
	return OK;
}

static int find_name(const struct str *names, uint32_t n, struct str name)
{
	for (uint32_t i = 0; i < n; i++)
		if (str_iequal(names[i], name))
			return (int)i;
	return -1;
}

static enum err add_name(struct store_tx *tx, struct tx_folder *folder, struct str name)
{
	struct buf packed = BUF_MAX(0);

	if (name.n == 0 || name.n > STORE_KEYWORD_BYTES_MAX)
		return ERR_LIMIT;
	buf_add(&packed, folder->row.keywords);
	buf_blob(&packed, name);
	folder->row.keywords = arena_dup(tx->arena, buf_str(&packed));
	buf_done(&packed);
	folder->keywords_dirty = true;
	tx_touch(tx, folder);
	return OK;
}

/* Limits are looked at before anything is changed. */
static enum err add_missing(struct store_tx *tx, struct tx_folder *folder, struct str *list, uint32_t had,
	const struct str *names, size_t n)
{
	uint32_t has = had;
	enum err e;

	for (size_t i = 0; i < n; i++) {
		if (find_name(list, has, names[i]) >= 0)
			continue;
		if (has == STORE_KEYWORDS_MAX || names[i].n == 0 || names[i].n > STORE_KEYWORD_BYTES_MAX)
			return ERR_LIMIT;
		list[has++] = names[i];
	}
	e = has > had ? tx_write(tx) : OK;
	for (uint32_t i = had; e == OK && i < has; i++)
		e = add_name(tx, folder, list[i]);
	if (e == OK && has > had) {
		struct folder_row now = folder->row;

		/* The names are no change of a message; the note stands behind all that was before. */
		now.modseq = folder->account->row.modseq;
		note_folder(tx, folder->account->account, &now);
	}
	return e;
}

enum err keywords_bits(struct store_tx *tx, struct tx_folder *folder, const struct str *names, size_t n, bool add,
	uint64_t *ret_bits)
{
	struct str *list;
	uint32_t count;
	uint64_t bits = 0;
	enum err e = n > 0 ? keywords_parse(folder->row.keywords, tx->arena, &list, &count) : OK;

	if (e == OK && n > 0 && add) {
		e = add_missing(tx, folder, list, count, names, n);
		if (e == OK)
			e = keywords_parse(folder->row.keywords, tx->arena, &list, &count);
	}
	for (size_t i = 0; e == OK && i < n; i++) {
		int at = find_name(list, count, names[i]);

		if (at >= 0)
			bits |= STORE_KEYWORD_BIT(at);
	}
	if (e == OK)
		*ret_bits = bits;
	return e;
}

enum err keywords_map(struct store_tx *tx, struct tx_folder *from, struct tx_folder *to, uint64_t used,
	uint64_t map[64])
{
	struct str *list, wanted[STORE_KEYWORDS_MAX];
	uint32_t count;
	size_t n = 0;
	enum err e = keywords_parse(from->row.keywords, tx->arena, &list, &count);
	uint64_t all;

	for (int bit = 0; bit < 64; bit++)
		map[bit] = bit < STORE_KEYWORD_FIRST ? 1ull << bit : 0;
	for (uint32_t i = 0; e == OK && i < count; i++)
		if (used & STORE_KEYWORD_BIT(i))
			wanted[n++] = list[i];
	if (e == OK)
		e = keywords_bits(tx, to, wanted, n, true, &all);
	for (uint32_t i = 0; e == OK && i < count; i++)
		if (used & STORE_KEYWORD_BIT(i))
			e = keywords_bits(tx, to, &list[i], 1, false, &map[STORE_KEYWORD_FIRST + i]);
	return e;
}
