/* SPDX-License-Identifier: ISC */
/*
 * What IMAP clients send: bytes in pieces are gathered into commands, whatever the pieces; each command's arguments
 * are read by the grammar of its verb, written again, and must then read the same.
 */
#include "imap/collect.h"
#include "imap/condstore_args.h"
#include "imap/fetch_att.h"
#include "imap/mutf7.h"
#include "imap/parse.h"
#include "imap/pattern.h"
#include "imap/search_key.h"
#include "imap/seqset.h"
#include "imap/write.h"

#include "base/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 4096, MESSAGE_MAX = 1024 };

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void check_sets(struct imap_parser ps)
{
	struct buf first = { 0 }, second = { 0 };
	struct uidset uids = { 0 }, again = { 0 };
	struct imap_seqset set;

	if (imap_seqset_parse(&ps, &set) == OK) {
		imap_seqset_write(&set, &first);
		ps = imap_parser_of(buf_str(&first), ps.arena);
		require(imap_seqset_parse(&ps, &set) == OK && imap_parse_end(&ps) == OK);
		imap_seqset_write(&set, &second);
		require(str_equal(buf_str(&first), buf_str(&second)));
		imap_seqset_resolve(&set, 100, ps.arena, &uids);
		require(uids.n > 0);
		buf_clear(&first);
		imap_write_uidset(&uids, &first);
		ps = imap_parser_of(buf_str(&first), ps.arena);
		require(imap_seqset_parse(&ps, &set) == OK);
		imap_seqset_resolve(&set, 7, ps.arena, &again);
		require(uidset_equal(&uids, &again));
	}
	uidset_done(&uids);
	uidset_done(&again);
	buf_done(&first);
	buf_done(&second);
}

static void check_fetch(struct imap_parser ps)
{
	struct buf first = { 0 }, second = { 0 };
	struct imap_fetch_atts atts;

	if (imap_fetch_atts_parse(&ps, &atts) == OK) {
		imap_fetch_atts_write(&atts, &first);
		ps = imap_parser_of(buf_str(&first), ps.arena);
		require(imap_fetch_atts_parse(&ps, &atts) == OK && imap_parse_end(&ps) == OK);
		imap_fetch_atts_write(&atts, &second);
		require(str_equal(buf_str(&first), buf_str(&second)));
		for (size_t i = 0; i < atts.n; i++) {
			imap_fetch_att_write_name(&atts.v[i], &second);
			require(imap_fetch_att_needs_message(&atts.v[i]) || !imap_fetch_att_sets_seen(&atts.v[i]));
		}
	}
	buf_done(&first);
	buf_done(&second);
}

static void check_search(struct imap_parser ps)
{
	struct buf first = { 0 }, second = { 0 };
	struct imap_search_key *root;

	if (imap_search_parse(&ps, &root) == OK) {
		imap_search_write(root, &first);
		ps = imap_parser_of(buf_str(&first), ps.arena);
		require(imap_search_parse(&ps, &root) == OK);
		imap_search_write(root, &second);
		require(str_equal(buf_str(&first), buf_str(&second)));
	}
	buf_done(&first);
	buf_done(&second);
}

static void check_name(struct imap_parser ps)
{
	struct buf wire = { 0 };
	struct str name, again;

	if (imap_parse_mailbox(&ps, &name) == OK) {
		require(utf8_is_valid(name));
		imap_write_mailbox(name, &wire);
		ps = imap_parser_of(buf_str(&wire), ps.arena);
		if (imap_parse_mailbox(&ps, &again) == OK)
			require(str_equal(name, again) && imap_parse_end(&ps) == OK);
	}
	buf_done(&wire);
}

static void check_pattern(struct imap_parser ps)
{
	struct str reference, pattern;

	if (imap_parse_list_mailbox(&ps, &reference) != OK || imap_parse_space(&ps) != OK ||
		imap_parse_list_mailbox(&ps, &pattern) != OK)
		return;
	require(imap_pattern_matches(S("*"), reference) == (reference.n <= 4096));
	if (str_index(pattern, '%') < 0 && str_index(pattern, '*') < 0 && pattern.n <= 4096)
		require(imap_pattern_matches(pattern, pattern));
}

static void check_astring(struct imap_parser ps)
{
	struct buf wire = { 0 };
	struct str s, again;

	if (imap_parse_astring(&ps, &s) == OK) {
		imap_write_astring(s, &wire);
		ps = imap_parser_of(buf_str(&wire), ps.arena);
		require(imap_parse_astring(&ps, &again) == OK && imap_parse_end(&ps) == OK && str_equal(s, again));
	}
	buf_done(&wire);
}

