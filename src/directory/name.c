/* SPDX-License-Identifier: ISC */
#include "directory/name.h"

#include "base/utf8.h"

#include <idn2.h>
#include <stdlib.h>
#include <unicase.h>

static bool has_controls(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

static enum err fold_unicode(struct str s, char *ret_bytes, size_t max, size_t *ret_n)
{
	uint8_t folded[1024];
	size_t n = sizeof(folded);

	if (!utf8_is_valid(s))
		return ERR_SYNTAX;
	/* The result moves to the heap when it does not fit; such a one is refused anyway. */
	uint8_t *out = u8_casefold((const uint8_t *)s.p, s.n, NULL, UNINORM_NFC, folded, &n);
	if (out != folded)
		free(out);
	if (out != folded || n > max)
		return ERR_SYNTAX;
	memcpy(ret_bytes, folded, n);
	*ret_n = n;
	return OK;
}

enum err directory_fold(struct str s, char *ret_bytes, size_t max, size_t *ret_n)
{
	if (s.n > max)
		return ERR_SYNTAX;
	if (!utf8_is_ascii(s))
		return fold_unicode(s, ret_bytes, max, ret_n);
	for (size_t i = 0; i < s.n; i++)
		ret_bytes[i] = ascii_lower(s.p[i]);
	*ret_n = s.n;
	return OK;
}

static enum err copy_label(char *ascii, char *ret_bytes, size_t *ret_n)
{
	struct str s = str_of(ascii);
	enum err e = s.n > 0 && s.n <= DIRECTORY_DOMAIN_MAX ? OK : ERR_BAD_ADDRESS;

	if (e == OK) {
		memcpy(ret_bytes, s.p, s.n);
		*ret_n = s.n;
	}
	idn2_free(ascii);
	return e;
}

/*
 * RFC 5891 5: the look-up protocol, with the mapping of Unicode TR46 that people expect (upper
 * case).  Without IDN2_USE_STD3_ASCII_RULES, which drops an underscore in silence and so finds
 * another domain.
 */
static enum err to_alabels(struct str domain, char *ret_bytes, size_t *ret_n)
{
	const int flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;
	char text[4 * DIRECTORY_DOMAIN_MAX + 1];
	uint8_t *ascii = NULL;

	if (domain.n >= sizeof(text) || !utf8_is_valid(domain) ||
		memchr(domain.p, 0, domain.n) != NULL)
		return ERR_BAD_ADDRESS;
	memcpy(text, domain.p, domain.n);
	text[domain.n] = '\0';
	if (idn2_lookup_u8((const uint8_t *)text, &ascii, flags) != IDN2_OK)
		return ERR_BAD_ADDRESS;
	return copy_label((char *)ascii, ret_bytes, ret_n);
}

enum err directory_domain_parse(struct str domain, char *ret_bytes, size_t *ret_n)
{
	if (domain.n == 0)
		return ERR_BAD_ADDRESS;
	if (!utf8_is_ascii(domain))
		return to_alabels(domain, ret_bytes, ret_n);
	if (domain.n > DIRECTORY_DOMAIN_MAX)
		return ERR_BAD_ADDRESS;
	for (size_t i = 0; i < domain.n; i++)
		ret_bytes[i] = ascii_lower(domain.p[i]);
	*ret_n = domain.n;
	return OK;
}

static bool is_label(struct str label)
{
	if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!ascii_is_alpha(label.p[i]) && !ascii_is_digit(label.p[i]) &&
			label.p[i] != '-')
			return false;
	return true;
}

enum err directory_domain_parse_new(struct str domain, char *ret_bytes, size_t *ret_n)
{
	char bytes[DIRECTORY_DOMAIN_MAX];
	size_t n;

	if (domain.n == 0 || to_alabels(domain, bytes, &n) != OK || n > 253 ||
		bytes[n - 1] == '.')
		return ERR_BAD_ADDRESS;
	struct str rest = str_make(bytes, n), label;
	while (str_next(&rest, '.', &label))
		if (!is_label(label))
			return ERR_BAD_ADDRESS;
	memcpy(ret_bytes, bytes, n);
	*ret_n = n;
	return OK;
}

/* RFC 5321 4.1.2: a quoted string means what stands between the quotes, without backslashes.
 */
static enum err unquote(struct str quoted, struct directory_name *name)
{
	size_t n = 0;

	if (quoted.n < 2 || quoted.p[quoted.n - 1] != '"')
		return ERR_BAD_ADDRESS;
	for (size_t i = 1; i < quoted.n - 1; i++) {
		if (quoted.p[i] == '"' || (quoted.p[i] == '\\' && ++i == quoted.n - 1) ||
			n == sizeof(name->written))
			return ERR_BAD_ADDRESS;
		name->written[n++] = quoted.p[i];
	}
	name->written_n = n;
	return n > 0 ? OK : ERR_BAD_ADDRESS;
}

static enum err take_local(struct str local, struct directory_name *name)
{
	if (local.n > 0 && local.p[0] == '"')
		return unquote(local, name);
	if (local.n == 0 || local.n > sizeof(name->written))
		return ERR_BAD_ADDRESS;
	memcpy(name->written, local.p, local.n);
	name->written_n = local.n;
	return OK;
}

enum err directory_name_parse(struct str address, struct directory_name *ret_name)
{
	ptrdiff_t at = str_rindex(address, '@');

	if (at < 0 || has_controls(address) ||
		take_local(str_sub(address, 0, (size_t)at), ret_name) != OK)
		return ERR_BAD_ADDRESS;
	struct str written = str_make(ret_name->written, ret_name->written_n);
	if (directory_fold(written, ret_name->local, sizeof(ret_name->local),
		    &ret_name->local_n) != OK)
		return ERR_BAD_ADDRESS;
	return directory_domain_parse(
		str_from(address, (size_t)at + 1), ret_name->domain, &ret_name->domain_n);
}

static bool is_plain_local(struct str local)
{
	for (size_t i = 0; i < local.n; i++) {
		unsigned char c = (unsigned char)local.p[i];
		bool edge = i == 0 || i == local.n - 1;

		if (c == '.' && (edge || local.p[i - 1] == '.'))
			return false;
		if (c < 0x80 && !ascii_is_alpha((char)c) && !ascii_is_digit((char)c) &&
			!memchr("._-&'", c, 5))
			return false;
	}
	return true;
}

enum err directory_name_parse_new(struct str address, struct directory_name *ret_name)
{
	ptrdiff_t at = str_rindex(address, '@');
	enum err e = directory_name_parse(address, ret_name);

	if (e != OK)
		return e;
	if (address.p[0] == '"' || !is_plain_local(directory_name_local(ret_name)))
		return ERR_BAD_ADDRESS;
	return directory_domain_parse_new(
		str_from(address, (size_t)at + 1), ret_name->domain, &ret_name->domain_n);
}
