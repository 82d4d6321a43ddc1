/* SPDX-License-Identifier: ISC */
#include "net/conn.h"

#include "base/random.h"
#include "base/test.h"
#include "base/time.h"
#include "net/conn_internal.h"
#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BIG = 8 << 20 };

static const struct conn_limits limits = { 64 << 10, 1 << 20 };
static struct loop *loop;
static struct conn *conn;
static int peer; /* the other end, driven by hand */
static unsigned readables, drains, ends;
static enum err why;
static struct buf got;

static void take_all(struct conn *c, void *arg)
{
	struct str in = conn_input(c);

	readables++;
	buf_add(&got, in);
	conn_consume(c, in.n);
}

static void note_end(struct conn *c, void *arg, enum err e)
{
	ends++;
	why = e;
}

static void note_drain(struct conn *c, void *arg)
{
	drains++;
}

static const struct conn_events taking = {
	.readable = take_all, .ended = note_end, .drained = note_drain
};

static void begin_with(const struct conn_limits *l, const struct conn_events *events)
{
	int pair[2];

	readables = drains = ends = 0;
	why = OK;
	buf_clear(&got);
	loop = loop_new();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	conn = conn_new(loop, pair[0], l, events, NULL);
	peer = pair[1];
}

static void begin(void)
{
	begin_with(&limits, &taking);
}

static void end(void)
{
	conn_close(&conn, 0);
	loop_poll(loop);
	if (peer >= 0)
		close(peer);
	loop_free(&loop);
	buf_release(&got);
}

static void turns(int n)
{
	while (n--)
		loop_poll(loop);
}

static void say(const char *text)
{
	assert_int_equal(write(peer, text, strlen(text)), strlen(text));
}

/* What the peer has received by now. */
static struct str heard(void)
{
	static char text[1 << 16];
	ssize_t n = read(peer, text, sizeof(text));

	return str_make(text, n > 0 ? (size_t)n : 0);
}

static void wait_for(const unsigned *count, int64_t ms)
{
	int64_t until = time_mono_ms() + ms;

	while (*count == 0 && time_mono_ms() < until) {
		turns(1);
		usleep(1000);
	}
}

static void echo(struct conn *c, void *arg)
{
	struct str in = conn_input(c);

	/* A reader that keeps a backlog: never more than the output may hold. */
	if (conn_output_size(c) > limits.output_max / 2)
		return;
	conn_write(c, in);
	conn_consume(c, in.n);
}

static void echo_more(struct conn *c, void *arg)
{
	drains++;
	conn_kick(c);
}

static void megabytes_come_back(void **state)
{
	const struct conn_events echoing = {
		.readable = echo, .ended = note_end, .drained = echo_more
	};
	char *sent = malloc(BIG), *back = malloc(BIG);
	size_t out = 0, in = 0;

	begin_with(&limits, &echoing);
	random_bytes(sent, BIG);
	while (in < BIG) {
		ssize_t n = out < BIG ? write(peer, sent + out, BIG - out) : 0;

		out += n > 0 ? (size_t)n : 0;
		turns(1);
		/* A slow reader now and then, so that the backlog builds up. */
		n = random_below(4) ? read(peer, back + in, BIG - in) : 0;
		in += n > 0 ? (size_t)n : 0;
	}
	assert_memory_equal(sent, back, BIG);
	assert_int_equal(ends, 0);
	assert_true(drains > 0);
	free(sent);
	free(back);
	end();
}

static void write_many(struct conn *c, void *arg)
{
	conn_consume(c, conn_input(c).n);
	for (int i = 0; i < 100; i++)
		conn_writef(c, "%d,", i % 10);
	conn_write(c, S("end"));
	assert_int_equal(conn_output_size(c), 203);
}

static void writes_of_a_turn_leave_together(void **state)
{
	const struct conn_events writing = { .readable = write_many, .ended = note_end };
	struct str text;

	begin_with(&limits, &writing);
	say("go");
	turns(1);
	text = heard();
	assert_int_equal(text.n, 203);
	assert_true(str_ends(text, S("9,end")));
	assert_int_equal(conn_output_size(conn), 0);
	end();
}

static void output_waits_for_the_commit(void *arg)
{
	assert_int_equal(heard().n, 0);
	drains++;
}

static void flush_comes_after_the_hooks(void **state)
{
	begin();
	loop_at_turn_end(loop, output_waits_for_the_commit, NULL);
	conn_write(conn, S("x"));
	turns(1);
	assert_int_equal(drains, 1);
	assert_str(heard(), "x");
	end();
}

static void cork_holds_output(void **state)
{
	begin();
	conn_cork(conn, true);
	conn_write(conn, S("one "));
	turns(2);
	assert_int_equal(heard().n, 0);
	conn_write(conn, S("two"));
	conn_cork(conn, false);
	turns(1);
	assert_str(heard(), "one two");
	end();
}

