/* SPDX-License-Identifier: ISC */
/* Two hubs in one process, or one hub and a peer that misbehaves. */
#include "ipc/ipc.h"

#include "base/log.h"
#include "base/test.h"
#include "base/time.h"
#include "ipc/wire.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CALLS = 100000, WINDOW = 64, FD_EVERY = 1000 };

static struct loop *loop;
static struct ipc_hub *edge, *directory;
static unsigned asked, answered, failed, gone;
static enum err last_error;
static struct ipc_ticket held[IPC_CREDITS + 1];
static unsigned held_count;
static bool hold;

static unsigned count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void reply_to(struct ipc_ticket ticket, struct str address, int fd)
{
	struct ipc_dir_lookup_reply reply = {
		.account = address.n, .shard = 3, .address = address
	};

	ipc_reply(ticket, IPC_DIR_LOOKUP_REPLY, &reply, fd);
}

/* A descriptor that comes along is sent back. */
static void on_lookup(void *role, struct ipc_request *request)
{
	const struct ipc_dir_lookup *lookup = request->body;

	assert_ptr_equal(role, &held_count);
	if (hold)
		held[held_count++] = ipc_ticket_of(request);
	else if (str_equal(lookup->address, S("nobody@example.test")))
		ipc_reply_error(ipc_ticket_of(request), ERR_UNKNOWN_USER);
	else
		reply_to(ipc_ticket_of(request), lookup->address, request->fd);
}

static void on_gone(void *arg, enum role_kind kind, unsigned index)
{
	assert_int_equal(kind, ROLE_DIRECTORY);
	assert_int_equal(index, 0);
	gone++;
}

