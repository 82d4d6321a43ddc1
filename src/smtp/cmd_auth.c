/* SPDX-License-Identifier: ISC */
/*
 * AUTH (RFC 4954) with PLAIN (RFC 4616) and LOGIN (no RFC; Outlook, copiers).
 *
 * CRAM-MD5 and DIGEST-MD5 are not offered: there are devices that prefer them and cannot do
 * them.  Without TLS a password is refused before it is sent, as far as the client waits for
 * us.
 */
#include "base/base64.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/time.h"
#include "net/conn.h"
#include "smtp/handlers.h"
#include "smtp/session.h"

/* Base 64 of "Username:" and "Password:".  Clients compare: no other wording works everywhere.
 */
#define USERNAME_PROMPT S("VXNlcm5hbWU6")
#define PASSWORD_PROMPT S("UGFzc3dvcmQ6")

struct smtp_mechanism {
	struct str name;
	struct str challenge; /* sent when there is no initial response */
	/* A decoded response. */
	enum smtp_result (*respond)(struct smtp_session *s, struct str response);
};

static void forget(struct smtp_auth *auth)
{
	if (auth->user.p)
		explicit_bzero(auth->user.p, auth->user.cap);
	buf_release(&auth->user);
	*auth = (struct smtp_auth){ 0 };
}

static enum smtp_result fail(struct smtp_session *s, enum smtp_reply reply)
{
	forget(&s->auth);
	smtp_session_reply(s, reply);
	return SMTP_DONE;
}

static enum smtp_result logged_in(struct smtp_session *s)
{
	metric_add(METRIC_auth_succeeded, 1);
	LOG(LOG_INFO, "smtp_login", F_TRACE(s->trace), F_STR("user", buf_str(&s->login)),
		F_STR("ip", smtp_session_ip(s)));
	forget(&s->auth);
	smtp_session_reply(s, SMTP_REPLY_LOGGED_IN);
	return SMTP_DONE;
}

static enum smtp_result refused(struct smtp_session *s, enum err e)
{
	metric_add(METRIC_auth_failed, 1);
	LOG(LOG_INFO, "smtp_login_failed", F_TRACE(s->trace),
		F_STR("user", buf_str(&s->auth.user)), F_STR("ip", smtp_session_ip(s)),
		F_ERR(e));
	if (err_is_temporary(e))
		return fail(s, SMTP_REPLY_AUTH_UNAVAILABLE);
	if (++s->auth_failures >= s->server->options.max_auth_failures &&
		s->server->options.max_auth_failures) {
		fail(s, SMTP_REPLY_AUTH_TOO_OFTEN);
		return SMTP_CLOSE;
	}
	forget(&s->auth);
	smtp_session_reply_error(s, e, STR_NONE);
	return SMTP_DONE;
}

static void tell(void *arg)
{
	struct smtp_session *s = arg;
	enum err e = s->auth.outcome;

	metric_observe_us(METRIC_auth_latency, time_mono_us() - s->auth.started_us);
	smtp_session_resume(s, e == OK ? logged_in(s) : refused(s, e));
}

static void verified(void *arg, enum err e, const void *reply, int *fd)
{
	struct smtp_session *s = arg;
	const struct ipc_dir_auth_reply *r = reply;

	if (e == OK)
		e = r->error < ERR_COUNT ? (enum err)r->error : ERR_PROTOCOL;
	s->auth.outcome = e;
	if (e == OK) {
		buf_clear(&s->login);
		buf_add(&s->login, r->address);
		s->login_account = r->account;
	}
	if (!reply || r->delay_ms == 0) {
		tell(s);
		return;
	}
	if (s->timer)
		loop_timer_remove(&s->timer);
	s->timer = loop_timer_add(s->server->loop, tell, s);
	loop_timer_start(s->timer, r->delay_ms);
}

/* Users and old phones write blanks around the name. */
static enum smtp_result verify(
	struct smtp_session *s, struct str authzid, struct str user, struct str password)
{
	struct ipc_dir_auth request = {
		.mechanism = S("PLAIN"),
		.authzid = str_trim(authzid),
		.user = str_trim(user),
		.password = password,
		.protocol = str_of(s->policy->name),
		.ip = smtp_session_ip(s),
		.tls = conn_is_tls(s->conn),
	};

	s->auth.started_us = time_mono_us();
	ipc_call(s->server->hub, ROLE_DIRECTORY, 0, IPC_DIR_AUTH, &request, -1, s->trace,
		s->server->options.login_timeout, verified, s);
	return SMTP_PARK;
}

