/* SPDX-License-Identifier: ISC */
/*
 * AUTH (RFC 4954) with the mechanisms of login/sasl.h.
 *
 * CRAM-MD5 and DIGEST-MD5 are not offered: there are devices that prefer them and cannot do
 * them.  Without TLS a password is refused before it is sent, as far as the client waits for
 * us.
 */
#include "base/log.h"
#include "base/metrics.h"
#include "base/time.h"
#include "login/login.h"
#include "net/conn.h"
#include "smtp/handlers.h"
#include "smtp/session.h"

static enum smtp_result fail(struct smtp_session *s, enum smtp_reply reply)
{
	smtp_session_reply(s, reply);
	return SMTP_DONE;
}

static enum smtp_result logged_in(struct smtp_session *s, const struct login_result *result)
{
	metric_add(METRIC_auth_succeeded, 1);
	buf_clear(&s->login);
	buf_add(&s->login, result->address);
	s->login_account = result->account;
	LOG(LOG_INFO, "smtp_login", F_TRACE(s->trace), F_STR("user", buf_str(&s->login)),
		F_STR("ip", smtp_session_ip(s)));
	smtp_session_reply(s, SMTP_REPLY_LOGGED_IN);
	return SMTP_DONE;
}

static enum smtp_result refused(struct smtp_session *s, const struct login_result *result)
{
	enum err e = result->error;

	if (e == ERR_SYNTAX)
		return fail(s, SMTP_REPLY_AUTH_BAD_BASE64);
	if (e == ERR_AUTH_CANCELLED)
		return fail(s, SMTP_REPLY_AUTH_CANCELLED);
	metric_add(METRIC_auth_failed, 1);
	LOG(LOG_INFO, "smtp_login_failed", F_TRACE(s->trace), F_STR("user", result->user),
		F_STR("ip", smtp_session_ip(s)), F_ERR(e));
	if (err_is_temporary(e))
		return fail(s, SMTP_REPLY_AUTH_UNAVAILABLE);
	if (++s->auth_failures >= s->server->options.max_auth_failures &&
		s->server->options.max_auth_failures) {
		fail(s, SMTP_REPLY_AUTH_TOO_OFTEN);
		return SMTP_CLOSE;
	}
	smtp_session_reply_error(s, e, STR_NONE);
	return SMTP_DONE;
}

static void done(void *arg, const struct login_result *result)
{
	struct smtp_session *s = arg;

	s->auth.login = NULL;
	metric_observe_us(METRIC_auth_latency, time_mono_us() - s->auth.started_us);
	smtp_session_resume(s, result->error == OK ? logged_in(s, result) : refused(s, result));
}

/* The answer comes as a line of its own, which smtp_auth_answer() gets. */
static void challenge(void *arg, struct str text)
{
	struct smtp_session *s = arg;

	smtp_session_reply_with(s, SMTP_REPLY_CHALLENGE, text);
	smtp_session_set_mode(s, SMTP_MODE_AUTH);
	smtp_session_resume(s, SMTP_DONE);
}

enum smtp_result smtp_auth_answer(struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->session;

	smtp_session_set_mode(s, SMTP_MODE_COMMAND);
	login_line(s->auth.login, cmd->args);
	return SMTP_PARK;
}

static enum smtp_result begin(struct smtp_session *s, struct str mechanism, struct str initial)
{
	static const struct login_events events = { challenge, done };
	const struct login_ask ask = { .protocol = SESSION_NONE, .name = s->policy->name, .conn = s->conn,
		.trace = s->trace };

	s->auth.started_us = time_mono_us();
	s->auth.login = login_sasl(s->server->loop, s->server->hub, &ask, mechanism,
		initial.n ? initial : STR_NONE, &events, s);
	return s->auth.login ? SMTP_PARK : fail(s, SMTP_REPLY_AUTH_NO_MECHANISM);
}

enum smtp_result smtp_cmd_auth(struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->session;
	ptrdiff_t space = str_index(cmd->args, ' ');
	struct str name = space < 0 ? cmd->args : str_sub(cmd->args, 0, (size_t)space);

	if (!s->policy->needs_login)
		return fail(s, SMTP_REPLY_AUTH_NOT_HERE);
	if (smtp_session_is_logged_in(s))
		return fail(s, SMTP_REPLY_AUTH_TWICE);
	if (!smtp_session_may_login(s)) {
		smtp_session_reply_error(s, ERR_AUTH_TOO_WEAK, STR_NONE);
		return SMTP_DONE;
	}
	return begin(s, name, str_trim(str_from(cmd->args, name.n)));
}
