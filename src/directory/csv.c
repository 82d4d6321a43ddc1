/* SPDX-License-Identifier: ISC */
#include "directory/csv.h"

void directory_csv_begin(struct directory_csv *csv, struct str text, struct arena *arena)
{
	const struct str mark = S("\xef\xbb\xbf");

	*csv = (struct directory_csv){.rest = text, .line = 1, .arena = arena};
	if (str_starts(text, mark))
		csv->rest = str_from(text, mark.n);
}

static void skip(struct directory_csv *csv, size_t n)
{
	for (size_t i = 0; i < n; i++)
		csv->line += csv->rest.p[i] == '\n';
	csv->rest = str_from(csv->rest, n);
}

static bool is_at(const struct directory_csv *csv, char c)
{
	return csv->rest.n > 0 && csv->rest.p[0] == c;
}

static bool skip_line_end(struct directory_csv *csv)
{
	bool crlf = str_starts(csv->rest, S("\r\n"));

	if (!crlf && !is_at(csv, '\n'))
		return false;
	skip(csv, crlf ? 2 : 1);
	return true;
}

/* Behind the opening quote; "" stands for one.  NULL, or why not. */
static const char *take_quoted(struct directory_csv *csv, struct str *ret_field)
{
	struct buf text = {0};
	ptrdiff_t end;

	skip(csv, 1);
	while ((end = str_index(csv->rest, '"')) >= 0) {
		buf_add(&text, str_sub(csv->rest, 0, (size_t)end));
		skip(csv, (size_t)end + 1);
		if (!is_at(csv, '"'))
			break;
		buf_addc(&text, '"');
		skip(csv, 1);
	}
	*ret_field = arena_dup(csv->arena, buf_str(&text));
	buf_done(&text);
	if (end < 0)
		return "a quote is not closed";
	if (csv->rest.n > 0 && !is_at(csv, ',') && !is_at(csv, '\n') && !str_starts(csv->rest, S("\r\n")))
		return "something stands between a closing quote and the comma";
	return NULL;
}

static const char *take_plain(struct directory_csv *csv, struct str *ret_field)
{
	size_t n = 0;

	while (n < csv->rest.n && csv->rest.p[n] != ',' && csv->rest.p[n] != '\n' && csv->rest.p[n] != '"' &&
		csv->rest.p[n] != '\r')
		n++;
	*ret_field = str_sub(csv->rest, 0, n);
	skip(csv, n);
	if (is_at(csv, '"'))
		return "a quote stands in a field that does not begin with one";
	if (is_at(csv, '\r') && !str_starts(csv->rest, S("\r\n")))
		return "a carriage return stands without its line feed";
	return NULL;
}

static void skip_rest_of_line(struct directory_csv *csv)
{
	ptrdiff_t end = str_index(csv->rest, '\n');

	skip(csv, end < 0 ? csv->rest.n : (size_t)end + 1);
}

static void take_fields(struct directory_csv *csv, struct directory_csv_row *row)
{
	struct str field;

	do {
		if (row->count > 0)
			skip(csv, 1);
		row->cause = is_at(csv, '"') ? take_quoted(csv, &field) : take_plain(csv, &field);
		if (row->count < DIRECTORY_CSV_FIELDS_MAX)
			row->fields[row->count] = field;
		row->count++;
	} while (!row->cause && is_at(csv, ','));
}

bool directory_csv_next(struct directory_csv *csv, struct directory_csv_row *ret_row)
{
	while (skip_line_end(csv))
		;
	if (csv->rest.n == 0)
		return false;
	*ret_row = (struct directory_csv_row){.line = csv->line};
	take_fields(csv, ret_row);
	if (ret_row->cause)
		skip_rest_of_line(csv);
	else
		skip_line_end(csv);
	return true;
}
