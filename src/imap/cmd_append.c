/* SPDX-License-Identifier: ISC */
/*
 * APPEND (RFC 3501 6.3.11), of several messages too (RFC 3502): they arrived in spools; role inspect describes them
 * one after the other, then all are stored or none.
 */
#include "base/time.h"
#include "imap/session_local.h"
#include "ipc/recipients.h"

enum { INSPECT_TIMEOUT_MS = 120000 };

struct item {
	struct str structure, content_id;
	struct imap_flags flags;
	int64_t internal_date;
	struct store_appended appended;
};

struct append_job {
	struct imap_job job;
	struct str folder;
	struct item *v; /* as many as the command has messages */
	size_t n, inspected;
};

static struct store_content content_of(const struct imap_spool *spool)
{
	if (spool->fd < 0)
		return STORE_CONTENT(spool->memory.p ? buf_str(&spool->memory) : S(""));
	return (struct store_content){ .fd = spool->fd, .length = spool->size };
}

static enum err run(struct imap_job *job, struct store_tx *tx)
{
	struct append_job *a = (struct append_job *)job;
	const struct imap_session *s = job->session;
	enum err e = OK;

	for (size_t i = 0; e == OK && i < a->n; i++) {
		const struct item *item = &a->v[i];

		e = store_append(tx, &(struct store_append){ .account = s->account, .quota = s->quota,
			.folder = a->folder, .structure = item->structure, .content_id = item->content_id,
			.content = content_of(&job->cmd->messages->v[i]), .internal_date = item->internal_date,
			.flags = item->flags.system, .keywords = item->flags.keywords,
			.keyword_count = item->flags.keywords_n }, &a->v[i].appended);
	}
	return e;
}

static enum imap_result appended(struct imap_cmd *cmd, struct imap_job *job, enum err e)
{
	const struct append_job *a = (struct append_job *)job;
	struct uidset *uids = imap_cmd_uidset(cmd);
	struct buf text = { 0 };
	struct str set;

	if (e != OK)
		return imap_reply_error(cmd, e);
	for (size_t i = 0; i < a->n; i++)
		uidset_add(uids, a->v[i].appended.uid);
	imap_write_uidset(uids, &text);
	set = arena_dup(cmd->arena, buf_str(&text));
	buf_done(&text);
	imap_session(cmd)->appended += a->n;
	return imap_reply_ok(cmd, "[APPENDUID %u %.*s] appended", a->v[0].appended.uidvalidity, STR_FMT(set));
}

static enum imap_result inspect(struct imap_cmd *cmd);

static enum imap_result take_inspection(struct imap_cmd *cmd, const struct ipc_inspect_reply *reply)
{
	struct append_job *a = cmd->state;
	struct item *item = &a->v[a->inspected++];

	if (reply->error != OK)
		return imap_reply_error(cmd, reply->error < ERR_COUNT ? (enum err)reply->error : ERR_PROTOCOL);
	item->structure = arena_dup(cmd->arena, reply->structure);
	item->content_id = arena_dup(cmd->arena, reply->content_id);
	if (a->inspected < a->n)
		return inspect(cmd);
	a->job.job.writes_often = a->n > 1;
	return imap_job_submit(cmd, &a->job, run, appended);
}

static void inspected(void *arg, enum err e, const void *reply, int *fd)
{
	struct imap_cmd *cmd = arg;

	cmd->on_end = NULL;
	imap_client_resume(cmd->client, e == OK ? take_inspection(cmd, reply) : imap_reply_error(cmd, e));
}

static void forget_inspection(struct imap_cmd *cmd)
{
	ipc_cancel(imap_session(cmd)->all->hub, cmd);
}

static enum imap_result inspect(struct imap_cmd *cmd)
{
	const struct append_job *a = cmd->state;
	struct imap_sessions *all = imap_session(cmd)->all;
	struct store_content content = content_of(&cmd->messages->v[a->inspected]);
	unsigned peers = ipc_peer_count(all->hub, ROLE_INSPECT);
	struct ipc_inspect body = { .kind = INSPECT_APPEND, .hostname = str_of(all->conf->hostname),
		.content = content.bytes, .length = content.length };
	int fd = content.bytes.p ? -1 : content.fd;

	cmd->on_end = forget_inspection;
	ipc_call(all->hub, ROLE_INSPECT, peers ? all->next_inspect++ % peers : 0, IPC_INSPECT, &body, fd,
		cmd->client->trace, INSPECT_TIMEOUT_MS, inspected, cmd);
	return IMAP_PARK;
}

/* "{12+}" CRLF, whose bytes are in the spool. */
static enum err parse_message_head(struct imap_parser *ps)
{
	uint64_t size;
	enum err e = imap_parse_char(ps, '{');

	if (e == OK)
		e = imap_parse_number64(ps, &size);
	imap_parse_take(ps, '+');
	if (e == OK)
		e = imap_parse_char(ps, '}');
	if (e == OK && imap_parse_take(ps, '\r') && imap_parse_take(ps, '\n'))
		return OK;
	return imap_parse_complain(ps, "malformed literal");
}

/* append-message of RFC 3502 4, from the space on. */
static enum err parse_item(struct imap_parser *ps, struct item *item)
{
	enum err e = imap_parse_space(ps);

	item->internal_date = time_wall_s();
	if (e == OK && imap_parse_peek(ps) == '(') {
		e = imap_parse_flags(ps, false, &item->flags);
		if (e == OK)
			e = imap_parse_space(ps);
	}
	if (e == OK && imap_parse_peek(ps) == '"') {
		e = imap_parse_date_time(ps, &item->internal_date);
		if (e == OK)
			e = imap_parse_space(ps);
	}
	if (e == OK && imap_parse_peek(ps) != '{')
		e = imap_parse_complain(ps, "expected the message as a literal");
	return e == OK ? parse_message_head(ps) : e;
}

static enum err parse_args(struct imap_cmd *cmd, struct append_job *a)
{
	const struct imap_spools *messages = cmd->messages;
	struct imap_parser *ps = &cmd->args;
	enum err e = imap_parse_mailbox(ps, &a->folder);

	a->v = arena_array(cmd->arena, struct item, messages->n + 1);
	while (e == OK && a->n < messages->n) {
		/* Some clients end a series that way; a mail without a byte is none. */
		if (messages->n > 1 && messages->v[a->n].size == 0)
			return imap_parse_complain(ps, "a message is empty: nothing was stored");
		e = parse_item(ps, &a->v[a->n++]);
	}
	if (e == OK && messages->n == 0)
		e = imap_parse_complain(ps, "expected the message as a literal");
	return e == OK ? imap_parse_end(ps) : e;
}

enum imap_result imap_cmd_append(struct imap_cmd *cmd)
{
	struct append_job *a = arena_make(cmd->arena, struct append_job);
	struct imap_session *s = imap_session(cmd);
	struct store_status status;
	enum err e = parse_args(cmd, a);

	if (e == OK)
		e = store_folder_status(s->store, s->account, a->folder, cmd->arena, &status);
	if (e != OK)
		return imap_reply_error(cmd, e == ERR_NO_FOLDER ? ERR_TRYCREATE : e);
	cmd->state = a;
	return inspect(cmd);
}
