/* SPDX-License-Identifier: ISC */
/*
 * message-check FILE...: checks every message as it is and with its line endings made CRLF
 * (LF), and prints a line "FILE<TAB>tree" for the comparison with another parser.
 */
#include "message/check.h"

#include <stdio.h>
#include <stdlib.h>

static bool read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	size_t got = 1;

	if (!f)
		return false;
	while (got > 0) {
		char *room = buf_reserve(out, 65536);

		got = fread(room, 1, 65536, f);
		buf_added(out, got);
	}
	return fclose(f) == 0;
}

static void to_crlf(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
			buf_addc(out, '\r');
		buf_addc(out, s.p[i]);
	}
}

static void to_lf(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\r' || i + 1 == s.n || s.p[i + 1] != '\n')
			buf_addc(out, s.p[i]);
}

static void add_lower(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++)
		buf_addc(out, ascii_lower(s.p[i]));
}

static void add_tree(const struct message_part *part, struct buf *out)
{
	add_lower(part->type, out);
	buf_addc(out, '/');
	add_lower(part->subtype, out);
	if (!part->child)
		return;
	for (const struct message_part *child = part->child; child; child = child->next) {
		buf_addc(out, child == part->child ? '(' : ',');
		add_tree(child, out);
	}
	buf_addc(out, ')');
}

/* "header:body:end" of every leaf. */
static void add_leaves(const struct message_part *root, struct buf *out)
{
	const char *between = "\t";

	for (const struct message_part *part = root; part;
		part = message_part_next(root, part)) {
		if (part->child)
			continue;
		buf_addf(out, "%s%zu:%zu:%zu", between, (size_t)part->header_offset,
			(size_t)part->body_offset,
			(size_t)(part->body_offset + part->body_size));
		between = " ";
	}
}

static size_t check(struct str raw)
{
	struct arena *arena = arena_new();
	struct buf blob = {0};
	size_t n;

	message_check(raw, arena, &blob);
	n = blob.n;
	buf_done(&blob);
	arena_free(&arena);
	return n;
}

static void print_tree(const char *path, const char *form, struct str raw)
{
	struct arena *arena = arena_new();
	struct message_mime mime;
	struct buf tree = {0};

	message_mime_parse(raw, arena, &mime);
	add_tree(mime.root, &tree);
	add_leaves(mime.root, &tree);
	printf("%s\t%s\t%.*s\n", path, form, STR_FMT(buf_str(&tree)));
	buf_done(&tree);
	arena_free(&arena);
}

int main(int argc, char **argv)
{
	size_t bytes = 0, blobs = 0;

	for (int i = 1; i < argc; i++) {
		struct buf raw = {0}, other = {0};

		if (!read_file(argv[i], &raw)) {
			perror(argv[i]);
			return 1;
		}
		blobs += check(buf_str(&raw));
		bytes += raw.n;
		to_crlf(buf_str(&raw), &other);
		check(buf_str(&other));
		print_tree(argv[i], "crlf", buf_str(&other));
		buf_clear(&other);
		to_lf(buf_str(&raw), &other);
		check(buf_str(&other));
		print_tree(argv[i], "lf", buf_str(&other));
		buf_done(&raw);
		buf_done(&other);
	}
	fprintf(stderr, "%d messages, %zu bytes, %zu bytes of structure, no violation\n",
		argc - 1, bytes, blobs);
	return 0;
}
