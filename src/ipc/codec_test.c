/* SPDX-License-Identifier: ISC */
#include "ipc/ipc.h"

#include "base/random.h"
#include "base/test.h"
#include "ipc/recipients.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static char noise[4096];

static uint8_t random_u8(void)
{
	return (uint8_t)random_u64();
}

static uint32_t random_u32(void)
{
	return (uint32_t)random_u64();
}

static int64_t random_i64(void)
{
	return (int64_t)random_u64();
}

static struct str random_str(void)
{
	size_t n = random_below(sizeof(noise));

	return str_make(noise + random_below((uint32_t)(sizeof(noise) - n)), n);
}

#define EQUAL_u8(a, b) assert_int_equal(a, b)
#define EQUAL_u32(a, b) assert_int_equal(a, b)
#define EQUAL_u64(a, b) assert_true((a) == (b))
#define EQUAL_i64(a, b) assert_true((a) == (b))
#define EQUAL_str(a, b) assert_true(str_equal(a, b))

#include "ipc/fields.def"

#define IPC_MESSAGE(name, lower, from, to, reply) \
	static void fill_##lower(struct ipc_##lower *m) \
	{ \
		IPC_FIELDS_##name \
	}
#define F(type, field) m->field = random_##type();
#include "ipc/messages.def"
#undef F
#undef IPC_MESSAGE

#define IPC_MESSAGE(name, lower, from, to, reply) \
	static void compare_##lower(const struct ipc_##lower *a, const struct ipc_##lower *b) \
	{ \
		IPC_FIELDS_##name \
	}
#define F(type, field) EQUAL_##type(a->field, b->field);
#include "ipc/messages.def"
#undef F
#undef IPC_MESSAGE

/* Encode, decode, compare; every shorter and one longer body is refused. */
static void check_type(enum ipc_type type, const void *body, void *ret_decoded)
{
	static struct buf wire;
	union ipc_any_body scrap;

	buf_clear(&wire);
	ipc_encode(type, body, &wire);
	/* Room for the byte too many: what is decoded points into the wire, which must not move then. */
	assert_non_null(buf_reserve(&wire, 1));
	assert_ok(ipc_decode(type, buf_str(&wire), ret_decoded));
	for (size_t n = 0; n < wire.n; n += 1 + wire.n / 200)
		assert_err(ipc_decode(type, str_make(wire.p, n), &scrap), ERR_PROTOCOL);
	buf_addc(&wire, 0);
	assert_err(ipc_decode(type, buf_str(&wire), &scrap), ERR_PROTOCOL);
	wire.n--;
}

