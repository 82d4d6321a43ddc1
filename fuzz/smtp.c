/* SPDX-License-Identifier: ISC */
/*
 * SMTP command lines, paths, parameters, data and replies.  The first byte of the input
 * chooses where the rest is cut; the result must not depend on it, and the data scanner must
 * agree with the rule written plainly below.
 */
#include "base/arena.h"
#include "smtp/command.h"
#include "smtp/data.h"
#include "smtp/reply.h"
#include "smtp/trace.h"

#include <stdlib.h>

#define CHECK(condition) \
	do { \
		if (!(condition)) \
			abort(); \
	} while (0)

enum { LINE_MAX_HERE = 300 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void collect(void *arg, struct str piece)
{
	buf_add(arg, piece);
}

/* RFC 5321 4.1.1.4 and 4.5.2 line by line.  Returns the bytes up to the end, 0 when there is
 * none. */
static size_t plain_scan(struct str s, struct buf *out, bool *ret_bare)
{
	size_t at = 0;

	*ret_bare = false;
	for (;;) {
		ptrdiff_t end = str_find(str_from(s, at), S("\r\n"));
		struct str line = end < 0 ? str_from(s, at) : str_sub(s, at, (size_t)end);

		if (end == 1 && *line.p == '.')
			return at + 3;
		*ret_bare |= str_index(line, '\n') >= 0 || str_index(line, '\r') >= 0;
		if (end < 0)
			return 0;
		buf_add(out, str_starts(line, S(".")) ? str_from(line, 1) : line);
		buf_adds(out, "\r\n");
		at += (size_t)end + 2;
	}
}

/* Scans s in pieces of 1, 2, ... or, step 0, at once. */
static size_t scan_in_pieces(
	struct str s, size_t step, struct smtp_data *scanner, struct buf *out)
{
	size_t taken = 0;

	for (size_t i = 1; taken < s.n && scanner->state != SMTP_DATA_END; i++)
		taken += smtp_data_scan(scanner,
			step ? str_sub(s, taken, i * step) : str_from(s, taken), collect, out);
	return taken;
}

static void check_data(struct str s, size_t step)
{
	struct smtp_data whole = { 0 }, pieces = { 0 };
	struct buf a = { 0 }, b = { 0 }, plain = { 0 };
	bool bare;
	size_t end = plain_scan(s, &plain, &bare);
	size_t n = scan_in_pieces(s, 0, &whole, &a), m = scan_in_pieces(s, step, &pieces, &b);

	CHECK(n == m && whole.state == pieces.state && whole.has_bare == pieces.has_bare);
	CHECK((whole.state == SMTP_DATA_END) == (end > 0));
	if (end > 0) {
		CHECK(n == end && whole.has_bare == bare);
		CHECK(bare || (str_equal(buf_str(&a), buf_str(&plain)) &&
				      str_equal(buf_str(&b), buf_str(&plain))));
	}
	CHECK(whole.has_bare || str_equal(buf_str(&a), buf_str(&b)));
	buf_done(&a);
	buf_done(&b);
	buf_done(&plain);
}

/* A path that was understood is understood again as it is written. */
static void check_path(struct str args, unsigned flags)
{
	struct arena *arena = arena_new();
	struct message_path path, again;
	struct str rest;
	struct buf text = { 0 };

	if (smtp_path_take(args, S("FROM:"), flags, arena, &path, &rest) == OK) {
		struct smtp_mail_parameters parameters;
		struct str bad = STR_NONE;

		buf_adds(&text, "FROM:<");
		message_path_write(&path, &text);
		buf_addc(&text, '>');
		CHECK(smtp_path_take(
			      buf_str(&text), S("from:"), flags, arena, &again, &rest) == OK);
		CHECK(str_equal(path.local, again.local) &&
			str_equal(path.domain, again.domain));
		if (smtp_mail_parameters_parse(rest, &parameters, &bad) != OK)
			CHECK(bad.n <= rest.n);
	}
	buf_done(&text);
	arena_free(&arena);
}

static void check_reply(struct str arg)
{
	struct buf out = { 0 };
	struct smtp_received received = {
		.hello = arg, .ip = S("::1"), .hostname = S("mx.example.test")
	};

	for (int i = 0; i < 4; i++) {
		size_t begin = out.n;
		struct str line;

		if (i == 0)
			smtp_reply_add(&out, SMTP_REPLY_NO_RELAY, arg);
		else if (i == 1)
			smtp_reply_add_error(&out, ERR_UNKNOWN_USER, arg);
		else if (i == 2)
			smtp_reply_add_text(&out, "554 5.6.0", arg);
		else
			smtp_reply_add_part(&out, S("250"), arg, false);
		line = str_from(buf_str(&out), begin);
		CHECK(line.n <= SMTP_REPLY_MAX &&
			str_index(line, '\n') == (ptrdiff_t)line.n - 1);
		CHECK(str_index(line, '\r') == (ptrdiff_t)line.n - 2);
	}
	buf_clear(&out);
	smtp_received_add(&out, &received);
	CHECK(str_find(buf_str(&out), S("\n\n")) < 0 &&
		str_find(buf_str(&out), S("\r\n\r\n")) < 0);
	buf_done(&out);
}

static void check_line(struct str line)
{
	struct str args = STR_NONE;
	const struct smtp_command *row = smtp_command_find(line, &args);

	CHECK(str_index(line, '\r') < 0 && str_index(line, '\n') < 0);
	(void)smtp_hello_is_valid(line);
	check_reply(line);
	if (!row)
		return;
	CHECK(str_istarts(line, row->verb) && args.n <= line.n);
	for (unsigned flags = 0; flags < 16; flags++)
		check_path(args, flags);
}

/* The first line of every prefix is the first line of the whole, as soon as it is one. */
static void check_lines(struct str s, size_t step)
{
	while (s.n > 0) {
		size_t n = 0, early = 0;
		enum smtp_cut cut = smtp_line_cut(s, LINE_MAX_HERE, &n), first = SMTP_CUT_MORE;

		for (size_t i = step; i < s.n && first == SMTP_CUT_MORE; i += step)
			first = smtp_line_cut(str_sub(s, 0, i), LINE_MAX_HERE, &early);
		CHECK(first == SMTP_CUT_MORE || (first == cut && early == n));
		CHECK(smtp_line_max(s) >= SMTP_LINE_MAX);
		if (cut != SMTP_CUT_LINE)
			return;
		check_line(str_sub(s, 0, n - 2));
		s = str_from(s, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_make(data, size);
	size_t step = size ? data[0] % 13 + 1 : 1;

	s = str_from(s, 1);
	check_lines(s, step);
	check_data(s, step);
	if (size > 1) {
		struct smtp_mail_parameters parameters;
		struct str bad = STR_NONE;

		if (smtp_mail_parameters_parse(s, &parameters, &bad) != OK)
			CHECK(bad.n <= s.n);
	}
	return 0;
}
