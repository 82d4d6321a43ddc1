/* SPDX-License-Identifier: ISC */
#include "base/test.h"

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/time.h"
#include "base/utf8.h"
#include "base/vec.h"

#include <string.h>

static void test_str(void **state)
{
	struct str rest = S("a,b,,c"), part;
	uint64_t v = 7;

	assert_true(str_iequal(S("HeLo"), S("hElO")));
	assert_true(str_iends(S("x.EML"), S(".eml")));
	assert_int_equal(str_ifind(S("Subject: Abc"), S("aBC")), 9);
	assert_int_equal(str_find(S("abc"), S("cd")), -1);
	assert_str(str_trim(S(" \t a b\r\n")), "a b");
	assert_true(str_next(&rest, ',', &part));
	assert_str(part, "a");
	assert_true(str_next(&rest, ',', &part) && str_next(&rest, ',', &part));
	assert_int_equal(part.n, 0);
	assert_true(str_next(&rest, ',', &part));
	assert_str(part, "c");
	assert_false(str_next(&rest, ',', &part));
	assert_err(str_to_u64(S("18446744073709551616"), &v), ERR_SYNTAX);
	assert_err(str_to_u64(S(""), &v), ERR_SYNTAX);
	assert_int_equal(v, 7);
	assert_ok(str_to_u64(S("18446744073709551615"), &v));
	assert_true(v == UINT64_MAX);
}

static void test_arena(void **state)
{
	struct arena *a = arena_new();
	char *big;

	for (int i = 0; i < 1000; i++) {
		uint64_t *p = arena_make(a, uint64_t);

		assert_int_equal((uintptr_t)p % 16, 0);
		assert_true(*p == 0);
		*p = UINT64_MAX;
		arena_bytes(a, 3);
	}
	big = arena_alloc(a, 100000);
	memset(big, 1, 100000);
	arena_reset(a);
	assert_int_equal(arena_used(a), 0);
	assert_str(arena_printf(a, "%d-%s", 5, "x"), "5-x");
	arena_free(&a);
	assert_null(a);
}

static void test_buf_ceiling(void **state)
{
	struct buf b = BUF_MAX(10);

	buf_adds(&b, "12345");
	buf_addf(&b, "%s", "67890");
	assert_false(b.overflow);
	assert_str(buf_str(&b), "1234567890");
	buf_addc(&b, 'x');
	assert_true(b.overflow);
	assert_int_equal(b.n, 10);
	buf_consume(&b, 4);
	assert_str(buf_str(&b), "567890");
	buf_truncate(&b, 1);
	buf_add_u64(&b, 120);
	assert_str(buf_str(&b), "5120");
	buf_done(&b);
}

