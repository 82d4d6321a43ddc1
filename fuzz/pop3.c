/* SPDX-License-Identifier: ISC */
/*
 * POP3: lines of clients read the same in pieces, SASL responses are taken or refused, and a message keeps the rules of a
 * multi-line reply whatever its bytes and the pieces they come in.
 */
#include "login/sasl.h"
#include "pop3/reply.h"
#include "pop3/stuff.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void stuff(struct str all, struct pop3_stuff how, size_t step, struct buf *out)
{
	for (size_t at = 0; at < all.n; at += step)
		if (!pop3_stuff_add(&how, str_sub(all, at, all.n - at < step ? all.n - at : step), out))
			break;
	pop3_stuff_end(&how, out);
}

/* Ends with a dot on a line of its own, the only one. */
static void check_reply(struct str reply)
{
	require(str_ends(reply, S(".\r\n")));
	require(reply.n == 3 || str_ends(reply, S("\r\n.\r\n")));
	reply.n -= 3;
	require(!str_starts(reply, S(".\r\n")) && str_find(reply, S("\n.\r\n")) < 0 && str_find(reply, S("\n.\n")) < 0);
	for (size_t i = 0; i < reply.n; i++)
		require(reply.p[i] != '\n' || (i && reply.p[i - 1] == '\r'));
}

static void check_stuff(struct str all, struct pop3_stuff how)
{
	struct buf whole = { 0 }, pieces = { 0 };

	stuff(all, how, all.n ? all.n : 1, &whole);
	stuff(all, how, 3, &pieces);
	require(str_equal(buf_str(&whole), buf_str(&pieces)));
	check_reply(buf_str(&whole));
	buf_done(&whole);
	buf_done(&pieces);
}

static void check_sasl(struct str line)
{
	struct arena *arena = arena_new();
	struct buf challenge = { 0 };
	struct pop3_line parts = pop3_line_split(line);
	const struct scram_binding binding = { S("exporter"), S("end point") };
	struct sasl sasl;
	enum sasl_next next;

	if (sasl_begin(&sasl, parts.verb, &binding, arena)) {
		next = sasl_start(&sasl, parts.args.n ? parts.args : STR_NONE, &challenge);
		if (next == SASL_CHALLENGE)
			next = sasl_take(&sasl, parts.args, &challenge);
		if (next == SASL_LOOKUP) {
			require(sasl.user.n > 0);
			require(sasl_salt(&sasl, S("salt"), 4096, &challenge) == SASL_CHALLENGE);
			next = sasl_take(&sasl, parts.args, &challenge);
		}
		require(next != SASL_REFUSED || (sasl.error != OK && sasl.complaint));
		require(next != SASL_CREDENTIALS || sasl.user.n <= line.n);
	}
	buf_done(&challenge);
	arena_free(&arena);
}

static void check_lines(struct str input)
{
	size_t taken = 1;

	while (taken) {
		struct str line = pop3_line_of(input, &taken), args = pop3_line_split(line).args;
		uint32_t n;

		require(taken <= input.n && line.n < taken + !taken);
		pop3_take_number(&args, &n);
		check_sasl(line);
		input = str_from(input, taken);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = str_make(data, size);

	check_lines(all);
	check_stuff(all, (struct pop3_stuff){ .limited = false });
	check_stuff(all, (struct pop3_stuff){ .limited = true, .lines_left = size ? data[0] % 4u : 0 });
	return 0;
}
