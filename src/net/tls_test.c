/* SPDX-License-Identifier: ISC */
/* TLS connections against an OpenSSL client in the same process. */
#include "net/tls.h"

#include "base/metrics.h"
#include "base/random.h"
#include "base/test.h"
#include "base/time.h"
#include "net/conn.h"

#include <malloc.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BIG = 3 << 20, IDLE_CONNECTIONS = 1000 };

struct client {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

static const struct conn_limits limits = { 64 << 10, 1 << 20 };
static struct buf cert_pem, key_pem;
static struct tls_context *tls;
static struct loop *loop;
static struct conn *conn;
static struct client client;
static unsigned ends, secured;
static enum err why;
static struct buf got;

static void take_all(struct conn *c, void *arg)
{
	struct str in = conn_input(c);

	buf_add(&got, in);
	conn_consume(c, in.n);
}

static void note_end(struct conn *c, void *arg, enum err e)
{
	ends++;
	why = e;
}

static void note_secured(struct conn *c, void *arg)
{
	assert_true(conn_is_tls(c));
	secured++;
}

static const struct conn_events taking = {
	.readable = take_all, .ended = note_end, .secured = note_secured
};

static bool certificate_asked_for;

static int note_request(SSL *ssl, X509 **ret_cert, EVP_PKEY **ret_key)
{
	certificate_asked_for = true;
	return 0;
}

static void client_init(struct client *c, int fd)
{
	c->fd = fd;
	c->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_client_cert_cb(c->ctx, note_request);
	c->ssl = NULL;
}

static void client_start(struct client *c)
{
	c->ssl = SSL_new(c->ctx);
	SSL_set_fd(c->ssl, c->fd);
	SSL_set_connect_state(c->ssl);
}

static void client_done(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	if (c->fd >= 0)
		close(c->fd);
	*c = (struct client){ .fd = -1 };
}

static void begin_with(const struct conn_events *events)
{
	int pair[2];

	ends = secured = 0;
	why = OK;
	buf_clear(&got);
	loop = loop_new();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	conn = conn_new(loop, pair[0], &limits, events, NULL);
	client_init(&client, pair[1]);
}

static void end(void)
{
	conn_close(&conn, 0);
	loop_poll(loop);
	client_done(&client);
	loop_free(&loop);
	buf_release(&got);
}

static void turns(int n)
{
	while (n--)
		loop_poll(loop);
}

/* Both sides in turn until the client is done; true when it succeeded. */
static bool shake_hands(struct client *c)
{
	int r = 0;

	for (int i = 0; i < 20 && r != 1; i++) {
		ERR_clear_error();
		r = SSL_do_handshake(c->ssl);
		if (r != 1 && SSL_get_error(c->ssl, r) != SSL_ERROR_WANT_READ)
			return false;
		turns(2);
	}
	turns(2);
	return r == 1;
}

static void begin_tls(const struct conn_events *events)
{
	begin_with(events);
	assert_ok(conn_start_tls(conn, tls));
	client_start(&client);
	assert_true(shake_hands(&client));
}

static struct str client_hears(struct client *c)
{
	static char text[1 << 16];
	int n;

