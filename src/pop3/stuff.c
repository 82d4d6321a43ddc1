/* SPDX-License-Identifier: ISC */
#include "pop3/stuff.h"

/* A line end was written. */
static void end_line(struct pop3_stuff *stuff)
{
	if (stuff->in_body && stuff->limited && stuff->lines_left)
		stuff->lines_left--;
	else if (!stuff->in_body && stuff->column == 0)
		stuff->in_body = true;
	stuff->column = 0;
	stuff->was_cr = false;
}

/* Up to the next line feed, or what there is.  Lone LFs become CRLF: clients take them for line ends. */
static size_t add_part(struct pop3_stuff *stuff, struct str piece, struct buf *out)
{
	ptrdiff_t lf = str_index(piece, '\n');
	struct str part = str_sub(piece, 0, lf < 0 ? piece.n : (size_t)lf);
	bool cr = part.n ? part.p[part.n - 1] == '\r' : stuff->was_cr;

	if (stuff->column == 0 && !stuff->was_cr && part.n && part.p[0] == '.')
		buf_addc(out, '.');
	buf_add(out, part);
	/* A CR counts once it is known not to belong to a line end. */
	if (part.n)
		stuff->column += part.n + stuff->was_cr - (part.p[part.n - 1] == '\r');
	stuff->was_cr = cr;
	if (lf < 0)
		return part.n;
	buf_adds(out, cr ? "\n" : "\r\n");
	end_line(stuff);
	return part.n + 1;
}

bool pop3_stuff_add(struct pop3_stuff *stuff, struct str piece, struct buf *out)
{
	while (piece.n) {
		if (stuff->limited && stuff->in_body && stuff->lines_left == 0 && stuff->column == 0)
			return false;
		piece = str_from(piece, add_part(stuff, piece, out));
	}
	return true;
}

void pop3_stuff_end(struct pop3_stuff *stuff, struct buf *out)
{
	if (stuff->was_cr)
		buf_addc(out, '\n');
	else if (stuff->column)
		buf_adds(out, "\r\n");
	buf_adds(out, ".\r\n");
}
