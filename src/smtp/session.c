/* SPDX-License-Identifier: ISC */
/*
 * One connection: reads lines and content, checks what the command's row says, calls its
 * handler.
 *
 * A session is freed by smtp_session_end() at once; a function that may have led there touches
 * it no more.
 */
#include "login/login.h"
#include "smtp/session.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/time.h"
#include "smtp/handlers.h"
#include "smtp/transaction.h"

enum {
	INPUT_MAX = 128 << 10,
	OUTPUT_MAX = 256 << 10,
	LINGER_MS = 5000,
	HELLO_MAX = 255,
	LOGIN_MAX = 1024,
	TLS_HANDSHAKE_BYTE = 0x16, /* RFC 8446 5.1: first byte of a ClientHello record */
	DATA_SURPLUS = 1 << 20,    /* content may be that much longer on the wire, before twice
				      the limit ends it */
};

/* What the reader does next: look for more input, or return to the loop (the session may be
 * gone). */
enum reading { AGAIN, STOP };

static int64_t timeout_of(const struct smtp_session *s, enum smtp_mode mode)
{
	const struct smtp_options *options = &s->server->options;

	switch (mode) {
	case SMTP_MODE_COMMAND:
	case SMTP_MODE_HANDSHAKE:
		return options->command_timeout;
	case SMTP_MODE_AUTH:
		return options->auth_timeout;
	case SMTP_MODE_DATA:
		return options->data_timeout;
	case SMTP_MODE_PARKED:
		break;
	}
	return 0;
}

void smtp_session_set_mode(struct smtp_session *s, enum smtp_mode mode)
{
	s->mode = mode;
	s->since_ms = mode == SMTP_MODE_DATA ? time_mono_ms() : 0;
	conn_set_timeout(s->conn, timeout_of(s, mode));
}

void smtp_session_reset(struct smtp_session *s)
{
	struct smtp_envelope *envelope = &s->envelope;

	smtp_body_done(&s->body);
	vec_done(&envelope->recipients);
	vec_done(&envelope->answers);
	vec_done(&envelope->places);
	arena_reset(envelope->arena);
	*envelope = (struct smtp_envelope){ .arena = envelope->arena };
	if (s->phase != SMTP_PHASE_START)
		s->phase = SMTP_PHASE_READY;
}

struct str smtp_session_ip(const struct smtp_session *s)
{
	return str_of(conn_peer_ip(s->conn));
}

bool smtp_session_may_login(const struct smtp_session *s)
{
	return login_is_safe(s->server->options.allow_clear_auth, s->conn);
}

bool smtp_session_is_logged_in(const struct smtp_session *s)
{
	return s->login.n > 0;
}

uint64_t smtp_session_message_trace(const struct smtp_session *s)
{
	return s->trace + s->messages + 1;
}

static void log_end(const struct smtp_session *s, const char *why)
{
	LOG(LOG_INFO, "smtp_session_ended", F_TRACE(s->trace),
		F_CSTR("service", s->policy->name), F_STR("ip", smtp_session_ip(s)),
		F_STR("hello", buf_str(&s->hello)), F_STR("user", buf_str(&s->login)),
		F_CSTR("tls", conn_tls_text(s->conn)), F_U64("commands", s->commands),
		F_U64("messages", s->messages), F_U64("refused", s->refused),
		F_U64("errors", s->errors), F_U64("bytes", s->bytes), F_CSTR("why", why));
}

static void free_session(struct smtp_session *s)
{
	login_cancel(&s->auth.login);
	buf_done(&s->hello);
	buf_done(&s->login);
	smtp_body_done(&s->body);
	vec_done(&s->envelope.recipients);
	vec_done(&s->envelope.answers);
	vec_done(&s->envelope.places);
	arena_free(&s->envelope.arena);
	free(s);
}