	ERR_clear_error();
	n = SSL_read(c->ssl, text, sizeof(text));
	return str_make(text, n > 0 ? (size_t)n : 0);
}

static void client_says(struct client *c, const char *text)
{
	assert_int_equal(SSL_write(c->ssl, text, (int)strlen(text)), strlen(text));
}

static void implicit_tls_talks(void **state)
{
	uint64_t handshakes = metrics.counters[METRIC_tls_handshakes];

	begin_tls(&taking);
	assert_int_equal(secured, 1);
	assert_int_equal(metrics.counters[METRIC_tls_handshakes], handshakes + 1);
	assert_string_equal(conn_tls_text(conn), "TLSv1.3 TLS_AES_256_GCM_SHA384");
	client_says(&client, "hello");
	turns(2);
	assert_str(buf_str(&got), "hello");
	conn_write(conn, S("good"));
	conn_writef(conn, " day %d", 1);
	turns(1);
	assert_str(client_hears(&client), "good day 1");
	SSL_shutdown(client.ssl);
	turns(2);
	assert_int_equal(ends, 1);
	assert_int_equal(why, ERR_CLOSED);
	end();
}

static void echo(struct conn *c, void *arg)
{
	struct str in = conn_input(c);

	if (conn_output_size(c) > limits.output_max / 2)
		return;
	/* In odd pieces, so that input stays behind inside a record. */
	in.n = in.n > 1000 ? in.n - 777 : in.n;
	conn_write(c, in);
	conn_consume(c, in.n);
	conn_kick(c);
}

static void echo_more(struct conn *c, void *arg)
{
	conn_kick(c);
}

static void megabytes_come_back(void **state)
{
	const struct conn_events echoing = {
		.readable = echo, .ended = note_end, .drained = echo_more
	};
	char *sent = malloc(BIG), *back = malloc(BIG);
	size_t out = 0, in = 0;

	begin_tls(&echoing);
	SSL_set_mode(client.ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
	random_bytes(sent, BIG);
	while (in < BIG) {
		int n;

		ERR_clear_error();
		n = out < BIG ? SSL_write(client.ssl, sent + out, (int)(BIG - out)) : 0;
		out += n > 0 ? (size_t)n : 0;
		turns(1);
		ERR_clear_error();
		n = random_below(4) ? SSL_read(client.ssl, back + in, (int)(BIG - in)) : 0;
		in += n > 0 ? (size_t)n : 0;
		assert_int_equal(ends, 0);
	}
	assert_memory_equal(sent, back, BIG);
	free(sent);
	free(back);
	end();
}

static void pending_record_is_read_when_room_comes(void **state)
{
	static char text[16000];
	const struct conn_limits small = { 1000, 1000 };
	int pair[2];

	begin_with(&taking);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	conn_close(&conn, 0);
	client_done(&client);
	conn = conn_new(loop, pair[0], &small, &taking, NULL);
	client_init(&client, pair[1]);
	assert_ok(conn_start_tls(conn, tls));
	client_start(&client);
	assert_true(shake_hands(&client));
	conn_pause(conn, true);
	assert_int_equal(SSL_write(client.ssl, text, sizeof(text)), sizeof(text));
	turns(5);
	assert_int_equal(conn_input(conn).n, 1000);
	/* The socket is empty: the rest of the record stands in the TLS object. */
	conn_pause(conn, false);
	turns(40);
	assert_int_equal(got.n, sizeof(text));
	end();
}

static void start_tls(struct conn *c, void *arg)
{
	if (conn_is_tls(c)) {
		take_all(c, arg);
		return;
	}
	assert_true(str_istarts(conn_input(c), S("STARTTLS\r\n")));
	conn_consume(c, 10);
	conn_write(c, S("220 go ahead\r\n"));
	assert_ok(conn_start_tls(c, tls));
	assert_int_equal(conn_input(c).n, 0);
	conn_write(c, S("written after"));
}

static void starttls_discards_what_was_injected(void **state)
{
	const struct conn_events starting = {
		.readable = start_tls, .ended = note_end, .secured = note_secured
	};
	const char text[] = "STARTTLS\r\nMAIL FROM:<mallory@example.test>\r\n";
	char answer[100];

	begin_with(&starting);
	assert_int_equal(write(client.fd, text, sizeof(text) - 1), sizeof(text) - 1);
	turns(2);
	/* Only what was written before goes out in clear. */
	assert_int_equal(read(client.fd, answer, sizeof(answer)), 14);
	client_start(&client);
	assert_true(shake_hands(&client));
	assert_int_equal(secured, 1);
	assert_int_equal(got.n, 0);
	assert_str(client_hears(&client), "written after");
	client_says(&client, "EHLO");
	turns(2);
	assert_str(buf_str(&got), "EHLO");
	assert_err(conn_start_tls(conn, tls), ERR_SEQUENCE);
	end();
}

static void injection_after_starttls_breaks_the_handshake(void **state)
{
	const struct conn_events starting = {
		.readable = start_tls, .ended = note_end, .secured = note_secured
	};

	begin_with(&starting);
	assert_int_equal(write(client.fd, "STARTTLS\r\n", 10), 10);
	turns(2);
	assert_int_equal(write(client.fd, "MAIL FROM:<>\r\n", 14), 14);
	turns(3);
	assert_int_equal(ends, 1);
	assert_int_equal(why, ERR_TLS);
	assert_int_equal(secured, 0);
	assert_int_equal(ERR_peek_error(), 0);
	end();
}

static void handshake_must_be_complete_in_time(void **state)
{
	int64_t until = time_mono_ms() + 5000;
	char c = 0x16;

	begin_with(&taking);
	assert_ok(conn_start_tls(conn, tls));
	conn_set_timeout(conn, 300);
	while (!ends && time_mono_ms() < until) {
		/* A byte now and then does not help. */
		if (c) {
			assert_int_equal(write(client.fd, &c, 1), 1);
			c = 0;
		}
		turns(1);
		usleep(10000);
	}
	assert_int_equal(why, ERR_TIMEOUT);
	end();
}

static void old_protocols_are_refused(void **state)
{
	begin_with(&taking);
	assert_ok(conn_start_tls(conn, tls));
	SSL_CTX_set_security_level(client.ctx, 0);
	SSL_CTX_set_min_proto_version(client.ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(client.ctx, TLS1_1_VERSION);
	client_start(&client);
	assert_false(shake_hands(&client));
	turns(2);
	assert_int_equal(ends, 1);
	end();
}

/*
 * Serves one more connection, resumes session when there is one; returns the client's session.
 */
static SSL_SESSION *resume(
	int version, const char *name, SSL_SESSION *session, bool no_ticket, bool *ret_reused)
{
	begin_with(&taking);
	assert_ok(conn_start_tls(conn, tls));
	SSL_CTX_set_max_proto_version(client.ctx, version);
	if (no_ticket)
		SSL_CTX_set_options(client.ctx, SSL_OP_NO_TICKET);
	client_start(&client);
	SSL_set_tlsext_host_name(client.ssl, name);
	if (session)
		SSL_set_session(client.ssl, session);
	assert_true(shake_hands(&client));
	assert_false(certificate_asked_for);
	conn_write(conn, S("x"));
	turns(2);
	assert_str(client_hears(&client), "x");
	*ret_reused = SSL_session_reused(client.ssl);
	SSL_SESSION_free(session);
	session = SSL_get1_session(client.ssl);
	SSL_shutdown(client.ssl);
	turns(2);
	end();
	return session;
}

static void sessions_are_resumed(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	bool reused;

	/* With a trailing dot too, as some clients send it. */
	for (int i = 0; i < 4; i++) {
		const char *name = i & 1 ? "mail.example.test." : "mail.example.test";
		SSL_SESSION *session = resume(versions[i / 2], name, NULL, false, &reused);

		assert_false(reused);
		assert_true(SSL_SESSION_has_ticket(session));
		session = resume(versions[i / 2], name, session, false, &reused);
		assert_true(reused);
		SSL_SESSION_free(session);
	}
}

static void session_ids_serve_clients_without_tickets(void **state)
{
	SSL_SESSION *session;
	unsigned n = 0;
	bool reused;

	session = resume(TLS1_2_VERSION, "mail.example.test", NULL, true, &reused);
	SSL_SESSION_get_id(session, &n);
	assert_int_equal(n, 32);
	session = resume(TLS1_2_VERSION, "mail.example.test", session, true, &reused);
	assert_true(reused);
	SSL_SESSION_free(session);
}

static void shared_keys_resume_elsewhere(void **state)
{
	uint8_t keys[TLS_TICKET_KEYS_SIZE];
	struct tls_context *mine = tls;
	SSL_SESSION *session;
	bool reused;

	random_bytes(keys, sizeof(keys));
	tls_context_set_ticket_keys(tls, keys);
	session = resume(TLS1_3_VERSION, "mail.example.test", NULL, false, &reused);
	assert_ok(tls_context_new(buf_str(&cert_pem), buf_str(&key_pem), &tls));
	tls_context_set_ticket_keys(tls, keys);
	session = resume(TLS1_3_VERSION, "mail.example.test", session, false, &reused);
	assert_true(reused);
	SSL_SESSION_free(session);
	tls_context_free(&tls);
	tls = mine;
}

static void clients_that_trust_it_verify_the_certificate(void **state)
{
	BIO *bio = BIO_new_mem_buf(cert_pem.p, (int)cert_pem.n);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	assert_non_null(cert);
	assert_int_equal(X509_check_host(cert, "localhost", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(cert, "mail.example.test", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(cert, "example.test", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
	begin_with(&taking);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(client.ctx), cert);
	SSL_CTX_set_verify(client.ctx, SSL_VERIFY_PEER, NULL);
	assert_ok(conn_start_tls(conn, tls));
	client_start(&client);
	SSL_set1_host(client.ssl, "mail.example.test");
	assert_true(shake_hands(&client));
	end();
	X509_free(cert);
	BIO_free(bio);
}

static void unusable_certificates_are_refused(void **state)
{
	struct buf other_cert = BUF_MAX(1 << 16), other_key = BUF_MAX(1 << 16);
	const struct str name = S("other.test"), bad = S("a.test,DNS:b.test");
	struct tls_context *none = NULL;

	assert_ok(tls_make_self_signed(&name, 1, &other_cert, &other_key));
	assert_err(tls_context_new(buf_str(&cert_pem), buf_str(&other_key), &none), ERR_TLS);
	assert_err(tls_context_new(S("no certificate"), buf_str(&key_pem), &none), ERR_TLS);
	assert_err(tls_context_new(STR_NONE, STR_NONE, &none), ERR_TLS);
	assert_err(tls_make_self_signed(&bad, 1, &other_cert, &other_key), ERR_TLS);
	/* A chain is taken whole, and damage in it is noticed. */
	buf_clear(&other_cert);
	buf_add(&other_cert, buf_str(&cert_pem));
	buf_add(&other_cert, buf_str(&cert_pem));
	assert_ok(tls_context_new(buf_str(&other_cert), buf_str(&key_pem), &none));
	tls_context_free(&none);
	other_cert.p[cert_pem.n + 100] = '!';
	assert_err(tls_context_new(buf_str(&other_cert), buf_str(&key_pem), &none), ERR_TLS);
	assert_null(none);
	buf_done(&other_cert);
	buf_done(&other_key);
}

static size_t heap_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/*
 * Under AddressSanitizer the figure is not the allocator's; the connections are made all the
 * same.
 */
static void idle_connections_are_counted(void **state)
{
	static struct conn *conns[IDLE_CONNECTIONS];
	static int fds[IDLE_CONNECTIONS];
	struct rlimit limit;
	size_t before = 0;
	int count = IDLE_CONNECTIONS;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 2 * IDLE_CONNECTIONS + 50)
		count = (int)limit.rlim_cur / 2 - 50;
	begin_with(&taking);
	for (int i = 0; i < count; i++) {
		struct client c;
		int pair[2];

		if (i == 10)
			before = heap_in_use();
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
		conns[i] = conn_new(loop, pair[0], &limits, &taking, NULL);
		assert_ok(conn_start_tls(conns[i], tls));
		client_init(&c, pair[1]);
		client_start(&c);
		assert_true(shake_hands(&c));
		client_says(&c, "1 IDLE\r\n");
		turns(2);
		conn_write(conns[i], S("+ idling\r\n"));
		turns(2);
		assert_str(client_hears(&c), "+ idling\r\n");
		conn_release_memory(conns[i]);
		fds[i] = c.fd;
		c.fd = -1;
		client_done(&c);
	}
	print_message("%d idle TLS connections: %.1f KiB each\n", count,
		heap_in_use() > before ?
			(double)(heap_in_use() - before) / (count - 10) / 1024 :
			0);
	for (int i = 0; i < count; i++) {
		conn_close(&conns[i], 0);
		close(fds[i]);
	}
	end();
}

static int make_context(void **state)
{
	const struct str names[] = { S("mail.example.test"), S("localhost") };

	cert_pem = key_pem = BUF_MAX(1 << 16);
	assert_ok(tls_make_self_signed(names, 2, &cert_pem, &key_pem));
	assert_ok(tls_context_new(buf_str(&cert_pem), buf_str(&key_pem), &tls));
	return 0;
}

static int free_context(void **state)
{
	tls_context_free(&tls);
	buf_done(&cert_pem);
	buf_done(&key_pem);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(implicit_tls_talks),
		cmocka_unit_test(megabytes_come_back),
		cmocka_unit_test(pending_record_is_read_when_room_comes),
		cmocka_unit_test(starttls_discards_what_was_injected),
		cmocka_unit_test(injection_after_starttls_breaks_the_handshake),
		cmocka_unit_test(handshake_must_be_complete_in_time),
		cmocka_unit_test(old_protocols_are_refused),
		cmocka_unit_test(sessions_are_resumed),
		cmocka_unit_test(session_ids_serve_clients_without_tickets),
		cmocka_unit_test(shared_keys_resume_elsewhere),
		cmocka_unit_test(clients_that_trust_it_verify_the_certificate),
		cmocka_unit_test(unusable_certificates_are_refused),
		cmocka_unit_test(idle_connections_are_counted),
	};

	return cmocka_run_group_tests(tests, make_context, free_context);
}