/* authzid NUL authcid NUL passwd */
static enum smtp_result respond_plain(struct smtp_session *s, struct str response)
{
	ptrdiff_t first = str_index(response, '\0'), second = -1;
	struct str rest, user;

	rest = first < 0 ? STR_NONE : str_from(response, (size_t)first + 1);
	second = str_index(rest, '\0');
	if (second < 0 || str_index(str_from(rest, (size_t)second + 1), '\0') >= 0)
		return fail(s, SMTP_REPLY_AUTH_BAD_BASE64);
	user = str_sub(rest, 0, (size_t)second);
	buf_add(&s->auth.user, user);
	return verify(s, str_sub(response, 0, (size_t)first), user,
		str_from(rest, (size_t)second + 1));
}

static enum smtp_result challenge(struct smtp_session *s, struct str text)
{
	smtp_session_reply_with(s, SMTP_REPLY_CHALLENGE, text);
	smtp_session_set_mode(s, SMTP_MODE_AUTH);
	return SMTP_DONE;
}

static enum smtp_result respond_login(struct smtp_session *s, struct str response)
{
	if (s->auth.has_user)
		return verify(s, STR_NONE, buf_str(&s->auth.user), response);
	buf_add(&s->auth.user, response);
	s->auth.has_user = true;
	return challenge(s, PASSWORD_PROMPT);
}

static const struct smtp_mechanism mechanisms[] = {
	{ S("PLAIN"), STR_NONE, respond_plain },
	{ S("LOGIN"), USERNAME_PROMPT, respond_login },
};

static const struct smtp_mechanism *find_mechanism(struct str name)
{
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(*mechanisms); i++) {
		if (str_iequal(name, mechanisms[i].name))
			return &mechanisms[i];
	}
	return NULL;
}

/* A response in base 64.  The mode is set back first: respond may set it again. */
static enum smtp_result respond(struct smtp_session *s, struct str encoded)
{
	struct buf decoded = BUF_MAX(SMTP_AUTH_LINE_MAX);
	enum smtp_result result;

	smtp_session_set_mode(s, SMTP_MODE_COMMAND);
	if (base64_decode(encoded, &decoded) == OK)
		result = s->auth.mechanism->respond(s, buf_str(&decoded));
	else
		result = fail(s, SMTP_REPLY_AUTH_BAD_BASE64);
	if (decoded.p)
		explicit_bzero(decoded.p, decoded.cap);
	buf_done(&decoded);
	return result;
}

enum smtp_result smtp_auth_answer(struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->session;

	if (str_equal(cmd->args, S("*"))) {
		smtp_session_set_mode(s, SMTP_MODE_COMMAND);
		return fail(s, SMTP_REPLY_AUTH_CANCELLED);
	}
	return respond(s, cmd->args);
}

static enum smtp_result begin(
	struct smtp_session *s, const struct smtp_mechanism *mechanism, struct str initial)
{
	s->auth = (struct smtp_auth){ .mechanism = mechanism,
		.user = BUF_MAX(SMTP_AUTH_LINE_MAX) };
	/* RFC 4954 4: "=" is an empty response.  An empty user name is never right, so LOGIN
	 * asks for it. */
	if (initial.n == 0 || (str_equal(initial, S("=")) && mechanism->challenge.n))
		return challenge(s, mechanism->challenge);
	return respond(s, str_equal(initial, S("=")) ? STR_NONE : initial);
}

enum smtp_result smtp_cmd_auth(struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->session;
	ptrdiff_t space = str_index(cmd->args, ' ');
	struct str name = space < 0 ? cmd->args : str_sub(cmd->args, 0, (size_t)space);
	const struct smtp_mechanism *mechanism = find_mechanism(name);

	if (!s->policy->needs_login)
		return fail(s, SMTP_REPLY_AUTH_NOT_HERE);
	if (smtp_session_is_logged_in(s))
		return fail(s, SMTP_REPLY_AUTH_TWICE);
	if (!smtp_session_may_login(s)) {
		smtp_session_reply_error(s, ERR_AUTH_TOO_WEAK, STR_NONE);
		return SMTP_DONE;
	}
	if (!mechanism)
		return fail(s, SMTP_REPLY_AUTH_NO_MECHANISM);
	return begin(s, mechanism, str_trim(str_from(cmd->args, name.n)));
}
