/* SPDX-License-Identifier: ISC */
#include "message/imap_string.h"

#include "message/header.h"

enum form { PLAIN, ESCAPED, LITERAL };

/* Also says whether the value must be unfolded first. */
static enum form form_of(struct str s, bool *ret_folded)
{
	enum form form = PLAIN;

	*ret_folded = false;
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];

		if (c >= 0x80)
			form = LITERAL;
		else if ((c == '"' || c == '\\') && form == PLAIN)
			form = ESCAPED;
		else if (c == '\r' || c == '\n' || c == '\0')
			*ret_folded = true;
	}
	return form;
}

static void add_escaped(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, s.p[i]);
	}
}

/* s holds no CR, LF, NUL. */
static void add_string(struct str s, enum form form, struct buf *out)
{
	if (form == LITERAL) {
		/* RFC 3501 4.3: a quoted string is 7-bit; octets of any value but NUL may
		 * stand here. */
		buf_addc(out, '{');
		buf_add_u64(out, s.n);
		buf_adds(out, "}\r\n");
		buf_add(out, s);
		return;
	}
	buf_addc(out, '"');
	if (form == PLAIN)
		buf_add(out, s);
	else
		add_escaped(s, out);
	buf_addc(out, '"');
}

void message_imap_string(struct str value, struct buf *out)
{
	struct str s = str_sub(str_trim(value), 0, MESSAGE_IMAP_STRING_MAX);
	struct buf flat = {0};
	bool folded;
	enum form form = form_of(s, &folded);

	if (folded) {
		message_header_unfold(s, &flat);
		s = buf_str(&flat);
	}
	add_string(s, form, out);
	buf_done(&flat);
}

void message_imap_nstring(struct str value, struct buf *out)
{
	if (str_trim(value).n == 0)
		buf_adds(out, "NIL");
	else
		message_imap_string(value, out);
}
