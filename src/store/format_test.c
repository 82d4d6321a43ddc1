/* SPDX-License-Identifier: ISC */
/* Pure parts: sets, chunks, records. */
#include "base/buf.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/test.h"
#include "store/chunk.h"
#include "store/record.h"

#include <stdlib.h>

static void test_uidset_against_bitmap(void **state)
{
	enum { LIMIT = 200 };

	for (unsigned seed = 0; seed < 200; seed++) {
		bool in[LIMIT + 2] = { false };
		struct uidset set = { 0 };
		uint32_t place = 0;

		srandom(seed);
		for (int op = 0; op < 60; op++) {
			uint32_t first = 1 + (uint32_t)random() % LIMIT, last = first + (uint32_t)random() % 9;

			last = last > LIMIT ? LIMIT : last;
			if (random() % 3)
				uidset_add_range(&set, first, last);
			else
				uidset_remove_range(&set, first, last);
			bool has = uidset_has(&set, first);
			for (uint32_t uid = first; uid <= last; uid++)
				in[uid] = has;
		}
		for (uint32_t uid = 1; uid <= LIMIT; uid++) {
			assert_int_equal(uidset_has(&set, uid), in[uid]);
			assert_int_equal(uidset_place(&set, uid), in[uid] ? ++place : 0);
			if (in[uid])
				assert_int_equal(uidset_nth(&set, place), uid);
		}
		assert_int_equal(uidset_count(&set), place);
		for (size_t i = 1; i < set.n; i++)
			assert_true(set.v[i].first > set.v[i - 1].last + 1);
		uidset_done(&set);
	}
}

static void test_uidset_edges(void **state)
{
	struct uidset set = { 0 }, copy = { 0 };

	assert_int_equal(uidset_next(&set, 0), 0);
	uidset_add_range(&set, 5, UINT32_MAX);
	uidset_add(&set, UINT32_MAX);
	uidset_add(&set, 3);
	uidset_add(&set, 4);
	assert_int_equal(set.n, 1);
	assert_int_equal(uidset_min(&set), 3);
	assert_int_equal(uidset_max(&set), UINT32_MAX);
	assert_int_equal(uidset_next(&set, UINT32_MAX), 0);
	assert_int_equal(uidset_at_least(&set, 1), 3);
	uidset_copy(&copy, &set);
	assert_true(uidset_equal(&copy, &set));
	uidset_remove_range(&copy, 1, UINT32_MAX);
	assert_int_equal(copy.n, 0);
	uidset_done(&set);
	uidset_done(&copy);
}

static void make_entries(struct store_entry *entries, size_t n, unsigned seed)
{
	uint32_t uid = 0;

	srandom(seed);
	for (size_t i = 0; i < n; i++) {
		struct store_entry *e = &entries[i];

		memset(e, 0, sizeof(*e));
		e->uid = uid += 1 + (uint32_t)random() % 3;
		e->size = (uint32_t)random() % 100000;
		e->flags = (uint64_t)random() & 31;
		e->modseq = 1000 + (uint64_t)random() % 1000;
		e->internal_date = 1700000000 - random() % 100000;
		e->saved_date = 1700000000 + random() % 100000;
		e->instance = i + 7;
		e->thread = (uint64_t)random() % 100;
		e->extent = (struct store_extent){ 1 + (uint32_t)random() % 3, 64 + 8 * ((uint64_t)random() % 100000),
			8 * (1 + (uint32_t)random() % 20000), (uint32_t)random() % 5 };
		random_bytes(e->email_id, sizeof(e->email_id));
	}
}

static void assert_entry(const struct store_entry *a, const struct store_entry *b)
{
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->modseq, b->modseq);
	assert_int_equal(a->internal_date, b->internal_date);
	assert_int_equal(a->saved_date, b->saved_date);
	assert_int_equal(a->instance, b->instance);
	assert_int_equal(a->thread, b->thread);
	assert_memory_equal(a->email_id, b->email_id, 16);
	assert_int_equal(a->extent.segment, b->extent.segment);
	assert_int_equal(a->extent.offset, b->extent.offset);
	assert_int_equal(a->extent.length, b->extent.length);
	assert_int_equal(a->extent.slot, b->extent.slot);
}

