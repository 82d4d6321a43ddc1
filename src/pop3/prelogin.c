/* SPDX-License-Identifier: ISC */
#include "pop3/prelogin.h"

#include "base/log.h"
#include "base/random.h"
#include "login/login.h"
#include "login/proxy.h"
#include "login/sasl.h"
#include "pop3/reply.h"

#include <stdlib.h>
#include <unistd.h>

enum { OUTPUT_MAX = 1 << 20, LINGER_MS = 5000, TRIES_MAX = 10 };

struct pop3_prelogin_server {
	struct loop *loop;
	struct ipc_hub *hub;
	struct tls_context *tls;
	const struct conf *conf;
	struct crowd *crowd;
	struct login_proxies proxies;
	struct pop3_prelogin *first;
	bool is_stopped;
};

struct pop3_prelogin {
	struct pop3_prelogin_server *server;
	struct pop3_prelogin *prev, *next;
	struct conn *conn;
	const struct conf *conf;
	struct loop_timer *timer;
	struct login *login; /* under way */
	bool wants_line;     /* the login waits for the answer to a challenge; else input waits for the login */
	char *ip, *user;     /* heap; user: what USER said */
	uint64_t trace;
	unsigned tries, errors;
};

typedef void pop3_edge_fn(struct pop3_prelogin *p, struct str args);

static struct buf *out_of(struct pop3_prelogin *p)
{
	return conn_output(p->conn);
}

static bool can_auth(const struct pop3_prelogin *p)
{
	return login_is_safe(p->conf->clear_auth_on_loopback, p->conn);
}

static bool can_stls(const struct pop3_prelogin *p)
{
	return !conn_is_tls(p->conn) && p->server->tls;
}

static void unlink_prelogin(struct pop3_prelogin *p)
{
	if (p->prev)
		p->prev->next = p->next;
	else
		p->server->first = p->next;
	if (p->next)
		p->next->prev = p->prev;
}

/* All but its place in the crowd, which a proxy takes over. */
static void free_prelogin(struct pop3_prelogin *p)
{
	login_cancel(&p->login);
	loop_timer_remove(&p->timer);
	unlink_prelogin(p);
	free(p->ip);
	free(p->user);
	free(p);
}

static void end(struct pop3_prelogin *p, int64_t linger_ms)
{
	crowd_leave(p->server->crowd, str_of(p->ip));
	conn_close(&p->conn, linger_ms);
	free_prelogin(p);
}

static void refuse(struct pop3_prelogin *p, enum err e)
{
	pop3_write_error(e, out_of(p));
	p->errors++;
}

/* ---- logging in ---- */

static void login_failed(struct pop3_prelogin *p, const struct login_result *result)
{
	if (result->complaint && result->error == ERR_SYNTAX)
		buf_addf(out_of(p), "-ERR %s\r\n", result->complaint);
	else
		pop3_write_error(result->error, out_of(p));
	free(p->user);
	p->user = NULL;
	if (result->error == ERR_SYNTAX || result->error == ERR_AUTH_CANCELLED) {
		p->errors++;
		conn_kick(p->conn);
		return;
	}
	LOG(LOG_INFO, "pop3_login_failed", F_TRACE(p->trace), F_STR("user", result->user), F_CSTR("ip", p->ip),
		F_ERR(result->error));
	if (++p->tries >= TRIES_MAX)
		end(p, LINGER_MS);
	else
		conn_kick(p->conn);
}

static void login_done(void *arg, const struct login_result *result)
{
	struct pop3_prelogin *p = arg;

	p->login = NULL;
	if (result->error != OK) {
		login_failed(p, result);
		return;
	}
	LOG(LOG_INFO, "pop3_login", F_TRACE(p->trace), F_STR("address", result->address), F_CSTR("ip", p->ip),
		F_U64("shard", result->shard), F_CSTR("tls", conn_tls_text(p->conn)));
	login_proxy_start(&p->server->proxies, p->conn, result->fd, result->shard);
	free_prelogin(p);
}

static void challenge(void *arg, struct str text)
{
	struct pop3_prelogin *p = arg;

	buf_addf(out_of(p), "+ %.*s\r\n", STR_FMT(text));
	p->wants_line = true;
	conn_kick(p->conn);
}

static const struct login_events login_events = { challenge, login_done };

static struct login_ask ask_of(const struct pop3_prelogin *p)
{
	return (struct login_ask){ .protocol = SESSION_POP3, .name = "pop3", .conn = p->conn, .trace = p->trace };
}

