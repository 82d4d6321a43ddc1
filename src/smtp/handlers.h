/* SPDX-License-Identifier: ISC */
/* The handlers that commands.def names.  The dispatcher has checked state, login and arity. */
#ifndef SMTP_HANDLERS_H
#define SMTP_HANDLERS_H

#include "smtp/command.h"

enum smtp_result smtp_cmd_ehlo(struct smtp_cmd *cmd);
enum smtp_result smtp_cmd_helo(struct smtp_cmd *cmd);
enum smtp_result smtp_cmd_mail(struct smtp_cmd *cmd);
enum smtp_result smtp_cmd_rcpt(struct smtp_cmd *cmd);
enum smtp_result smtp_cmd_data(struct smtp_cmd *cmd);
enum smtp_result smtp_cmd_rset(struct smtp_cmd *cmd);
enum smtp_result smtp_cmd_noop(struct smtp_cmd *cmd);
enum smtp_result smtp_cmd_vrfy(struct smtp_cmd *cmd);
enum smtp_result smtp_cmd_help(struct smtp_cmd *cmd);
enum smtp_result smtp_cmd_starttls(struct smtp_cmd *cmd);
enum smtp_result smtp_cmd_auth(struct smtp_cmd *cmd);
enum smtp_result smtp_cmd_quit(struct smtp_cmd *cmd);
enum smtp_result smtp_cmd_unimplemented(struct smtp_cmd *cmd);
enum smtp_result smtp_cmd_foreign(struct smtp_cmd *cmd);

/* A line of the client while it answers a challenge of AUTH. */
enum smtp_result smtp_auth_answer(struct smtp_cmd *cmd);

#endif
