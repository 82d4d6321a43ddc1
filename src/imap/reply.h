/* SPDX-License-Identifier: ISC */
/* Replies of handlers.  Texts for errors come from errors.def and the parser's complaint. */
#ifndef IMAP_REPLY_H
#define IMAP_REPLY_H

#include "imap/client.h"
#include "imap/write.h"

/* The output of this command's client. */
struct buf *imap_out(struct imap_cmd *cmd);
/* "* " and a line; CRLF is added. */
void imap_untagged(struct imap_cmd *cmd, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Untagged replies that are due, then "tag OK text".  IMAP_DONE. */
enum imap_result imap_reply_ok(struct imap_cmd *cmd, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "tag NO/BAD [CODE] text" by errors.def; for ERR_SYNTAX with what the parser complained of.  IMAP_DONE. */
enum imap_result imap_reply_error(struct imap_cmd *cmd, enum err e);
/* "tag BAD text" */
enum imap_result imap_reply_bad(struct imap_cmd *cmd, const char *text);
/* "+ text": the text may be empty, the space stays. */
void imap_reply_continue(struct imap_cmd *cmd, struct str text);

#endif
