/* SPDX-License-Identifier: ISC */
/* SELECT and EXAMINE (RFC 3501 6.3.1, 6.3.2). */
#include "imap/session_local.h"

static uint32_t first_unseen(const struct store_index *index)
{
	for (uint32_t i = 0; i < index->count; i++)
		if (!(index->flags[i] & STORE_SEEN))
			return i + 1;
	return 0;
}

static void describe(struct imap_cmd *cmd, const struct store_index *index)
{
	struct imap_session *s = imap_session(cmd);
	uint32_t unseen = first_unseen(index);

	imap_write_flag_names(s, index);
	imap_untagged(cmd, "%u EXISTS", index->count);
	imap_untagged(cmd, "%llu RECENT", (unsigned long long)uidset_count(&s->recent));
	if (unseen)
		imap_untagged(cmd, "OK [UNSEEN %u] first unseen message", unseen);
	imap_untagged(cmd, "OK [UIDVALIDITY %u] UIDs are valid", index->uidvalidity);
	imap_untagged(cmd, "OK [UIDNEXT %u] next UID", index->uidnext);
	/* RFC 8474 4.2 */
	imap_untagged(cmd, "OK [MAILBOXID (F%llu)] mailbox id", (unsigned long long)store_folder_id(s->folder));
}

static enum imap_result select_mailbox(struct imap_cmd *cmd, bool read_only)
{
	struct imap_session *s = imap_session(cmd);
	const struct store_index *index;
	struct str name;
	enum err e = imap_parse_only_mailbox(cmd, &name);

	if (e != OK)
		return imap_reply_error(cmd, e);
	/* RFC 3501 6.3.1: the old mailbox is deselected even if the new one cannot be selected. */
	imap_mailbox_close(s);
	e = imap_mailbox_open(s, name, read_only);
	if (e == OK)
		e = store_folder_index(s->folder, &index);
	if (e != OK)
		return imap_reply_error(cmd, e);
	describe(cmd, index);
	return imap_reply_ok(cmd, "[%s] %s", read_only ? "READ-ONLY" : "READ-WRITE",
		read_only ? "examined" : "selected");
}

enum imap_result imap_cmd_select(struct imap_cmd *cmd)
{
	return select_mailbox(cmd, false);
}

enum imap_result imap_cmd_examine(struct imap_cmd *cmd)
{
	return select_mailbox(cmd, true);
}
