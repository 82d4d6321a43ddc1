/* SPDX-License-Identifier: ISC */
#include "message/html.h"

#include "base/utf8.h"
#include "message/text.h"

/* Elements whose content is not shown. */
static const char *const hidden[] = {
	"script", "style", "head", "title", "template", "noscript"};
/* Elements that do not part words. */
static const char *const inline_tags[] = {"a", "abbr", "b", "big", "code", "em", "font", "i",
	"ins", "del", "mark", "s", "small", "span", "strike", "strong", "sub", "sup", "tt",
	"u", "wbr", "label"};

/* Names of U+00A0 to U+00FF in order (HTML 4 24.2). */
static const char latin1_names[] = "nbsp iexcl cent pound curren yen brvbar sect uml copy "
				   "ordf laquo not shy reg macr deg plusmn "
				   "sup2 sup3 acute micro para middot cedil sup1 ordm raquo "
				   "frac14 frac12 frac34 iquest Agrave "
				   "Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute "
				   "Ecirc Euml Igrave Iacute Icirc "
				   "Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times "
				   "Oslash Ugrave Uacute Ucirc Uuml "
				   "Yacute THORN szlig agrave aacute acirc atilde auml aring "
				   "aelig ccedil egrave eacute ecirc "
				   "euml igrave iacute icirc iuml eth ntilde ograve oacute "
				   "ocirc otilde ouml divide oslash "
				   "ugrave uacute ucirc uuml yacute thorn yuml";

