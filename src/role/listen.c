/* SPDX-License-Identifier: ISC */
/* The listening sockets, from the options. */
#include "net/listener.h"
#include "os/file.h"
#include "role/supervisor_own.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static const struct {
	const char *service;
	size_t offset;
	enum role_kind role;
} rows[] = {
#define LISTENER(service, option, role) { #service, offsetof(struct conf, option), ROLE_##role },
#include "role/listeners.def"
#undef LISTENER
};

/* Who delivers by LMTP is believed without a login: this host only. */
static bool is_loopback(struct str address)
{
	return str_starts(address, S("127.")) || str_equal(address, S("::1"));
}

/* "127.0.0.1:25", "[::1]:25" */
static enum err split(struct str s, struct str *ret_address, uint16_t *ret_port)
{
	ptrdiff_t colon = str_rindex(s, ':');
	struct str address;
	uint32_t port;

	if (colon <= 0 || str_to_u32(str_from(s, (size_t)colon + 1), &port) != OK || port > 65535)
		return ERR_SYNTAX;
	address = str_sub(s, 0, (size_t)colon);
	if (address.p[0] == '[' && address.p[address.n - 1] == ']')
		address = str_sub(address, 1, address.n - 2);
	*ret_address = address;
	*ret_port = (uint16_t)port;
	return OK;
}

/* Whoever may search its folder may connect. */
static enum err open_unix(const char *path, int *ret_fd)
{
	enum err e = net_listen_unix(path, BACKLOG, ret_fd);

	if (e == OK && chmod(path, 0666) < 0)
		e = err_from_errno(errno);
	return e;
}

static void explain(size_t row, struct str where, enum err e, struct buf *errors)
{
	buf_addf(errors, "listen_%s = %.*s: ", rows[row].service, STR_FMT(where));
	if (e == ERR_SYNTAX)
		buf_adds(errors, "must be ADDRESS:PORT\n");
	else if (e == ERR_NOT_ALLOWED)
		buf_adds(errors, "LMTP needs a loopback address or unix:PATH, the others an address\n");
	else
		buf_addf(errors, "%s: %s\n", err_text(e), strerror(errno));
}

static enum err open_one(struct supervisor *s, size_t row, struct str where, struct buf *errors)
{
	struct socket_row socket = { .service = rows[row].service, .role = rows[row].role };
	struct arena *scratch = arena_new();
	struct str address;
	uint16_t port;
	bool is_unix = str_starts(where, S("unix:")), is_lmtp = strcmp(rows[row].service, "lmtp") == 0;
	enum err e = is_unix ? OK : split(where, &address, &port);

	if (is_unix && is_lmtp)
		e = open_unix(arena_dup(scratch, str_from(where, 5)).p, &socket.fd);
	else if (is_unix || (e == OK && is_lmtp && !is_loopback(address)))
		e = ERR_NOT_ALLOWED;
	else if (e == OK)
		e = net_listen(arena_dup(scratch, address).p, port, BACKLOG, false, &socket.fd);
	if (e == OK) {
		socket.port = net_local_port(socket.fd);
		vec_push(&s->sockets, socket);
	} else {
		explain(row, where, e, errors);
	}
	arena_free(&scratch);
	return e;
}

static enum err open_control(struct supervisor *s, struct buf *errors)
{
	struct socket_row socket = { .service = "control", .role = ROLE_DIRECTORY };
	char path[OS_PATH_MAX];
	enum err e = net_listen_unix(os_path(path, "%s/run/control.sock", s->conf->data_dir), BACKLOG, &socket.fd);

	if (e == OK)
		vec_push(&s->sockets, socket);
	else
		buf_addf(errors, "%s: %s\n", path, err_text(e));
	return e;
}

enum err supervisor_listen(struct supervisor *s, struct buf *errors)
{
	enum err e = open_control(s, errors);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows) && e == OK; i++) {
		struct str rest = str_of(*(const char *const *)((const char *)s->conf + rows[i].offset)), where;

		while (e == OK && str_next(&rest, ' ', &where))
			if (where.n)
				e = open_one(s, i, where, errors);
	}
	return e;
}
