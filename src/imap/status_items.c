/* SPDX-License-Identifier: ISC */
#include "imap/status_items.h"

#include "imap/condstore.h"
#include "imap/object_id.h"

static const char *const names[IMAP_STATUS_ITEMS] = { [IMAP_STATUS_MESSAGES] = "MESSAGES",
	[IMAP_STATUS_RECENT] = "RECENT", [IMAP_STATUS_UIDNEXT] = "UIDNEXT",
	[IMAP_STATUS_UIDVALIDITY] = "UIDVALIDITY", [IMAP_STATUS_UNSEEN] = "UNSEEN", [IMAP_STATUS_SIZE] = "SIZE",
	[IMAP_STATUS_DELETED] = "DELETED", [IMAP_STATUS_APPENDLIMIT] = "APPENDLIMIT",
	[IMAP_STATUS_HIGHESTMODSEQ] = "HIGHESTMODSEQ", [IMAP_STATUS_MAILBOXID] = "MAILBOXID" };

static enum err parse_item(struct imap_parser *ps, struct imap_status_items *items)
{
	for (size_t i = 0; i < IMAP_STATUS_ITEMS; i++)
		if (imap_parse_take_word(ps, names[i])) {
			items->wants[i] = true;
			return OK;
		}
	return imap_parse_complain(ps, "unknown STATUS item");
}

enum err imap_status_items_parse(struct imap_parser *ps, struct imap_status_items *ret_items)
{
	struct imap_status_items items = { .wants = { false } };
	enum err e = imap_parse_char(ps, '(');

	if (e == OK)
		do
			e = parse_item(ps, &items);
		while (e == OK && imap_parse_take(ps, ' '));
	if (e == OK)
		e = imap_parse_char(ps, ')');
	if (e == OK)
		*ret_items = items;
	return e;
}

enum err imap_status_write(struct imap_cmd *cmd, struct str name, const struct store_status *status,
	const struct imap_status_items *items)
{
	struct buf *out = imap_out(cmd);
	const char *separator = " (";
	uint32_t recent = 0;
	enum err e = OK;

	if (items->wants[IMAP_STATUS_HIGHESTMODSEQ])
		imap_condstore_enable(imap_session(cmd));
	if (items->wants[IMAP_STATUS_RECENT])
		e = imap_mailbox_count_recent(imap_session(cmd), status, &recent);
	if (e != OK)
		return e;
	uint64_t values[IMAP_STATUS_ITEMS] = { [IMAP_STATUS_MESSAGES] = status->messages,
		[IMAP_STATUS_RECENT] = recent, [IMAP_STATUS_UIDNEXT] = status->uidnext,
		[IMAP_STATUS_UIDVALIDITY] = status->uidvalidity, [IMAP_STATUS_UNSEEN] = status->unseen,
		[IMAP_STATUS_SIZE] = status->bytes, [IMAP_STATUS_DELETED] = status->deleted,
		[IMAP_STATUS_APPENDLIMIT] = (uint64_t)cmd->client->conf->message_size_max,
		[IMAP_STATUS_HIGHESTMODSEQ] = status->highest_modseq };

	buf_adds(out, "* STATUS ");
	imap_write_mailbox(name, out);
	for (size_t i = 0; i < IMAP_STATUS_ITEMS; i++) {
		if (!items->wants[i])
			continue;
		buf_addf(out, "%s%s ", separator, names[i]);
		separator = " ";
		if (i != IMAP_STATUS_MAILBOXID) {
			buf_add_u64(out, values[i]);
			continue;
		}
		buf_addc(out, '(');
		imap_object_id_folder(status->id, out);
		buf_addc(out, ')');
	}
	buf_adds(out, ")\r\n");
	return OK;
}