static void pause_holds_input_up_to_its_ceiling(void **state)
{
	static char text[1 << 20];
	const struct conn_limits small = { 5000, 5000 };

	begin_with(&small, &taking);
	conn_pause(conn, true);
	assert_true(write(peer, text, sizeof(text)) > 10000);
	turns(5);
	assert_int_equal(readables, 0);
	assert_int_equal(conn_input(conn).n, 5000);
	conn_pause(conn, false);
	turns(1);
	assert_true(readables >= 1);
	turns(5);
	assert_true(got.n >= 10000);
	end();
}

static void take_three(struct conn *c, void *arg)
{
	readables++;
	if (conn_input(c).n < 3)
		return;
	buf_add(&got, str_sub(conn_input(c), 0, 3));
	conn_consume(c, 3);
}

static void kick_calls_again(void **state)
{
	const struct conn_events threes = { .readable = take_three, .ended = note_end };

	begin_with(&limits, &threes);
	say("abcdefgh");
	turns(3);
	assert_int_equal(readables, 1);
	conn_kick(conn);
	assert_int_equal(readables, 1);
	turns(3);
	assert_int_equal(readables, 2);
	assert_str(buf_str(&got), "abcdef");
	assert_str(conn_input(conn), "gh");
	/* More input calls too; a kick without any does not. */
	say("i");
	turns(1);
	assert_str(buf_str(&got), "abcdefghi");
	conn_kick(conn);
	turns(2);
	assert_int_equal(readables, 3);
	end();
}

static void new_events_get_what_is_left(void **state)
{
	const struct conn_events threes = { .readable = take_three, .ended = note_end };

	begin_with(&limits, &threes);
	say("abcdefgh");
	turns(1);
	conn_set_events(conn, &taking, NULL);
	turns(1);
	assert_str(buf_str(&got), "abcdefgh");
	end();
}

static void end_of_file_comes_after_the_input(void **state)
{
	begin();
	conn_pause(conn, true);
	say("QUIT");
	shutdown(peer, SHUT_WR);
	turns(3);
	assert_int_equal(ends, 0);
	conn_pause(conn, false);
	turns(2);
	assert_str(buf_str(&got), "QUIT");
	assert_int_equal(ends, 1);
	assert_int_equal(why, ERR_CLOSED);
	/* Half closed: an answer still goes out. */
	conn_write(conn, S("bye"));
	turns(3);
	assert_str(heard(), "bye");
	assert_int_equal(ends, 1);
	end();
}

static void silence_times_out(void **state)
{
	int64_t began = time_mono_ms();

	begin();
	conn_set_timeout(conn, 3600 * 1000);
	conn_set_timeout(conn, 800);
	while (time_mono_ms() - began < 1200) {
		say("x");
		turns(1);
		usleep(20000);
	}
	assert_int_equal(ends, 0);
	began = time_mono_ms();
	wait_for(&ends, 5000);
	assert_int_equal(why, ERR_TIMEOUT);
	assert_in_range(time_mono_ms() - began, 700, 4000);
	conn_write(conn, S("timeout"));
	conn_close(&conn, 100);
	turns(2);
	assert_str(heard(), "timeout");
	end();
}

static void timeout_can_be_lifted(void **state)
{
	int64_t began = time_mono_ms();

	begin();
	conn_set_timeout(conn, 50);
	conn_set_timeout(conn, 0);
	while (time_mono_ms() - began < 600)
		loop_poll(loop), usleep(5000);
	assert_int_equal(ends, 0);
	end();
}

static void too_much_output_ends(void **state)
{
	static char text[300 << 10];
	unsigned written = 0;

	begin();
	while (!ends && written < 100) {
		conn_write(conn, str_make(text, sizeof(text)));
		written++;
		turns(1);
	}
	turns(2);
	assert_int_equal(why, ERR_LIMIT);
	assert_in_range(written, 3, 10);
	end();
}

static void vanished_peer_is_an_end(void **state)
{
	begin();
	close(peer);
	peer = -1;
	conn_write(conn, S("anyone there?"));
	turns(4);
	assert_int_equal(ends, 1);
	assert_int_equal(why, ERR_CLOSED);
	end();
}

