/* SPDX-License-Identifier: ISC */
/* Whole sessions over a socketpair, with the other roles played by handlers in this process.
 */
#include "base/test.h"

#include "base/log.h"
#include "ipc/recipients.h"
#include "net/tls.h"
#include "smtp/server.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SHARDS = 2 };

/* What the other roles answer, and what they saw. */
static struct world {
	struct loop *loop;
	struct ipc_hub *edge, *directory, *inspect, *store[SHARDS], *queue;
	struct smtp_server *server;
	struct smtp_options options;
	int client;
	struct buf replies;

	uint32_t inspect_error, hops, delay_ms;
	uint64_t replace;
	struct str header, reason;
	enum err shard_error[SHARDS], queue_error;
	uint32_t results[16]; /* per account */
	unsigned inspected, delivered, queued, auths;
	struct buf content, trace_header, sender;
	uint8_t delivery_id[16];
	bool hold_delivery;
	struct ipc_ticket held;
	struct tls_context *tls;
	SSL_CTX *client_context;
	SSL *ssl; /* of the client, once TLS is wanted */
} w;

/* The mailboxes that a recipient stands for beside its own. */
static void add_mailboxes(struct buf *more, uint64_t first, uint64_t count)
{
	for (uint64_t i = first; i < first + count; i++)
		ipc_recipient_add(more, &(struct ipc_recipient){ .account = i, .shard = i % SHARDS });
}

/* a@ to h@example.test are accounts 1 to 8, on shards 1 and 0 in turn; x@ is over quota; m@ is redirected to a@ and b@,
 * z@ to a thousand; n@ to another server. */
static void handle_lookup(void *role, struct ipc_request *request)
{
	const struct ipc_dir_lookup *m = request->body;
	ptrdiff_t at = str_rindex(m->address, '@');
	struct str domain = at < 0 ? S("example.test") : str_from(m->address, (size_t)at + 1);
	struct ipc_dir_lookup_reply reply = { .address = m->address };
	struct buf more = { 0 };
	enum err e = OK;

	if (!str_iequal(domain, S("example.test")))
		e = ERR_RELAY_DENIED;
	else if (m->address.p[0] == 'x')
		e = ERR_OVER_QUOTA;
	else if (m->address.p[0] == 'y')
		e = ERR_DATABASE;
	else if (m->address.p[0] == 'n' && at == 1)
		e = ERR_ELSEWHERE;
	else if (at > 1 && !str_istarts(m->address, S("alias-")))
		e = ERR_UNKNOWN_USER;
	if (e != OK) {
		ipc_reply_error(ipc_ticket_of(request), e);
		return;
	}
	reply.account = at < 0 ? 1 : (uint64_t)(ascii_lower(m->address.p[at - 1]) - 'a' + 1);
	reply.shard = reply.account % SHARDS;
	if (at == 1 && m->address.p[0] == 'm')
		add_mailboxes(&more, 1, 2);
	if (at == 1 && m->address.p[0] == 'z')
		add_mailboxes(&more, 100, 1000);
	reply.more = buf_str(&more);
	ipc_reply(ipc_ticket_of(request), IPC_DIR_LOOKUP_REPLY, &reply, -1);
	buf_done(&more);
}

static void handle_auth(void *role, struct ipc_request *request)
{
	const struct ipc_dir_auth *m = request->body;
	struct ipc_dir_auth_reply reply = {
		.account = 1, .address = S("a@example.test"), .delay_ms = w.delay_ms
	};

	w.auths++;
	if (!str_iequal(m->user, S("a@example.test")) || !str_equal(m->password, S("secret")))
		reply.error = ERR_AUTH_FAILED;
	if (str_equal(m->user, S("down")))
		ipc_reply_error(ipc_ticket_of(request), ERR_DATABASE);
	else
		ipc_reply(ipc_ticket_of(request), IPC_DIR_AUTH_REPLY, &reply, -1);
}

static void handle_inspect(void *role, struct ipc_request *request)
{
	const struct ipc_inspect *m = request->body;
	struct ipc_inspect_reply reply = {
		.error = w.inspect_error,
		.reason = w.reason,
		.structure = S("structure"),
		.content_id = S("01234567890123456789012345678901"),
		.message_id = S("<1@x.test>"),
		.replace = w.replace,
		.header = w.header,
		.hops = w.hops,
	};

	w.inspected++;
	buf_clear(&w.content);
	assert_ok(ipc_content_read(m->content, m->length, request->fd, 1 << 28, &w.content));
	ipc_reply(ipc_ticket_of(request), IPC_INSPECT_REPLY, &reply, -1);
}

static void keep(struct buf *buf, struct str s)
{
	buf_clear(buf);
	buf_add(buf, s);
}

