/* SPDX-License-Identifier: ISC */
/*
 * APPEND (RFC 3501 6.3.11): the message arrived in a spool; role inspect describes it, then it is stored.
 */
#include "base/time.h"
#include "imap/session_local.h"
#include "ipc/recipients.h"

enum { INSPECT_TIMEOUT_MS = 120000 };

struct append_job {
	struct imap_job job;
	struct str folder, structure, content_id;
	struct imap_flags flags;
	int64_t internal_date;
	struct store_appended appended;
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

	return store_append(tx, &(struct store_append){ .account = s->account, .quota = s->quota,
		.folder = a->folder, .structure = a->structure, .content_id = a->content_id,
		.content = content_of(job->cmd->message), .internal_date = a->internal_date,
		.flags = a->flags.system, .keywords = a->flags.keywords,
		.keyword_count = a->flags.keywords_n }, &a->appended);
}

static enum imap_result appended(struct imap_cmd *cmd, struct imap_job *job, enum err e)
{
	const struct append_job *a = (struct append_job *)job;

	if (e != OK)
		return imap_reply_error(cmd, e);
	imap_session(cmd)->appended++;
	return imap_reply_ok(cmd, "[APPENDUID %u %u] appended", a->appended.uidvalidity, a->appended.uid);
}

static enum imap_result store(struct imap_cmd *cmd, const struct ipc_inspect_reply *reply)
{
	struct append_job *a = cmd->state;

	if (reply->error != OK)
		return imap_reply_error(cmd, reply->error < ERR_COUNT ? (enum err)reply->error : ERR_PROTOCOL);
	a->structure = arena_dup(cmd->arena, reply->structure);
	a->content_id = arena_dup(cmd->arena, reply->content_id);
	return imap_job_submit(cmd, &a->job, run, appended);
}

static void inspected(void *arg, enum err e, const void *reply, int *fd)
{
	struct imap_cmd *cmd = arg;

	cmd->on_end = NULL;
	imap_client_resume(cmd->client, e == OK ? store(cmd, reply) : imap_reply_error(cmd, e));
}

static void forget_inspection(struct imap_cmd *cmd)
{
	ipc_cancel(imap_session(cmd)->all->hub, cmd);
}

static enum imap_result inspect(struct imap_cmd *cmd)
{
	struct imap_sessions *all = imap_session(cmd)->all;
	struct store_content content = content_of(cmd->message);
	unsigned peers = ipc_peer_count(all->hub, ROLE_INSPECT);
	struct ipc_inspect body = { .kind = INSPECT_APPEND, .hostname = str_of(all->conf->hostname),
		.content = content.bytes, .length = content.length };
	int fd = content.bytes.p ? -1 : content.fd;

	cmd->on_end = forget_inspection;
	ipc_call(all->hub, ROLE_INSPECT, peers ? all->next_inspect++ % peers : 0, IPC_INSPECT, &body, fd,
		cmd->client->trace, INSPECT_TIMEOUT_MS, inspected, cmd);
	return IMAP_PARK;
}

static enum err parse_args(struct imap_cmd *cmd, struct append_job *a)
{
	struct imap_parser *ps = &cmd->args;
	enum err e = imap_parse_mailbox(ps, &a->folder);

	a->internal_date = time_wall_s();
	if (e == OK)
		e = imap_parse_space(ps);
	if (e == OK && imap_parse_peek(ps) == '(') {
		e = imap_parse_flags(ps, false, &a->flags);
		if (e == OK)
			e = imap_parse_space(ps);
	}
	if (e == OK && imap_parse_peek(ps) == '"') {
		e = imap_parse_date_time(ps, &a->internal_date);
		if (e == OK)
			e = imap_parse_space(ps);
	}
	if (e == OK && (!cmd->message || imap_parse_peek(ps) != '{'))
		e = imap_parse_complain(ps, "expected the message as a literal");
	return e;
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
		return imap_parse_end(ps);
	return imap_parse_complain(ps, "malformed literal");
}

enum imap_result imap_cmd_append(struct imap_cmd *cmd)
{
	struct append_job *a = arena_make(cmd->arena, struct append_job);
	struct imap_session *s = imap_session(cmd);
	struct store_status status;
	enum err e = parse_args(cmd, a);

	if (e == OK)
		e = parse_message_head(&cmd->args);
	if (e == OK)
		e = store_folder_status(s->store, s->account, a->folder, cmd->arena, &status);
	if (e != OK)
		return imap_reply_error(cmd, e == ERR_NO_FOLDER ? ERR_TRYCREATE : e);
	cmd->state = a;
	return inspect(cmd);
}