void smtp_session_end(struct smtp_session *s, const char *why)
{
	log_end(s, why);
	smtp_transaction_free(&s->transaction);
	ipc_cancel(s->server->hub, s);
	if (s->timer)
		loop_timer_remove(&s->timer);
	conn_close(&s->conn, LINGER_MS);
	smtp_server_forget(s->server, s);
	free_session(s);
}

static enum reading end_with(struct smtp_session *s, enum smtp_reply reply, const char *why)
{
	smtp_session_reply(s, reply);
	smtp_session_end(s, why);
	return STOP;
}

static enum reading end_with_error(struct smtp_session *s, enum err e)
{
	smtp_session_reply_error(s, e, STR_NONE);
	smtp_session_end(s, err_text(e));
	return STOP;
}

static void park(struct smtp_session *s)
{
	smtp_session_set_mode(s, SMTP_MODE_PARKED);
	conn_pause(s->conn, true);
}

/* After a command: what its handler said, and the budgets. */
static enum reading finish_command(struct smtp_session *s, enum smtp_result result)
{
	uint64_t max_errors = s->server->options.max_errors;

	if (result == SMTP_CLOSE) {
		smtp_session_end(s, "closed");
		return STOP;
	}
	if (result == SMTP_PARK) {
		park(s);
		return STOP;
	}
	if (max_errors && s->errors >= max_errors)
		return end_with_error(s, ERR_TOO_MANY_ERRORS);
	if (s->server->is_stopping &&
		(s->mode == SMTP_MODE_COMMAND || s->mode == SMTP_MODE_AUTH))
		return end_with_error(s, ERR_SHUTTING_DOWN);
	return AGAIN;
}

void smtp_session_resume(struct smtp_session *s, enum smtp_result result)
{
	if (s->mode == SMTP_MODE_PARKED)
		smtp_session_set_mode(s, SMTP_MODE_COMMAND);
	conn_pause(s->conn, false);
	if (finish_command(s, result) == AGAIN)
		conn_kick(s->conn);
}

static enum smtp_reply out_of_sequence(enum smtp_phase phase, const struct smtp_command *row)
{
	if (phase == SMTP_PHASE_START)
		return SMTP_REPLY_HELLO_FIRST;
	if (row->phases == SMTP_IN(READY))
		return SMTP_REPLY_IN_TRANSACTION;
	return phase == SMTP_PHASE_READY ? SMTP_REPLY_MAIL_FIRST : SMTP_REPLY_RCPT_FIRST;
}

/* RFC 4954 6: 530.  Without TLS the way to a login is STARTTLS. */
static enum err check_login(const struct smtp_session *s, const struct smtp_command *row)
{
	if (!(row->flags & SMTP_NEEDS_LOGIN) || !s->policy->needs_login ||
		smtp_session_is_logged_in(s))
		return OK;
	return smtp_session_may_login(s) ? ERR_AUTH_REQUIRED : ERR_TLS_REQUIRED;
}

static void count_junk(struct smtp_session *s, const struct smtp_command *row)
{
	if ((row->flags & SMTP_JUNK) && ++s->junk > s->server->options.max_junk_commands)
		s->errors++;
}

/* The checks that a row asks for; the handler then has only its action to do. */
static enum smtp_result run_command(struct smtp_session *s, struct str line)
{
	struct smtp_cmd cmd = { .session = s };
	enum err e;

	cmd.row = smtp_command_find(line, &cmd.args);
	if (!cmd.row || (cmd.row->flags & (s->policy->is_lmtp ? SMTP_ONLY_SMTP : SMTP_ONLY_LMTP))) {
		smtp_session_reply(s, SMTP_REPLY_NO_SUCH_COMMAND);
		return SMTP_DONE;
	}
	count_junk(s, cmd.row);
	e = check_login(s, cmd.row);
	if (!(cmd.row->phases & (1u << s->phase)))
		smtp_session_reply(s, out_of_sequence(s->phase, cmd.row));
	else if (e != OK)
		smtp_session_reply_error(s, e, STR_NONE);
	else if ((cmd.row->flags & SMTP_NO_ARGS) && cmd.args.n)
		smtp_session_reply_with(s, SMTP_REPLY_SYNTAX, cmd.row->syntax);
	else
		return cmd.row->handler(&cmd);
	return SMTP_DONE;
}

