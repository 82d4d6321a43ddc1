/* SPDX-License-Identifier: ISC */
#include "base/test.h"

#include "ipc/ipc.h"
#include "smtp/body.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct buf text;
static unsigned opened;

static int make_text(void **state)
{
	for (unsigned i = 0; text.n < 3u << 20; i++)
		buf_addf(&text, "line %u\r\n", i);
	return 0;
}

static int free_text(void **state)
{
	buf_done(&text);
	return 0;
}

static enum err open_unlinked(void *arg, int *ret_fd)
{
	char path[] = "body-test-XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || unlink(path) != 0)
		return ERR_IO;
	opened++;
	*ret_fd = fd;
	return OK;
}

static enum err refuse_to_open(void *arg, int *ret_fd)
{
	return ERR_NO_SPACE;
}

static void add_in_pieces(struct smtp_body *body, size_t size, size_t piece)
{
	for (size_t at = 0; at < size; at += piece)
		smtp_body_add(body, str_sub(str_sub(buf_str(&text), 0, size), at, piece));
}

/* What other roles would read. */
static void assert_content(const struct smtp_body *body, struct str want)
{
	struct buf got = { 0 };

	assert_ok(
		ipc_content_read(smtp_body_inline(body), body->size, body->fd, 1 << 26, &got));
	assert_true(str_equal(buf_str(&got), want));
	buf_done(&got);
}

static void test_places(void **state)
{
	static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 131072, 1 << 20,
		(1 << 20) + 1, 3 << 20 };
	static const size_t pieces[] = { 1000, 65536, 70000, 1 << 21 };
	struct smtp_body_pool pool = { .open_file = open_unlinked };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes) * 4; i++) {
		size_t size = sizes[i / 4];
		struct smtp_body body;

		opened = 0;
		smtp_body_init(&body, &pool, 3 << 20);
		add_in_pieces(&body, size, pieces[i % 4]);
		assert_ok(smtp_body_finish(&body));
		assert_int_equal(body.fd >= 0, size > IPC_INLINE_CONTENT);
		assert_int_equal(opened, size > SMTP_BODY_MEMFD_MAX);
		assert_int_equal(pool.used, size > IPC_INLINE_CONTENT ? size : 0);
		assert_content(&body, str_sub(buf_str(&text), 0, size));
		smtp_body_done(&body);
		assert_int_equal(pool.used, 0);
	}
}

static void test_limits(void **state)
{
	struct smtp_body_pool pool = { .max = 200000 };
	struct smtp_body a, b;

	smtp_body_init(&a, &pool, 1 << 20);
	smtp_body_init(&b, &pool, 1 << 20);
	add_in_pieces(&a, 150000, 5000);
	add_in_pieces(&b, 150000, 5000);
	assert_ok(smtp_body_finish(&a));
	assert_err(smtp_body_finish(&b), ERR_LIMIT);
	assert_int_equal(b.size, 150000);
	assert_int_equal(b.fd, -1);
	smtp_body_done(&a);
	smtp_body_done(&b);
	assert_int_equal(pool.used, 0);
	smtp_body_init(&a, &pool, 100);
	add_in_pieces(&a, 100, 7);
	assert_int_equal(a.error, OK);
	smtp_body_add(&a, S("x"));
	assert_err(smtp_body_finish(&a), ERR_TOO_BIG);
	smtp_body_done(&a);
	pool = (struct smtp_body_pool){ .open_file = refuse_to_open };
	smtp_body_init(&a, &pool, 1 << 22);
	add_in_pieces(&a, 1 << 21, 65536);
	assert_err(smtp_body_finish(&a), ERR_NO_SPACE);
	smtp_body_done(&a);
	assert_int_equal(pool.used, 0);
}

static void test_copy(void **state)
{
	static const size_t sizes[] = { 100, 65536, 500000 };
	struct smtp_body_pool pool = { 0 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct smtp_body from, to;
		uint64_t at = 10;

		smtp_body_init(&from, &pool, 1 << 20);
		smtp_body_init(&to, &pool, 1 << 20);
		add_in_pieces(&from, sizes[i], 4096);
		assert_ok(smtp_body_finish(&from));
		while (at < from.size)
			assert_ok(smtp_body_copy(&to, &from, &at, 30000));
		assert_ok(smtp_body_finish(&to));
		assert_content(&to, str_sub(buf_str(&text), 10, sizes[i] - 10));
		smtp_body_done(&from);
		smtp_body_done(&to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests(tests, make_text, free_text);
}
