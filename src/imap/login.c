/* SPDX-License-Identifier: ISC */
/* From a password to a session (login/login.h). */
#include "imap/prelogin_local.h"

#include "base/log.h"

static enum imap_result refuse(struct imap_prelogin *p, const struct login_result *result)
{
	struct imap_client *client = &p->client;

	if (result->complaint && result->error == ERR_SYNTAX)
		return imap_reply_bad(client->cmd, result->complaint);
	if (result->error == ERR_AUTH_CANCELLED)
		return imap_reply_error(client->cmd, result->error);
	LOG(LOG_INFO, "imap_login_failed", F_TRACE(client->trace), F_STR("user", result->user), F_CSTR("ip", p->ip),
		F_ERR(result->error));
	imap_reply_error(client->cmd, result->error);
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
	p->client.cmd->on_line = NULL;
	if (result->error != OK) {
		imap_client_resume(&p->client, refuse(p, result));
		return;
	}
	LOG(LOG_INFO, "imap_login", F_TRACE(p->client.trace), F_STR("address", result->address), F_CSTR("ip", p->ip),
		F_U64("shard", result->shard), F_CSTR("tls", conn_tls_text(p->client.conn)));
	imap_prelogin_hand_over(p, result);
}

static enum imap_result on_line(struct imap_cmd *cmd, struct str line)
{
	cmd->on_line = NULL;
	login_line(imap_prelogin_of(cmd)->login, line);
	return IMAP_PARK;
}

static void challenge(void *arg, struct str text)
{
	struct imap_prelogin *p = arg;

	imap_reply_continue(p->client.cmd, text);
	p->client.cmd->on_line = on_line;
	imap_client_resume(&p->client, IMAP_PARK);
}

static const struct login_events events = { challenge, done };

static void forget(struct imap_cmd *cmd)
{
	login_cancel(&imap_prelogin_of(cmd)->login);
}

static struct login_ask ask_of(struct imap_cmd *cmd)
{
	const struct imap_prelogin *p = imap_prelogin_of(cmd);

	return (struct login_ask){ .protocol = SESSION_IMAP, .name = "imap", .tag = cmd->tag, .conn = p->client.conn,
		.trace = p->client.trace };
}

enum imap_result imap_prelogin_login(struct imap_cmd *cmd, struct str user, struct str password)
{
	struct imap_prelogin *p = imap_prelogin_of(cmd);
	const struct login_ask ask = ask_of(cmd);

	cmd->on_end = forget;
	p->login = login_start(p->server->loop, p->server->hub, &ask, user, password, &events, p);
	return IMAP_PARK;
}

enum imap_result imap_prelogin_sasl(struct imap_cmd *cmd, struct str mechanism, struct str initial)
{
	struct imap_prelogin *p = imap_prelogin_of(cmd);
	const struct login_ask ask = ask_of(cmd);

	p->login = login_sasl(p->server->loop, p->server->hub, &ask, mechanism, initial, &events, p);
	if (!p->login)
		return imap_reply_error(cmd, ERR_AUTH_MECHANISM);
	cmd->on_end = forget;
	return IMAP_PARK;
}
