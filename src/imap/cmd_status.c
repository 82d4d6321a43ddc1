/* SPDX-License-Identifier: ISC */
/* STATUS (RFC 3501 6.3.10), SIZE of RFC 8438, DELETED of RFC 9051, MAILBOXID of RFC 8474. */
#include "imap/session_local.h"

enum item { MESSAGES, RECENT, UIDNEXT, UIDVALIDITY, UNSEEN, SIZE, DELETED, MAILBOXID, ITEMS };

static const char *const names[ITEMS] = { [MESSAGES] = "MESSAGES", [RECENT] = "RECENT", [UIDNEXT] = "UIDNEXT",
	[UIDVALIDITY] = "UIDVALIDITY", [UNSEEN] = "UNSEEN", [SIZE] = "SIZE", [DELETED] = "DELETED",
	[MAILBOXID] = "MAILBOXID" };

struct status_args {
	struct str name;
	bool wants[ITEMS];
};

static enum err parse_item(struct imap_parser *ps, struct status_args *args)
{
	for (size_t i = 0; i < ITEMS; i++)
		if (imap_parse_take_word(ps, names[i])) {
			args->wants[i] = true;
			return OK;
		}
	return imap_parse_complain(ps, "unknown STATUS item");
}

static enum err parse_args(struct imap_cmd *cmd, struct status_args *args)
{
	enum err e = imap_parse_mailbox(&cmd->args, &args->name);

	if (e == OK)
		e = imap_parse_space(&cmd->args);
	if (e == OK)
		e = imap_parse_char(&cmd->args, '(');
	if (e == OK)
		do
			e = parse_item(&cmd->args, args);
		while (e == OK && imap_parse_take(&cmd->args, ' '));
	if (e == OK)
		e = imap_parse_char(&cmd->args, ')');
	return e == OK ? imap_parse_end(&cmd->args) : e;
}

static void write_status(struct imap_cmd *cmd, const struct status_args *args, const uint64_t values[ITEMS])
{
	struct buf *out = imap_out(cmd);
	const char *separator = " (";

	buf_adds(out, "* STATUS ");
	imap_write_mailbox(args->name, out);
	for (size_t i = 0; i < ITEMS; i++) {
		if (!args->wants[i])
			continue;
		buf_addf(out, i == MAILBOXID ? "%s%s (F%llu)" : "%s%s %llu", separator, names[i],
			(unsigned long long)values[i]);
		separator = " ";
	}
	buf_adds(out, ")\r\n");
}

enum imap_result imap_cmd_status(struct imap_cmd *cmd)
{
	struct imap_session *s = imap_session(cmd);
	struct status_args args = { .wants = { false } };
	struct store_status status;
	uint32_t recent = 0;
	enum err e = parse_args(cmd, &args);

	if (e == OK)
		e = store_folder_status(s->store, s->account, args.name, cmd->arena, &status);
	if (e == OK && args.wants[RECENT])
		e = imap_mailbox_count_recent(s, &status, &recent);
	if (e != OK)
		return imap_reply_error(cmd, e);
	write_status(cmd, &args, (uint64_t[ITEMS]){ [MESSAGES] = status.messages, [RECENT] = recent,
		[UIDNEXT] = status.uidnext, [UIDVALIDITY] = status.uidvalidity, [UNSEEN] = status.unseen,
		[SIZE] = status.bytes, [DELETED] = status.deleted, [MAILBOXID] = status.id });
	return imap_reply_ok(cmd, "that is all");
}