static void user(struct pop3_prelogin *p, struct str args)
{
	args = str_trim(args);
	if (!can_auth(p)) {
		refuse(p, ERR_AUTH_TOO_WEAK);
	} else if (!args.n) {
		refuse(p, ERR_SYNTAX);
	} else {
		free(p->user);
		p->user = mem_dup(args);
		buf_adds(out_of(p), "+OK send PASS\r\n");
	}
}

/* RFC 1939 7: spaces belong to the password. */
static void pass(struct pop3_prelogin *p, struct str args)
{
	const struct login_ask ask = ask_of(p);

	if (!can_auth(p))
		refuse(p, ERR_AUTH_TOO_WEAK);
	else if (!p->user)
		refuse(p, ERR_SEQUENCE);
	else
		p->login = login_start(
			p->server->loop, p->server->hub, &ask, str_of(p->user), args, &login_events, p);
}

static void list_mechanisms(struct pop3_prelogin *p)
{
	buf_adds(out_of(p), "+OK\r\n");
	for (int i = 0; i < SASL_MECHANISMS; i++)
		if (sasl_is_offered((enum sasl_mechanism)i, conn_is_tls(p->conn)))
			buf_addf(out_of(p), "%s\r\n", sasl_mechanism_name((enum sasl_mechanism)i));
	buf_adds(out_of(p), ".\r\n");
}

static void auth(struct pop3_prelogin *p, struct str args)
{
	struct pop3_line line = pop3_line_split(str_trim(args));
	const struct login_ask ask = ask_of(p);

	if (!can_auth(p)) {
		refuse(p, ERR_AUTH_TOO_WEAK);
		return;
	}
	/* Without a mechanism: what some clients send to learn them, from before CAPA. */
	if (!line.verb.n) {
		list_mechanisms(p);
		return;
	}
	p->wants_line = false;
	p->login = login_sasl(p->server->loop, p->server->hub, &ask, line.verb,
		line.args.n ? line.args : STR_NONE, &login_events, p);
	if (!p->login)
		refuse(p, ERR_AUTH_MECHANISM);
}

/* ---- the rest ---- */

static void capa(struct pop3_prelogin *p, struct str args)
{
	pop3_write_capabilities(&(struct pop3_offer){ .before_login = true, .stls = can_stls(p), .auth = can_auth(p),
		.has_tls = conn_is_tls(p->conn) }, out_of(p));
}

static void stls(struct pop3_prelogin *p, struct str args)
{
	if (!can_stls(p)) {
		refuse(p, ERR_CANNOT);
		return;
	}
	buf_adds(out_of(p), "+OK begin TLS now\r\n");
	free(p->user);
	p->user = NULL;
	if (conn_start_tls(p->conn, p->server->tls) != OK)
		end(p, 0);
}

/* All we say is UTF-8 or ASCII anyway, and messages are sent as they are. */
static void utf8(struct pop3_prelogin *p, struct str args)
{
	buf_adds(out_of(p), "+OK\r\n");
}

static void quit(struct pop3_prelogin *p, struct str args)
{
	buf_adds(out_of(p), "+OK bye\r\n");
	end(p, LINGER_MS);
}

static const struct {
	const char *verb;
	pop3_edge_fn *handler;
} commands[] = {
#define POP3_EDGE(verb, handler, reference) { verb, handler },
#define POP3_STORE(verb, handler, reference)
#include "pop3/commands.def"
#undef POP3_EDGE
#undef POP3_STORE
};

static void dispatch(struct pop3_prelogin *p, struct str text)
{
	struct pop3_line line = pop3_line_split(text);

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (str_iequal(line.verb, str_of(commands[i].verb))) {
			commands[i].handler(p, line.args);
			return;
		}
	refuse(p, ERR_UNKNOWN_COMMAND);
}

/* One line at a time: what comes behind a login or STLS is not ours to read. */
static void on_readable(struct conn *conn, void *arg)
{
	struct pop3_prelogin *p = arg;
	struct str input = conn_input(conn), line;
	size_t taken;

	if (p->login && !p->wants_line)
		return;
	line = pop3_line_of(input, &taken);
	if (taken > POP3_LINE_MAX || (!taken && input.n > POP3_LINE_MAX)) {
		pop3_write_error(ERR_LINE_TOO_LONG, out_of(p));
		end(p, LINGER_MS);
		return;
	}
	if (!taken)
		return;
	conn_consume(conn, taken);
	if (p->errors >= POP3_ERRORS_MAX) {
		pop3_write_error(ERR_TOO_MANY_ERRORS, out_of(p));
		end(p, LINGER_MS);
		return;
	}
	/* Asked for before the handler, which may end everything. */
	conn_kick(conn);
	if (!p->login) {
		dispatch(p, line);
		return;
	}
	p->wants_line = false;
	login_line(p->login, line);
}

