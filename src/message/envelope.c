/* SPDX-License-Identifier: ISC */
#include "message/envelope.h"

#include "message/address_reader.h"
#include "message/header.h"
#include "message/imap_string.h"

/* Bytes of one address list that are shown. */
enum { LIST_MAX = 64 << 10 };

static struct str *field_of(struct message_envelope *e, struct str name)
{
	const struct {
		struct str name;
		struct str *to;
	} fields[] = {
		{S("Date"), &e->date},
		{S("Subject"), &e->subject},
		{S("From"), &e->from},
		{S("Sender"), &e->sender},
		{S("Reply-To"), &e->reply_to},
		{S("To"), &e->to},
		{S("Cc"), &e->cc},
		{S("Bcc"), &e->bcc},
		{S("In-Reply-To"), &e->in_reply_to},
		{S("Message-ID"), &e->message_id},
		{S("References"), &e->references},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (str_iequal(name, fields[i].name))
			return fields[i].to;
	return NULL;
}

void message_envelope_read(struct str header, struct message_envelope *ret_envelope)
{
	struct message_field field;

	*ret_envelope = (struct message_envelope){.received = 0};
	while (message_header_next(&header, &field)) {
		struct str *to = field.name.n ? field_of(ret_envelope, field.name) : NULL;

		if (to && !to->p)
			*to = field.value;
		else if (!to && str_iequal(field.name, S("Received")))
			ret_envelope->received++;
	}
}

/* RFC 3501 7.4.2: a group's ends are addresses without a host. */
static void add_address(const struct message_address *a, struct buf *out)
{
	buf_addc(out, '(');
	if (a->kind == MESSAGE_MAILBOX) {
		message_imap_nstring(a->name, out);
		buf_addc(out, ' ');
		message_imap_nstring(a->route, out);
		buf_addc(out, ' ');
		message_imap_string(a->local, out);
		buf_addc(out, ' ');
		message_imap_string(a->domain, out);
	} else {
		buf_adds(out, "NIL NIL ");
		if (a->kind == MESSAGE_GROUP_BEGIN)
			message_imap_string(a->name, out);
		else
			buf_adds(out, "NIL");
		buf_adds(out, " NIL");
	}
	buf_addc(out, ')');
}

/* NIL without an address. */
static void add_addresses(struct str value, struct arena *arena, struct buf *out)
{
	struct message_address_reader r;
	struct message_address address;
	size_t start = out->n;

	message_address_reader_begin(str_sub(value, 0, LIST_MAX), arena, &r);
	while (out->n - start < LIST_MAX && message_address_reader_next(&r, &address)) {
		if (out->n == start)
			buf_addc(out, '(');
		add_address(&address, out);
	}
	if (out->n == start)
		buf_adds(out, "NIL");
	else
		buf_addc(out, ')');
}

static void add_next(struct str value, struct arena *arena, struct buf *out)
{
	buf_addc(out, ' ');
	if (str_trim(value).n == 0)
		buf_adds(out, "NIL");
	else
		add_addresses(value, arena, out);
}

static struct str text_from(const struct buf *out, size_t start, size_t end)
{
	return str_sub(buf_str(out), start, end - start);
}

/*
 * Sender and Reply-To count as the From field where they are absent or empty (RFC 3501 7.4.2).
 * True, and nothing appended, when it is the same as what stands from `from` to `end`.
 */
static bool add_unless_same(
	struct str value, size_t from, size_t end, struct arena *arena, struct buf *out)
{
	size_t start = out->n;
	struct str text;

	if (str_trim(value).n == 0)
		return true;
	add_next(value, arena, out);
	text = text_from(out, start, out->n);
	if (out->overflow ||
		(!str_equal(text, S(" NIL")) && !str_equal(text, text_from(out, from, end))))
		return false;
	buf_truncate(out, start);
	return true;
}

void message_envelope_write(const struct message_envelope *e, struct arena *arena,
	struct buf *out, struct message_envelope_text *ret_text)
{
	struct message_envelope_text at;

	buf_addc(out, '(');
	message_imap_nstring(e->date, out);
	buf_addc(out, ' ');
	message_imap_nstring(e->subject, out);
	at.from = out->n;
	add_next(e->from, arena, out);
	at.sender = out->n;
	at.sender_is_from = add_unless_same(e->sender, at.from, at.sender, arena, out);
	at.reply_to = out->n;
	at.reply_to_is_from = add_unless_same(e->reply_to, at.from, at.sender, arena, out);
	at.rest = out->n;
	add_next(e->to, arena, out);
	add_next(e->cc, arena, out);
	add_next(e->bcc, arena, out);
	buf_addc(out, ' ');
	message_imap_nstring(e->in_reply_to, out);
	buf_addc(out, ' ');
	message_imap_nstring(e->message_id, out);
	buf_addc(out, ')');
	at.end = out->n;
	*ret_text = at;
}

void message_envelope_add(
	const struct message_envelope *e, struct arena *arena, struct buf *out)
{
	struct buf text = {.max = out->max};
	struct message_envelope_text at;
	struct str from;

	message_envelope_write(e, arena, &text, &at);
	from = text_from(&text, at.from, at.sender);
	buf_add(out, text_from(&text, 0, at.sender));
	buf_add(out, at.sender_is_from ? from : text_from(&text, at.sender, at.reply_to));
	buf_add(out, at.reply_to_is_from ? from : text_from(&text, at.reply_to, at.rest));
	buf_add(out, text_from(&text, at.rest, at.end));
	out->overflow |= text.overflow;
	buf_done(&text);
}
