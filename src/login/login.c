/* SPDX-License-Identifier: ISC */
#include "login/login.h"

#include "base/arena.h"
#include "net/relay.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	AUTH_TIMEOUT_MS = 30000,
	OPEN_TIMEOUT_MS = 30000,
	PAIR_BYTES = 32 << 10, /* small: a client that stalls must not pin much of the kernel's memory */
};

struct login {
	struct loop *loop;
	struct ipc_hub *hub;
	struct loop_timer *delay;
	login_done_fn *done;
	void *arg;
	enum session_protocol protocol;
	char *tag, *ip, *address; /* heap */
	bool tls;
	uint64_t trace;
	int fd; /* our end while the shard is asked; -1: none */
	struct ipc_dir_auth_reply who;
};

void login_cancel(struct login **pointer)
{
	struct login *login = *pointer;

	*pointer = NULL;
	if (!login)
		return;
	ipc_cancel(login->hub, login);
	loop_timer_remove(&login->delay);
	if (login->fd >= 0)
		close(login->fd);
	free(login->tag);
	free(login->ip);
	free(login->address);
	free(login);
}

static void finish(struct login *login, enum err e)
{
	struct login_result result = { .error = e, .fd = -1 };

	if (e == OK) {
		result.fd = login->fd;
		login->fd = -1;
		result.shard = login->who.shard;
		result.address = str_of(login->address);
	}
	login->done(login->arg, &result);
	login_cancel(&login);
}

static void delay_over(void *arg)
{
	struct login *login = arg;

	finish(login, (enum err)login->who.error);
}

static enum err error_of(enum err e, uint32_t error)
{
	if (e != OK)
		return e;
	return error < ERR_COUNT ? (enum err)error : ERR_PROTOCOL;
}

static void opened(void *arg, enum err e, const void *body, int *fd)
{
	const struct ipc_session_open_reply *reply = body;

	finish(arg, error_of(e, reply ? reply->error : OK));
}

static enum err open_session(struct login *login)
{
	const struct ipc_session_open open = { .protocol = (uint8_t)login->protocol, .account = login->who.account,
		.device = login->who.device, .address = str_of(login->address), .quota = login->who.quota,
		.ip = str_of(login->ip), .tls = login->tls, .tag = str_of(login->tag) };
	int pair[2];
	enum err e = relay_pair(PAIR_BYTES, pair);

	if (e != OK)
		return e;
	login->fd = pair[0];
	ipc_call(login->hub, ROLE_STORE, login->who.shard, IPC_SESSION_OPEN, &open, pair[1], login->trace,
		OPEN_TIMEOUT_MS, opened, login);
	close(pair[1]);
	return OK;
}

static void checked(void *arg, enum err e, const void *body, int *fd)
{
	struct login *login = arg;

	if (e == OK)
		login->who = *(const struct ipc_dir_auth_reply *)body;
	login->who.error = error_of(e, login->who.error);
	if (login->who.error == OK) {
		login->address = mem_dup(login->who.address);
		login->who.error = open_session(login);
	}
	if (login->who.error == OK)
		return;
	/* Guessing is made slow here, where waiting costs nothing. */
	loop_timer_start(login->delay, login->who.delay_ms);
}

struct login *login_start(
	struct loop *loop, struct ipc_hub *hub, const struct login_ask *ask, login_done_fn *done, void *arg)
{
	static const char *const names[] = { [SESSION_IMAP] = "imap", [SESSION_POP3] = "pop3" };
	struct login *login = mem_make(struct login);
	struct ipc_dir_auth question = { .mechanism = S("PLAIN"), .authzid = ask->authzid,
		.user = str_trim(ask->user), .password = ask->password, .protocol = str_of(names[ask->protocol]),
		.ip = str_of(conn_peer_ip(ask->conn)), .tls = conn_is_tls(ask->conn) };

	*login = (struct login){ .loop = loop, .hub = hub, .done = done, .arg = arg, .protocol = ask->protocol,
		.tag = mem_dup(ask->tag), .ip = mem_dup(question.ip), .tls = question.tls, .trace = ask->trace, .fd = -1 };
	login->delay = loop_timer_add(loop, delay_over, login);
	ipc_call(hub, ROLE_DIRECTORY, 0, IPC_DIR_AUTH, &question, -1, ask->trace, AUTH_TIMEOUT_MS, checked, login);
	return login;
}

bool login_is_safe(const struct conf *conf, const struct conn *conn)
{
	struct str ip = str_of(conn_peer_ip(conn));

	if (conn_is_tls(conn))
		return true;
	return conf->clear_auth_on_loopback && (str_starts(ip, S("127.")) || str_equal(ip, S("::1")));
}