static void on_ended(struct conn *conn, void *arg, enum err why)
{
	end(arg, 0);
}

static const struct conn_events events = { .readable = on_readable, .ended = on_ended };

static void timed_out(void *arg)
{
	struct pop3_prelogin *p = arg;

	pop3_write_error(ERR_TIMEOUT, out_of(p));
	end(p, LINGER_MS);
}

static struct pop3_prelogin *new_prelogin(struct pop3_prelogin_server *server, int fd)
{
	static const struct conn_limits limits = { POP3_INPUT_MAX, OUTPUT_MAX };
	struct pop3_prelogin *p = mem_make(struct pop3_prelogin);

	p->server = server;
	p->conf = server->conf;
	p->conn = conn_new(server->loop, fd, &limits, &events, p);
	p->ip = mem_dup(str_of(conn_peer_ip(p->conn)));
	p->trace = random_u64();
	p->timer = loop_timer_add(server->loop, timed_out, p);
	loop_timer_start(p->timer, server->conf->login_timeout);
	p->next = server->first;
	if (p->next)
		p->next->prev = p;
	server->first = p;
	return p;
}

void pop3_prelogin_accept(struct pop3_prelogin_server *server, int fd, bool implicit_tls)
{
	struct pop3_prelogin *p;

	if (server->is_stopped || (implicit_tls && !server->tls)) {
		close(fd);
		return;
	}
	p = new_prelogin(server, fd);
	if (!crowd_enter(server->crowd, server->conf, str_of(p->ip))) {
		if (!implicit_tls)
			pop3_write_error(ERR_TOO_MANY_CONNECTIONS, out_of(p));
		conn_close(&p->conn, LINGER_MS);
		free_prelogin(p);
		return;
	}
	if (implicit_tls && conn_start_tls(p->conn, server->tls) != OK)
		end(p, 0);
	else
		buf_adds(out_of(p), "+OK Restante ready\r\n");
}

static void on_gone(void *arg, enum role_kind kind, unsigned index)
{
	if (kind == ROLE_STORE)
		login_proxy_end_all(arg, index, STR_NONE);
}

struct pop3_prelogin_server *pop3_prelogin_new(
	struct loop *loop, struct ipc_hub *hub, struct tls_context *tls, const struct conf *conf)
{
	struct pop3_prelogin_server *server = mem_make(struct pop3_prelogin_server);

	*server = (struct pop3_prelogin_server){
		.loop = loop, .hub = hub, .tls = tls, .conf = conf, .crowd = crowd_new() };
	server->proxies = (struct login_proxies){ .loop = loop, .crowd = server->crowd };
	ipc_on_gone(hub, on_gone, &server->proxies);
	return server;
}

void pop3_prelogin_free(struct pop3_prelogin_server **pointer)
{
	struct pop3_prelogin_server *server = *pointer;

	if (!server)
		return;
	login_proxy_end_all(&server->proxies, UINT32_MAX, STR_NONE);
	while (server->first)
		end(server->first, 0);
	crowd_free(&server->crowd);
	free(server);
	*pointer = NULL;
}

void pop3_prelogin_reload(struct pop3_prelogin_server *server, const struct conf *conf)
{
	server->conf = conf;
	for (struct pop3_prelogin *p = server->first; p; p = p->next)
		p->conf = conf;
}

void pop3_prelogin_set_tls(struct pop3_prelogin_server *server, struct tls_context *tls)
{
	server->tls = tls;
}

void pop3_prelogin_stop(struct pop3_prelogin_server *server)
{
	server->is_stopped = true;
	while (server->first) {
		pop3_write_error(ERR_SHUTTING_DOWN, out_of(server->first));
		end(server->first, LINGER_MS);
	}
	login_proxy_end_all(&server->proxies, UINT32_MAX, STR_NONE);
}

size_t pop3_prelogin_sessions(const struct pop3_prelogin_server *server)
{
	return crowd_count(server->crowd);
}