static enum smtp_result run_line(struct smtp_session *s, struct str line)
{
	const struct smtp_options *options = &s->server->options;

	metric_add(METRIC_smtp_commands, 1);
	s->commands++;
	if (options->max_commands && s->commands > options->max_commands) {
		smtp_session_reply(s, SMTP_REPLY_TOO_MANY_COMMANDS);
		return SMTP_CLOSE;
	}
	if (options->max_session_bytes && s->bytes > options->max_session_bytes) {
		smtp_session_reply(s, SMTP_REPLY_TOO_MUCH);
		return SMTP_CLOSE;
	}
	if (s->mode == SMTP_MODE_AUTH)
		return smtp_auth_answer(
			&(struct smtp_cmd){ .session = s, .args = str_trim(line) });
	if (str_index(line, '\0') >= 0) {
		smtp_session_reply(s, SMTP_REPLY_NUL_IN_LINE);
		return SMTP_DONE;
	}
	return run_command(s, line);
}

/* The line is copied out and consumed first: STARTTLS throws the input away, and a handler may
 * end the session. */
static enum reading take_line(struct smtp_session *s, struct str line)
{
	struct buf *copy = &s->server->line;
	enum smtp_result result;

	buf_clear(copy);
	buf_add(copy, str_sub(line, 0, line.n - 2));
	conn_consume(s->conn, line.n);
	s->bytes += line.n;
	s->since_ms = 0;
	result = run_line(s, buf_str(copy));
	/* It may have been a password. */
	if (copy->n)
		explicit_bzero(copy->p, copy->n);
	return finish_command(s, result);
}

/* A line that does not end in time, however steadily it drips. */
static enum reading wait_for_line(struct smtp_session *s)
{
	int64_t limit = timeout_of(s, s->mode), now = time_mono_ms();

	if (s->since_ms == 0)
		s->since_ms = now;
	if (limit && now - s->since_ms > limit)
		return end_with(s, SMTP_REPLY_SLOW, "slow line");
	return STOP;
}

static enum reading read_line(struct smtp_session *s, struct str input)
{
	size_t max = s->mode == SMTP_MODE_AUTH ? SMTP_AUTH_LINE_MAX : smtp_line_max(input),
	       n = 0;

	if (s->commands == 0 && input.p[0] == TLS_HANDSHAKE_BYTE) {
		/* Nobody there could read a reply. */
		smtp_session_end(s, "TLS on a port without");
		return STOP;
	}
	switch (smtp_line_cut(input, max, &n)) {
	case SMTP_CUT_MORE:
		return wait_for_line(s);
	case SMTP_CUT_LINE:
		return take_line(s, str_sub(input, 0, n));
	case SMTP_CUT_LONG:
		return end_with(s, SMTP_REPLY_LINE_TOO_LONG, "line too long");
	case SMTP_CUT_BARE:
		return end_with(s, SMTP_REPLY_BARE_IN_COMMAND, "bare CR or LF");
	}
	return STOP;
}

/* A message that will be refused is read to its end, but not for ever. */
static enum reading check_data_budget(struct smtp_session *s)
{
	const struct smtp_options *options = &s->server->options;

	if (s->data_bytes > 2 * options->max_message_size + DATA_SURPLUS) {
		smtp_session_reply_too_big(s);
		smtp_session_end(s, "endless data");
		return STOP;
	}
	if (options->data_total_timeout &&
		time_mono_ms() - s->since_ms > options->data_total_timeout)
		return end_with(s, SMTP_REPLY_SLOW, "slow data");
	return AGAIN;
}

static enum reading read_data(struct smtp_session *s, struct str input)
{
	size_t n = smtp_data_scan(&s->data, input, smtp_body_add, &s->body);

