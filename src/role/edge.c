/* SPDX-License-Identifier: ISC */
/* The edge role: every client connection; SMTP whole, IMAP and POP3 until login, HTTP up to its TLS. */
#include "base/log.h"
#include "base/metrics.h"
#include "imap/prelogin.h"
#include "net/listener.h"
#include "net/relay.h"
#include "net/tls.h"
#include "pop3/prelogin.h"
#include "role/role.h"
#include "smtp/server.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DRAIN_CHECK_MS = 20, HTTP_TIMEOUT_MS = 60000, HTTP_LINGER_MS = 5000 };

struct edge_role {
	struct role *role;
	struct tls_context *tls;
	struct smtp_server *smtp;
	struct imap_prelogin_server *imap;
	struct pop3_prelogin_server *pop3;
	struct listener *listeners[ROLE_LISTENERS_MAX];
	struct loop_timer *drain;
	int64_t drain_left;
	size_t http_sessions;
};

/* What a listener's service means here. */
struct edge_service {
	const char *name;
	void (*accept)(struct edge_role *own, int fd, bool tls);
	bool tls;
};

struct edge_listener {
	struct edge_role *own;
	const struct edge_service *service;
};

static void accept_mx(struct edge_role *own, int fd, bool tls)
{
	smtp_server_accept(own->smtp, fd, SMTP_MX, tls);
}

static void accept_submission(struct edge_role *own, int fd, bool tls)
{
	smtp_server_accept(own->smtp, fd, SMTP_SUBMISSION, tls);
}

static void accept_lmtp(struct edge_role *own, int fd, bool tls)
{
	smtp_server_accept(own->smtp, fd, SMTP_LMTP, tls);
}

static void accept_imap(struct edge_role *own, int fd, bool tls)
{
	imap_prelogin_accept(own->imap, fd, tls);
}

static void accept_pop3(struct edge_role *own, int fd, bool tls)
{
	pop3_prelogin_accept(own->pop3, fd, tls);
}

/* ---- HTTP: TLS off, then the stream goes to web ---- */

static void http_ended(void *arg, bool by_role)
{
	struct edge_role *own = arg;

	own->http_sessions--;
}

static void ignore_end(struct conn *conn, void *arg, enum err why)
{
}

static void accept_http(struct edge_role *own, int fd, bool tls)
{
	static const struct conn_events events = { .ended = ignore_end };
	static const struct relay_events relay_events = { .ended = http_ended };
	static const struct conn_limits limits = { 64 << 10, 1 << 20 };
	struct conn *conn = conn_new(own->role->loop, fd, &limits, &events, own);
	struct ipc_http_open open = { .ip = str_of(conn_peer_ip(conn)), .tls = tls };
	int pair[2];

	conn_set_timeout(conn, HTTP_TIMEOUT_MS);
	if ((tls && conn_start_tls(conn, own->tls) != OK) || relay_pair(0, pair) != OK) {
		conn_close(&conn, 0);
		return;
	}
	own->http_sessions++;
	if (ipc_notify(own->role->hub, ROLE_WEB, 0, IPC_HTTP_OPEN, &open, pair[1], 0) != OK)
		LOG(LOG_WARNING, "web_not_there", F_STR("ip", open.ip));
	close(pair[1]);
	relay_new(own->role->loop, &conn, pair[0], HTTP_LINGER_MS, &relay_events, own);
}

static const struct edge_service services[] = {
	{ "smtp", accept_mx, false },
	{ "submission", accept_submission, false },
	{ "submissions", accept_submission, true },
	{ "lmtp", accept_lmtp, false },
	{ "imap", accept_imap, false },
	{ "imaps", accept_imap, true },
	{ "pop3", accept_pop3, false },
	{ "pop3s", accept_pop3, true },
	{ "http", accept_http, false },
	{ "https", accept_http, true },
};

static void on_accept(void *arg, int fd, const struct sockaddr *peer)
{
	const struct edge_listener *l = arg;

	metric_add(METRIC_connections_opened, 1);
	l->service->accept(l->own, fd, l->service->tls);
}

static void listen_all(struct edge_role *own)
{
	for (unsigned i = 0; i < own->role->listener_count; i++) {
		struct role_listener *given = &own->role->listeners[i];
		struct edge_listener *l = mem_make(struct edge_listener);

		l->own = own;
		for (size_t k = 0; k < sizeof(services) / sizeof(*services); k++)
			if (str_equal(str_of(services[k].name), str_of(given->service)))
				l->service = &services[k];
		if (l->service)
			own->listeners[i] = listener_new(own->role->loop, given->fd, on_accept, l);
	}
}

/* ---- options ---- */

