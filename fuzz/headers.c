/* SPDX-License-Identifier: ISC */
/* Header blocks: nothing is lost, text is clean, parameters and dates survive writing and
 * reading again. */
#include "message/check.h"
#include "message/message.h"

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_clean(struct str s)
{
	MESSAGE_CHECK(utf8_is_valid(s));
	while (s.n) {
		uint32_t cp = utf8_next(&s);

		MESSAGE_CHECK(cp >= 0x20 && (cp < 0x7f || cp >= 0xa0));
	}
}

static void check_text(struct str value)
{
	struct buf out = {0};

	message_header_decode(value, &out);
	check_clean(buf_str(&out));
	buf_clear(&out);
	message_header_unfold(value, &out);
	for (size_t i = 0; i < out.n; i++)
		MESSAGE_CHECK(out.p[i] != '\r' && out.p[i] != '\n' && out.p[i] != '\0');
	buf_done(&out);
}

static void write_params(const struct message_params *params, struct buf *out)
{
	buf_adds(out, "x/y");
	for (size_t i = 0; i < params->n; i++) {
		const struct message_param *p = &params->v[i];

		buf_adds(out, ";");
		buf_add(out, p->name);
		buf_adds(out, p->extended ? "*=\"" : "=\"");
		for (size_t k = 0; k < p->value.n; k++) {
			if (p->value.p[k] == '"' || p->value.p[k] == '\\')
				buf_addc(out, '\\');
			buf_addc(out, p->value.p[k]);
		}
		buf_addc(out, '"');
	}
}

static void check_params(struct str value, struct arena *arena)
{
	struct message_params params, again;
	struct buf text = {0};

	message_params_parse(value, arena, &params);
	write_params(&params, &text);
	message_params_parse(buf_str(&text), arena, &again);
	MESSAGE_CHECK(again.n == params.n);
	for (size_t i = 0; i < params.n; i++) {
		struct buf decoded = {0};

		MESSAGE_CHECK(str_equal(again.v[i].name, params.v[i].name));
		MESSAGE_CHECK(str_equal(again.v[i].value, params.v[i].value));
		MESSAGE_CHECK(again.v[i].extended == params.v[i].extended);
		message_param_decode(&params.v[i], &decoded);
		check_clean(buf_str(&decoded));
		buf_done(&decoded);
	}
	buf_done(&text);
}

static void check_date(struct str value)
{
	struct message_date date, again;
	struct buf text = {0};
	int64_t day;

	if (message_date_parse(value, &date) == OK ||
		message_date_parse_imap(value, &date) == OK) {
		message_date_write(date, &text);
		MESSAGE_CHECK(message_date_parse(buf_str(&text), &again) == OK);
		MESSAGE_CHECK(again.time_s == date.time_s && again.zone_min == date.zone_min);
		buf_clear(&text);
		message_date_write_imap(date, &text);
		MESSAGE_CHECK(message_date_parse_imap(buf_str(&text), &again) == OK);
		MESSAGE_CHECK(again.time_s == date.time_s && again.zone_min == date.zone_min);
		MESSAGE_CHECK(message_date_parse_imap_day(
				      str_trim(str_sub(buf_str(&text), 0, 11)), &day) == OK);
		MESSAGE_CHECK(day == message_date_day(date));
	}
	buf_done(&text);
}

/* A selection and its complement are the header, and the empty line once more. */
static void check_selection(struct str header, size_t empty_line)
{
	const struct str names[] = {S("subject"), S("date"), S("content-type"), S("received"),
		S("a"), S("b"), S("c"), S("to"), S("from"), S("x")};
	struct buf with = {0}, without = {0};

	for (size_t count = 1; count <= 10; count += 9) {
		buf_clear(&with);
		buf_clear(&without);
		message_header_fields(header, names, count, false, &with);
		message_header_fields(header, names, count, true, &without);
		MESSAGE_CHECK(with.n + without.n == header.n + empty_line);
	}
	buf_done(&with);
	buf_done(&without);
}

/* What was fixed needs no fixing. */
static void check_submission(struct str header)
{
	const struct message_submission_options options = {1700000000, S("h.test"), {1, 2}};
	struct buf fixed = {0}, again = {0};
	bool changed;

	if (message_submission_fix(header, &options, &fixed, &changed) == OK) {
		MESSAGE_CHECK(changed || str_equal(buf_str(&fixed), header));
		MESSAGE_CHECK(message_submission_fix(
				      buf_str(&fixed), &options, &again, &changed) == OK);
		MESSAGE_CHECK(!changed && str_equal(buf_str(&fixed), buf_str(&again)));
	}
	MESSAGE_CHECK(message_trace_strip(header) <= header.n);
	buf_done(&fixed);
	buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str raw = str_make(data, size), rest = raw, header;
	struct arena *arena = arena_new();
	struct message_field field;

	header = str_sub(raw, 0, message_header_length(raw));
	while (message_header_next(&rest, &field)) {
		MESSAGE_CHECK(field.whole.n && rest.p == field.whole.p + field.whole.n);
		MESSAGE_CHECK(field.name.n + field.value.n <= field.whole.n);
		check_text(field.value);
		check_params(field.value, arena);
		check_date(field.value);
	}
	MESSAGE_CHECK(raw.n - rest.n <= header.n && header.n - (raw.n - rest.n) <= 2);
	check_selection(header, header.n - (raw.n - rest.n));
	check_submission(header);
	arena_free(&arena);
	return 0;
}
