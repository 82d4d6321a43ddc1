/* SPDX-License-Identifier: ISC */
#include "smtp/reply.h"

static const struct reply_row {
	const char *code, *text;
} reply_rows[SMTP_REPLIES] = {
#define SMTP_REPLY(name, code, text) { code, text },
#include "smtp/replies.def"
#undef SMTP_REPLY
};

/* What is not printable ASCII becomes a question mark; the line ends in time for its CR LF. */
static void add_printable(struct buf *out, size_t line_begin, struct str s)
{
	size_t room = line_begin + SMTP_REPLY_MAX - 2 - out->n;

	s = str_sub(s, 0, room);
	for (size_t i = 0; i < s.n; i++)
		buf_addc(out, s.p[i] >= ' ' && s.p[i] < 0x7f ? s.p[i] : '?');
}

static void add_template(struct buf *out, size_t begin, const char *text, struct str arg)
{
	struct str t = str_of(text);
	ptrdiff_t hole = str_find(t, S("{}"));

	if (hole < 0) {
		add_printable(out, begin, t);
		return;
	}
	add_printable(out, begin, str_sub(t, 0, (size_t)hole));
	/* A long argument is cut, so that what the line has to say after it is not. */
	add_printable(out, begin, str_sub(arg, 0, SMTP_REPLY_MAX - 32 - t.n));
	add_printable(out, begin, str_from(t, (size_t)hole + 2));
}

const char *smtp_reply_code(enum smtp_reply reply)
{
	return reply_rows[reply].code;
}

void smtp_reply_add(struct buf *out, enum smtp_reply reply, struct str arg)
{
	size_t begin = out->n;

	buf_adds(out, reply_rows[reply].code);
	buf_addc(out, ' ');
	add_template(out, begin, reply_rows[reply].text, arg);
	buf_adds(out, "\r\n");
}

void smtp_reply_add_error(struct buf *out, enum err e, struct str about)
{
	size_t begin = out->n;
	struct str text = str_of(err_text(e));

	buf_adds(out, err_smtp(e));
	buf_addc(out, ' ');
	if (about.n) {
		add_printable(out, begin, S("<"));
		add_printable(out, begin, str_sub(about, 0, 320));
		add_printable(out, begin, S(">: "));
	} else if (text.n) {
		buf_addc(out, ascii_upper(*text.p));
		text = str_from(text, 1);
	}
	add_printable(out, begin, text);
	buf_adds(out, "\r\n");
}

void smtp_reply_add_text(struct buf *out, const char *code, struct str text)
{
	size_t begin = out->n;

	buf_adds(out, code);
	buf_addc(out, ' ');
	add_printable(out, begin, text);
	buf_adds(out, "\r\n");
}

void smtp_reply_add_part(struct buf *out, struct str code, struct str text, bool is_last)
{
	size_t begin = out->n;

	buf_add(out, code);
	buf_addc(out, is_last ? ' ' : '-');
	add_printable(out, begin, text);
	buf_adds(out, "\r\n");
}
