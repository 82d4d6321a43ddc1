/* SPDX-License-Identifier: ISC */
/* From a password to a session (login/login.h). */
#include "imap/prelogin_local.h"

#include "base/log.h"

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

static void done(void *arg, const struct login_result *result)
{
	struct imap_prelogin *p = arg;

	p->login = NULL;
	p->client.cmd->on_end = NULL;
	if (result->error != OK) {
		imap_client_resume(&p->client, fail(p, result->error));
		return;
	}
	LOG(LOG_INFO, "imap_login", F_TRACE(p->client.trace), F_STR("address", result->address), F_CSTR("ip", p->ip),
		F_U64("shard", result->shard), F_CSTR("tls", conn_tls_text(p->client.conn)));
	imap_prelogin_hand_over(p, result);
}

static void forget(struct imap_cmd *cmd)
{
	login_cancel(&imap_prelogin_of(cmd)->login);
}

enum imap_result imap_prelogin_login(
	struct imap_cmd *cmd, struct str authzid, struct str user, struct str password)
{
	struct imap_prelogin *p = imap_prelogin_of(cmd);
	const struct login_ask ask = { .protocol = SESSION_IMAP, .authzid = authzid, .user = user,
		.password = password, .tag = cmd->tag, .conn = p->client.conn, .trace = p->client.trace };

	p->user = arena_dup(cmd->arena, str_trim(user));
	cmd->on_line = NULL;
	cmd->on_end = forget;
	p->login = login_start(p->server->loop, p->server->hub, &ask, done, p);
	return IMAP_PARK;
}