static void close_lingers_until_all_is_taken(void **state)
{
	static char text[900 << 10];
	size_t in = 0;
	char scrap[65536];

	begin();
	conn_write(conn, str_make(text, sizeof(text)));
	conn_close(&conn, 5000);
	assert_null(conn);
	say("unread input must not reset the connection");
	for (int i = 0; i < 1000 && in < sizeof(text); i++) {
		ssize_t n;

		turns(1);
		n = read(peer, scrap, sizeof(scrap));
		assert_true(n > 0 || (n < 0 && errno == EAGAIN));
		in += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(in, sizeof(text));
	turns(2);
	assert_int_equal(read(peer, scrap, 1), 0);
	end();
}

static void linger_has_an_end(void **state)
{
	static char text[900 << 10];
	int64_t until = time_mono_ms() + 5000;
	char c = 0;

	begin();
	conn_write(conn, str_make(text, sizeof(text)));
	conn_close(&conn, 100);
	while (write(peer, &c, 1) == 1 && time_mono_ms() < until)
		turns(1), usleep(10000);
	assert_int_equal(errno, EPIPE);
	/* One that still lingers goes with the loop. */
	end();
	begin();
	conn_write(conn, str_make(text, sizeof(text)));
	conn_close(&conn, 100000);
	turns(2);
	end();
}

static void close_in_callback(struct conn *c, void *arg)
{
	readables++;
	conn_write(c, S("bye"));
	conn_close(&c, 0);
	conn = NULL;
}

static void callback_may_close(void **state)
{
	const struct conn_events closing = { .readable = close_in_callback,
		.ended = note_end };
	char c;

	begin_with(&limits, &closing);
	say("QUIT");
	shutdown(peer, SHUT_WR);
	turns(3);
	assert_int_equal(readables, 1);
	assert_int_equal(ends, 0);
	assert_str(heard(), "bye");
	assert_int_equal(read(peer, &c, 1), 0);
	end();
}

static void idle_conn_is_small(void **state)
{
	begin();
	say("some input");
	turns(2);
	conn_write(conn, S("some output"));
	turns(2);
	conn_release_memory(conn);
	assert_int_equal(conn->in.cap + conn->out.cap, 0);
	assert_true(sizeof(*conn) < 300);
	print_message("sizeof(struct conn) %zu\n", sizeof(*conn));
	say("more");
	turns(2);
	assert_str(buf_str(&got), "some inputmore");
	end();
}

static struct conn *accepted;
static unsigned accepts;

static void on_accept(void *arg, int fd, const struct sockaddr *address)
{
	accepts++;
	assert_null(accepted);
	accepted = conn_new(loop, fd, &limits, &taking, NULL);
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void listener_accepts(void **state)
{
	struct listener *listener;
	int fd = -1, other = -1, client;
	uint16_t port;

	begin();
	assert_err(net_listen("localhost", 0, 5, false, &fd), ERR_SYNTAX);
	assert_ok(net_listen("127.0.0.1", 0, 5, false, &fd));
	port = net_local_port(fd);
	assert_err(net_listen("127.0.0.1", port, 5, false, &other), ERR_EXISTS);
	listener = listener_new(loop, fd, on_accept, NULL);
	accepts = 0;
	client = connect_to(port);
	wait_for(&accepts, 5000);
	assert_string_equal(conn_peer_ip(accepted), "127.0.0.1");
	assert_string_equal(conn_peer_ip(conn), "");
	conn_close(&accepted, 0);
	listener_free(&listener);
	close(client);
	end();
}

static void mapped_address_reads_as_ipv4(void **state)
{
	struct listener *listener;
	int fd = -1, client;

	begin();
	if (net_listen("*", 0, 5, true, &fd) != OK) {
		print_message("no IPv6 here\n");
		end();
		return;
	}
	listener = listener_new(loop, fd, on_accept, NULL);
	accepts = 0;
	client = connect_to(net_local_port(fd));
	wait_for(&accepts, 5000);
	assert_string_equal(conn_peer_ip(accepted), "127.0.0.1");
	conn_close(&accepted, 0);
	listener_free(&listener);
	close(client);
	end();
}

static void without_descriptors_accepting_rests(void **state)
{
	struct listener *listener;
	struct rlimit old, none;
	int fd = -1, client;

	begin();
	assert_ok(net_listen("127.0.0.1", 0, 5, false, &fd));
	listener = listener_new(loop, fd, on_accept, NULL);
	accepts = 0;
	turns(1);
	client = connect_to(net_local_port(fd));
	getrlimit(RLIMIT_NOFILE, &old);
	none = (struct rlimit){ 0, old.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	turns(3);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(accepts, 0);
	wait_for(&accepts, 5000);
	assert_int_equal(accepts, 1);
	conn_close(&accepted, 0);
	listener_free(&listener);
	close(client);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(megabytes_come_back),
		cmocka_unit_test(writes_of_a_turn_leave_together),
		cmocka_unit_test(flush_comes_after_the_hooks),
		cmocka_unit_test(cork_holds_output),
		cmocka_unit_test(pause_holds_input_up_to_its_ceiling),
		cmocka_unit_test(kick_calls_again),
		cmocka_unit_test(new_events_get_what_is_left),
		cmocka_unit_test(end_of_file_comes_after_the_input),
		cmocka_unit_test(silence_times_out),
		cmocka_unit_test(timeout_can_be_lifted),
		cmocka_unit_test(too_much_output_ends),
		cmocka_unit_test(vanished_peer_is_an_end),
		cmocka_unit_test(close_lingers_until_all_is_taken),
		cmocka_unit_test(linger_has_an_end),
		cmocka_unit_test(callback_may_close),
		cmocka_unit_test(idle_conn_is_small),
		cmocka_unit_test(listener_accepts),
		cmocka_unit_test(mapped_address_reads_as_ipv4),
		cmocka_unit_test(without_descriptors_accepting_rests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
