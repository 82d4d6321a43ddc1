/* SPDX-License-Identifier: ISC */
/* A reader of ENVELOPE and BODYSTRUCTURE by the grammar of RFC 3501 9. */
#include "message/check.h"

#include <stdio.h>
#include <stdlib.h>

void message_check_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: violated: %s\n", file, line, what);
	abort();
}

static bool looking_at(const struct str *s, const char *text)
{
	return str_starts(*s, str_of(text));
}

static void expect(struct str *s, const char *text)
{
	MESSAGE_CHECK(looking_at(s, text));
	*s = str_from(*s, strlen(text));
}

static bool accept(struct str *s, const char *text)
{
	if (!looking_at(s, text))
		return false;
	expect(s, text);
	return true;
}

static uint64_t read_number(struct str *s)
{
	size_t n = 0;
	uint64_t value = 0;

	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	MESSAGE_CHECK(str_to_u64(str_sub(*s, 0, n), &value) == OK);
	*s = str_from(*s, n);
	return value;
}

static void read_literal(struct str *s)
{
	uint64_t n;

	expect(s, "{");
	n = read_number(s);
	expect(s, "}\r\n");
	MESSAGE_CHECK(n <= s->n);
	MESSAGE_CHECK(n == 0 || !memchr(s->p, '\0', n));
	*s = str_from(*s, n);
}

static void read_string(struct str *s)
{
	size_t i = 1;

	if (looking_at(s, "{")) {
		read_literal(s);
		return;
	}
	MESSAGE_CHECK(looking_at(s, "\""));
	for (; i < s->n && s->p[i] != '"'; i++) {
		if (s->p[i] == '\\') {
			i++;
			MESSAGE_CHECK(i < s->n && (s->p[i] == '"' || s->p[i] == '\\'));
		}
		MESSAGE_CHECK((uint8_t)s->p[i] < 0x80 && s->p[i] != '\r' && s->p[i] != '\n' &&
			      s->p[i]);
	}
	MESSAGE_CHECK(i < s->n);
	*s = str_from(*s, i + 1);
}

/* True for a string, false for NIL. */
static bool read_nstring(struct str *s)
{
	if (accept(s, "NIL"))
		return false;
	read_string(s);
	return true;
}

/* A host that is NIL marks the ends of a group, which have no other part but a name. */
static void read_address(struct str *s)
{
	bool name, route, mailbox, host;

	expect(s, "(");
	name = read_nstring(s);
	expect(s, " ");
	route = read_nstring(s);
	expect(s, " ");
	mailbox = read_nstring(s);
	expect(s, " ");
	host = read_nstring(s);
	expect(s, ")");
	MESSAGE_CHECK(host ? mailbox : !name && !route);
}

static void read_addresses(struct str *s)
{
	if (accept(s, "NIL"))
		return;
	expect(s, "(");
	do
		read_address(s);
	while (!accept(s, ")"));
}

static void read_envelope(struct str *s)
{
	expect(s, "(");
	read_nstring(s);
	expect(s, " ");
	read_nstring(s);
	for (int i = 0; i < 6; i++) {
		expect(s, " ");
		read_addresses(s);
	}
	expect(s, " ");
	read_nstring(s);
	expect(s, " ");
	read_nstring(s);
	expect(s, ")");
}

static void read_params(struct str *s)
{
	if (accept(s, "NIL"))
		return;
	expect(s, "(");
	for (;;) {
		read_string(s);
		expect(s, " ");
		read_string(s);
		if (accept(s, ")"))
			return;
		expect(s, " ");
	}
}

static void read_languages(struct str *s)
{
	if (!accept(s, "(")) {
		read_nstring(s);
		return;
	}
	do
		read_string(s);
	while (accept(s, " "));
	expect(s, ")");
}

/* Disposition, language, location. */
static void read_extension(struct str *s)
{
	expect(s, " ");
	if (!accept(s, "NIL")) {
		expect(s, "(");
		read_string(s);
		expect(s, " ");
		read_params(s);
		expect(s, ")");
	}
	expect(s, " ");
	read_languages(s);
	expect(s, " ");
	read_nstring(s);
}

static void read_body(struct str *s, const struct message_part *part, bool extended);

static void read_multipart(struct str *s, const struct message_part *part, bool extended)
{
	for (const struct message_part *child = part->child; child; child = child->next)
		read_body(s, child, extended);
	expect(s, " ");
	read_string(s);
	if (!extended)
		return;
	expect(s, " ");
	read_params(s);
	read_extension(s);
}

/* Type, parameters, id, description, encoding, size. */
static void read_fields(struct str *s, const struct message_part *part)
{
	read_string(s);
	expect(s, " ");
	read_string(s);
	expect(s, " ");
	read_params(s);
	expect(s, " ");
	read_nstring(s);
	expect(s, " ");
	read_nstring(s);
	expect(s, " ");
	read_string(s);
	expect(s, " ");
	MESSAGE_CHECK(read_number(s) == part->body_size);
}

static void read_single(struct str *s, const struct message_part *part, bool extended)
{
	read_fields(s, part);
	if (part->kind == MESSAGE_MESSAGE) {
		expect(s, " ");
		read_envelope(s);
		expect(s, " ");
		read_body(s, part->child, extended);
	}
	if (part->kind == MESSAGE_MESSAGE || str_iequal(part->type, S("text"))) {
		expect(s, " ");
		MESSAGE_CHECK(read_number(s) == part->body_lines);
	}
	if (!extended)
		return;
	expect(s, " ");
	read_nstring(s);
	read_extension(s);
}

static void read_body(struct str *s, const struct message_part *part, bool extended)
{
	MESSAGE_CHECK(part->depth < MESSAGE_DEPTH_MAX);
	expect(s, "(");
	if (part->kind == MESSAGE_MULTIPART)
		read_multipart(s, part, extended);
	else
		read_single(s, part, extended);
	expect(s, ")");
}

void message_check_envelope(struct str s)
{
	read_envelope(&s);
	MESSAGE_CHECK(s.n == 0);
}

void message_check_bodystructure(struct str s, const struct message_part *root, bool extended)
{
	read_body(&s, root, extended);
	MESSAGE_CHECK(s.n == 0);
}