static void every_message_comes_back(void **state)
{
	union ipc_any_body sent, got;

	random_bytes(noise, sizeof(noise));
	for (int round = 0; round < 20; round++) {
#define IPC_MESSAGE(name, lower, from, to, reply) \
	fill_##lower(&sent.lower); \
	check_type(IPC_##name, &sent, &got); \
	compare_##lower(&sent.lower, &got.lower);
#include "ipc/messages.def"
#undef IPC_MESSAGE
	}
}

static void decoded_strings_point_into_the_wire(void **state)
{
	struct ipc_sup_reload sent = { S("option = value") }, got;
	struct buf wire = BUF_MAX(100);

	ipc_encode(IPC_SUP_RELOAD, &sent, &wire);
	assert_ok(ipc_decode(IPC_SUP_RELOAD, buf_str(&wire), &got));
	assert_true(got.text.p > wire.p && got.text.p < wire.p + wire.n);
	buf_done(&wire);
}

static void table_says_who_may_send(void **state)
{
	assert_true(ipc_may_send(ROLE_EDGE, ROLE_DIRECTORY, IPC_DIR_AUTH));
	assert_false(ipc_may_send(ROLE_STORE, ROLE_DIRECTORY, IPC_DIR_AUTH));
	assert_false(ipc_may_send(ROLE_EDGE, ROLE_STORE, IPC_DIR_AUTH));
	assert_false(ipc_may_send(ROLE_EDGE, ROLE_DIRECTORY, IPC_DIR_AUTH_REPLY));
	assert_true(ipc_may_send(ROLE_SUPERVISOR, ROLE_WEB, IPC_SUP_STOP));
	assert_false(ipc_may_send(ROLE_INSPECT, ROLE_WEB, IPC_SUP_STOP));
	assert_false(ipc_may_send(ROLE_EDGE, ROLE_DIRECTORY, IPC_NONE));
	assert_false(ipc_may_send(ROLE_EDGE, ROLE_DIRECTORY, IPC_TYPES));
	assert_int_equal(ipc_reply_type(IPC_DIR_AUTH), IPC_DIR_AUTH_REPLY);
	assert_int_equal(ipc_reply_type(IPC_SUP_STOP), IPC_NONE);
	assert_string_equal(ipc_type_name(IPC_DELIVER), "DELIVER");
}

/* A reply goes back exactly where its request may come from. */
static void replies_mirror_requests(void **state)
{
	for (enum ipc_type t = IPC_NONE + 1; t < IPC_TYPES; t++) {
		enum ipc_type reply = ipc_reply_type(t);

		for (unsigned a = 0; reply && a < ROLE_KINDS; a++)
			for (unsigned b = 0; b < ROLE_KINDS; b++)
				if (ipc_may_send(a, b, t))
					assert_true(ipc_may_send(b, a, reply));
		if (reply)
			assert_int_equal(ipc_reply_type(reply), IPC_NONE);
	}
}

static void roles_have_names(void **state)
{
	enum role_kind kind = ROLE_WEB;

	for (unsigned i = 0; i < ROLE_KINDS; i++) {
		assert_ok(role_parse(str_of(role_name(i)), &kind));
		assert_int_equal(kind, i);
	}
	assert_err(role_parse(S("edges"), &kind), ERR_SYNTAX);
}

static void recipients_come_back(void **state)
{
	struct ipc_recipient alice = { 7, 1, 1 << 20, S("alice@example.test"), S("lists") };
	struct ipc_recipient bob = { UINT64_MAX, UINT32_MAX, 0, S("bob@example.test"),
		STR_NONE },
			     got;
	struct buf wire = BUF_MAX(1000);
	struct rd rd;

	ipc_recipient_add(&wire, &alice);
	ipc_recipient_add(&wire, &bob);
	rd = rd_of(buf_str(&wire));
	assert_true(ipc_recipient_next(&rd, &got));
	assert_true(got.account == 7 && got.shard == 1 && got.quota == 1 << 20);
	assert_str(got.address, "alice@example.test");
	assert_str(got.detail, "lists");
	assert_true(ipc_recipient_next(&rd, &got));
	assert_true(got.account == UINT64_MAX && got.shard == UINT32_MAX && got.quota == 0);
	assert_int_equal(got.detail.n, 0);
	assert_false(ipc_recipient_next(&rd, &got));
	assert_false(rd.bad);
	rd = rd_of(str_make(wire.p, wire.n - 1));
	assert_true(ipc_recipient_next(&rd, &got));
	assert_false(ipc_recipient_next(&rd, &got));
	assert_true(rd.bad);
	buf_done(&wire);
}

static struct str big_content(size_t n)
{
	static char content[3 << 20];

	for (size_t i = 0; i < n; i++)
		content[i] = (char)(i * 7 + i / 1000);
	return str_make(content, n);
}

static void content_travels_by_descriptor(void **state)
{
	struct str s = big_content(200000);
	struct buf out = BUF_MAX(1 << 20);
	int fd = 99;

	assert_ok(ipc_content_write(str_sub(s, 0, IPC_INLINE_CONTENT), &fd));
	assert_int_equal(fd, -1);
	assert_ok(ipc_content_read(S("abc"), 3, -1, 3, &out));
	assert_str(buf_str(&out), "abc");
	assert_err(ipc_content_read(S("abc"), 4, -1, 100, &out), ERR_PROTOCOL);
	assert_err(ipc_content_read(S("abc"), 3, -1, 2, &out), ERR_TOO_BIG);
	buf_clear(&out);

	assert_ok(ipc_content_write(s, &fd));
	assert_true(write(fd, "x", 1) < 0 && ftruncate(fd, 10) < 0);
	assert_ok(ipc_content_read(STR_NONE, s.n, fd, s.n, &out));
	assert_true(str_equal(buf_str(&out), s));
	assert_err(ipc_content_read(STR_NONE, s.n - 1, fd, s.n, &out), ERR_PROTOCOL);
	assert_err(ipc_content_read(STR_NONE, s.n, fd, s.n - 1, &out), ERR_TOO_BIG);
	assert_err(ipc_content_read(S("x"), s.n, fd, s.n, &out), ERR_PROTOCOL);
	close(fd);
	buf_done(&out);
}

static void unsealed_content_is_refused_when_small(void **state)
{
	struct str s = big_content(3 << 20);
	struct buf out = BUF_MAX(4 << 20);
	int fd = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING), ends[2];

	assert_int_equal(write(fd, s.p, 100000), 100000);
	assert_err(ipc_content_read(STR_NONE, 100000, fd, 1 << 20, &out), ERR_PROTOCOL);
	assert_int_equal(pwrite(fd, s.p, s.n, 0), s.n);
	assert_ok(ipc_content_read(STR_NONE, s.n, fd, s.n, &out));
	assert_true(str_equal(buf_str(&out), s));
	close(fd);
	assert_int_equal(pipe(ends), 0);
	assert_err(ipc_content_read(STR_NONE, 100000, ends[0], 1 << 20, &out), ERR_PROTOCOL);
	close(ends[0]);
	close(ends[1]);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_comes_back),
		cmocka_unit_test(decoded_strings_point_into_the_wire),
		cmocka_unit_test(table_says_who_may_send),
		cmocka_unit_test(replies_mirror_requests),
		cmocka_unit_test(roles_have_names),
		cmocka_unit_test(recipients_come_back),
		cmocka_unit_test(content_travels_by_descriptor),
		cmocka_unit_test(unsealed_content_is_refused_when_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
