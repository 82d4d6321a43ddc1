/* SPDX-License-Identifier: ISC */
#include "message/submission.h"

#include "message/address.h"
#include "message/date.h"
#include "message/header.h"

static const struct str hidden_fields[] = {{"Bcc", 3}, {"Resent-Bcc", 10}};

/* Names that begin with one of these are trace of this or an earlier hop. */
static const struct str trace_fields[] = {
	{"Return-Path", 11},
	{"Delivered-To", 12},
	{"X-Original-To", 13},
	{"X-Delivered-To", 14},
	{"Envelope-To", 11},
	{"Received", 8},
	{"Received-SPF", 12},
	{"Authentication-Results", 22},
};
static const struct str trace_prefixes[] = {{"ARC-", 4}, {"X-Spam-", 7}, {"X-Restante-", 11}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_one_of(struct str name, const struct str *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_iequal(name, names[i]))
			return true;
	return false;
}

static bool is_trace(struct str name)
{
	if (is_one_of(name, trace_fields, COUNT(trace_fields)))
		return true;
	for (size_t i = 0; i < COUNT(trace_prefixes); i++)
		if (str_istarts(name, trace_prefixes[i]))
			return true;
	return false;
}

size_t message_trace_strip(struct str content)
{
	struct str rest = content, before = content;
	struct message_field field;

	while (message_header_next(&rest, &field)) {
		bool mbox = rest.n + field.whole.n == content.n &&
			    str_starts(field.whole, S("From "));

		if (!mbox && !is_trace(field.name))
			break;
		before = rest;
	}
	return content.n - before.n;
}

enum { SENDERS_MAX = 64 };

static bool has_mailbox(struct str value)
{
	struct arena *arena = arena_new();
	struct message_addresses from;
	bool found = false;

	message_addresses_parse(value, SENDERS_MAX, arena, &from);
	for (size_t i = 0; i < from.n; i++)
		found |= from.v[i].local.n > 0;
	arena_free(&arena);
	return found;
}

static bool has_sender(struct str header)
{
	struct str value;

	return message_header_find(header, S("From"), &value) && has_mailbox(value);
}

static void end_last_line(size_t start, struct buf *out)
{
	if (out->n > start && out->p[out->n - 1] != '\n')
		buf_adds(out, "\r\n");
}

static void add_missing(
	struct str header, const struct message_submission_options *options, struct buf *out)
{
	struct str value;

	if (!message_header_find(header, S("Date"), &value)) {
		buf_adds(out, "Date: ");
		message_date_write((struct message_date){options->now_s, 0}, out);
		buf_adds(out, "\r\n");
	}
	if (!message_header_find(header, S("Message-ID"), &value))
		buf_addf(out, "Message-ID: <%016llx%016llx@%.*s>\r\n",
			(unsigned long long)options->random[0],
			(unsigned long long)options->random[1], STR_FMT(options->hostname));
}

static bool is_complete(struct str header)
{
	struct str value;

	return message_header_find(header, S("Date"), &value) &&
	       message_header_find(header, S("Message-ID"), &value);
}

enum err message_submission_fix(struct str header,
	const struct message_submission_options *options, struct buf *ret_header,
	bool *ret_changed)
{
	struct str rest = header;
	struct message_field field;
	size_t start = ret_header->n;
	bool complete = is_complete(header);

	if (!has_sender(header))
		return ERR_CONTENT;
	*ret_changed = !complete;
	while (message_header_next(&rest, &field)) {
		if (is_one_of(field.name, hidden_fields, COUNT(hidden_fields)))
			*ret_changed = true;
		else
			buf_add(ret_header, field.whole);
	}
	if (!complete) {
		end_last_line(start, ret_header);
		add_missing(header, options, ret_header);
	}
	buf_add(ret_header, rest); /* the empty line */
	return OK;
}