	conn_consume(s->conn, n);
	s->bytes += n;
	s->data_bytes += n;
	if (s->data.has_bare && s->body.error == OK)
		smtp_body_drop(&s->body, ERR_BARE_NEWLINE);
	if (s->data.state != SMTP_DATA_END)
		return check_data_budget(s);
	park(s);
	smtp_transaction_begin(s);
	return STOP;
}

static bool is_reading(const struct smtp_session *s)
{
	return s->mode == SMTP_MODE_COMMAND || s->mode == SMTP_MODE_AUTH ||
	       s->mode == SMTP_MODE_DATA;
}

static void on_readable(struct conn *conn, void *arg)
{
	struct smtp_session *s = arg;
	enum reading reading = AGAIN;

	while (reading == AGAIN && is_reading(s)) {
		struct str input = conn_input(conn);

		if (input.n == 0)
			return;
		reading =
			s->mode == SMTP_MODE_DATA ? read_data(s, input) : read_line(s, input);
	}
}

static void on_ended(struct conn *conn, void *arg, enum err why)
{
	struct smtp_session *s = arg;

	if (why == ERR_TIMEOUT && s->mode != SMTP_MODE_HANDSHAKE)
		smtp_session_reply(s, SMTP_REPLY_SLOW);
	smtp_session_end(s, err_text(why));
}

static void greet(struct smtp_session *s)
{
	s->is_greeted = true;
	smtp_session_set_mode(s, SMTP_MODE_COMMAND);
	smtp_session_reply_with(s, s->policy->is_lmtp ? SMTP_REPLY_GREETING_LMTP : SMTP_REPLY_GREETING, s->server->options.hostname);
}

/* RFC 5321 3.1: a client waits for the greeting.  Programs that only send spam do not. */
static void greet_late(void *arg)
{
	struct smtp_session *s = arg;

	if (conn_input(s->conn).n > 0) {
		(void)end_with(s, SMTP_REPLY_TOO_EARLY, "spoke before the greeting");
		return;
	}
	greet(s);
}

static void begin_greeting(struct smtp_session *s)
{
	int64_t delay = s->policy->delays_greeting ? s->server->options.greeting_delay : 0;

	if (delay == 0) {
		greet(s);
		return;
	}
	s->timer = loop_timer_add(s->server->loop, greet_late, s);
	loop_timer_start(s->timer, delay);
}

static void on_secured(struct conn *conn, void *arg)
{
	struct smtp_session *s = arg;

	if (s->is_greeted)
		smtp_session_set_mode(s, SMTP_MODE_COMMAND);
	else
		greet(s);
}

void smtp_session_stop(struct smtp_session *s)
{
	if (s->mode == SMTP_MODE_DATA || s->mode == SMTP_MODE_PARKED)
		return;
	if (s->mode != SMTP_MODE_HANDSHAKE)
		smtp_session_reply_error(s, ERR_SHUTTING_DOWN, STR_NONE);
	smtp_session_end(s, err_text(ERR_SHUTTING_DOWN));
}

struct smtp_session *smtp_session_new(struct smtp_server *server, int fd,
	const struct smtp_policy_row *policy, bool implicit_tls)
{
	static const struct conn_limits limits = { .input_max = INPUT_MAX,
		.output_max = OUTPUT_MAX };
	static const struct conn_events events = {
		.readable = on_readable,
		.ended = on_ended,
		.secured = on_secured,
	};
	struct smtp_session *s = mem_make(struct smtp_session);

	s->server = server;
	s->policy = policy;
	s->trace = random_u64() & ~(uint64_t)0xffff;
	s->body.fd = -1;
	s->hello = BUF_MAX(HELLO_MAX);
	s->login = BUF_MAX(LOGIN_MAX);
	s->envelope.arena = arena_new();
	s->conn = conn_new(server->loop, fd, &limits, &events, s);
	smtp_session_set_mode(s, SMTP_MODE_HANDSHAKE);
	if (!implicit_tls)
		begin_greeting(s);
	return s;
}