static void handle_deliver(void *role, struct ipc_request *request)
{
	const struct ipc_deliver *m = request->body;
	struct buf results = { 0 };
	struct rd rd = rd_of(m->recipients);
	struct ipc_recipient r;
	enum err e = w.shard_error[role == w.store ? 0 : 1];

	buf_clear(&w.content);
	assert_ok(ipc_content_read(m->content, m->length, request->fd, 1 << 28, &w.content));
	assert_int_equal(m->delivery_id.n, 16);
	memcpy(w.delivery_id, m->delivery_id.p, 16);
	keep(&w.trace_header, m->trace_header);
	keep(&w.sender, m->sender);
	while (ipc_recipient_next(&rd, &r)) {
		buf_u32(&results, w.results[r.account]);
		w.delivered += e == OK && w.results[r.account] == OK;
	}
	assert_false(rd.bad);
	if (w.hold_delivery)
		w.held = ipc_ticket_of(request);
	else if (e != OK)
		ipc_reply_error(ipc_ticket_of(request), e);
	else
		ipc_reply(ipc_ticket_of(request), IPC_DELIVER_REPLY,
			&(struct ipc_deliver_reply){ .results = buf_str(&results) }, -1);
	buf_done(&results);
}

static void handle_queue(void *role, struct ipc_request *request)
{
	const struct ipc_queue_add *m = request->body;
	struct rd rd = rd_of(m->recipients);
	struct ipc_recipient r;

	assert_memory_equal(m->delivery_id.p, w.delivery_id, 16);
	while (ipc_recipient_next(&rd, &r))
		w.queued++;
	ipc_reply(ipc_ticket_of(request), IPC_QUEUE_ADD_REPLY,
		&(struct ipc_queue_add_reply){ .error = w.queue_error }, -1);
}

static struct ipc_hub *play(enum role_kind kind, unsigned index, enum ipc_type type,
	ipc_handler_fn *fn, void *role)
{
	struct ipc_hub *hub = ipc_hub_new(w.loop, kind, index, role);
	int fds[2];

	ipc_handle(hub, type, fn);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	ipc_add_peer(w.edge, kind, index, fds[0]);
	ipc_add_peer(hub, ROLE_EDGE, 0, fds[1]);
	return hub;
}

static int begin(void **state)
{
	memset(&w, 0, sizeof(w));
	w.client = -1;
	w.loop = loop_new();
	w.edge = ipc_hub_new(w.loop, ROLE_EDGE, 0, NULL);
	w.directory = play(ROLE_DIRECTORY, 0, IPC_DIR_LOOKUP, handle_lookup, NULL);
	ipc_handle(w.directory, IPC_DIR_AUTH, handle_auth);
	w.inspect = play(ROLE_INSPECT, 0, IPC_INSPECT, handle_inspect, NULL);
	for (unsigned i = 0; i < SHARDS; i++)
		w.store[i] = play(ROLE_STORE, i, IPC_DELIVER, handle_deliver, &w.store[i]);
	w.queue = play(ROLE_QUEUE, 0, IPC_QUEUE_ADD, handle_queue, NULL);
	w.options = smtp_options_default();
	w.options.hostname = S("mx.example.test");
	w.options.allow_clear_auth = true;
	return 0;
}

static int end(void **state)
{
	smtp_server_free(&w.server);
	loop_poll(w.loop);
	SSL_free(w.ssl);
	SSL_CTX_free(w.client_context);
	tls_context_free(&w.tls);
	ipc_hub_free(&w.edge);
	ipc_hub_free(&w.directory);
	ipc_hub_free(&w.inspect);
	for (unsigned i = 0; i < SHARDS; i++)
		ipc_hub_free(&w.store[i]);
	ipc_hub_free(&w.queue);
	loop_free(&w.loop);
	if (w.client >= 0)
		close(w.client);
	buf_done(&w.replies);
	buf_done(&w.content);
	buf_done(&w.trace_header);
	buf_done(&w.sender);
	return 0;
}

static ssize_t receive(char *p, size_t n)
{
	return w.ssl ? SSL_read(w.ssl, p, (int)n) : recv(w.client, p, n, MSG_DONTWAIT);
}