static void test_chunk_round_trip(void **state)
{
	struct store_entry entries[CHUNK_ENTRIES], back[CHUNK_ENTRIES];
	char blob[CHUNK_ROOM], again[CHUNK_ROOM];
	struct chunk_hot hot;

	for (unsigned seed = 1; seed <= 200; seed++) {
		size_t n = 1 + seed % CHUNK_ENTRIES, got = 0, length;
		struct str rest;

		make_entries(entries, n, seed);
		length = chunk_encode(entries, n, blob);
		assert_ok(chunk_decode(str_make(blob, length), back, &got));
		assert_int_equal(got, n);
		for (size_t i = 0; i < n; i++)
			assert_entry(&entries[i], &back[i]);
		assert_ok(chunk_decode_hot(str_make(blob, length), &hot, &rest));
		assert_int_equal(hot.n, n);
		assert_int_equal(hot.uids[n - 1], entries[n - 1].uid);
		assert_int_equal(chunk_encode_hot(&hot, rest, again), length);
		assert_memory_equal(again, blob, length);
		for (size_t cut = 0; cut < length; cut += 1 + cut / 8)
			assert_err(chunk_decode(str_make(blob, cut), back, &got), ERR_CORRUPT);
	}
}

static void test_chunk_extremes(void **state)
{
	struct store_entry e = { .uid = UINT32_MAX, .size = UINT32_MAX, .flags = UINT64_MAX, .modseq = UINT64_MAX,
		.internal_date = INT64_MIN, .saved_date = INT64_MAX, .instance = UINT64_MAX, .thread = 0 };
	struct store_entry back[CHUNK_ENTRIES];
	char blob[CHUNK_ROOM];
	size_t n = 0, length;

	e.extent = (struct store_extent){ UINT32_MAX, 8ull * UINT32_MAX, UINT32_MAX & ~7u, 1000 };
	length = chunk_encode(&e, 1, blob);
	assert_ok(chunk_decode(str_make(blob, length), back, &n));
	assert_entry(&back[0], &e);
}

static void test_chunk_fit_keeps_limit(void **state)
{
	static struct store_entry entries[1000];
	char blob[CHUNK_ROOM];
	size_t length, n;

	make_entries(entries, 1000, 5);
	for (int i = 0; i < 1000; i++)
		entries[i].flags = UINT64_MAX - (uint64_t)i;
	n = chunk_fit(entries, 1000, blob, &length);
	assert_in_range(n, 2, CHUNK_ENTRIES);
	assert_true(length <= CHUNK_BYTES);
}

static void make_record(struct record_head *head, struct record_recipient *recipients, uint32_t *checksums, char *fill)
{
	memset(head, 0, sizeof(*head));
	head->header = (struct record_header){ .type = RECORD_MESSAGE, .recipients = 3, .segment_id = random_u64(),
		.offset = 4096, .content = 150000 };
	for (uint32_t i = 0; i < 3; i++) {
		recipients[i] = (struct record_recipient){ .account = 1000 + i, .folder = 1, .uid = i + 1,
			.flags = 1ull << (20 * i), .modseq = 99, .internal_date = -5, .saved_date = 1700000000,
			.instance = i, .thread = i, .prefix = str_make(fill, 10 * i) };
		checksums[i] = 0x01020304u * i;
	}
	head->recipients = recipients;
	head->checksums = checksums;
	head->structure = str_make(fill, 77);
	random_bytes(head->content_id, 32);
	random_bytes(head->delivery_id, 16);
}

