/* SPDX-License-Identifier: ISC */
#include "login/login.h"

#include "base/log.h"
#include "login/sasl.h"
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
	struct arena *arena;
	struct loop_timer *timer; /* what comes next, at once or held back */
	void (*next)(struct login *login);
	const struct login_events *events;
	void *arg;
	enum session_protocol protocol;
	struct str name, tag, ip, user;
	bool has_tls, is_sasl, is_told;
	uint64_t trace;
	struct sasl sasl;
	struct buf challenge;
	int fd; /* our end while the shard is asked; -1: none */
	struct ipc_dir_auth_reply who; /* strings are the arena's */
};

/* The bytes are the arena's. */
static void wipe(struct str secret)
{
	if (secret.n)
		explicit_bzero((char *)(uintptr_t)secret.p, secret.n);
}

void login_cancel(struct login **pointer)
{
	struct login *login = *pointer;

	*pointer = NULL;
	if (!login)
		return;
	/* A guesser who hangs up before the answer leaves a line too. */
	if (!login->is_told && login->who.error != OK)
		LOG(LOG_INFO, "login_failed", F_TRACE(login->trace), F_STR("protocol", login->name),
			F_STR("user", login->user), F_STR("ip", login->ip), F_ERR((enum err)login->who.error));
	ipc_cancel(login->hub, login);
	loop_timer_remove(&login->timer);
	if (login->fd >= 0)
		close(login->fd);
	wipe(login->sasl.password);
	buf_done(&login->challenge);
	arena_free(&login->arena);
	free(login);
}

static void on_timer(void *arg)
{
	struct login *login = arg;

	login->next(login);
}

static void do_later(struct login *login, int64_t after_ms, void (*next)(struct login *login))
{
	login->next = next;
	loop_timer_start(login->timer, after_ms);
}

static void finish(struct login *login)
{
	struct login_result result = { .error = (enum err)login->who.error, .fd = -1, .user = login->user,
		.complaint = login->sasl.complaint, .account = login->who.account, .shard = login->who.shard,
		.address = login->who.address };

	if (result.error == OK) {
		result.fd = login->fd;
		login->fd = -1;
	}
	login->is_told = true;
	login->events->done(login->arg, &result);
	login_cancel(&login);
}

static void fail(struct login *login, enum err e)
{
	login->who.error = e;
	do_later(login, 0, finish);
}

/* ---- the session ---- */

static enum err error_of(enum err e, uint32_t error)
{
	if (e != OK)
		return e;
	return error < ERR_COUNT ? (enum err)error : ERR_PROTOCOL;
}

static void opened(void *arg, enum err e, const void *body, int *fd)
{
	const struct ipc_session_open_reply *reply = body;
	struct login *login = arg;

	login->who.error = error_of(e, reply ? reply->error : OK);
	finish(login);
}

static void open_session(struct login *login)
{
	const struct ipc_session_open open = { .protocol = (uint8_t)login->protocol, .account = login->who.account,
		.device = login->who.device, .address = login->who.address, .quota = login->who.quota,
		.ip = login->ip, .tls = login->has_tls, .tag = login->tag,
		.disabled = login->who.disabled, .generation = login->who.generation };
	int pair[2];

	if (login->protocol == SESSION_NONE) {
		finish(login);
		return;
	}
	login->who.error = relay_pair(PAIR_BYTES, pair);
	if (login->who.error != OK) {
		finish(login);
		return;
	}
	login->fd = pair[0];
	ipc_call(login->hub, ROLE_STORE, login->who.shard, IPC_SESSION_OPEN, &open, pair[1], login->trace,
		OPEN_TIMEOUT_MS, opened, login);
	close(pair[1]);
}

/* ---- directory ---- */

static void send_challenge(struct login *login)
{
	struct str text = arena_dup(login->arena, buf_str(&login->challenge));

	buf_clear(&login->challenge);
	login->events->challenge(login->arg, text);
}

static void take_reply(struct login *login, enum err e, const struct ipc_dir_auth_reply *reply)
{
	if (e == OK)
		login->who = *reply;
	login->who.error = error_of(e, login->who.error);
	login->who.address = arena_dup(login->arena, login->who.address);
	login->who.disabled = arena_dup(login->arena, login->who.disabled);
	login->who.signature = arena_dup(login->arena, login->who.signature);
}

static void checked(void *arg, enum err e, const void *body, int *fd)
{
	struct login *login = arg;

	take_reply(login, e, body);
	if (login->who.error != OK) {
		bool is_word = sasl_failed(&login->sasl, (enum err)login->who.error, &login->challenge) == SASL_CHALLENGE;

		/* Guessing is made slow here, where waiting costs nothing. */
		do_later(login, login->who.delay_ms, is_word ? send_challenge : finish);
	} else if (login->is_sasl && sasl_is_scram(login->sasl.mechanism)) {
		sasl_proven(&login->sasl, login->who.signature, &login->challenge);
		do_later(login, 0, send_challenge);
	} else {
		open_session(login);
	}
}

