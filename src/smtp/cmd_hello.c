/* SPDX-License-Identifier: ISC */
/* EHLO and HELO (RFC 5321 4.1.1.1).  Either one ends a transaction, as RSET does (4.1.4). */
#include "login/sasl.h"
#include "net/conn.h"
#include "smtp/handlers.h"
#include "smtp/session.h"

enum { HELLO_MAX = 255 };

static bool offer_always(const struct smtp_session *s)
{
	return true;
}

static bool offer_starttls(const struct smtp_session *s)
{
	return s->server->tls && !conn_is_tls(s->conn);
}

static bool offer_auth(const struct smtp_session *s)
{
	return s->policy->needs_login && smtp_session_may_login(s);
}

static const struct extension_row {
	struct str line;
	bool (*is_offered)(const struct smtp_session *session);
} extension_rows[] = {
#define SMTP_EXTENSION(line, is_offered, reference) { S(line), is_offered },
#include "smtp/extensions.def"
#undef SMTP_EXTENSION
};

/* A user's program may say anything, a server has to say who it is; nobody may say nothing. */
static bool is_acceptable(const struct smtp_cmd *cmd)
{
	if (cmd->args.n == 0 || cmd->args.n > HELLO_MAX)
		return false;
	return cmd->session->policy->takes_any_hello || smtp_hello_is_valid(cmd->args);
}

static void greet(struct smtp_session *s, struct str name, bool is_esmtp)
{
	smtp_session_reset(s);
	s->phase = SMTP_PHASE_READY;
	s->is_esmtp = is_esmtp;
	buf_clear(&s->hello);
	buf_add(&s->hello, name);
}

static void add_extension(struct smtp_session *s, struct str line, bool is_last)
{
	struct buf text = BUF_MAX(SMTP_REPLY_MAX);

	if (str_ends(line, S("{}"))) {
		buf_add(&text, str_sub(line, 0, line.n - 2));
		buf_add_u64(&text, s->server->options.max_message_size);
	} else {
		buf_add(&text, line);
	}
	for (int i = 0; str_equal(line, S("AUTH")) && i < SASL_MECHANISMS; i++)
		if (sasl_is_offered((enum sasl_mechanism)i, conn_is_tls(s->conn)))
			buf_addf(&text, " %s", sasl_mechanism_name((enum sasl_mechanism)i));
	smtp_reply_add_part(conn_output(s->conn), S("250"), buf_str(&text), is_last);
	buf_done(&text);
}

enum smtp_result smtp_cmd_ehlo(struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->session;
	const struct extension_row *pending = NULL;

	if (!is_acceptable(cmd)) {
		smtp_session_reply(s, SMTP_REPLY_BAD_HELLO);
		return SMTP_DONE;
	}
	greet(s, cmd->args, true);
	smtp_reply_add_part(
		conn_output(s->conn), S("250"), s->server->options.hostname, false);
	/* The last line of the reply looks different, so each waits until the next is known.
	 */
	for (size_t i = 0; i < sizeof(extension_rows) / sizeof(*extension_rows); i++) {
		if (!extension_rows[i].is_offered(s))
			continue;
		if (pending)
			add_extension(s, pending->line, false);
		pending = &extension_rows[i];
	}
	add_extension(s, pending->line, true);
	return SMTP_DONE;
}

enum smtp_result smtp_cmd_helo(struct smtp_cmd *cmd)
{
	if (!is_acceptable(cmd)) {
		smtp_session_reply(cmd->session, SMTP_REPLY_BAD_HELLO);
		return SMTP_DONE;
	}
	greet(cmd->session, cmd->args, false);
	smtp_session_reply_with(
		cmd->session, SMTP_REPLY_HELO, cmd->session->server->options.hostname);
	return SMTP_DONE;
}