static void begin(void)
{
	int pair[2];

	asked = answered = failed = gone = held_count = 0;
	hold = false;
	last_error = OK;
	loop = loop_new();
	edge = ipc_hub_new(loop, ROLE_EDGE, 0, NULL);
	directory = ipc_hub_new(loop, ROLE_DIRECTORY, 0, &held_count);
	ipc_handle(directory, IPC_DIR_LOOKUP, on_lookup);
	ipc_on_gone(edge, on_gone, NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ipc_add_peer(edge, ROLE_DIRECTORY, 0, pair[0]);
	ipc_add_peer(directory, ROLE_EDGE, 0, pair[1]);
}

static void end(void)
{
	ipc_hub_free(&edge);
	ipc_hub_free(&directory);
	loop_free(&loop);
}

static void turns(int n)
{
	while (n--)
		loop_poll(loop);
}

static void on_answer(void *arg, enum err e, const void *reply, int *fd)
{
	const struct ipc_dir_lookup_reply *r = reply;

	assert_true((e == OK) == (reply != NULL));
	answered++;
	last_error = e;
	if (e != OK)
		failed++;
	else
		assert_str(r->address, arg ? arg : "alice@example.test");
}

static void ask(const char *address, int64_t timeout_ms, void *arg)
{
	struct ipc_dir_lookup lookup = { str_of(address), 1, 1000 };

	ipc_call(edge, ROLE_DIRECTORY, 0, IPC_DIR_LOOKUP, &lookup, -1, 42, timeout_ms,
		on_answer, arg);
}

static void request_is_answered(void **state)
{
	begin();
	ask("alice@example.test", 0, NULL);
	assert_int_equal(answered, 0);
	turns(4);
	assert_int_equal(answered, 1);
	assert_int_equal(last_error, OK);
	ask("nobody@example.test", 0, NULL);
	turns(4);
	assert_int_equal(answered, 2);
	assert_int_equal(last_error, ERR_UNKNOWN_USER);
	end();
}

static void ask_next(void);

static void on_flood_answer(void *arg, enum err e, const void *reply, int *fd)
{
	const struct ipc_dir_lookup_reply *r = reply;
	uint64_t number = (uint64_t)(uintptr_t)arg, seen = 0;

	assert_int_equal(e, OK);
	assert_ok(str_to_u64(r->address, &seen));
	assert_true(seen == number);
	assert_int_equal(*fd >= 0, number % FD_EVERY == 0);
	if (*fd >= 0) {
		assert_int_equal(pread(*fd, &seen, sizeof(seen), 0), sizeof(seen));
		assert_true(seen == number);
	}
	answered++;
	ask_next();
}

static void ask_next(void)
{
	struct ipc_dir_lookup lookup = { .purpose = 1 };
	uint64_t number = asked;
	char text[24];
	int fd = -1;

	if (asked == CALLS)
		return;
	asked++;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	lookup.address = str_of(text);
	if (number % FD_EVERY == 0) {
		fd = memfd_create("number", MFD_CLOEXEC);
		assert_int_equal(write(fd, &number, sizeof(number)), sizeof(number));
	}
	ipc_call(edge, ROLE_DIRECTORY, 0, IPC_DIR_LOOKUP, &lookup, fd, number, 10000,
		on_flood_answer, (void *)(uintptr_t)number);
	if (fd >= 0)
		close(fd);
}

static void flood(unsigned window)
{
	unsigned before = count_descriptors();
	uint64_t began, calls = wire_syscalls();

	begin();
	began = time_mono_us();
	for (unsigned i = 0; i < window; i++)
		ask_next();
	while (answered < CALLS)
		loop_poll(loop);
	began = time_mono_us() - began;
	printf("%u under way: %.0f calls/s, %.3f sendmsg and recvmsg a call\n", window,
		CALLS * 1e6 / (double)began, (double)(wire_syscalls() - calls) / CALLS);
	end();
	assert_int_equal(count_descriptors(), before);
}

static void many_calls_with_descriptors(void **state)
{
	flood(WINDOW);
	flood(1);
}

static void large_bodies_pass_small_sockets(void **state)
{
	static char text[200000];
	struct ipc_sup_reload reload = { str_make(text, sizeof(text)) };
	struct wire a, b;
	struct wire_frame head = { .type = IPC_SUP_RELOAD, .fd = 2 }, got;
	int pair[2], frames = 0;
	bool more;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	wire_init(&a, pair[0]);
	wire_init(&b, pair[1]);
	/* Frames with a descriptor, larger than the socket's buffer, one after another. */
	for (int i = 0; i < 10; i++)
		assert_ok(wire_add(&a, &head, &reload));
	while (frames < 10) {
		assert_ok(wire_flush(&a));
		assert_ok(wire_read(&b, &more));
		while (wire_next(&b, &got) == OK) {
			frames++;
			assert_true(got.body.n >= sizeof(text));
			assert_true(got.fd >= 0);
			close(got.fd);
		}
	}
	assert_int_equal(wire_waiting(&a), 0);
	wire_done(&a);
	wire_done(&b);
}

static void cancelled_calls_are_silent(void **state)
{
	static char mine[] = "alice@example.test";

	begin();
	ask(mine, 0, mine);
	ask(mine, 0, NULL);
	ipc_cancel(edge, mine);
	turns(4);
	assert_int_equal(answered, 1);
	end();
}

static void calls_time_out_and_keep_their_credit(void **state)
{
	int64_t began = time_mono_ms();

	begin();
	hold = true;
	ask("alice@example.test", 20, NULL);
	while (!answered && time_mono_ms() - began < 5000) {
		turns(1);
		usleep(1000);
	}
	assert_int_equal(answered, 1);
	assert_int_equal(last_error, ERR_TIMEOUT);
	for (int i = 0; i < IPC_CREDITS - 1; i++)
		ask("alice@example.test", 0, NULL);
	turns(10);
	assert_int_equal(answered, 1);
	assert_int_equal(held_count, IPC_CREDITS);
	ask("alice@example.test", 0, NULL);
	turns(2);
	assert_int_equal(answered, 2);
	assert_int_equal(last_error, ERR_BUSY);
	/* The late reply gives the credit back and is told nobody. */
	reply_to(held[0], S("late@example.test"), -1);
	turns(4);
	assert_int_equal(answered, 2);
	ask("alice@example.test", 0, NULL);
	turns(4);
	assert_int_equal(answered, 2);
	assert_int_equal(held_count, IPC_CREDITS + 1);
	end();
}

static void nobody_there_is_an_error(void **state)
{
	struct ipc_http_open open = { S("127.0.0.1"), 1 };

	begin();
	assert_err(ipc_notify(edge, ROLE_WEB, 0, IPC_HTTP_OPEN, &open, 1, 1), ERR_UNAVAILABLE);
	assert_true(ipc_has_peer(edge, ROLE_DIRECTORY, 0));
	ipc_hub_free(&directory);
	turns(4);
	assert_false(ipc_has_peer(edge, ROLE_DIRECTORY, 0));
	ask("alice@example.test", 0, NULL);
	assert_int_equal(answered, 0);
	turns(1);
	assert_int_equal(answered, 1);
	assert_int_equal(last_error, ERR_UNAVAILABLE);
	assert_int_equal(ipc_peer_count(edge, ROLE_DIRECTORY), 1);
	ipc_expect(edge, ROLE_STORE, 4);
	assert_int_equal(ipc_peer_count(edge, ROLE_STORE), 4);
	end();
}

static void killed_peer_fails_its_calls(void **state)
{
	begin();
	hold = true;
	for (int i = 0; i < 10; i++)
		ask("alice@example.test", 1000, NULL);
	turns(4);
	assert_int_equal(held_count, 10);
	ipc_hub_free(&directory);
	turns(4);
	assert_int_equal(failed, 10);
	assert_int_equal(last_error, ERR_CLOSED);
	assert_int_equal(gone, 1);
	end();
}

static void replaced_peer_starts_anew(void **state)
{
	int pair[2];

	begin();
	hold = true;
	ask("alice@example.test", 0, NULL);
	turns(4);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ipc_add_peer(edge, ROLE_DIRECTORY, 0, pair[0]);
	assert_int_equal(gone, 1);
	assert_int_equal(answered, 1);
	assert_int_equal(last_error, ERR_CLOSED);
	ipc_add_peer(directory, ROLE_EDGE, 0, pair[1]);
	/* The ticket of the connection before is worth nothing, and no harm. */
	reply_to(held[0], S("alice@example.test"), -1);
	hold = false;
	ask("alice@example.test", 0, NULL);
	turns(4);
	assert_int_equal(answered, 2);
	assert_int_equal(last_error, OK);
	end();
}

/* What a peer's raw bytes and descriptors do to its own connection; the process goes on. */
static void send_raw(int fd, struct str bytes, const int *fds, unsigned fd_count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)bytes.p, bytes.n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd_count) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		control.align = (struct cmsghdr){ CMSG_LEN(fd_count * sizeof(int)), SOL_SOCKET,
			SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.align), fds, fd_count * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL), bytes.n);
}