static struct smtp_options smtp_options_of(const struct conf *conf)
{
	struct smtp_options o = smtp_options_default();

	o.hostname = str_of(conf->hostname);
	o.max_message_size = (uint64_t)conf->message_size_max;
	o.max_recipients[SMTP_MX] = (uint64_t)conf->inbound_recipients_max;
	o.max_recipients[SMTP_LMTP] = (uint64_t)conf->inbound_recipients_max;
	o.max_recipients[SMTP_SUBMISSION] = (uint64_t)conf->submission_recipients_max;
	o.max_connections = (uint64_t)conf->connections_max;
	o.max_connections_per_network[SMTP_MX] = (uint64_t)conf->connections_per_ip;
	o.max_connections_per_network[SMTP_LMTP] = (uint64_t)conf->connections_per_ip;
	o.max_connections_per_network[SMTP_SUBMISSION] = (uint64_t)conf->connections_per_ip;
	o.max_errors = (uint64_t)conf->smtp_errors_max;
	o.max_hops = (uint64_t)conf->hops_max;
	o.greeting_delay = conf->smtp_greeting_delay;
	o.command_timeout = conf->smtp_command_timeout;
	o.data_timeout = conf->smtp_data_timeout;
	o.allow_clear_auth = conf->clear_auth_on_loopback;
	return o;
}

static struct tls_context *make_tls(struct role *role)
{
	struct tls_context *tls = NULL;
	enum err e = tls_context_new(buf_str(&role->certificate), buf_str(&role->key), &tls);

	if (e != OK)
		LOG(LOG_ERROR, "certificate_refused", F_ERR(e));
	return tls;
}

static void reload(struct role *role)
{
	struct edge_role *own = role->own;
	struct smtp_options options = smtp_options_of(role->conf);
	struct tls_context *fresh = make_tls(role), *old = own->tls;

	smtp_server_set_options(own->smtp, &options);
	imap_prelogin_reload(own->imap, role->conf);
	pop3_prelogin_reload(own->pop3, role->conf);
	if (!fresh)
		return; /* the old certificate stays */
	own->tls = fresh;
	smtp_server_set_tls(own->smtp, fresh);
	imap_prelogin_set_tls(own->imap, fresh);
	pop3_prelogin_set_tls(own->pop3, fresh);
	tls_context_free(&old); /* connections keep what they use */
}

/* ---- the end ---- */

static void check_drained(void *arg)
{
	struct edge_role *own = arg;

	own->drain_left -= DRAIN_CHECK_MS;
	if (own->drain_left <= 0 || smtp_server_sessions(own->smtp) == 0)
		loop_stop(own->role->loop);
	else
		loop_timer_start(own->drain, DRAIN_CHECK_MS);
}

static void stop(struct role *role)
{
	struct edge_role *own = role->own;

	for (unsigned i = 0; i < role->listener_count; i++)
		listener_free(&own->listeners[i]);
	smtp_server_stop(own->smtp);
	imap_prelogin_stop(own->imap);
	pop3_prelogin_stop(own->pop3);
	own->drain_left = role->conf->stop_grace;
	/* One more turn at least, so that what was said reaches the clients. */
	loop_timer_start(own->drain, DRAIN_CHECK_MS);
}

static void count_sessions(void *arg)
{
	struct edge_role *own = arg;

	own->role->sessions = smtp_server_sessions(own->smtp) + imap_prelogin_sessions(own->imap) +
		pop3_prelogin_sessions(own->pop3) + own->http_sessions;
}

void role_edge(struct role *role)
{
	struct edge_role *own = mem_make(struct edge_role);
	struct smtp_options options = smtp_options_of(role->conf);

	own->role = role;
	role->own = own;
	role->on_stop = stop;
	role->on_reload = reload;
	own->tls = make_tls(role);
	if (!own->tls)
		role_die(role, "no_certificate", ERR_TLS, STR_NONE);
	role_lock_in(role, SANDBOX_CLIENTS | SANDBOX_MEMFD, NULL, 0); /* from here: descriptors it is given */
	own->smtp = smtp_server_new(role->loop, role->hub, own->tls, &options);
	own->imap = imap_prelogin_new(role->loop, role->hub, own->tls, role->conf);
	own->pop3 = pop3_prelogin_new(role->loop, role->hub, own->tls, role->conf);
	own->drain = loop_timer_add(role->loop, check_drained, own);
	listen_all(own);
	loop_at_turn_end(role->loop, count_sessions, own);
	role_run(role);
	smtp_server_free(&own->smtp);
	imap_prelogin_free(&own->imap);
	pop3_prelogin_free(&own->pop3);
}
