/* SPDX-License-Identifier: ISC */
#include "imap/special_use.h"

static const char *const words[STORE_SPECIALS] = { [STORE_ORDINARY] = "", [STORE_DRAFTS] = "\\Drafts",
	[STORE_SENT] = "\\Sent", [STORE_TRASH] = "\\Trash", [STORE_ARCHIVE] = "\\Archive",
	[STORE_JUNK] = "\\Junk" };

const char *imap_special_use_word(enum store_special special)
{
	return words[special];
}

enum err imap_special_use_parse(struct imap_parser *ps, enum store_special *ret_special)
{
	struct str word;
	enum err e = imap_parse_char(ps, '\\');

	if (e == OK)
		e = imap_parse_atom(ps, &word);
	if (e != OK)
		return e;
	*ret_special = STORE_ORDINARY;
	for (int i = STORE_ORDINARY + 1; i < STORE_SPECIALS; i++)
		if (str_iequal(word, str_of(words[i] + 1)))
			*ret_special = (enum store_special)i;
	return OK;
}
