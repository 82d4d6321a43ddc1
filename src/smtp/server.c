/* SPDX-License-Identifier: ISC */
#include "smtp/server.h"

#include "base/log.h"
#include "base/map.h"
#include "base/metrics.h"
#include "smtp/session.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MINUTE = 60 * 1000 };

struct smtp_options smtp_options_default(void)
{
	return (struct smtp_options){
		.hostname = S("localhost"),
		.max_message_size = 210763776,
		.max_recipients = { [SMTP_MX] = 1000, [SMTP_SUBMISSION] = 100, [SMTP_LMTP] = 1000 },
		.max_connections = 20000,
		.max_connections_per_network = { [SMTP_MX] = 200, [SMTP_SUBMISSION] = 500,
			[SMTP_LMTP] = 500 },
		.max_messages = 100000,
		.max_commands = 2000000,
		.max_session_bytes = (uint64_t)1 << 40,
		.max_errors = 20,
		.max_junk_commands = 100,
		.max_auth_failures = 5,
		.max_hops = 50,
		.max_spool_bytes = (uint64_t)2 << 30,
		.command_timeout = 5 * MINUTE,
		.auth_timeout = 2 * MINUTE,
		.data_timeout = 5 * MINUTE,
		.data_total_timeout = 60 * MINUTE,
		.lookup_timeout = 30 * 1000,
		.inspect_timeout = 2 * MINUTE,
		.deliver_timeout = 2 * MINUTE,
		.queue_timeout = MINUTE,
	};
}

/* The connections of one network. */
struct smtp_peer {
	struct map *map;
	char key[1 + 8];
	size_t key_size;
	size_t count;
};

void smtp_server_set_options(struct smtp_server *server, const struct smtp_options *options)
{
	server->options = *options;
	server->pool.max = options->max_spool_bytes;
	server->pool.open_file = options->open_file;
	server->pool.open_arg = options->open_arg;
}

void smtp_server_set_tls(struct smtp_server *server, struct tls_context *tls)
{
	server->tls = tls;
}

struct smtp_server *smtp_server_new(struct loop *loop, struct ipc_hub *hub,
	struct tls_context *tls, const struct smtp_options *options)
{
	struct smtp_server *server = mem_make(struct smtp_server);

	server->loop = loop;
	server->hub = hub;
	server->tls = tls;
	server->line = BUF_MAX(SMTP_AUTH_LINE_MAX);
	for (size_t i = 0; i < SMTP_POLICIES; i++)
		server->peers[i] = map_new();
	smtp_server_set_options(server, options);
	return server;
}

void smtp_server_free(struct smtp_server **ref)
{
	struct smtp_server *server = *ref;

	if (!server)
		return;
	*ref = NULL;
	while (server->sessions)
		smtp_session_end(server->sessions, "server ends");
	for (size_t i = 0; i < SMTP_POLICIES; i++)
		map_free(&server->peers[i]);
	buf_done(&server->line);
	free(server);
}

size_t smtp_server_sessions(const struct smtp_server *server)
{
	return server->session_count;
}

void smtp_server_stop(struct smtp_server *server)
{
	server->is_stopping = true;
	for (struct smtp_session *s = server->sessions, *next; s; s = next) {
		next = s->next;
		smtp_session_stop(s);
	}
}

/* An IPv4 address, or the /64 of an IPv6 one, which one customer has whole.  Returns bytes of
 * key, 0: none. */
static size_t network_of(int fd, char key[9])
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	memset(&address, 0, sizeof(address));
	if (getpeername(fd, (struct sockaddr *)&address, &size) != 0)
		return 0;
	if (address.ss_family == AF_INET) {
		key[0] = 4;
		memcpy(key + 1, &((struct sockaddr_in *)&address)->sin_addr, 4);
		return 5;
	}
	if (address.ss_family == AF_INET6 &&
		IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *)&address)->sin6_addr)) {
		key[0] = 4;
		memcpy(key + 1, ((struct sockaddr_in6 *)&address)->sin6_addr.s6_addr + 12, 4);
		return 5;
	}
	if (address.ss_family == AF_INET6) {
		key[0] = 6;
		memcpy(key + 1, &((struct sockaddr_in6 *)&address)->sin6_addr, 8);
		return 9;
	}
	return 0;
}

static struct smtp_peer *find_peer(struct map *map, int fd)
{
	struct smtp_peer *peer;
	char key[9];
	size_t n = network_of(fd, key);

	if (n == 0)
		return NULL;
	peer = map_get(map, str_make(key, n));
	if (peer)
		return peer;
	peer = mem_make(struct smtp_peer);
	peer->map = map;
	peer->key_size = n;
	memcpy(peer->key, key, n);
	map_put(map, str_make(key, n), peer);
	return peer;
}

static void drop_peer_if_empty(struct smtp_peer *peer)
{
	if (!peer || peer->count > 0)
		return;
	map_remove(peer->map, str_make(peer->key, peer->key_size));
	free(peer);
}

void smtp_server_forget(struct smtp_server *server, struct smtp_session *s)
{
	if (s->prev)
		s->prev->next = s->next;
	else
		server->sessions = s->next;
	if (s->next)
		s->next->prev = s->prev;
	server->session_count--;
	metric_add(METRIC_connections_closed, 1);
	if (s->peer) {
		s->peer->count--;
		drop_peer_if_empty(s->peer);
	}
}

static bool is_full(const struct smtp_server *server, const struct smtp_peer *peer,
	enum smtp_policy policy)
{
	uint64_t max = server->options.max_connections;
	uint64_t max_peer = server->options.max_connections_per_network[policy];

	return (max && server->session_count >= max) ||
	       (max_peer && peer && peer->count >= max_peer);
}

/* Best effort: an empty socket buffer takes one line. */
static void turn_away(int fd, enum err e, bool implicit_tls)
{
	struct buf line = BUF_MAX(SMTP_REPLY_MAX);

	metric_add(METRIC_connections_refused, 1);
	smtp_reply_add_error(&line, e, STR_NONE);
	if (!implicit_tls && send(fd, line.p, line.n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
	}
	buf_done(&line);
	close(fd);
}

static void add_session(
	struct smtp_server *server, struct smtp_session *s, struct smtp_peer *peer)
{
	s->next = server->sessions;
	if (s->next)
		s->next->prev = s;
	server->sessions = s;
	server->session_count++;
	metric_add(METRIC_connections_opened, 1);
	s->peer = peer;
	if (peer)
		peer->count++;
}

void smtp_server_accept(
	struct smtp_server *server, int fd, enum smtp_policy policy, bool implicit_tls)
{
	struct smtp_peer *peer = find_peer(server->peers[policy], fd);
	struct smtp_session *s;

	if (server->is_stopping || is_full(server, peer, policy)) {
		turn_away(fd,
			server->is_stopping ? ERR_SHUTTING_DOWN : ERR_TOO_MANY_CONNECTIONS,
			implicit_tls);
		drop_peer_if_empty(peer);
		return;
	}
	s = smtp_session_new(server, fd, &smtp_policies[policy], implicit_tls);
	add_session(server, s, peer);
	if (implicit_tls && (!server->tls || conn_start_tls(s->conn, server->tls) != OK))
		smtp_session_end(s, "no TLS");
}