static ssize_t transmit(struct str s)
{
	return w.ssl ? SSL_write(w.ssl, s.p, (int)s.n)
		     : send(w.client, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void turns(int n)
{
	char bytes[65536];

	while (n--) {
		ssize_t got;

		loop_poll(w.loop);
		got = receive(bytes, sizeof(bytes));
		if (got > 0)
			buf_add(&w.replies, str_make(bytes, (size_t)got));
	}
}

static void start_with(enum smtp_policy policy, bool implicit_tls)
{
	int fds[2];

	if (!w.server)
		w.server = smtp_server_new(w.loop, w.edge, w.tls, &w.options);
	SSL_free(w.ssl);
	w.ssl = NULL;
	if (w.client >= 0)
		close(w.client);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	w.client = fds[1];
	buf_clear(&w.replies);
	smtp_server_accept(w.server, fds[0], policy, implicit_tls);
	if (!implicit_tls)
		turns(3);
}

static void start(enum smtp_policy policy)
{
	start_with(policy, false);
}

static void make_tls(void)
{
	const struct str names[] = { S("mx.example.test") };
	struct buf certificate = BUF_MAX(1 << 16), key = BUF_MAX(1 << 16);

	assert_ok(tls_make_self_signed(names, 1, &certificate, &key));
	assert_ok(tls_context_new(buf_str(&certificate), buf_str(&key), &w.tls));
	w.client_context = SSL_CTX_new(TLS_client_method());
	buf_done(&certificate);
	buf_done(&key);
}

static bool shake_hands(void)
{
	w.ssl = SSL_new(w.client_context);
	SSL_set_fd(w.ssl, w.client);
	for (int i = 0; i < 50; i++) {
		if (SSL_connect(w.ssl) == 1)
			return true;
		loop_poll(w.loop);
	}
	return false;
}

static void send_bytes(struct str s)
{
	while (s.n > 0) {
		ssize_t n = transmit(s);

		if (n < 0 && errno != EAGAIN)
			return;
		s = str_from(s, n > 0 ? (size_t)n : 0);
		turns(1);
	}
}

/* Sends text; the replies to it, whole. */
static struct str say(const char *text)
{
	buf_clear(&w.replies);
	send_bytes(str_of(text));
	turns(40);
	return buf_str(&w.replies);
}

static bool is_closed(void)
{
	char c;

	return recv(w.client, &c, 1, MSG_DONTWAIT) == 0;
}

#define assert_reply(text, want) \
	do { \
		struct str reply_ = say(text); \
		if (!str_starts(reply_, str_of(want))) \
			fail_msg("to %s: got \"%.*s\", want \"%s\"", text, STR_FMT(reply_), \
				want); \
	} while (0)

/* The replies' codes in order, "250 354 250". */
static void assert_codes(struct str replies, const char *want)
{
	struct buf codes = { 0 };
	struct str line;

	while (str_next(&replies, '\n', &line)) {
		if (line.n < 4 || line.p[3] == '-')
			continue;
		if (codes.n)
			buf_addc(&codes, ' ');
		buf_add(&codes, str_sub(line, 0, 3));
	}
	assert_str(buf_str(&codes), want);
	buf_done(&codes);
}

#define HELLO "EHLO client.test\r\n"
#define ENVELOPE "MAIL FROM:<s@other.test>\r\nRCPT TO:<a@example.test>\r\n"
#define MESSAGE "Subject: x\r\n\r\n..dot\r\n.\r\n"

static void test_greeting(void **state)
{
	start(SMTP_MX);
	assert_str(buf_str(&w.replies), "220 mx.example.test ESMTP ready\r\n");
	assert_reply("EHLO client.test\r\n", "250-mx.example.test\r\n250-PIPELINING\r\n250-"
					     "SIZE 210763776\r\n250-8BITMIME\r\n"
					     "250 ENHANCEDSTATUSCODES\r\n");
	assert_reply("HELO client.test\r\n", "250 mx.example.test\r\n");
	assert_reply("EHLO\r\n", "501 5.5.4 ");
	assert_reply("EHLO a_b c\r\n", "501 5.5.4 ");
	assert_reply("QUIT\r\n", "221 2.0.0 ");
	assert_true(is_closed());
	assert_int_equal(smtp_server_sessions(w.server), 0);
	start(SMTP_SUBMISSION);
	assert_true(str_ends(
		say("EHLO ::1\r\n"), S("250-AUTH SCRAM-SHA-256 PLAIN LOGIN OAUTHBEARER XOAUTH2\r\n250 AUTH=LOGIN PLAIN\r\n")));
	assert_reply("EHLO under_score\r\n", "250");
	assert_reply("EHLO pc\r\n", "250");
}

static void test_message(void **state)
{
	start(SMTP_MX);
	assert_codes(
		say(HELLO ENVELOPE "DATA\r\n" MESSAGE "QUIT\r\n"), "250 250 250 354 250 221");
	assert_int_equal(w.delivered, 1);
	assert_str(buf_str(&w.content), "Subject: x\r\n\r\n.dot\r\n");
	assert_str(buf_str(&w.sender), "s@other.test");
	assert_true(str_starts(buf_str(&w.trace_header),
		S("Received: from client.test\r\n\tby mx.example.test with ESMTP id ")));
	assert_true(str_find(buf_str(&w.trace_header),
			    S("\r\n\tfor <a@example.test>;\r\n\t")) > 0);
}

/* Every cut of the dialogue into two packets gives the same replies and the same message. */
static void test_cuts(void **state)
{
	static const char dialogue[] = HELLO ENVELOPE "DATA\r\n" MESSAGE "RSET\r\nQUIT\r\n";

	for (size_t cut = 1; cut < sizeof(dialogue) - 1; cut += 3) {
		start(SMTP_MX);
		buf_clear(&w.replies);
		send_bytes(str_make(dialogue, cut));
		turns(10);
		send_bytes(str_of(dialogue + cut));
		turns(30);
		assert_codes(buf_str(&w.replies), "250 250 250 354 250 250 221");
		assert_str(buf_str(&w.content), "Subject: x\r\n\r\n.dot\r\n");
	}
}

static void test_sequence(void **state)
{
	start(SMTP_MX);
	assert_reply("MAIL FROM:<a@b.test>\r\n", "503 5.5.1 Send EHLO");
	assert_reply("NOOP\r\n", "250 2.0.0");
	assert_reply(HELLO, "250");
	assert_reply("RCPT TO:<a@example.test>\r\n", "503 5.5.1 Send MAIL");
	assert_reply("DATA\r\n", "503 5.5.1 Send MAIL");
	assert_reply("MAIL FROM:<>\r\n", "250 2.1.0");
	assert_reply("MAIL FROM:<>\r\n", "503 5.5.1 Not during");
	assert_reply("DATA\r\n", "503 5.5.1 No valid");
	assert_reply("RCPT TO:<a@example.test>\r\n", "250 2.1.5");
	assert_reply("DATA now\r\n", "501 5.5.4 Syntax: DATA");
	assert_reply("RSET\r\n", "250 2.0.0");
	assert_reply("DATA\r\n", "503 5.5.1");
	assert_reply("VRFY a\r\n", "252 2.5.0");
	assert_reply("EXPN a\r\n", "502 5.5.1");
	assert_reply("FOO\r\n", "500 5.5.1");
	assert_reply("HELP\r\n", "214 2.0.0 EHLO HELO MAIL");
	assert_reply("STARTTLS\r\n", "502 5.5.1");
	assert_reply("GET / HTTP/1.1\r\n", "421 4.7.0");
	assert_true(is_closed());
}

static void test_recipients(void **state)
{
	w.options.max_recipients[SMTP_MX] = 3;
	start(SMTP_MX);
	assert_reply(HELLO, "250");
	assert_reply("MAIL FROM: <s@other.test>\r\n", "250 2.1.0");
	assert_reply("RCPT TO:<nobody@example.test>\r\n",
		"550 5.1.1 <nobody@example.test>: no such user here\r\n");
	assert_reply("RCPT TO:<a@elsewhere.test>\r\n",
		"550 5.7.1 Relaying denied: a@elsewhere.test");
	assert_reply("RCPT TO:<x@example.test>\r\n", "552 5.2.2");
	assert_reply("RCPT TO:<y@example.test>\r\n", "451 4.3.2");
	assert_reply(
		"RCPT TO:<a@example.test> NOTIFY=NEVER\r\n", "555 5.5.4 Parameter NOTIFY");
	assert_reply("RCPT TO:<a@example.test\r\n", "501 5.1.3");
	assert_reply("RCPT TO:<\xc3\xa9@example.test>\r\n", "553 5.6.7");
	assert_reply("RCPT TO:<postmaster>\r\n", "250 2.1.5");
	assert_reply("RCPT TO:<a@example.test>\r\n", "250 2.1.5");
	assert_reply("RCPT TO:<b@example.test>\r\n", "250 2.1.5");
	assert_reply("RCPT TO:<c@example.test>\r\n", "452 4.5.3");
	assert_codes(say("DATA\r\n" MESSAGE), "354 250");
	assert_int_equal(w.delivered, 2);
	assert_true(str_find(buf_str(&w.trace_header), S("for <")) < 0);
}

static void test_redirected(void **state)
{
	start(SMTP_MX);
	assert_reply(HELLO, "250");
	assert_reply("MAIL FROM:<s@other.test>\r\n", "250 2.1.0");
	assert_reply("RCPT TO:<n@example.test>\r\n", "450 4.3.2 <n@example.test>: mail for this address goes to another server");
	assert_reply("RCPT TO:<a@example.test>\r\n", "250 2.1.5");
	assert_reply("RCPT TO:<m@example.test>\r\n", "250 2.1.5");
	assert_reply("RCPT TO:<c@example.test>\r\n", "250 2.1.5");
	assert_reply("RCPT TO:<z@example.test>\r\n", "452 4.5.3");
	assert_codes(say("DATA\r\n" MESSAGE), "354 250");
	/* a, m, b and c, each once. */
	assert_int_equal(w.delivered, 4);
	w.shard_error[1] = ERR_UNAVAILABLE;
	assert_codes(say("MAIL FROM:<s@other.test>\r\nRCPT TO:<m@example.test>\r\nDATA\r\n" MESSAGE), "250 250 354 250");
	assert_int_equal(w.delivered, 5);
	assert_int_equal(w.queued, 2);
}

static void test_size(void **state)
{
	w.options.max_message_size = 100000;
	start(SMTP_MX);
	assert_reply(HELLO, "250");
	assert_reply("MAIL FROM:<s@other.test> SIZE=100001\r\n",
		"552 5.3.4 Message too large: at most 100000");
	assert_reply("MAIL FROM:<s@other.test> SIZE=9x\r\n",
		"501 5.5.4 Bad value of parameter SIZE");
	assert_reply("MAIL FROM:<s@other.test> SMTPUTF8\r\n", "555 5.5.4");
	assert_reply("MAIL FROM:<s@other.test> SIZE=100000 BODY=8BITMIME\r\n", "250 2.1.0");
	assert_codes(say("RCPT TO:<a@example.test>\r\nDATA\r\n"), "250 354");
	buf_clear(&w.replies);
	for (int i = 0; i < 1500; i++)
		send_bytes(S("123456789 123456789 123456789 123456789 123456789 123456789 "
			     "123456789 12345678\r\n"));
	assert_reply(".\r\n", "552 5.3.4 Message too large");
	assert_int_equal(w.inspected, 0);
	assert_codes(say(ENVELOPE "DATA\r\n" MESSAGE), "250 250 354 250");
	assert_codes(say(ENVELOPE "DATA\r\n"), "250 250 354");
	for (int i = 0; i < 20000 && !is_closed(); i++)
		send_bytes(S("123456789 123456789 123456789 123456789 123456789 123456789 "
			     "123456789 12345678\r\n"));
	turns(10);
	assert_int_equal(smtp_server_sessions(w.server), 0);
}

static void test_large(void **state)
{
	struct buf wire = { 0 };

	for (int i = 0; i < 300000; i++)
		buf_addf(&wire, "%d\r\n", i);
	start(SMTP_MX);
	assert_codes(say(HELLO ENVELOPE "RCPT TO:<b@example.test>\r\nDATA\r\n"),
		"250 250 250 250 354");
	send_bytes(buf_str(&wire));
	assert_reply(".\r\n", "250 2.0.0");
	assert_int_equal(w.delivered, 2);
	assert_true(str_equal(buf_str(&w.content), buf_str(&wire)));
	buf_done(&wire);
}

static void test_smuggling(void **state)
{
	static const char *const ends[] = { "\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n",
		"\r\n.\r" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		char text[200];

		start(SMTP_MX);
		assert_codes(say(HELLO ENVELOPE "DATA\r\n"), "250 250 250 354");
		snprintf(text, sizeof(text), "a%sMAIL FROM:<e@vil.test>\r\n", ends[i]);
		assert_reply(text, "");
		assert_reply(".\r\n", "550 5.6.11 ");
		assert_int_equal(w.replies.n, str_index(buf_str(&w.replies), '\n') + 1);
		assert_reply("NOOP\r\n", "250 2.0.0");
	}
	assert_int_equal(w.inspected, 0);
	start(SMTP_MX);
	assert_reply("EHLO a.test\nMAIL FROM:<a@b.test>\r\n", "500 5.6.11");
	assert_true(is_closed());
	start(SMTP_MX);
	assert_reply("EHLO a.test\rNOOP\r\n", "500 5.6.11");
	assert_true(is_closed());
}

static void test_shards(void **state)
{
#define FOUR \
	HELLO "MAIL FROM:<s@other.test>\r\nRCPT TO:<a@example.test>\r\nRCPT " \
	      "TO:<b@example.test>\r\n" \
	      "RCPT TO:<c@example.test>\r\nRCPT TO:<d@example.test>\r\nDATA\r\n" MESSAGE
	start(SMTP_MX);
	assert_codes(say(FOUR), "250 250 250 250 250 250 354 250");
	assert_int_equal(w.delivered, 4);

	/* One shard is away: its two recipients are queued. */
	w.shard_error[1] = ERR_UNAVAILABLE;
	assert_codes(say(FOUR), "250 250 250 250 250 250 354 250");
	assert_int_equal(w.delivered, 6);
	assert_int_equal(w.queued, 2);

	/* And the queue too. */
	w.queue_error = ERR_NO_SPACE;
	assert_codes(say(FOUR), "250 250 250 250 250 250 354 451");

	/* Some refuse for good: accepted for the others, nothing queued. */
	w.queued = 0;
	w.shard_error[1] = OK;
	w.results[2] = w.results[3] = ERR_OVER_QUOTA;
	assert_codes(say(FOUR), "250 250 250 250 250 250 354 250");
	w.results[1] = w.results[4] = ERR_ADDRESS_DISABLED;
	assert_codes(say(FOUR), "250 250 250 250 250 250 354 550");
	assert_int_equal(w.queued, 0);
	/* All temporary, the queue is back. */
	for (int i = 1; i <= 4; i++)
		w.results[i] = ERR_DATABASE;
	w.queue_error = OK;
	assert_codes(say(FOUR), "250 250 250 250 250 250 354 250");
	assert_int_equal(w.queued, 4);
}

static void test_roles_away(void **state)
{
	start(SMTP_MX);
	ipc_hub_free(&w.store[1]);
	ipc_hub_free(&w.queue);
	turns(5);
	assert_codes(say(HELLO ENVELOPE "DATA\r\n" MESSAGE), "250 250 250 354 451");
	ipc_hub_free(&w.inspect);
	turns(5);
	assert_codes(say(ENVELOPE "DATA\r\n" MESSAGE), "250 250 354 451");
	ipc_hub_free(&w.directory);
	turns(5);
	assert_codes(say(ENVELOPE "NOOP\r\n"), "250 451 250");
}

static void test_verdict(void **state)
{
	start(SMTP_MX);
	w.inspect_error = ERR_CONTENT;
	w.reason = S("No From field");
	assert_true(str_ends(
		say(HELLO ENVELOPE "DATA\r\n" MESSAGE), S("554 5.6.0 No From field\r\n")));
	w.inspect_error = OK;
	w.hops = 51;
	assert_true(str_find(say(ENVELOPE "DATA\r\n" MESSAGE), S("\r\n554 5.4.6 ")) > 0);
	w.hops = 50;
	assert_codes(say(ENVELOPE "DATA\r\n" MESSAGE), "250 250 354 250");
	assert_int_equal(w.delivered, 1);
}

#define LOGIN_PLAIN "AUTH PLAIN AGFAZXhhbXBsZS50ZXN0AHNlY3JldA==\r\n"

static void test_auth(void **state)
{
	static const char *const good[] = {
		LOGIN_PLAIN, "AUTH PLAIN  AGFAZXhhbXBsZS50ZXN0AHNlY3JldA==\r\n",
		"auth plain\r\nAGFAZXhhbXBsZS50ZXN0AHNlY3JldA==\r\n",
		"AUTH LOGIN\r\nYUBleGFtcGxlLnRlc3Q=\r\nc2VjcmV0\r\n",
		"AUTH LOGIN YUBleGFtcGxlLnRlc3Q=\r\nc2VjcmV0\r\n",
		"AUTH LOGIN =\r\nYUBleGFtcGxlLnRlc3Q=\r\nc2VjcmV0\r\n",
		"AUTH LOGIN IEFARXhhbXBsZS5UZXN0IA==\r\nc2VjcmV0\r\n", /* " A@Example.Test " */
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		start(SMTP_SUBMISSION);
		assert_reply(HELLO, "250");
		assert_true(str_ends(say(good[i]), S("235 2.7.0 Logged in\r\n")));
		assert_reply(LOGIN_PLAIN, "503 5.5.1");
		assert_reply("MAIL FROM:<a@example.test>\r\n", "250 2.1.0");
	}
	start(SMTP_SUBMISSION);
	assert_reply("HELO pc\r\n", "250");
	assert_reply("AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n");
	assert_reply("YUBleGFtcGxlLnRlc3Q=\r\n", "334 UGFzc3dvcmQ6\r\n");
	assert_reply("*\r\n", "501 5.7.0");
	assert_reply("AUTH PLAIN\r\n", "334 \r\n");
	assert_reply("not base 64\r\n", "501 5.5.2");
	assert_reply("AUTH PLAIN =\r\n", "501 5.5.2");
	assert_reply("AUTH CRAM-MD5\r\n", "504 5.5.4");
	assert_reply("AUTH\r\n", "504 5.5.4");
	assert_int_equal(w.auths, sizeof(good) / sizeof(*good));
	assert_reply("AUTH PLAIN AGFAZXhhbXBsZS50ZXN0AHdyb25n\r\n", "535 5.7.8 ");
	assert_reply("AUTH PLAIN AGRvd24AeA==\r\n", "454 4.7.0");
	w.options.allow_clear_auth = false;
	smtp_server_set_options(w.server, &w.options);
	assert_reply("AUTH PLAIN\r\n", "538 5.7.11");
	assert_reply("MAIL FROM:<a@example.test>\r\n", "530 5.7.0 Must issue STARTTLS");
	start(SMTP_MX);
	assert_reply(HELLO, "250");
	assert_true(str_find(say(LOGIN_PLAIN), S("587")) > 0);
}

static void test_auth_failures(void **state)
{
	w.options.max_auth_failures = 3;
	w.delay_ms = 20;
	start(SMTP_SUBMISSION);
	assert_reply(HELLO, "250");
	for (int i = 0; i < 3; i++) {
		struct str reply = say("AUTH PLAIN AGFAZXhhbXBsZS50ZXN0AHdyb25n\r\n");

		assert_int_equal(reply.n, 0);
		usleep(25000);
		turns(10);
		assert_true(str_starts(
			buf_str(&w.replies), i < 2 ? S("535 5.7.8 ") : S("421 4.7.0 ")));
	}
	assert_true(is_closed());
	/* A client that goes while its answer is held back. */
	start(SMTP_SUBMISSION);
	say(HELLO "AUTH PLAIN AGFAZXhhbXBsZS50ZXN0AHdyb25n\r\n");
	close(w.client);
	w.client = -1;
	usleep(25000);
	for (int i = 0; i < 10; i++)
		loop_poll(w.loop);
	assert_int_equal(smtp_server_sessions(w.server), 0);
}

static void test_submission(void **state)
{
	start(SMTP_SUBMISSION);
	assert_reply(HELLO, "250");
	assert_reply("MAIL FROM:<a@example.test>\r\n", "530 5.7.0 Authentication required");
	assert_reply(LOGIN_PLAIN, "235");
	assert_reply(
		"MAIL FROM:<b@example.test>\r\n", "550 5.7.1 Sender b@example.test refused");
	assert_reply("MAIL FROM:<z@elsewhere.test>\r\n", "550 5.7.1");
	assert_reply("MAIL FROM:<>\r\n", "250");
	assert_reply("RSET\r\n", "250");
	assert_reply("MAIL FROM:<alias-a@example.test>\r\n", "250");
	assert_reply("RSET\r\n", "250");
	assert_reply("MAIL FROM:  A@Example.TEST  SIZE=5\r\n", "250");
	assert_reply(
		"RCPT TO:<r@remote.test>\r\n", "550 5.4.4 r@remote.test is not served here");
	assert_reply("RCPT TO:  b@example.test\r\n", "250");
	w.replace = 4;
	w.header = S("Date: now\r\n");
	assert_codes(say("DATA\r\nBcc\r\nbody\r\n.\r\n"), "354 250");
	assert_str(buf_str(&w.content), "Date: now\r\n\nbody\r\n");
	assert_true(str_find(buf_str(&w.trace_header), S(" with ESMTPA id ")) > 0);
}

/* The edit of a message that is in a descriptor. */
static void test_large_submission(void **state)
{
	struct buf wire = { 0 };

	buf_adds(&wire, "Bcc: x\r\n");
	for (int i = 0; i < 700000; i++)
		buf_addf(&wire, "%d\r\n", i);
	start(SMTP_SUBMISSION);
	w.replace = 8;
	w.header = S("Date: now\r\n");
	assert_codes(
		say(HELLO LOGIN_PLAIN
			"MAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n"),
		"250 235 250 250 354");
	send_bytes(buf_str(&wire));
	assert_reply(".\r\n", "250 2.0.0");
	assert_true(str_starts(buf_str(&w.content), S("Date: now\r\n0\r\n1\r\n")));
	assert_int_equal(w.content.n, wire.n + 3);
	assert_memory_equal(w.content.p + 11, wire.p + 8, wire.n - 8);
	buf_done(&wire);
}

static void test_budgets(void **state)
{
	w.options.max_errors = 5;
	w.options.max_junk_commands = 10;
	w.options.max_messages = 2;
	w.options.max_commands = 60;
	start(SMTP_MX);
	for (int i = 0; i < 4; i++)
		assert_reply("FOO\r\n", "500");
	assert_codes(say("FOO\r\n"), "500 421");
	assert_true(is_closed());
	start(SMTP_MX);
	for (int i = 0; i < 14; i++)
		assert_codes(say("NOOP\r\n"), "250");
	assert_codes(say("NOOP\r\n"), "250 421");
	start(SMTP_MX);
	assert_codes(
		say(HELLO ENVELOPE "DATA\r\n" MESSAGE ENVELOPE "DATA\r\n" MESSAGE ENVELOPE),
		"250 250 250 354 250 250 250 354 250 421");
	w.options.max_junk_commands = 1000;
	smtp_server_set_options(w.server, &w.options);
	start(SMTP_MX);
	for (int i = 0; i < 60; i++)
		assert_codes(say("NOOP\r\n"), "250");
	assert_codes(say("NOOP\r\n"), "421");
	w.options.max_connections = 1;
	smtp_server_set_options(w.server, &w.options);
	start(SMTP_MX);
	assert_codes(buf_str(&w.replies), "220");
	{
		int first = w.client;

		w.client = -1;
		start(SMTP_MX);
		assert_codes(buf_str(&w.replies), "421");
		close(first);
	}
}

static void test_lines(void **state)
{
	char text[5000];

	start(SMTP_MX);
	memset(text, 'a', sizeof(text));
	memcpy(text, "NOOP ", 5);
	memcpy(text + 4000, "\r\n", 3);
	assert_reply(text, "250");
	memset(text + 4000, 'a', 900);
	memcpy(text + 4900, "\r\n", 3);
	assert_reply(text, "500 5.5.2");
	assert_true(is_closed());
	start(SMTP_MX);
	buf_clear(&w.replies);
	send_bytes(S("NO\0OP\r\nNOOP\r\n"));
	turns(10);
	assert_codes(buf_str(&w.replies), "500 250");
	/* TLS where none is spoken. */
	start(SMTP_MX);
	assert_reply("\x16\x03\x01", "");
	assert_true(is_closed());
}

static void test_timeouts(void **state)
{
	w.options.command_timeout = 1500;
	w.options.data_timeout = 60000;
	w.options.data_total_timeout = 1500;
	start(SMTP_MX);
	buf_clear(&w.replies);
	for (int i = 0; i < 500 && w.replies.n == 0; i++) {
		turns(1);
		usleep(10000);
	}
	assert_true(str_starts(buf_str(&w.replies), S("421 4.4.2 ")));
	/* One byte now and then keeps neither a line nor DATA open. */
	start(SMTP_MX);
	buf_clear(&w.replies);
	for (int i = 0; i < 50 && w.replies.n == 0; i++) {
		send_bytes(S("x"));
		turns(3);
		usleep(100000);
	}
	assert_true(str_starts(buf_str(&w.replies), S("421 4.4.2 ")));
	start(SMTP_MX);
	assert_codes(say(HELLO ENVELOPE "DATA\r\n"), "250 250 250 354");
	buf_clear(&w.replies);
	for (int i = 0; i < 50 && w.replies.n == 0; i++) {
		send_bytes(S("x\r\n"));
		turns(3);
		usleep(100000);
	}
	assert_true(str_starts(buf_str(&w.replies), S("421 4.4.2 ")));
	assert_int_equal(smtp_server_sessions(w.server), 0);
}

static void test_starttls(void **state)
{
	make_tls();
	w.options.allow_clear_auth = false;
	start(SMTP_SUBMISSION);
	assert_true(str_ends(say(HELLO), S("250 STARTTLS\r\n")));
	assert_reply(LOGIN_PLAIN, "538 5.7.11 ");
	assert_reply("MAIL FROM:<a@example.test>\r\n", "530 5.7.0 Must issue STARTTLS first");
	assert_reply("STARTTLS now\r\n", "501");
	assert_reply("STARTTLS\r\n", "220 2.0.0 ");
	assert_true(shake_hands());
	assert_reply("MAIL FROM:<a@example.test>\r\n", "503 5.5.1 Send EHLO");
	assert_true(
		str_ends(say(HELLO), S("250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN OAUTHBEARER XOAUTH2\r\n250 AUTH=LOGIN PLAIN\r\n")));
	assert_reply("STARTTLS\r\n", "503 5.5.1 TLS is already");
	assert_codes(say(LOGIN_PLAIN "MAIL FROM:<a@example.test>\r\nRCPT "
				     "TO:<b@example.test>\r\nDATA\r\n" MESSAGE),
		"235 250 250 354 250");
	assert_true(str_find(buf_str(&w.trace_header), S(" with ESMTPSA id ")) > 0);
	assert_true(str_find(buf_str(&w.trace_header), S("\r\n\t(TLS")) > 0);
}

/* RFC 3207 6: what an attacker put behind STARTTLS is not run inside TLS. */
static void test_starttls_injection(void **state)
{
	make_tls();
	start(SMTP_MX);
	assert_codes(say(HELLO "STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<e@vil.test>\r\n"),
		"250 220");
	if (!shake_hands())
		return;
	assert_reply("MAIL FROM:<s@other.test>\r\n", "503 5.5.1 Send EHLO");
	assert_codes(say(HELLO ENVELOPE), "250 250 250");
}

static void test_implicit_tls(void **state)
{
	make_tls();
	start_with(SMTP_SUBMISSION, true);
	assert_true(shake_hands());
	turns(3);
	assert_codes(buf_str(&w.replies), "220");
	assert_codes(say(HELLO LOGIN_PLAIN "QUIT\r\n"), "250 235 221");
}

static void test_greeting_delay(void **state)
{
	w.options.greeting_delay = 20;
	start(SMTP_MX);
	assert_int_equal(w.replies.n, 0);
	usleep(25000);
	turns(5);
	assert_codes(buf_str(&w.replies), "220");
	assert_reply(HELLO, "250");
	start(SMTP_MX);
	send_bytes(S(HELLO));
	usleep(25000);
	turns(5);
	assert_codes(buf_str(&w.replies), "554");
	assert_true(is_closed());
	start(SMTP_SUBMISSION);
	assert_codes(buf_str(&w.replies), "220");
}

static void test_stop(void **state)
{
	start(SMTP_MX);
	w.hold_delivery = true;
	assert_codes(say(HELLO ENVELOPE "DATA\r\n" MESSAGE), "250 250 250 354");
	buf_clear(&w.replies);
	smtp_server_stop(w.server);
	turns(5);
	assert_int_equal(w.replies.n, 0);
	ipc_reply(w.held, IPC_DELIVER_REPLY,
		&(struct ipc_deliver_reply){ .results = S("\0\0\0\0") }, -1);
	turns(5);
	assert_codes(buf_str(&w.replies), "250 421");
	assert_int_equal(smtp_server_sessions(w.server), 0);
	start(SMTP_MX);
	assert_codes(buf_str(&w.replies), "421");
}

static void test_stop_idle(void **state)
{
	start(SMTP_MX);
	smtp_server_stop(w.server);
	turns(5);
	assert_codes(buf_str(&w.replies), "220 421");
	assert_true(is_closed());
}

/* The client goes while a shard is at work: the message is settled all the same. */
static void test_client_gone(void **state)
{
	start(SMTP_MX);
	w.hold_delivery = true;
	say(HELLO ENVELOPE "DATA\r\n" MESSAGE);
	close(w.client);
	w.client = -1;
	for (int i = 0; i < 5; i++)
		loop_poll(w.loop);
	assert_int_equal(smtp_server_sessions(w.server), 1);
	ipc_reply_error(w.held, ERR_UNAVAILABLE);
	for (int i = 0; i < 10; i++)
		loop_poll(w.loop);
	assert_int_equal(w.queued, 1);
	assert_int_equal(smtp_server_sessions(w.server), 0);
}

/* The server goes while a shard is at work. */
static void test_server_gone(void **state)
{
	start(SMTP_MX);
	w.hold_delivery = true;
	say(HELLO ENVELOPE "DATA\r\n" MESSAGE);
	smtp_server_free(&w.server);
	ipc_reply(w.held, IPC_DELIVER_REPLY,
		&(struct ipc_deliver_reply){ .results = S("\0\0\0\0") }, -1);
	turns(10);
	assert_int_equal(w.queued, 0);
	assert_true(is_closed());
}

/* A client that says everything, then shuts its side, still gets its answers. */
static void test_half_closed(void **state)
{
	start(SMTP_MX);
	buf_clear(&w.replies);
	send_bytes(S(HELLO ENVELOPE "DATA\r\n" MESSAGE "QUIT\r\n"));
	shutdown(w.client, SHUT_WR);
	turns(40);
	assert_codes(buf_str(&w.replies), "250 250 250 354 250 221");
}

int main(void)
{
#define SESSION_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		SESSION_TEST(test_greeting),
		SESSION_TEST(test_message),
		SESSION_TEST(test_cuts),
		SESSION_TEST(test_sequence),
		SESSION_TEST(test_recipients),
		SESSION_TEST(test_redirected),
		SESSION_TEST(test_size),
		SESSION_TEST(test_large),
		SESSION_TEST(test_smuggling),
		SESSION_TEST(test_shards),
		SESSION_TEST(test_roles_away),
		SESSION_TEST(test_verdict),
		SESSION_TEST(test_auth),
		SESSION_TEST(test_auth_failures),
		SESSION_TEST(test_submission),
		SESSION_TEST(test_large_submission),
		SESSION_TEST(test_budgets),
		SESSION_TEST(test_lines),
		SESSION_TEST(test_timeouts),
		SESSION_TEST(test_starttls),
		SESSION_TEST(test_starttls_injection),
		SESSION_TEST(test_implicit_tls),
		SESSION_TEST(test_greeting_delay),
		SESSION_TEST(test_stop),
		SESSION_TEST(test_stop_idle),
		SESSION_TEST(test_client_gone),
		SESSION_TEST(test_server_gone),
		SESSION_TEST(test_half_closed),
	};

	log_setup("smtp", 2, LOG_ERROR + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