static void check(struct login *login, const char *mechanism, struct str authzid, struct str secret, struct str message)
{
	struct ipc_dir_auth question = { .mechanism = str_of(mechanism), .authzid = str_trim(authzid), .user = login->user,
		.password = secret, .protocol = login->name, .ip = login->ip, .tls = login->has_tls, .message = message };

	ipc_call(login->hub, ROLE_DIRECTORY, 0, IPC_DIR_AUTH, &question, -1, login->trace, AUTH_TIMEOUT_MS, checked, login);
}

static void salted(void *arg, enum err e, const void *body, int *fd)
{
	struct login *login = arg;
	const struct ipc_dir_scram_reply *reply = body;

	if (e != OK) {
		fail(login, e);
		return;
	}
	sasl_salt(&login->sasl, reply->salt, reply->iterations, &login->challenge);
	do_later(login, 0, send_challenge);
}

static void ask_salt(struct login *login)
{
	struct ipc_dir_scram question = { .user = login->user };

	ipc_call(login->hub, ROLE_DIRECTORY, 0, IPC_DIR_SCRAM, &question, -1, login->trace, AUTH_TIMEOUT_MS, salted, login);
}

/* ---- SASL ---- */

static void check_sasl(struct login *login)
{
	struct sasl *sasl = &login->sasl;

	if (sasl_is_scram(sasl->mechanism))
		check(login, "SCRAM-SHA-256", sasl->authzid, str_make(sasl->scram.proof, SCRAM_PROOF_BYTES),
			sasl->scram.message);
	else
		check(login, sasl_is_bearer(sasl->mechanism) ? "BEARER" : "PLAIN", sasl->authzid, sasl->password, STR_NONE);
}

static void go_on(struct login *login, enum sasl_next next)
{
	login->user = str_trim(login->sasl.user);
	switch (next) {
	case SASL_CHALLENGE:
		do_later(login, 0, send_challenge);
		break;
	case SASL_LOOKUP:
		ask_salt(login);
		break;
	case SASL_CREDENTIALS:
		check_sasl(login);
		break;
	case SASL_ENDED:
		do_later(login, 0, open_session);
		break;
	case SASL_REFUSED:
		fail(login, login->sasl.error);
		break;
	}
}

void login_line(struct login *login, struct str line)
{
	go_on(login, sasl_take(&login->sasl, line, &login->challenge));
}

/* ---- beginning ---- */

static struct login *new_login(struct loop *loop, struct ipc_hub *hub, const struct login_ask *ask,
	const struct login_events *events, void *arg)
{
	struct login *login = mem_make(struct login);

	*login = (struct login){ .loop = loop, .hub = hub, .events = events, .arg = arg, .protocol = ask->protocol,
		.arena = arena_new(), .has_tls = conn_is_tls(ask->conn), .trace = ask->trace, .fd = -1 };
	login->name = str_of(ask->name);
	login->tag = arena_dup(login->arena, ask->tag);
	login->ip = arena_dup(login->arena, str_of(conn_peer_ip(ask->conn)));
	login->timer = loop_timer_add(loop, on_timer, login);
	return login;
}

struct login *login_start(struct loop *loop, struct ipc_hub *hub, const struct login_ask *ask, struct str user,
	struct str password, const struct login_events *events, void *arg)
{
	struct login *login = new_login(loop, hub, ask, events, arg);

	login->user = arena_dup(login->arena, str_trim(user));
	check(login, "PLAIN", STR_NONE, password, STR_NONE);
	return login;
}

static const struct scram_binding *bind(struct login *login, const struct conn *conn, struct scram_binding *binding)
{
	struct buf exporter = { 0 }, end_point = { 0 };

	conn_tls_bindings(conn, &exporter, &end_point);
	*binding = (struct scram_binding){ arena_dup(login->arena, buf_str(&exporter)),
		arena_dup(login->arena, buf_str(&end_point)) };
	buf_done(&exporter);
	buf_done(&end_point);
	return binding->exporter.n || binding->end_point.n ? binding : NULL;
}

struct login *login_sasl(struct loop *loop, struct ipc_hub *hub, const struct login_ask *ask, struct str mechanism,
	struct str initial, const struct login_events *events, void *arg)
{
	struct login *login = new_login(loop, hub, ask, events, arg);
	struct scram_binding binding;

	login->is_sasl = true;
	if (!sasl_begin(&login->sasl, mechanism, bind(login, ask->conn, &binding), login->arena)) {
		login_cancel(&login);
		return NULL;
	}
	go_on(login, sasl_start(&login->sasl, initial, &login->challenge));
	return login;
}

bool login_is_safe(bool clear_on_loopback, const struct conn *conn)
{
	struct str ip = str_of(conn_peer_ip(conn));

	if (conn_is_tls(conn))
		return true;
	/* A socketpair has no address and is as near as loopback. */
	return clear_on_loopback && (ip.n == 0 || str_starts(ip, S("127.")) || str_equal(ip, S("::1")));
}
