/* SPDX-License-Identifier: ISC */
/* Whatever reads as rows reads the same when it is written again with all fields in quotes. */
#include "directory/csv.h"

#include <stdlib.h>

static void must(int true_thing)
{
	if (!true_thing)
		abort();
}

static void write_row(struct buf *out, const struct directory_csv_row *row)
{
	for (size_t i = 0; i < row->count; i++) {
		struct str field = i < DIRECTORY_CSV_FIELDS_MAX ? row->fields[i] : STR_NONE;

		buf_adds(out, i ? ",\"" : "\"");
		for (size_t j = 0; j < field.n; j++) {
			if (field.p[j] == '"')
				buf_addc(out, '"');
			buf_addc(out, field.p[j]);
		}
		buf_addc(out, '"');
	}
	buf_adds(out, "\r\n");
}

static void compare(struct directory_csv *again, const struct directory_csv_row *row)
{
	struct directory_csv_row other;

	must(directory_csv_next(again, &other) && !other.cause && other.count == row->count);
	for (size_t i = 0; i < row->count && i < DIRECTORY_CSV_FIELDS_MAX; i++)
		must(str_equal(other.fields[i], row->fields[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct directory_csv csv, again;
	struct directory_csv_row row;
	struct buf out = {0};
	size_t line = 0;

	directory_csv_begin(&csv, str_make(data, size), arena);
	while (directory_csv_next(&csv, &row)) {
		must(row.line > line && row.count > 0);
		line = row.line;
		if (!row.cause)
			write_row(&out, &row);
	}
	directory_csv_begin(&csv, str_make(data, size), arena);
	directory_csv_begin(&again, buf_str(&out), arena);
	while (directory_csv_next(&csv, &row))
		if (!row.cause)
			compare(&again, &row);
	must(!directory_csv_next(&again, &row));
	buf_done(&out);
	arena_free(&arena);
	return 0;
}
