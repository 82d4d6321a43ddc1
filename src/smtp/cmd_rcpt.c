/* SPDX-License-Identifier: ISC */
/*
 * RCPT (RFC 5321 4.1.1.3).  Whatever can be refused is refused here, so that nothing has to be
 * sent back later.
 *
 * An account that is named twice (two of its aliases, or twice the same) gets one copy: its
 * store would take the second for a repeated delivery.
 */
#include "base/log.h"
#include "base/metrics.h"
#include "base/time.h"
#include "base/utf8.h"
#include "smtp/handlers.h"
#include "smtp/session.h"

/* What one shard takes at once. */
enum { MAILBOXES_MAX = 1000 };

static void note_refusal(struct smtp_session *s, struct str path, enum err e)
{
	s->refused++;
	metric_add(METRIC_smtp_recipients_refused, 1);
	LOG(LOG_INFO, "smtp_recipient_refused", F_TRACE(smtp_session_message_trace(s)),
		F_TRACE_SESSION(s), F_STR("from", s->envelope.sender), F_STR("to", path),
		F_STR("ip", smtp_session_ip(s)), F_ERR(e));
}

static void refuse(struct smtp_session *s, struct str path, enum err e)
{
	note_refusal(s, path, e);
	if (e == ERR_RELAY_DENIED || e == ERR_NO_REMOTE)
		smtp_session_reply_with(s, s->policy->not_local, path);
	else
		smtp_session_reply_error(s, e, path);
}

/* Its place among the recipients; their number when it is none of them. */
static size_t find_account(const struct smtp_envelope *envelope, uint64_t account)
{
	size_t i = 0;

	while (i < envelope->recipients.n && envelope->recipients.v[i].to.account != account)
		i++;
	return i;
}

static void keep_mailbox(struct smtp_envelope *envelope, struct str path, const struct ipc_recipient *to)
{
	size_t place = find_account(envelope, to->account);
	struct smtp_recipient recipient = { .to = *to, .path = path };

	recipient.to.address = arena_dup(envelope->arena, to->address);
	recipient.to.detail = arena_dup(envelope->arena, to->detail);
	vec_push(&envelope->places, place);
	if (place == envelope->recipients.n)
		vec_push(&envelope->recipients, recipient);
}

static size_t count_mailboxes(struct str list)
{
	struct rd rd = rd_of(list);
	struct ipc_recipient r;
	size_t n = 0;

	while (ipc_recipient_next(&rd, &r))
		n++;
	return n;
}

/* False: the message would have too many mailboxes. */
static bool keep_recipient(struct smtp_envelope *envelope, struct str path, const struct ipc_dir_lookup_reply *r)
{
	struct ipc_recipient to = { r->account, r->shard, r->quota, r->address, r->detail };
	struct smtp_answer answer = { path, envelope->places.n, 1 + count_mailboxes(r->more) };
	struct rd more = rd_of(r->more);

	if (envelope->recipients.n > 0 && envelope->recipients.n + answer.count > MAILBOXES_MAX)
		return false;
	envelope->accepted++;
	vec_push(&envelope->answers, answer);
	keep_mailbox(envelope, path, &to);
	while (ipc_recipient_next(&more, &to))
		keep_mailbox(envelope, path, &to);
	return true;
}

/* A directory that died or is slow is no reason to end the session. */
static enum err reason_of(enum err e)
{
	bool is_its_own = e == ERR_ELSEWHERE || e == ERR_TOO_MANY_RCPT;

	return err_is_temporary(e) && !is_its_own ? ERR_UNAVAILABLE : e;
}

static void looked_up(void *arg, enum err e, const void *reply, int *fd)
{
	struct smtp_session *s = arg;
	struct str path = s->lookup_path;

	metric_observe_us(METRIC_rcpt_latency, time_mono_us() - s->lookup_started_us);
	if (e == OK && !keep_recipient(&s->envelope, path, reply))
		e = ERR_TOO_MANY_RCPT;
	if (e == OK) {
		s->phase = SMTP_PHASE_RCPT;
		smtp_session_reply(s, SMTP_REPLY_RECIPIENT_OK);
	} else {
		refuse(s, path, reason_of(e));
	}
	smtp_session_resume(s, SMTP_DONE);
}

/* "<postmaster>" has no domain: directory knows whose it is (RFC 5321 4.5.1). */
static enum smtp_result look_up(struct smtp_session *s, const struct message_path *path)
{
	struct ipc_dir_lookup lookup = { .purpose = (uint8_t)s->policy->purpose,
		.size = s->envelope.size };
	struct buf text = BUF_MAX(SMTP_LINE_MAX);

	message_path_write(path, &text);
	s->lookup_path = arena_dup(s->envelope.arena, buf_str(&text));
	s->lookup_started_us = time_mono_us();
	lookup.address = s->lookup_path;
	buf_done(&text);
	ipc_call(s->server->hub, ROLE_DIRECTORY, 0, IPC_DIR_LOOKUP, &lookup, -1,
		smtp_session_message_trace(s), s->server->options.lookup_timeout, looked_up,
		s);
	return SMTP_PARK;
}

/* RFC 5321 4.5.3.1.10: 452, so that a server sends the rest in another transaction. */
static void refuse_surplus(struct smtp_session *s, struct str args)
{
	note_refusal(s, args, ERR_TOO_MANY_RCPT);
	smtp_session_reply_error(s, ERR_TOO_MANY_RCPT, STR_NONE);
}

/* RFC 5321 4.1.1.11: DSN is not offered, and no other parameter of RCPT is known. */
static enum smtp_result refuse_parameters(struct smtp_session *s, struct str rest)
{
	struct str words = str_trim(rest), word = STR_NONE, name = STR_NONE;

	if (str_next(&words, ' ', &word) && !str_next(&word, '=', &name))
		name = word;
	smtp_session_reply_with(s, SMTP_REPLY_UNKNOWN_PARAMETER, name);
	return SMTP_DONE;
}

enum smtp_result smtp_cmd_rcpt(struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->session;
	struct message_path path;
	struct str rest;
	enum err e;

	if (!utf8_is_ascii(cmd->args)) {
		smtp_session_reply(s, SMTP_REPLY_ADDRESS_UTF8);
		return SMTP_DONE;
	}
	e = smtp_path_take(cmd->args, S("TO:"),
		s->policy->path_flags | MESSAGE_PATH_POSTMASTER, s->envelope.arena, &path,
		&rest);
	if (e == ERR_SYNTAX)
		smtp_session_reply_with(s, SMTP_REPLY_SYNTAX, cmd->row->syntax);
	else if (e != OK)
		smtp_session_reply_error(s, e, STR_NONE);
	else if (str_trim(rest).n)
		return refuse_parameters(s, rest);
	else if (s->envelope.accepted >= s->server->options.max_recipients[s->policy->policy])
		refuse_surplus(s, cmd->args);
	else
		return look_up(s, &path);
	return SMTP_DONE;
}