static void frame(struct buf *out, unsigned type, unsigned flags, uint32_t id, struct str body)
{
	buf_u32(out, (uint32_t)body.n);
	buf_u16(out, (uint16_t)type);
	buf_u16(out, (uint16_t)flags);
	buf_u32(out, id);
	buf_u64(out, 1);
	buf_add(out, body);
}

static void check_refused(struct str bytes, unsigned fd_count, bool refused)
{
	int pair[2], fds[8] = { 0, 1, 2, 0, 1, 2, 0, 1 };
	unsigned before = count_descriptors();

	begin();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ipc_add_peer(directory, ROLE_EDGE, 1, pair[0]);
	send_raw(pair[1], bytes, fds, fd_count);
	turns(4);
	assert_int_equal(ipc_has_peer(directory, ROLE_EDGE, 1), !refused);
	/* The other peer does not notice. */
	ask("alice@example.test", 0, NULL);
	turns(4);
	assert_int_equal(answered, 1);
	assert_int_equal(last_error, OK);
	close(pair[1]);
	end();
	assert_int_equal(count_descriptors(), before);
}

static void lookup_body(struct buf *body)
{
	struct ipc_dir_lookup lookup = { S("bob@example.test"), 1, 1 };

	buf_clear(body);
	ipc_encode(IPC_DIR_LOOKUP, &lookup, body);
}

