/* SPDX-License-Identifier: ISC */
#include "imap/session.h"

#include "base/log.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/time.h"
#include "imap/session_local.h"

#include <unistd.h>

enum { COMMAND_KNOWN_BY = 4096 /* bytes at its start */ };

/* The account's standard folders are made when it first logs in; then the login command is answered. */
struct greeting {
	struct store_job job;
	struct imap_session *session;
	struct buf pending;
};

struct imap_session *imap_session_of(struct imap_client *client)
{
	return (struct imap_session *)client;
}

static void before_reply(struct imap_client *client, bool may_expunge)
{
	struct imap_session *s = imap_session_of(client);
	bool with_uid = client->cmd && client->cmd->is_uid;

	imap_mailbox_sync(s, &(struct imap_sync){ .may_expunge = may_expunge, .with_uid = with_uid });
}

bool imap_session_has(const struct imap_session *s, struct str capability)
{
	return !imap_is_disabled(str_of(s->disabled), capability);
}

static enum err check(struct imap_client *client, const struct imap_command *row)
{
	/* A command that is a capability itself goes with it. */
	if (row->capability && str_iequal(str_of(row->capability), str_of(row->verb)) &&
		!imap_session_has(imap_session_of(client), str_of(row->verb)))
		return ERR_UNKNOWN_COMMAND;
	if ((row->flags & IMAP_WRITES) && imap_session_of(client)->read_only)
		return ERR_READ_ONLY;
	return OK;
}

/* The same command that kills this process twice is not tried a third time. */
static enum err enter(struct imap_cmd *cmd)
{
	struct imap_session *s = imap_session(cmd);

	return store_progress_begin(s->store, s->account, cmd->row->verb, str_sub(cmd->text, 0, COMMAND_KNOWN_BY));
}

static void leave(struct imap_client *client)
{
	store_progress_end(imap_session_of(client)->store);
}

static void write_capabilities(struct imap_client *client, struct buf *out)
{
	imap_write_capabilities(
		&(struct imap_offer){ .append_max = (uint64_t)client->conf->message_size_max,
			.disabled = str_of(imap_session_of(client)->disabled) }, out);
}

static void unlink_session(struct imap_session *s)
{
	if (s->prev)
		s->prev->next = s->next;
	else
		s->all->first = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->all->count--;
}

static void free_session(struct imap_session *s)
{
	if (s->client.cmd && s->client.cmd->on_end && !s->client.is_closing)
		s->client.cmd->on_end(s->client.cmd);
	imap_mailbox_close(s);
	unlink_session(s);
	if (s->keepalive)
		loop_timer_remove(&s->keepalive);
	if (s->client.conn)
		conn_close(&s->client.conn, 0);
	imap_client_done(&s->client);
	free(s->address);
	free(s->login_tag);
	free(s->disabled);
	free(s);
}

static void ended(struct imap_client *client, enum err why)
{
	struct imap_session *s = imap_session_of(client);

	LOG(LOG_INFO, "imap_end", F_TRACE(client->trace), F_CSTR("address", s->address), F_CSTR("why", why == OK ? "closed" : err_text(why)),
		F_U64("commands", client->commands), F_U64("fetched", s->fetched), F_U64("appended", s->appended),
		F_U64("expunged", s->expunged), F_I64("ms", time_mono_ms() - s->opened_ms),
		F_STR("client", client->id));
	free_session(s);
}

static const struct imap_client_ops ops = {
	.before_reply = before_reply,
	.check = check,
	.enter = enter,
	.leave = leave,
	.ended = ended,
	.write_capabilities = write_capabilities,
};

static void begin(struct imap_session *s, struct str pending)
{
	struct buf *out = imap_client_output(&s->client);

	buf_addf(out, "%s OK [CAPABILITY ", s->login_tag);
	write_capabilities(&s->client, out);
	buf_adds(out, "] Logged in\r\n");
	LOG(LOG_INFO, "imap_begin", F_TRACE(s->client.trace), F_CSTR("address", s->address),
		F_U64("account", s->account), F_U64("device", s->device));
	conn_pause(s->client.conn, false);
	imap_client_feed(&s->client, pending);
}

static enum err run_greeting(struct store_job *job, struct store_tx *tx)
{
	return store_account_ensure(tx, job->account);
}

