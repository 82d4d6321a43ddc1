/* SPDX-License-Identifier: ISC */
#include "store/chunk.h"

#include <assert.h>

/* The first byte of the form; a reader of version 2 still reads 1, and writes chunks anew when it touches them. */
enum { CHUNK_VERSION = 1, COLD_BYTES = 9 * 10 + 16 };

struct in {
	const uint8_t *p, *end;
	bool bad;
};

static uint8_t *put(uint8_t *to, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*to++ = (uint8_t)(v | 0x80);
	*to++ = (uint8_t)v;
	return to;
}

static uint64_t get_long(struct in *in)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70 && in->p < in->end; shift += 7) {
		uint8_t byte = *in->p++;

		if (shift == 63 && byte > 1)
			break;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	in->bad = true;
	return 0;
}

static inline uint64_t get(struct in *in)
{
	if (in->p < in->end && *in->p < 0x80)
		return *in->p++;
	return get_long(in);
}

static uint8_t *put_signed(uint8_t *to, uint64_t difference)
{
	return put(to, difference << 1 ^ (uint64_t)((int64_t)difference >> 63));
}

static inline uint64_t get_signed(struct in *in)
{
	uint64_t v = get(in);

	return v >> 1 ^ -(v & 1);
}

/* UIDs ascend, so that their distance less one is never negative; flags stand as they are. */
static uint8_t *put_hot(uint8_t *to, const struct chunk_hot *hot)
{
	uint32_t uid = 0;
	uint64_t modseq = 0;

	*to++ = CHUNK_VERSION;
	*to++ = (uint8_t)hot->n;
	for (uint32_t i = 0; i < hot->n; uid = hot->uids[i++])
		to = put(to, hot->uids[i] - uid - 1);
	for (uint32_t i = 0; i < hot->n; i++)
		to = put(to, hot->flags[i]);
	for (uint32_t i = 0; i < hot->n; modseq = hot->modseqs[i++])
		to = put_signed(to, hot->modseqs[i] - modseq);
	return to;
}

static void get_hot(struct in *in, struct chunk_hot *hot)
{
	uint64_t uid = 0, modseq = 0;

	for (uint32_t i = 0; i < hot->n; i++) {
		uint64_t step = get(in);

		uid += step + 1;
		in->bad |= step >= UINT32_MAX || uid > UINT32_MAX;
		hot->uids[i] = (uint32_t)uid;
	}
	for (uint32_t i = 0; i < hot->n; i++)
		hot->flags[i] = get(in);
	for (uint32_t i = 0; i < hot->n; i++)
		hot->modseqs[i] = modseq += get_signed(in);
}

static enum err open_chunk(struct str blob, struct in *ret_in, uint32_t *ret_n)
{
	const uint8_t *p = (const uint8_t *)blob.p;

	if (blob.n < 2 || blob.n > CHUNK_ROOM || p[0] != CHUNK_VERSION || p[1] == 0 || p[1] > CHUNK_ENTRIES)
		return ERR_CORRUPT;
	*ret_n = p[1];
	*ret_in = (struct in){ p + 2, p + blob.n, false };
	return OK;
}

enum err chunk_decode_hot(struct str blob, struct chunk_hot *ret_hot, struct str *ret_rest)
{
	struct in in;
	enum err e = open_chunk(blob, &in, &ret_hot->n);

	if (e != OK)
		return e;
	get_hot(&in, ret_hot);
	*ret_rest = str_make(in.p, (size_t)(in.end - in.p));
	return in.bad || ret_rest->n > ret_hot->n * COLD_BYTES ? ERR_CORRUPT : OK;
}

size_t chunk_encode_hot(const struct chunk_hot *hot, struct str rest, char ret_blob[CHUNK_ROOM])
{
	uint8_t *to = put_hot((uint8_t *)ret_blob, hot);

	assert(rest.n <= (size_t)(ret_blob + CHUNK_ROOM - (char *)to));
	memcpy(to, rest.p, rest.n);
	return (size_t)((char *)to + rest.n - ret_blob);
}

static uint8_t *put_dates(uint8_t *to, const struct store_entry *e, size_t n)
{
	uint64_t date = 0;

	for (size_t i = 0; i < n; date = (uint64_t)e[i++].internal_date)
		to = put_signed(to, (uint64_t)e[i].internal_date - date);
	for (size_t i = 0; i < n; i++)
		to = put_signed(to, (uint64_t)e[i].saved_date - (uint64_t)e[i].internal_date);
	for (size_t i = 0; i < n; i++)
		to = put(to, e[i].size);
	return to;
}

static void get_dates(struct in *in, struct store_entry *e, size_t n)
{
	uint64_t date = 0;

	for (size_t i = 0; i < n; i++)
		e[i].internal_date = (int64_t)(date += get_signed(in));
	for (size_t i = 0; i < n; i++)
		e[i].saved_date = (int64_t)((uint64_t)e[i].internal_date + get_signed(in));
	for (size_t i = 0; i < n; i++) {
		uint64_t size = get(in);

		in->bad |= size > UINT32_MAX;
		e[i].size = (uint32_t)size;
	}
}

