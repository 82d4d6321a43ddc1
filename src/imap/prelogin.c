/* SPDX-License-Identifier: ISC */
#include "imap/prelogin_local.h"

#include <stdlib.h>
#include <unistd.h>

/* The greeting of an implicit TLS connection is written before the handshake, but read behind it. */
static bool has_tls(const struct imap_client *client)
{
	return conn_is_tls(client->conn) || ((const struct imap_prelogin *)client)->is_implicit_tls;
}

static bool is_auth_allowed(const struct imap_client *client)
{
	return has_tls(client) || login_is_safe(client->conf->clear_auth_on_loopback, client->conn);
}

static bool can_start_tls(const struct imap_client *client)
{
	return !has_tls(client) && ((const struct imap_prelogin *)client)->server->tls;
}

static enum err check(struct imap_client *client, const struct imap_command *row)
{
	if (row->handler == imap_cmd_starttls)
		return can_start_tls(client) ? OK : ERR_CANNOT;
	if (row->states == IMAP_PREAUTH && !is_auth_allowed(client))
		return ERR_AUTH_TOO_WEAK;
	return OK;
}

static void write_capabilities(struct imap_client *client, struct buf *out)
{
	imap_write_capabilities(&(struct imap_offer){ .before_login = true, .tls_possible = can_start_tls(client),
		.auth_allowed = is_auth_allowed(client), .has_tls = has_tls(client),
		.append_max = (uint64_t)client->conf->message_size_max }, out);
}

/* All but the connection's place in the counts, which a proxy takes over. */
static void free_prelogin(struct imap_prelogin *p)
{
	login_cancel(&p->login);
	loop_timer_remove(&p->login_timer);
	if (p->prev)
		p->prev->next = p->next;
	else
		p->server->first = p->next;
	if (p->next)
		p->next->prev = p->prev;
	imap_client_done(&p->client);
	free(p->ip);
	free(p);
}

static void drop(struct imap_prelogin *p)
{
	crowd_leave(p->server->crowd, str_of(p->ip));
	if (p->client.conn)
		conn_close(&p->client.conn, 0);
	free_prelogin(p);
}

static void ended(struct imap_client *client, enum err why)
{
	drop((struct imap_prelogin *)client);
}

static const struct imap_client_ops ops = {
	.check = check,
	.ended = ended,
	.write_capabilities = write_capabilities,
};

void imap_prelogin_hand_over(struct imap_prelogin *p, const struct login_result *login)
{
	struct conn *conn = p->client.conn;

	p->client.conn = NULL;
	login_proxy_start(&p->server->proxies, conn, login->fd, login->shard);
	free_prelogin(p);
}

static void login_timed_out(void *arg)
{
	struct imap_prelogin *p = arg;

	imap_client_bye(&p->client, "", "nobody logged in");
}

static struct imap_prelogin *new_prelogin(struct imap_prelogin_server *server, int fd)
{
	static const struct conn_limits limits = { IMAP_INPUT_MAX, 1 << 20 };
	struct imap_prelogin *p = mem_make(struct imap_prelogin);
	struct conn *conn = conn_new(server->loop, fd, &limits, &imap_client_events, &p->client);

	imap_client_init(&p->client, server->loop, conn, server->conf, &ops);
	p->client.here = IMAP_HERE_EDGE;
	p->client.state = IMAP_PREAUTH;
	p->server = server;
	p->ip = mem_dup(str_of(conn_peer_ip(conn)));
	p->login_timer = loop_timer_add(server->loop, login_timed_out, p);
	loop_timer_start(p->login_timer, server->conf->login_timeout);
	p->next = server->first;
	if (p->next)
		p->next->prev = p;
	server->first = p;
	return p;
}

static void greet(struct imap_prelogin *p)
{
	struct buf *out = imap_client_output(&p->client);

	buf_adds(out, "* OK [CAPABILITY ");
	write_capabilities(&p->client, out);
	buf_adds(out, "] Restante ready\r\n");
}

void imap_prelogin_accept(struct imap_prelogin_server *server, int fd, bool implicit_tls)
{
	struct imap_prelogin *p;

	if (server->is_stopped || (implicit_tls && !server->tls)) {
		close(fd);
		return;
	}
	p = new_prelogin(server, fd);
	p->is_implicit_tls = implicit_tls;
	if (!crowd_enter(server->crowd, server->conf, str_of(p->ip))) {
		if (!implicit_tls)
			conn_write(p->client.conn, S("* BYE [LIMIT] too many connections\r\n"));
		conn_close(&p->client.conn, IMAP_LINGER_MS);
		free_prelogin(p);
		return;
	}
	if (implicit_tls && conn_start_tls(p->client.conn, server->tls) != OK) {
		drop(p);
		return;
	}
	greet(p);
}

static void on_gone(void *arg, enum role_kind kind, unsigned index)
{
	if (kind == ROLE_STORE)
		login_proxy_end_all(arg, index, ((struct login_proxies *)arg)->lost);
}

struct imap_prelogin_server *imap_prelogin_new(
	struct loop *loop, struct ipc_hub *hub, struct tls_context *tls, const struct conf *conf)
{
	struct imap_prelogin_server *server = mem_make(struct imap_prelogin_server);

	*server = (struct imap_prelogin_server){
		.loop = loop, .hub = hub, .tls = tls, .conf = conf, .crowd = crowd_new() };
	server->proxies = (struct login_proxies){ .loop = loop, .crowd = server->crowd, .farewell = S("* BYE "),
		.lost = S("* BYE the mailbox is not available, try again\r\n") };
	ipc_on_gone(hub, on_gone, &server->proxies);
	return server;
}

void imap_prelogin_free(struct imap_prelogin_server **server_pointer)
{
	struct imap_prelogin_server *server = *server_pointer;

	if (!server)
		return;
	login_proxy_end_all(&server->proxies, UINT32_MAX, STR_NONE);
	while (server->first)
		drop(server->first);
	crowd_free(&server->crowd);
	free(server);
	*server_pointer = NULL;
}

void imap_prelogin_reload(struct imap_prelogin_server *server, const struct conf *conf)
{
	server->conf = conf;
}

void imap_prelogin_set_tls(struct imap_prelogin_server *server, struct tls_context *tls)
{
	server->tls = tls;
}

void imap_prelogin_stop(struct imap_prelogin_server *server)
{
	server->is_stopped = true;
	for (struct imap_prelogin *p = server->first; p; p = p->next)
		imap_client_bye(&p->client, "", err_text(ERR_SHUTTING_DOWN));
	login_proxy_end_all(&server->proxies, UINT32_MAX, S("* BYE server is shutting down\r\n"));
}

size_t imap_prelogin_sessions(const struct imap_prelogin_server *server)
{
	return crowd_count(server->crowd);
}