static void greeting_done(struct store_job *job, enum err e)
{
	struct greeting *g = (struct greeting *)job;
	struct imap_session *s = g->session;

	imap_client_release(&s->client);
	if (e == OK && !s->client.is_closing) {
		begin(s, buf_str(&g->pending));
	} else if (!s->client.is_closing) {
		buf_addf(imap_client_output(&s->client), "%s %s %s\r\n", s->login_tag, err_imap(e), err_text(e));
		imap_client_bye(&s->client, "", err_text(e));
	}
	buf_done(&g->pending);
	free(g);
}

static void ensure_account(struct imap_session *s, struct str pending)
{
	struct greeting *g = mem_make(struct greeting);

	g->session = s;
	buf_add(&g->pending, pending);
	g->job.run = run_greeting;
	g->job.done = greeting_done;
	g->job.account = s->account;
	g->job.what = "LOGIN";
	imap_client_hold(&s->client);
	store_submit(s->store, &g->job);
}

static struct imap_session *new_session(
	struct imap_sessions *all, int fd, const struct ipc_session_open *open, uint64_t trace)
{
	static const struct conn_limits limits = { IMAP_INPUT_MAX, IMAP_OUTPUT_MAX };
	struct imap_session *s = mem_make(struct imap_session);
	struct conn *conn = conn_new(all->loop, fd, &limits, &imap_client_events, &s->client);

	imap_client_init(&s->client, all->loop, conn, all->conf, &ops);
	s->client.trace = trace;
	s->client.here = IMAP_HERE_STORE;
	s->client.state = IMAP_AUTH;
	s->client.collect.text_max = s->client.collect.text.max = (size_t)all->conf->imap_line_max;
	s->client.collect.message_max = (uint64_t)all->conf->message_size_max;
	s->client.collect.spool_dir = all->spool_dir;
	s->all = all;
	s->store = all->store;
	s->account = open->account;
	s->device = open->device;
	s->quota = open->quota;
	s->address = mem_dup(open->address);
	s->login_tag = mem_dup(open->tag);
	s->disabled = mem_dup(open->disabled);
	s->opened_ms = time_mono_ms();
	s->next = all->first;
	if (s->next)
		s->next->prev = s;
	all->first = s;
	all->count++;
	return s;
}

void imap_session_open(struct imap_sessions *all, int fd, const struct ipc_session_open *open, uint64_t trace)
{
	struct imap_session *s;
	bool exists = false;
	enum err e;

	if (all->is_stopped) {
		close(fd);
		return;
	}
	s = new_session(all, fd, open, trace);
	metric_add(METRIC_imap_sessions, 1);
	conn_set_timeout(s->client.conn, all->conf->session_idle_max);
	conn_pause(s->client.conn, true);
	e = store_account_exists(s->store, s->account, &exists);
	if (e == OK && exists)
		begin(s, open->pending);
	else
		ensure_account(s, open->pending);
}

struct imap_sessions *imap_sessions_new(struct loop *loop, struct store *store, struct ipc_hub *hub,
	const struct conf *conf, const char *spool_dir)
{
	struct imap_sessions *all = mem_make(struct imap_sessions);

	*all = (struct imap_sessions){ .loop = loop, .store = store, .hub = hub, .conf = conf,
		.spool_dir = spool_dir, .claims = map_new() };
	return all;
}

void imap_sessions_stop(struct imap_sessions *all)
{
	all->is_stopped = true;
	for (struct imap_session *s = all->first; s; s = s->next)
		imap_client_bye(&s->client, "", err_text(ERR_SHUTTING_DOWN));
}

void imap_sessions_end(struct imap_sessions *all, uint64_t account, uint64_t device)
{
	for (struct imap_session *s = all->first; s; s = s->next)
		if (s->account == account && (device == 0 || s->device == device))
			imap_client_bye(&s->client, "", "the password was revoked");
}

void imap_sessions_end_domain(struct imap_sessions *all, struct str domain, const char *why)
{
	for (struct imap_session *s = all->first; s; s = s->next) {
		struct str address = str_of(s->address);

		if (str_equal(str_from(address, (size_t)(str_rindex(address, '@') + 1)), domain))
			imap_client_bye(&s->client, "[UNAVAILABLE] ", why);
	}
}

void imap_sessions_free(struct imap_sessions **sessions)
{
	struct imap_sessions *all = *sessions;

	if (!all)
		return;
	while (all->first)
		free_session(all->first);
	map_free(&all->claims);
	free(all);
	*sessions = NULL;
}

size_t imap_sessions_count(const struct imap_sessions *sessions)
{
	return sessions->count;
}