/* A record that follows the one before costs one byte; offsets and lengths are multiples of 8. */
static uint8_t *put_extents(uint8_t *to, const struct store_entry *e, size_t n)
{
	uint64_t segment = 0, end = 0;

	for (size_t i = 0; i < n; segment = e[i++].extent.segment)
		to = put_signed(to, e[i].extent.segment - segment);
	for (size_t i = 0; i < n; i++) {
		to = put_signed(to, e[i].extent.offset / 8 - end);
		end = e[i].extent.offset / 8 + e[i].extent.length / 8;
	}
	for (size_t i = 0; i < n; i++)
		to = put_signed(to, (uint64_t)(e[i].extent.length / 8) - e[i].size / 8);
	for (size_t i = 0; i < n; i++)
		to = put(to, e[i].extent.slot);
	return to;
}

static void get_lengths(struct in *in, struct store_entry *e, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t eighths = e[i].size / 8 + get_signed(in);

		in->bad |= eighths > UINT32_MAX / 8;
		e[i].extent.length = (uint32_t)eighths * 8;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t slot = get(in);

		in->bad |= slot >= UINT16_MAX;
		e[i].extent.slot = (uint32_t)slot;
	}
}

/* Offsets are told from the ends of records, whose lengths come after: kept as distances until then. */
static void get_extents(struct in *in, struct store_entry *e, size_t n)
{
	uint64_t segment = 0, end = 0;

	for (size_t i = 0; i < n; i++) {
		segment += get_signed(in);
		in->bad |= segment > UINT32_MAX;
		e[i].extent.segment = (uint32_t)segment;
	}
	for (size_t i = 0; i < n; i++)
		e[i].extent.offset = get_signed(in);
	get_lengths(in, e, n);
	for (size_t i = 0; i < n; i++) {
		uint64_t at = end + e[i].extent.offset;

		in->bad |= at > UINT32_MAX;
		e[i].extent.offset = at * 8;
		end = at + e[i].extent.length / 8;
	}
}

static uint8_t *put_ids(uint8_t *to, const struct store_entry *e, size_t n)
{
	uint64_t instance = 0;

	for (size_t i = 0; i < n; instance = e[i++].instance)
		to = put_signed(to, e[i].instance - instance);
	for (size_t i = 0; i < n; i++)
		to = put_signed(to, e[i].thread - e[i].instance);
	for (size_t i = 0; i < n; i++, to += sizeof(e->email_id))
		memcpy(to, e[i].email_id, sizeof(e->email_id));
	return to;
}

static void get_ids(struct in *in, struct store_entry *e, size_t n)
{
	uint64_t instance = 0;

	for (size_t i = 0; i < n; i++)
		e[i].instance = instance += get_signed(in);
	for (size_t i = 0; i < n; i++)
		e[i].thread = e[i].instance + get_signed(in);
	if ((size_t)(in->end - in->p) != n * sizeof(e->email_id)) {
		in->bad = true;
		return;
	}
	for (size_t i = 0; i < n; i++, in->p += sizeof(e->email_id))
		memcpy(e[i].email_id, in->p, sizeof(e->email_id));
}

static void take_hot(const struct store_entry *entries, size_t n, struct chunk_hot *hot)
{
	assert(n >= 1 && n <= CHUNK_ENTRIES);
	hot->n = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		assert(entries[i].uid > (i ? entries[i - 1].uid : 0) && entries[i].extent.offset % 8 == 0);
		hot->uids[i] = entries[i].uid;
		hot->flags[i] = entries[i].flags;
		hot->modseqs[i] = entries[i].modseq;
	}
}

size_t chunk_encode(const struct store_entry *entries, size_t n, char ret_blob[CHUNK_ROOM])
{
	struct chunk_hot hot;
	uint8_t *to;

	take_hot(entries, n, &hot);
	to = put_hot((uint8_t *)ret_blob, &hot);
	to = put_dates(to, entries, n);
	to = put_extents(to, entries, n);
	to = put_ids(to, entries, n);
	return (size_t)((char *)to - ret_blob);
}

enum err chunk_decode(struct str blob, struct store_entry ret_entries[CHUNK_ENTRIES], size_t *ret_n)
{
	struct chunk_hot hot;
	struct in in;
	enum err e = open_chunk(blob, &in, &hot.n);

	if (e != OK)
		return e;
	get_hot(&in, &hot);
	for (uint32_t i = 0; i < hot.n; i++) {
		ret_entries[i].uid = hot.uids[i];
		ret_entries[i].flags = hot.flags[i];
		ret_entries[i].modseq = hot.modseqs[i];
	}
	get_dates(&in, ret_entries, hot.n);
	get_extents(&in, ret_entries, hot.n);
	get_ids(&in, ret_entries, hot.n);
	*ret_n = hot.n;
	return in.bad ? ERR_CORRUPT : OK;
}

size_t chunk_fit(const struct store_entry *entries, size_t n, char ret_blob[CHUNK_ROOM], size_t *ret_length)
{
	n = n < CHUNK_ENTRIES ? n : CHUNK_ENTRIES;
	*ret_length = chunk_encode(entries, n, ret_blob);
	while (*ret_length > CHUNK_BYTES && n > 1) {
		size_t guess = n * CHUNK_BYTES / *ret_length;

		n = guess < n && guess > 0 ? guess : n - 1;
		*ret_length = chunk_encode(entries, n, ret_blob);
	}
	return n;
}