static void test_binary_round_trip(void **state)
{
	static const uint64_t values[] = { 0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX };
	struct buf b = { 0 };
	struct rd rd;

	for (size_t i = 0; i < 7; i++)
		buf_varint(&b, values[i]);
	buf_u32(&b, 0x01020304);
	buf_blob(&b, S("hello"));
	rd = rd_of(buf_str(&b));
	for (size_t i = 0; i < 7; i++)
		assert_true(rd_varint(&rd) == values[i]);
	assert_int_equal(rd_u32(&rd), 0x01020304);
	assert_str(rd_blob(&rd), "hello");
	assert_false(rd.bad);
	assert_int_equal(rd_u8(&rd), 0);
	assert_true(rd.bad);
	buf_done(&b);
	rd = rd_of(S("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
	rd_varint(&rd);
	assert_true(rd.bad);
	rd = rd_of(S("\x7f" "abc"));
	rd_blob(&rd);
	assert_true(rd.bad);
}

static void test_map(void **state)
{
	struct map *m = map_new();
	size_t cursor = 0, n = 0;
	struct str key;

	for (uint64_t i = 0; i < 5000; i++)
		assert_null(map_put_u64(m, i, (void *)(uintptr_t)(i + 1)));
	for (uint64_t i = 0; i < 5000; i += 2)
		assert_int_equal((uintptr_t)map_remove_u64(m, i), i + 1);
	assert_int_equal(map_count(m), 2500);
	assert_null(map_get_u64(m, 2));
	assert_int_equal((uintptr_t)map_get_u64(m, 4999), 5000);
	while (map_next(m, &cursor, &key))
		n++;
	assert_int_equal(n, 2500);
	map_put(m, S("name"), m);
	assert_ptr_equal(map_put(m, S("name"), &n), m);
	assert_ptr_equal(map_remove(m, S("name")), &n);
	map_free(&m);
}

static void test_hashes(void **state)
{
	/* RFC 3720 B.4: 32 bytes of zeros; and the check value of "123456789". */
	static const char zeros[32];
	char text[777];
	uint8_t key[16];

	assert_int_equal(hash_crc32c(0, str_make(zeros, 32)), 0x8a9136aa);
	assert_int_equal(hash_crc32c(0, S("123456789")), 0xe3069283);
	assert_int_equal(hash_crc32c(hash_crc32c(0, S("12345")), S("6789")), 0xe3069283);
	assert_int_equal(hash_crc32c_portable(0, S("123456789")), 0xe3069283);
	for (size_t n = 0; n < sizeof(text); n++)
		text[n] = (char)(n * 37 + n / 256);
	for (size_t n = 0; n <= sizeof(text); n++)
		assert_int_equal(hash_crc32c((uint32_t)n, str_make(text, n)), hash_crc32c_portable((uint32_t)n, str_make(text, n)));
	for (int i = 0; i < 16; i++)
		key[i] = (uint8_t)i;
	/* The vector of the SipHash paper, appendix A. */
	assert_true(hash_sip(key, S("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e")) ==
		0xa129ca6149be45e5);
}

static void test_base64(void **state)
{
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foobar", "Zm9vYmFy" } };
	static const char *const bad[] = { "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zm 9", "Zg==Zg==", "Zm9v\n" };
	struct buf b = { 0 };
	uint8_t bytes[2];

	for (size_t i = 0; i < 5; i++) {
		buf_clear(&b);
		base64_encode(str_of(pairs[i][0]), &b);
		assert_str(buf_str(&b), pairs[i][1]);
		buf_clear(&b);
		assert_ok(base64_decode(str_of(pairs[i][1]), &b));
		assert_str(buf_str(&b), pairs[i][0]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_err(base64_decode(str_of(bad[i]), &b), ERR_SYNTAX);
	assert_str(buf_str(&b), "foobar");
	assert_ok(hex_decode(S("a0Ff"), bytes, 2));
	assert_int_equal(bytes[1], 255);
	assert_err(hex_decode(S("a0F"), bytes, 2), ERR_SYNTAX);
	buf_done(&b);
}

static void test_utf8(void **state)
{
	struct buf b = { 0 };
	struct str s;

	assert_true(utf8_is_valid(S("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
	assert_false(utf8_is_valid(S("\xc0\xaf")));
	assert_false(utf8_is_valid(S("\xed\xa0\x80")));
	assert_false(utf8_is_valid(S("\xf4\x90\x80\x80")));
	assert_false(utf8_is_valid(S("\xe2\x82")));
	for (uint32_t cp = 1; cp < 0x110000; cp += 97) {
		buf_clear(&b);
		utf8_add(&b, cp);
		s = buf_str(&b);
		assert_int_equal(utf8_next(&s), cp >= 0xd800 && cp < 0xe000 ? 0xfffd : cp);
		assert_int_equal(s.n, 0);
	}
	buf_done(&b);
}

static void test_time(void **state)
{
	struct buf b = { 0 };
	int y, m, d;

	assert_int_equal(time_days_from_civil(1970, 1, 1), 0);
	assert_int_equal(time_days_from_civil(2024, 2, 29), 19782);
	for (int64_t days = -200000; days < 200000; days += 31) {
		time_civil_from_days(days, &y, &m, &d);
		assert_int_equal(time_days_from_civil(y, m, d), days);
	}
	time_add_iso(&b, 1709208000123);
	assert_str(buf_str(&b), "2024-02-29T12:00:00.123Z");
	buf_done(&b);
}

static void test_metrics(void **state)
{
	struct metrics copy;
	struct buf b = { 0 };

	metric_add(METRIC_deliveries, 3);
	for (int i = 0; i < 100; i++)
		metric_observe_us(METRIC_commit_latency, i < 90 ? 100 : 5000);
	metrics_encode(&metrics, &b);
	assert_ok(metrics_decode(buf_str(&b), &copy));
	assert_memory_equal(&copy, &metrics, sizeof(copy));
	assert_err(metrics_decode(str_sub(buf_str(&b), 0, b.n - 1), &copy), ERR_PROTOCOL);
	assert_int_equal(metrics_quantile_us(&copy, METRIC_commit_latency, 0.5), 128);
	assert_int_equal(metrics_quantile_us(&copy, METRIC_commit_latency, 0.99), 8192);
	buf_done(&b);
}

static void test_errors_are_whole(void **state)
{
	for (int e = 1; e < ERR_COUNT; e++) {
		assert_true(strlen(err_text((enum err)e)) > 3);
		assert_true(strlen(err_smtp((enum err)e)) >= 9);
		assert_in_range(err_http((enum err)e), 400, 599);
		assert_int_equal(err_is_temporary((enum err)e), err_smtp((enum err)e)[0] == '4');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_str),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_buf_ceiling),
		cmocka_unit_test(test_binary_round_trip),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_errors_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