static void test_record_round_trip(void **state)
{
	struct record_recipient recipients[3];
	struct arena *arena = arena_new();
	struct record_head head, back;
	uint32_t checksums[3];
	struct buf out = BUF_MAX(0);
	char fill[100];

	memset(fill, 'f', sizeof(fill));
	make_record(&head, recipients, checksums, fill);
	record_encode_head(&head, &out);
	assert_int_equal(out.n, record_head_size(&head));
	assert_int_equal(out.n % RECORD_ALIGN, 0);
	assert_ok(record_decode_head(buf_str(&out), arena, &back));
	assert_int_equal(back.header.length, record_size(out.n, 150000));
	assert_int_equal(back.header.content, 150000);
	assert_int_equal(back.header.offset, 4096);
	assert_int_equal(back.header.segment_id, head.header.segment_id);
	assert_true(str_equal(back.structure, head.structure));
	assert_memory_equal(back.checksums, checksums, sizeof(checksums));
	assert_memory_equal(back.content_id, head.content_id, 32);
	assert_memory_equal(back.delivery_id, head.delivery_id, 16);
	for (int i = 0; i < 3; i++) {
		assert_true(str_equal(back.recipients[i].prefix, recipients[i].prefix));
		assert_int_equal(back.recipients[i].flags, recipients[i].flags);
		assert_int_equal(back.recipients[i].internal_date, -5);
	}
	buf_done(&out);
	arena_free(&arena);
}

static void test_record_damage_is_seen(void **state)
{
	struct record_recipient recipients[3];
	struct arena *arena = arena_new();
	struct record_head head, back;
	uint32_t checksums[3];
	struct buf out = BUF_MAX(0);
	char fill[100];

	memset(fill, 'f', sizeof(fill));
	make_record(&head, recipients, checksums, fill);
	record_encode_head(&head, &out);
	for (size_t i = 0; i < out.n; i++) {
		out.p[i] ^= 0x10;
		assert_err(record_decode_head(buf_str(&out), arena, &back), ERR_CORRUPT);
		out.p[i] ^= 0x10;
	}
	for (size_t n = 0; n < out.n; n++)
		assert_err(record_decode_head(str_make(out.p, n), arena, &back), ERR_CORRUPT);
	buf_done(&out);
	arena_free(&arena);
}

static void test_segment_header(void **state)
{
	struct segment_header header = { 17, 0x1234567890abcdefull, 1700000000 }, back;
	char bytes[SEGMENT_HEADER_BYTES];

	segment_encode_header(&header, bytes);
	assert_ok(segment_decode_header(str_make(bytes, sizeof(bytes)), &back));
	assert_int_equal(back.number, 17);
	assert_int_equal(back.id, header.id);
	assert_int_equal(back.created_s, header.created_s);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] ^= 1;
		assert_err(segment_decode_header(str_make(bytes, sizeof(bytes)), &back), ERR_CORRUPT);
		bytes[i] ^= 1;
	}
}

/* What is in both, and what is in one only, against a look at every number. */
static void test_uidset_of_two(void **state)
{
	enum { NUMBERS = 60 };

	srandom(11);
	for (int round = 0; round < 500; round++) {
		struct uidset a = { 0 }, b = { 0 }, both = { 0 }, only = { 0 };

		for (uint32_t uid = 1; uid <= NUMBERS; uid++) {
			if (random() % 3)
				uidset_add(&a, uid);
			if (random() % 3)
				uidset_add(&b, uid);
		}
		if (round % 5 == 0)
			uidset_add_range(&b, NUMBERS / 2, UINT32_MAX);
		uidset_copy(&both, &a);
		uidset_keep(&both, &b);
		uidset_copy(&only, &a);
		uidset_remove_set(&only, &b);
		for (uint32_t uid = 1; uid <= NUMBERS; uid++) {
			assert_int_equal(uidset_has(&both, uid), uidset_has(&a, uid) && uidset_has(&b, uid));
			assert_int_equal(uidset_has(&only, uid), uidset_has(&a, uid) && !uidset_has(&b, uid));
		}
		assert_int_equal(uidset_count(&both) + uidset_count(&only), uidset_count(&a));
		uidset_done(&a);
		uidset_done(&b);
		uidset_done(&both);
		uidset_done(&only);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uidset_against_bitmap),
		cmocka_unit_test(test_uidset_of_two),
		cmocka_unit_test(test_uidset_edges),
		cmocka_unit_test(test_chunk_round_trip),
		cmocka_unit_test(test_chunk_extremes),
		cmocka_unit_test(test_chunk_fit_keeps_limit),
		cmocka_unit_test(test_record_round_trip),
		cmocka_unit_test(test_record_damage_is_seen),
		cmocka_unit_test(test_segment_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
