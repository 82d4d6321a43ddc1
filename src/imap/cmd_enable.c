/* SPDX-License-Identifier: ISC */
/* ENABLE (RFC 5161): CONDSTORE and QRESYNC; words that are not known are passed over. */
#include "imap/condstore.h"

enum imap_result imap_cmd_enable(struct imap_cmd *cmd)
{
	struct imap_session *s = imap_session(cmd);
	bool condstore = false, qresync = false;
	struct str word;
	enum err e;

	do {
		e = imap_parse_atom(&cmd->args, &word);
		condstore |= e == OK && str_iequal(word, S("CONDSTORE"));
		qresync |= e == OK && str_iequal(word, S("QRESYNC"));
	} while (e == OK && !imap_parse_at_end(&cmd->args) && imap_parse_space(&cmd->args) == OK);
	if (e == OK)
		e = imap_parse_end(&cmd->args);
	if (e != OK)
		return imap_reply_error(cmd, e);
	condstore = condstore && imap_session_has(s, S("CONDSTORE"));
	qresync = qresync && imap_session_has(s, S("QRESYNC"));
	if (condstore)
		imap_condstore_enable(s);
	if (qresync)
		imap_qresync_enable(s);
	imap_untagged(cmd, "ENABLED%s%s", condstore ? " CONDSTORE" : "", qresync ? " QRESYNC" : "");
	/* RFC 7162 3.1: a client in a mailbox must know from where on it is told. */
	if ((condstore || qresync) && s->folder)
		imap_untagged(cmd, "OK [HIGHESTMODSEQ %llu] highest", (unsigned long long)s->view.modseq);
	return imap_reply_ok(cmd, "enabled");
}
