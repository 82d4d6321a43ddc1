/* SPDX-License-Identifier: ISC */
#include "message/preview.h"

#include "message/charset.h"
#include "message/html.h"
#include "message/text.h"

/* Raw bytes looked at: first few, then more while there is no full preview (style sheets come
 * first). */
enum { FIRST_BYTES = 512, MOST_BYTES = 256 << 10, GROWTH = 8, CANDIDATES = 8 };

/* Appends text on one line until it has `chars` characters. */
struct line {
	struct buf *out;
	size_t left;
	bool blank; /* white space is due before the next word */
	bool begun;
};

static void add_char(struct line *line, uint32_t cp)
{
	if (cp >= 0x80 && message_text_is_invisible(cp))
		return;
	if (message_text_is_space(cp)) {
		line->blank = line->begun;
		return;
	}
	if (line->blank && line->left > 1) {
		buf_addc(line->out, ' ');
		line->left--;
	} else if (line->blank) {
		line->left = 0;
		return;
	}
	line->blank = false;
	line->begun = true;
	utf8_add(line->out, cp);
	line->left--;
}

static void add_text(struct line *line, struct str s)
{
	while (s.n && line->left) {
		if ((uint8_t)s.p[0] < 0x80) {
			add_char(line, (uint8_t)s.p[0]);
			s = str_from(s, 1);
		} else {
			add_char(line, utf8_next(&s));
		}
	}
	line->blank = line->begun;
}

static bool is_quote(struct str s)
{
	return str_starts(s, S(">")) || str_starts(s, S("|"));
}

/* "On Monday Alice wrote:" before quoted lines. */
static bool introduces_quote(struct str s, struct str rest)
{
	struct str next = STR_NONE;

	if (!str_ends(str_trim(s), S(":")))
		return false;
	while (str_next(&rest, '\n', &next) && str_trim(next).n == 0)
		;
	return is_quote(str_trim(next));
}

/* Lines of plain text without quotations; the signature ends it (RFC 3676 4.3). */
static void add_lines(struct line *line, struct str text)
{
	struct str rest = text, s;

	while (line->left && str_next(&rest, '\n', &s)) {
		if (str_equal(s, S("-- ")) || str_equal(s, S("-- \r")))
			return;
		if (!is_quote(s) && !introduces_quote(s, rest))
			add_text(line, s);
	}
}

static void to_utf8(const struct message_part *part, struct str bytes, struct buf *out)
{
	const struct message_param *charset = message_params_find(&part->params, "charset");

	if (!charset || message_charset_to_utf8(charset->value, bytes, out) != OK)
		message_charset_guess_to_utf8(bytes, out);
}

/* A character cut at the end of what was looked at is no character. */
static struct str without_partial(struct str s, bool cut)
{
	size_t n = 0;

	while (cut && n < 3 && n < s.n && ((uint8_t)s.p[s.n - 1 - n] & 0xc0) == 0x80)
		n++;
	if (cut && n < s.n && (uint8_t)s.p[s.n - 1 - n] >= 0xc0)
		s.n -= n + 1;
	return s;
}

/* True when the preview is full or the part is used up. */
static bool try_bytes(const struct message_part *part, struct str body, size_t bytes,
	size_t chars, struct buf *out)
{
	struct buf decoded = {0}, text = {0}, shown = {0};
	struct line line = {.out = out, .left = chars};
	bool cut = bytes < body.n;

	message_decode(part->encoding, str_sub(body, 0, bytes), &decoded);
	to_utf8(part, without_partial(buf_str(&decoded), cut), &text);
	if (str_iequal(part->subtype, S("html"))) {
		message_html_text(buf_str(&text), &shown);
		add_text(&line, buf_str(&shown));
	} else {
		add_lines(&line, buf_str(&text));
	}
	buf_done(&decoded);
	buf_done(&text);
	buf_done(&shown);
	return line.left == 0 || !cut;
}

static void preview_part(
	const struct message_part *part, struct str raw, size_t chars, struct buf *out)
{
	struct str body = str_sub(raw, part->body_offset, part->body_size);
	size_t start = out->n;

	for (size_t bytes = FIRST_BYTES; bytes <= MOST_BYTES; bytes *= GROWTH) {
		buf_truncate(out, start);
		if (try_bytes(part, body, bytes, chars, out))
			return;
	}
}

static bool is_text(const struct message_part *part, const char *subtype)
{
	return part->kind == MESSAGE_LEAF && str_iequal(part->type, S("text")) &&
	       str_iequal(part->subtype, str_of(subtype)) &&
	       !str_iequal(part->disposition, S("attachment"));
}

void message_preview_add(
	const struct message_mime *mime, struct str raw, size_t chars, struct buf *out)
{
	static const char *const subtypes[] = {"plain", "html"};
	size_t start = out->n, tried = 0;

	for (size_t i = 0; i < 2; i++)
		for (const struct message_part *part = mime->root; part && tried < CANDIDATES;
			part = message_part_next(mime->root, part)) {
			if (!is_text(part, subtypes[i]))
				continue;
			tried++;
			preview_part(part, raw, chars, out);
			if (out->n > start)
				return;
		}
}