static void check_condstore(struct imap_parser ps)
{
	struct imap_select_params params;
	struct imap_fetch_modifiers modifiers;
	struct imap_parser at = ps;
	uint64_t modseq;
	bool is_given;

	at.p--; /* the space before the arguments */
	if (imap_select_params_parse(&at, &params) != OK)
		require(at.complaint != NULL);
	at = ps;
	at.p--;
	if (imap_fetch_modifiers_parse(&at, &modifiers) != OK)
		require(at.complaint != NULL);
	at = ps;
	if (imap_unchanged_since_parse(&at, &is_given, &modseq) != OK)
		require(at.complaint != NULL);
}

static void check_rest(struct imap_parser ps)
{
	struct imap_parser at = ps;
	struct imap_flags flags;
	struct str s;
	int64_t v;

	if (imap_parse_flags(&at, true, &flags) == OK)
		require(flags.keywords_n <= IMAP_KEYWORDS_MAX && !(flags.system & ~IMAP_SYSTEM_FLAGS));
	at = ps;
	if (imap_parse_date(&at, &v) != OK)
		require(at.complaint != NULL);
	at = ps;
	if (imap_parse_date_time(&at, &v) != OK)
		require(at.complaint != NULL);
	at = ps;
	if (imap_parse_nstring(&at, &s) != OK)
		require(at.complaint != NULL);
}

static void check_command(struct str text)
{
	struct arena *arena = arena_new();
	struct imap_parser ps = imap_parser_of(text, arena);
	struct str tag, verb;

	if (imap_parse_tag(&ps, &tag) == OK && imap_parse_space(&ps) == OK && imap_parse_atom(&ps, &verb) == OK &&
		imap_parse_space(&ps) == OK) {
		check_sets(ps);
		check_fetch(ps);
		check_search(ps);
		check_name(ps);
		check_pattern(ps);
		check_astring(ps);
		check_condstore(ps);
		check_rest(ps);
	} else {
		require(ps.complaint != NULL);
	}
	arena_free(&arena);
}

/* Writes down what came out; with `check` also reads each command. */
static void collect(const uint8_t *data, size_t size, size_t piece, bool check, struct buf *log)
{
	struct imap_collect c;

	imap_collect_init(&c, TEXT_MAX, MESSAGE_MAX);
	for (size_t at = 0, end; at < size; at = end) {
		end = piece < size - at ? at + piece : size;
		for (size_t taken; at < end; at += taken) {
			enum imap_collected r = imap_collect_feed(&c, str_make(data + at, end - at), &taken);

			require(taken <= end - at && (taken > 0 || r != IMAP_COLLECT_MORE));
			require(c.text.n <= TEXT_MAX && imap_spools_size(&c.messages) <= MESSAGE_MAX);
			if (r != IMAP_COLLECT_MORE)
				buf_u8(log, (uint8_t)r);
			if (r == IMAP_COLLECT_COMMAND && check)
				check_command(buf_str(&c.text));
			if (r != IMAP_COLLECT_COMMAND && r != IMAP_COLLECT_REFUSED)
				continue;
			buf_u32(log, c.error);
			if (r == IMAP_COLLECT_COMMAND) {
				buf_blob(log, buf_str(&c.text));
				for (size_t i = 0; i < c.messages.n; i++)
					buf_blob(log, buf_str(&c.messages.v[i].memory));
			}
			imap_collect_next(&c);
		}
	}
	imap_collect_done(&c);
}

static void check_mutf7(struct str s)
{
	struct buf name = { 0 }, wire = { 0 };

	if (imap_mutf7_decode(s, &name) == OK) {
		require(utf8_is_valid(buf_str(&name)));
		imap_mutf7_encode(buf_str(&name), &wire);
		require(str_equal(s, buf_str(&wire)));
	}
	buf_done(&name);
	buf_done(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = { 0 }, pieces = { 0 };
	size_t piece = size ? data[0] % 16 + 1 : 1;

	if (size == 0)
		return 0;
	data++;
	size--;
	collect(data, size, SIZE_MAX, true, &whole);
	collect(data, size, piece, false, &pieces);
	require(str_equal(buf_str(&whole), buf_str(&pieces)));
	check_mutf7(str_make(data, size));
	buf_done(&whole);
	buf_done(&pieces);
	return 0;
}