static const struct {
	const char *name;
	uint32_t cp;
} entities[] = {
	{"amp", '&'},
	{"lt", '<'},
	{"gt", '>'},
	{"quot", '"'},
	{"apos", '\''},
	{"hellip", 0x2026},
	{"mdash", 0x2014},
	{"ndash", 0x2013},
	{"lsquo", 0x2018},
	{"rsquo", 0x2019},
	{"sbquo", 0x201a},
	{"ldquo", 0x201c},
	{"rdquo", 0x201d},
	{"bdquo", 0x201e},
	{"lsaquo", 0x2039},
	{"rsaquo", 0x203a},
	{"bull", 0x2022},
	{"euro", 0x20ac},
	{"trade", 0x2122},
	{"oelig", 0x153},
	{"OElig", 0x152},
	{"scaron", 0x161},
	{"Scaron", 0x160},
	{"ensp", 0x2002},
	{"emsp", 0x2003},
	{"thinsp", 0x2009},
	{"zwnj", 0x200c},
	{"zwj", 0x200d},
	{"rarr", 0x2192},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { ENTITY_MAX = 10 };

struct html {
	struct str rest;
	struct buf *out;
	unsigned quoted; /* depth of quoted originals */
};

static bool is_in(struct str name, const char *const *names, size_t count)
{
	for (size_t i = 0; name.n && i < count; i++)
		if (names[i][0] == ascii_lower(name.p[0]) &&
			str_iequal(name, str_of(names[i])))
			return true;
	return false;
}

static uint32_t named_entity(struct str name)
{
	struct str rest = str_of(latin1_names), word;

	for (size_t i = 0; i < COUNT(entities); i++)
		if (str_equal(name, str_of(entities[i].name)))
			return entities[i].cp;
	for (uint32_t cp = 0xa0; str_next(&rest, ' ', &word); cp++)
		if (str_equal(name, word))
			return cp;
	return 0;
}

static uint32_t numbered_entity(struct str digits)
{
	bool hex = digits.n && ascii_lower(digits.p[0]) == 'x';
	uint32_t cp = 0;

	for (size_t i = hex; i < digits.n; i++) {
		int d = message_text_hex_digit(digits.p[i]);

		if (d < 0 || d >= (hex ? 16 : 10) || cp > 0x10ffff)
			return 0;
		cp = cp * (hex ? 16 : 10) + (uint32_t)d;
	}
	return cp;
}

/* At "&": a reference, or the sign itself. */
static void take_reference(struct html *h)
{
	size_t n = 1;
	uint32_t cp;
	struct str name;

	while (n < h->rest.n && n <= ENTITY_MAX &&
		(ascii_is_alpha(h->rest.p[n]) || ascii_is_digit(h->rest.p[n]) ||
			h->rest.p[n] == '#'))
		n++;
	name = str_sub(h->rest, 1, n - 1);
	cp = name.n && name.p[0] == '#' ? numbered_entity(str_from(name, 1))
					: named_entity(name);
	if (cp == 0) {
		n = 1;
		cp = '&';
	} else if (n < h->rest.n && h->rest.p[n] == ';') {
		n++;
	}
	if (!h->quoted)
		utf8_add(h->out, cp);
	h->rest = str_from(h->rest, n);
}

static void skip_to(struct html *h, struct str end)
{
	ptrdiff_t at = str_ifind(h->rest, end);

	h->rest = at < 0 ? STR_NONE : str_from(h->rest, (size_t)at + end.n);
}

/* Skips to behind the end tag of the element just opened. */
static void skip_element(struct html *h, struct str name)
{
	char room[16] = "</";

	if (name.n > sizeof(room) - 2)
		return;
	memcpy(room + 2, name.p, name.n);
	skip_to(h, str_make(room, name.n + 2));
	skip_to(h, S(">"));
}

static struct str tag_name(struct str tag)
{
	size_t n = 0;

	while (n < tag.n && (ascii_is_alpha(tag.p[n]) || ascii_is_digit(tag.p[n])))
		n++;
	return str_sub(tag, 0, n);
}

/* How mail programs mark the message answered. */
static bool is_quotation(struct str name, struct str tag)
{
	return str_iequal(name, S("blockquote")) &&
	       (str_ifind(tag, S("cite")) >= 0 || str_ifind(tag, S("gmail_quote")) >= 0);
}

static void open_tag(struct html *h, struct str tag)
{
	struct str name = tag_name(tag);

	if (is_in(name, hidden, COUNT(hidden))) {
		skip_element(h, name);
		return;
	}
	if (is_quotation(name, tag) || (h->quoted && str_iequal(name, S("blockquote"))))
		h->quoted++;
	if (!h->quoted && !is_in(name, inline_tags, COUNT(inline_tags)))
		buf_addc(h->out, '\n');
}

static void close_tag(struct html *h, struct str tag)
{
	struct str name = tag_name(tag);

	if (h->quoted && str_iequal(name, S("blockquote")))
		h->quoted--;
	if (!h->quoted && !is_in(name, inline_tags, COUNT(inline_tags)))
		buf_addc(h->out, '\n');
}

/* At "<". */
static void take_tag(struct html *h)
{
	struct str tag;
	ptrdiff_t end;

	if (str_starts(h->rest, S("<!--"))) {
		h->rest = str_from(h->rest, 4);
		skip_to(h, S("-->"));
		return;
	}
	if (h->rest.n < 2 || (!ascii_is_alpha(h->rest.p[1]) && !strchr("/!?", h->rest.p[1]))) {
		if (!h->quoted)
			buf_addc(h->out, '<');
		h->rest = str_from(h->rest, 1);
		return;
	}
	end = str_index(h->rest, '>');
	tag = str_sub(h->rest, 1, end < 0 ? SIZE_MAX : (size_t)end - 1);
	h->rest = end < 0 ? STR_NONE : str_from(h->rest, (size_t)end + 1);
	if (ascii_is_alpha(tag.p[0]))
		open_tag(h, tag);
	else if (tag.p[0] == '/')
		close_tag(h, str_from(tag, 1));
}

void message_html_text(struct str html, struct buf *out)
{
	struct html h = {html, out, 0};

	while (h.rest.n) {
		size_t n = 0;

		while (n < h.rest.n && h.rest.p[n] != '<' && h.rest.p[n] != '&')
			n++;
		if (!h.quoted)
			buf_add(out, str_sub(h.rest, 0, n));
		h.rest = str_from(h.rest, n);
		if (h.rest.n == 0)
			return;
		if (h.rest.p[0] == '<')
			take_tag(&h);
		else
			take_reference(&h);
	}
}
