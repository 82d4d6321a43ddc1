/* SPDX-License-Identifier: ISC */
/* From a password to a session: directory, then the shard. */
#include "imap/prelogin_local.h"

#include "base/log.h"
#include "ipc/recipients.h"
#include "net/relay.h"

#include <errno.h>
#include <unistd.h>

enum {
	AUTH_TIMEOUT_MS = 30000,
	OPEN_TIMEOUT_MS = 30000,
	PAIR_BYTES = 32 << 10, /* small: a client that stalls must not pin much of the kernel's memory */
};

static enum imap_result fail(struct imap_prelogin *p, enum err e)
{
	struct imap_client *client = &p->client;

	LOG(LOG_INFO, "imap_login_failed", F_TRACE(client->trace), F_STR("user", p->user), F_CSTR("ip", p->ip),
		F_ERR(e));
	imap_reply_error(client->cmd, e);
	if (++p->tries < IMAP_AUTH_TRIES_MAX)
		return IMAP_DONE;
	buf_adds(imap_client_output(client), "* BYE too many failed logins\r\n");
	return IMAP_CLOSE;
}

void imap_prelogin_delay_over(void *arg)
{
	struct imap_prelogin *p = arg;

	if (p->client.cmd)
		imap_client_resume(&p->client, fail(p, (enum err)p->who.error));
}

static void opened(void *arg, enum err e, const void *body, int *fd)
{
	struct imap_prelogin *p = arg;
	const struct ipc_session_open_reply *reply = body;

	p->client.cmd->on_end = NULL;
	if (e == OK && reply->error != OK)
		e = reply->error < ERR_COUNT ? (enum err)reply->error : ERR_PROTOCOL;
	if (e == OK) {
		LOG(LOG_INFO, "imap_login", F_TRACE(p->client.trace), F_STR("address", p->who.address),
			F_CSTR("ip", p->ip), F_U64("shard", p->who.shard),
			F_CSTR("tls", conn_tls_text(p->client.conn)));
		imap_prelogin_hand_over(p);
		return;
	}
	close(p->shard_fd);
	p->shard_fd = -1;
	imap_client_resume(&p->client, fail(p, e));
}

static enum err open_session(struct imap_prelogin *p)
{
	struct imap_cmd *cmd = p->client.cmd;
	const struct ipc_session_open open = { .protocol = SESSION_IMAP, .account = p->who.account,
		.device = p->who.device, .address = p->who.address, .quota = p->who.quota, .ip = str_of(p->ip),
		.tls = conn_is_tls(p->client.conn), .tag = cmd->tag };
	int pair[2];
	enum err e = relay_pair(PAIR_BYTES, pair);

	if (e != OK)
		return e;
	p->shard_fd = pair[0];
	ipc_call(p->server->hub, ROLE_STORE, p->who.shard, IPC_SESSION_OPEN, &open, pair[1], p->client.trace,
		OPEN_TIMEOUT_MS, opened, p);
	close(pair[1]);
	return OK;
}

static void forget_calls(struct imap_cmd *cmd)
{
	struct imap_prelogin *p = imap_prelogin_of(cmd);

	ipc_cancel(p->server->hub, p);
	loop_timer_stop(p->delay_timer);
}

static void checked(void *arg, enum err e, const void *body, int *fd)
{
	struct imap_prelogin *p = arg;

	p->who = e == OK ? *(const struct ipc_dir_auth_reply *)body
			 : (struct ipc_dir_auth_reply){ .error = e };
	p->who.address = arena_dup(p->client.cmd->arena, p->who.address);
	if (p->who.error >= ERR_COUNT)
		p->who.error = ERR_PROTOCOL;
	if (p->who.error == OK)
		p->who.error = open_session(p);
	if (p->who.error == OK)
		return;
	/* Guessing is made slow here, where waiting costs nothing. */
	loop_timer_start(p->delay_timer, p->who.delay_ms);
}

enum imap_result imap_prelogin_login(
	struct imap_cmd *cmd, struct str authzid, struct str user, struct str password)
{
	struct imap_prelogin *p = imap_prelogin_of(cmd);
	struct ipc_dir_auth ask = { .mechanism = S("PLAIN"), .authzid = authzid, .user = str_trim(user),
		.password = password, .protocol = S("imap"), .ip = str_of(p->ip),
		.tls = conn_is_tls(p->client.conn) };

	p->user = arena_dup(cmd->arena, ask.user);
	cmd->on_line = NULL;
	cmd->on_end = forget_calls;
	ipc_call(p->server->hub, ROLE_DIRECTORY, 0, IPC_DIR_AUTH, &ask, -1, p->client.trace, AUTH_TIMEOUT_MS,
		checked, p);
	return IMAP_PARK;
}
