/* SPDX-License-Identifier: ISC */
#include "imap/write.h"

#include "imap/mutf7.h"
#include "imap/parse.h"

enum { QUOTED_MAX = 1000 };

static bool is_quotable(struct str s)
{
	if (s.n > QUOTED_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80 || s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return false;
	return true;
}

void imap_write_literal_head(uint64_t size, struct buf *out)
{
	buf_addc(out, '{');
	buf_add_u64(out, size);
	buf_adds(out, "}\r\n");
}

void imap_write_string(struct str s, struct buf *out)
{
	bool quotable = is_quotable(s);

	if (quotable)
		buf_addc(out, '"');
	else
		imap_write_literal_head(s.n, out);
	for (size_t i = 0; i < s.n; i++) {
		if (quotable && (s.p[i] == '"' || s.p[i] == '\\'))
			buf_addc(out, '\\');
		buf_addc(out, s.p[i] ? s.p[i] : (char)0x80);
	}
	if (quotable)
		buf_addc(out, '"');
}

void imap_write_astring(struct str s, struct buf *out)
{
	bool is_atom = s.n > 0 && s.n < 256 && !str_iequal(s, S("NIL"));

	for (size_t i = 0; is_atom && i < s.n; i++)
		is_atom = imap_is_atom_char(s.p[i]);
	if (is_atom)
		buf_add(out, s);
	else
		imap_write_string(s, out);
}

void imap_write_mailbox(struct str name, struct buf *out)
{
	struct buf wire = { 0 };

	imap_mutf7_encode(name, &wire);
	imap_write_astring(buf_str(&wire), out);
	buf_done(&wire);
}
