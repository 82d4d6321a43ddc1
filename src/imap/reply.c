/* SPDX-License-Identifier: ISC */
#include "imap/reply.h"

struct buf *imap_out(struct imap_cmd *cmd)
{
	return imap_client_output(cmd->client);
}

void imap_untagged(struct imap_cmd *cmd, const char *format, ...)
{
	struct buf *out = imap_out(cmd);
	va_list ap;

	buf_adds(out, "* ");
	va_start(ap, format);
	buf_vaddf(out, format, ap);
	va_end(ap);
	buf_adds(out, "\r\n");
}

static void write_tagged(struct imap_cmd *cmd, const char *condition, struct str text)
{
	struct buf *out = imap_out(cmd);

	buf_add(out, cmd->tag.n ? cmd->tag : S("*"));
	buf_addc(out, ' ');
	buf_adds(out, condition);
	buf_addc(out, ' ');
	buf_add(out, text);
	buf_adds(out, "\r\n");
}

static void before_tagged(struct imap_cmd *cmd)
{
	bool uses_seq = cmd->row && (cmd->row->flags & IMAP_USES_SEQ) && !cmd->is_uid;

	if (cmd->client->ops->before_reply)
		cmd->client->ops->before_reply(cmd->client, !uses_seq);
}

enum imap_result imap_reply_ok(struct imap_cmd *cmd, const char *format, ...)
{
	struct str text;
	va_list ap;

	before_tagged(cmd);
	va_start(ap, format);
	text = arena_vprintf(cmd->arena, format, ap);
	va_end(ap);
	write_tagged(cmd, "OK", text);
	cmd->client->bad_in_row = 0;
	return IMAP_DONE;
}

enum imap_result imap_reply_bad(struct imap_cmd *cmd, const char *text)
{
	write_tagged(cmd, "BAD", str_of(text));
	cmd->client->bad_in_row++;
	return IMAP_DONE;
}

enum imap_result imap_reply_error(struct imap_cmd *cmd, enum err e)
{
	const char *condition = err_imap(e), *complaint = cmd->args.complaint;

	if (e == ERR_SYNTAX && complaint)
		return imap_reply_bad(cmd, complaint);
	/* A "BYE" row without a closed connection would mislead: the command failed, that is all. */
	if (strncmp(condition, "BYE", 3) == 0)
		condition = "NO [UNAVAILABLE]";
	if (strncmp(condition, "BAD", 3) == 0)
		cmd->client->bad_in_row++;
	else
		before_tagged(cmd);
	write_tagged(cmd, condition, str_of(err_text(e)));
	return IMAP_DONE;
}

void imap_reply_continue(struct imap_cmd *cmd, struct str text)
{
	struct buf *out = imap_out(cmd);

	/* Clients are seen that wait for "+ " with its space. */
	buf_adds(out, "+ ");
	buf_add(out, text);
	buf_adds(out, "\r\n");
}