static void check_frame(unsigned type, unsigned flags, uint32_t id, struct str body,
	unsigned fds, bool refused)
{
	static struct buf wire;

	buf_clear(&wire);
	frame(&wire, type, flags, id, body);
	check_refused(buf_str(&wire), fds, refused);
}

static void misbehaving_peer_loses_its_connection(void **state)
{
	struct buf body = { 0 };

	lookup_body(&body);
	check_frame(IPC_DIR_LOOKUP, 0, 1, buf_str(&body), 0, false);
	check_frame(IPC_DIR_LOOKUP, WIRE_HAS_FD, 1, buf_str(&body), 1, false);
	check_frame(IPC_DIR_LOOKUP, 0, 1, str_make(body.p, body.n - 1), 0, true);
	check_frame(IPC_DIR_LOOKUP, 0, 0, buf_str(&body), 0, true);
	check_frame(IPC_DIR_LOOKUP, WIRE_ERROR, 1, buf_str(&body), 0, true);
	check_frame(IPC_DIR_LOOKUP, 4, 1, buf_str(&body), 0, true);
	check_frame(IPC_DIR_LOOKUP, WIRE_HAS_FD, 1, buf_str(&body), 0, true);
	check_frame(IPC_DIR_LOOKUP, 0, 1, buf_str(&body), 1, true);
	check_frame(IPC_DIR_LOOKUP, WIRE_HAS_FD, 1, buf_str(&body), 2, true);
	check_frame(IPC_DIR_LOOKUP, WIRE_HAS_FD, 1, buf_str(&body), 8, true);
	/* Allowed by the table, but this directory has no handler for it. */
	check_frame(IPC_DIR_AUTH, 0, 1, buf_str(&body), 0, true);
	check_frame(IPC_DIR_LOOKUP_REPLY, 0, 1, buf_str(&body), 0, true);
	check_frame(IPC_SUP_STOP, 0, 0, S("abcd"), 0, true);
	check_frame(IPC_NONE, 0, 0, STR_NONE, 0, true);
	check_frame(IPC_TYPES, 0, 0, STR_NONE, 0, true);
	check_frame(65535, 0, 0, STR_NONE, 0, true);
	check_refused(S("\xff\xff\xff\xff\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), 0, true);
	check_refused(S("\x01\0"), 0, false);
	buf_done(&body);
}

static void more_requests_than_credits_end_the_peer(void **state)
{
	struct buf wire = { 0 }, body = { 0 };

	lookup_body(&body);
	begin();
	end();
	frame(&wire, IPC_DIR_LOOKUP, 0, 7, buf_str(&body));
	frame(&wire, IPC_DIR_LOOKUP, 0, 7 + IPC_CREDITS, buf_str(&body));
	/* Answered at once: the same slot may be used again. */
	check_refused(buf_str(&wire), 0, false);
	begin();
	hold = true;
	{
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		ipc_add_peer(directory, ROLE_EDGE, 1, pair[0]);
		send_raw(pair[1], buf_str(&wire), NULL, 0);
		turns(4);
		assert_int_equal(held_count, 1);
		assert_false(ipc_has_peer(directory, ROLE_EDGE, 1));
		close(pair[1]);
	}
	end();
	buf_done(&wire);
	buf_done(&body);
}

/*
 * A peer that replies wrongly: to nothing, with another type, with an error that does not
 * exist.
 */
static void check_reply(
	unsigned type, unsigned flags, uint32_t id_change, struct str body, enum err want)
{
	struct wire wire;
	struct wire_frame request;
	struct buf out = { 0 };
	int pair[2];
	bool more;

	begin();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ipc_add_peer(edge, ROLE_DIRECTORY, 0, pair[0]);
	gone = 0;
	wire_init(&wire, pair[1]);
	ask("alice@example.test", 0, NULL);
	turns(1);
	assert_ok(wire_read(&wire, &more));
	assert_ok(wire_next(&wire, &request));
	frame(&out, type, flags, request.id + id_change, body);
	send_raw(pair[1], buf_str(&out), NULL, 0);
	turns(4);
	assert_int_equal(answered, 1);
	assert_int_equal(last_error, want);
	assert_int_equal(gone, want == ERR_CLOSED);
	buf_done(&out);
	wire_done(&wire);
	end();
}

static void wrong_replies_end_the_peer(void **state)
{
	struct buf body = { 0 };
	struct ipc_dir_lookup_reply reply = { .address = S("alice@example.test") };

	ipc_encode(IPC_DIR_LOOKUP_REPLY, &reply, &body);
	check_reply(IPC_DIR_LOOKUP_REPLY, 0, 0, buf_str(&body), OK);
	check_reply(IPC_DIR_LOOKUP_REPLY, 0, 1, buf_str(&body), ERR_CLOSED);
	check_reply(IPC_DIR_LOOKUP_REPLY, 0, IPC_CREDITS, buf_str(&body), ERR_CLOSED);
	check_reply(IPC_DIR_AUTH_REPLY, 0, 0, buf_str(&body), ERR_CLOSED);
	check_reply(IPC_DIR_LOOKUP_REPLY, 0, 0, S("x"), ERR_CLOSED);
	check_reply(IPC_DIR_LOOKUP_REPLY, WIRE_ERROR, 0, S("\x01\0\0\0"), (enum err)1);
	check_reply(IPC_DIR_LOOKUP_REPLY, WIRE_ERROR, 0, S("\0\0\0\0"), ERR_CLOSED);
	check_reply(IPC_DIR_LOOKUP_REPLY, WIRE_ERROR, 0, S("\xff\0\0\0"), ERR_CLOSED);
	buf_done(&body);
}

static void too_large_is_told_the_caller(void **state)
{
	static char text[IPC_FRAME_MAX + 1];
	struct ipc_dir_lookup lookup = { str_make(text, sizeof(text)), 0, 0 };

	begin();
	memset(text, 'x', sizeof(text));
	ipc_call(edge, ROLE_DIRECTORY, 0, IPC_DIR_LOOKUP, &lookup, -1, 0, 0, on_answer, NULL);
	turns(1);
	assert_int_equal(last_error, ERR_TOO_BIG);
	/* The request fits, the reply, which has more fields, does not. */
	lookup.address.n = IPC_FRAME_MAX - 15;
	ipc_call(edge, ROLE_DIRECTORY, 0, IPC_DIR_LOOKUP, &lookup, -1, 0, 0, on_answer, NULL);
	last_error = OK;
	for (int i = 0; i < 100 && answered < 2; i++)
		turns(1);
	assert_int_equal(last_error, ERR_TOO_BIG);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_is_answered),
		cmocka_unit_test(many_calls_with_descriptors),
		cmocka_unit_test(large_bodies_pass_small_sockets),
		cmocka_unit_test(cancelled_calls_are_silent),
		cmocka_unit_test(calls_time_out_and_keep_their_credit),
		cmocka_unit_test(nobody_there_is_an_error),
		cmocka_unit_test(killed_peer_fails_its_calls),
		cmocka_unit_test(replaced_peer_starts_anew),
		cmocka_unit_test(misbehaving_peer_loses_its_connection),
		cmocka_unit_test(more_requests_than_credits_end_the_peer),
		cmocka_unit_test(wrong_replies_end_the_peer),
		cmocka_unit_test(too_large_is_told_the_caller),
	};

	/* Violations are provoked by the hundred. */
	log_setup("test", 2, LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
