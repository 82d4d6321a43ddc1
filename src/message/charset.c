/* SPDX-License-Identifier: ISC */
#include "message/charset.h"

#include "base/utf8.h"

#include <errno.h>
#include <iconv.h>

enum { LABEL_MAX = 24, CONVERTERS_MAX = 64, CHUNK = 4096 };

/* How the built-in ones stand in the table; compared as addresses. */
static const char UTF8[] = "utf-8", ASCII[] = "ascii", LATIN1[] = "latin-1";

static const struct charset {
	const char *label, *converter;
} charsets[] = {
#define CHARSET(label, converter) {label, converter},
#include "message/charsets.def"
#undef CHARSET
};

enum { CHARSETS = sizeof(charsets) / sizeof(charsets[0]) };

static struct converter {
	const char *name;
	iconv_t cd;
} converters[CONVERTERS_MAX];
static size_t converter_count;

/* Bytes 0x80 to 0x9f of windows-1252 (WHATWG Encoding: the unassigned ones are C1 controls).
 */
static const uint16_t windows_1252[32] = {0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020,
	0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f, 0x90, 0x2018, 0x2019,
	0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d,
	0x17e, 0x178};

static const char *find_converter(struct str name)
{
	char label[LABEL_MAX];
	size_t n = 0;

	name = str_trim(name);
	for (size_t i = 0; i < name.n; i++) {
		char c = ascii_lower(name.p[i]);

		if (c == '-' || c == '_' || c == '"' || c == '\'')
			continue;
		if (n == sizeof(label))
			return NULL;
		label[n++] = c;
	}
	for (size_t i = 0; i < CHARSETS; i++)
		if (str_equal(str_of(charsets[i].label), str_make(label, n)))
			return charsets[i].converter;
	return NULL;
}

static bool is_built_in(const char *converter)
{
	return converter == UTF8 || converter == ASCII || converter == LATIN1;
}

static bool open_converter(const char *name, iconv_t *ret_cd)
{
	struct converter *c = converters;

	while (c < converters + converter_count && strcmp(c->name, name) != 0)
		c++;
	if (c == converters + converter_count) {
		if (converter_count == CONVERTERS_MAX)
			return false;
		*c = (struct converter){name, iconv_open("UTF-8", name)};
		converter_count++;
	}
	*ret_cd = c->cd;
	return c->cd != (iconv_t)-1;
}

void message_charset_open(void)
{
	iconv_t cd;

	for (size_t i = 0; i < CHARSETS; i++)
		if (!is_built_in(charsets[i].converter))
			open_converter(charsets[i].converter, &cd);
}

void message_charset_close(void)
{
	for (size_t i = 0; i < converter_count; i++)
		if (converters[i].cd != (iconv_t)-1)
			iconv_close(converters[i].cd);
	converter_count = 0;
}

bool message_charset_is_known(struct str name)
{
	return find_converter(name) != NULL;
}

static void add_latin1(struct str s, struct buf *out)
{
	size_t at = 0;

	while (at < s.n) {
		size_t run = at;
		uint8_t b;

		while (run < s.n && (uint8_t)s.p[run] < 0x80)
			run++;
		buf_add(out, str_sub(s, at, run - at));
		at = run + 1;
		if (run == s.n)
			return;
		b = (uint8_t)s.p[run];
		utf8_add(out, b < 0xa0 ? windows_1252[b - 0x80] : b);
	}
}

static void add_utf8(struct str s, struct buf *out)
{
	if (utf8_is_valid(s)) {
		buf_add(out, s);
		return;
	}
	while (s.n)
		utf8_add(out, utf8_next(&s));
}

void message_charset_guess_to_utf8(struct str s, struct buf *out)
{
	if (utf8_is_valid(s))
		buf_add(out, s);
	else
		add_latin1(s, out);
}

/* One call of iconv.  False when nothing more can come of s. */
static bool convert_chunk(iconv_t cd, struct str *s, struct buf *out)
{
	char room[CHUNK], *to = room, *from = (char *)s->p;
	size_t left = sizeof(room), before = s->n;
	size_t r = iconv(cd, &from, &s->n, &to, &left);
	int e = errno;

	s->p = from;
	buf_add(out, str_make(room, (size_t)(to - room)));
	if (r != (size_t)-1)
		return false;
	if (e == E2BIG)
		return s->n < before || to > room;
	utf8_add(out, 0xfffd);
	if (e != EILSEQ || s->n == 0)
		return false;
	*s = str_from(*s, 1);
	return s->n > 0;
}

static void convert(iconv_t cd, struct str s, struct buf *out)
{
	char room[64], *to = room;
	size_t left = sizeof(room);

	iconv(cd, NULL, NULL, NULL, NULL);
	while (!out->overflow && convert_chunk(cd, &s, out))
		;
	/* Some converters hold the last character back until asked. */
	if (iconv(cd, NULL, NULL, &to, &left) != (size_t)-1)
		buf_add(out, str_make(room, (size_t)(to - room)));
}

enum err message_charset_to_utf8(struct str charset, struct str s, struct buf *out)
{
	const char *converter = find_converter(charset);
	iconv_t cd;

	if (!converter)
		return ERR_BAD_CHARSET;
	if (converter == UTF8) {
		add_utf8(s, out);
	} else if (converter == ASCII) {
		message_charset_guess_to_utf8(s, out);
	} else if (converter == LATIN1) {
		add_latin1(s, out);
	} else {
		if (!open_converter(converter, &cd))
			return ERR_BAD_CHARSET;
		convert(cd, s, out);
	}
	return OK;
}
