/* SPDX-License-Identifier: ISC */
/* AUTHENTICATE (RFC 3501 6.2.2) with an initial response (RFC 4959). */
#include "imap/prelogin_local.h"

static bool is_base64_char(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || c == '+' || c == '/' || c == '=';
}

enum imap_result imap_cmd_authenticate(struct imap_cmd *cmd)
{
	struct str mechanism, initial = STR_NONE;
	enum err e = imap_parse_atom(&cmd->args, &mechanism);

	if (e == OK && !imap_parse_at_end(&cmd->args)) {
		e = imap_parse_space(&cmd->args);
		if (e == OK)
			e = imap_parse_run(&cmd->args, is_base64_char, "expected an initial response in base 64", &initial);
		if (e == OK)
			e = imap_parse_end(&cmd->args);
	}
	return e == OK ? imap_prelogin_sasl(cmd, mechanism, initial) : imap_reply_error(cmd, e);
}
