/* SPDX-License-Identifier: ISC */
/* Whole messages keep every invariant of message/check.h; the same bytes as a structure blob
 * are refused or safe. */
#include "message/check.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct message_structure *s)
{
	static const char *const sections[] = {
		"", "HEADER", "1", "2", "1.MIME", "2.HEADER", "1.1.TEXT", "3.2.1"};
	struct buf text = {0};
	struct message_range range;
	struct str list = s->references, id;

	message_structure_add_envelope(s, &text);
	message_structure_add_body(s, &text);
	message_structure_add_bodystructure(s, &text);
	while (message_structure_next_id(s, &list, &id))
		MESSAGE_CHECK(id.n <= s->pool.n);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (message_structure_section(s, str_of(sections[i]), &range, NULL) == OK)
			MESSAGE_CHECK(range.offset <= s->size &&
				      range.size <= s->size - range.offset);
	buf_done(&text);
}

static void check_blob(struct str blob)
{
	struct message_structure s;

	if (message_structure_open(blob, &s) == OK)
		use(&s);
}

/* A blob of the program's own with one byte changed. */
static void check_damaged(struct str blob, struct str raw)
{
	char *copy = malloc(blob.n);
	uint32_t at = 0;

	memcpy(copy, blob.p, blob.n);
	for (size_t i = 0; i < raw.n && i < 16; i++)
		at = at * 31 + (uint8_t)raw.p[i];
	copy[at % blob.n] = (char)(copy[at % blob.n] + 1 + at / 256 % 255);
	check_blob(str_make(copy, blob.n));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct str raw = str_make(data, size);
	struct buf blob = {0};

	message_check(raw, arena, &blob);
	check_damaged(buf_str(&blob), raw);
	check_blob(raw);
	buf_done(&blob);
	arena_free(&arena);
	return 0;
}
