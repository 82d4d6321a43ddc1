/* SPDX-License-Identifier: ISC */
#include "base/vec.h"
#include "message/address.h"
#include "message/address_reader.h"

static bool ends_in_group(const struct message_address *v, size_t n)
{
	while (n > 0 && v[n - 1].kind == MESSAGE_MAILBOX)
		n--;
	return n > 0 && v[n - 1].kind == MESSAGE_GROUP_BEGIN;
}

/* Closes a group that was cut: its last member, or the group itself, makes room. */
static size_t close_group(struct message_address *v, size_t n)
{
	if (!ends_in_group(v, n))
		return n;
	if (v[n - 1].kind == MESSAGE_GROUP_BEGIN)
		return n - 1;
	v[n - 1] = (struct message_address){MESSAGE_GROUP_END};
	return n;
}

void message_addresses_parse(struct str value, size_t max, struct arena *arena,
	struct message_addresses *ret_addresses)
{
	struct message_address_reader r;
	struct message_address address;
	VEC(struct message_address) list = {0};
	bool cut;

	message_address_reader_begin(value, arena, &r);
	while (list.n < max && message_address_reader_next(&r, &address))
		vec_push(&list, address);
	cut = list.n == max && message_address_reader_next(&r, &address);
	if (cut)
		list.n = close_group(list.v, list.n);
	*ret_addresses =
		(struct message_addresses){.n = list.n, .malformed = r.malformed || cut};
	ret_addresses->v = arena_array(arena, struct message_address, list.n);
	if (list.n)
		memcpy(ret_addresses->v, list.v, list.n * sizeof(*list.v));
	vec_done(&list);
}

static bool is_atom(char c)
{
	return (uint8_t)c > 32 && c != 127 && !strchr("<>@,;:()[]\"\\.", c);
}

static void add_quoted(struct str s, struct buf *out)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, s.p[i]);
	}
	buf_addc(out, '"');
}

static bool is_phrase(struct str s)
{
	char before = ' ';

	for (size_t i = 0; i < s.n; i++) {
		if (!is_atom(s.p[i]) && (s.p[i] != ' ' || before == ' '))
			return false;
		before = s.p[i];
	}
	return before != ' ';
}

/* What begins like an encoded word must not run into what follows it. */
static bool is_dotted(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_atom(s.p[i]) && s.p[i] != '.')
			return false;
	return s.n && str_find(s, S("=?")) < 0;
}

static bool is_literal(struct str s)
{
	for (size_t i = 1; i + 1 < s.n; i++)
		if (!is_atom(s.p[i]) && s.p[i] != '.' && s.p[i] != ':')
			return false;
	return s.n > 1 && s.p[0] == '[' && s.p[s.n - 1] == ']';
}

static void add_phrase(struct str s, struct buf *out)
{
	if (is_phrase(s))
		buf_add(out, s);
	else
		add_quoted(s, out);
}

static void add_spec(const struct message_address *a, struct buf *out)
{
	if (a->local.n == 0 && a->domain.n == 0)
		return;
	if (is_dotted(a->local))
		buf_add(out, a->local);
	else
		add_quoted(a->local, out);
	if (a->domain.n == 0)
		return;
	buf_addc(out, '@');
	if (is_dotted(a->domain) || is_literal(a->domain))
		buf_add(out, a->domain);
	else
		add_quoted(a->domain, out);
}

static void add_mailbox(const struct message_address *a, struct buf *out)
{
	if (a->name.n) {
		add_phrase(a->name, out);
		buf_addc(out, ' ');
	}
	if (a->name.n == 0 && a->route.n == 0) {
		add_spec(a, out);
		return;
	}
	buf_addc(out, '<');
	buf_add(out, a->route);
	if (a->route.n)
		buf_addc(out, ':');
	add_spec(a, out);
	buf_addc(out, '>');
}

void message_addresses_write(const struct message_addresses *addresses, struct buf *out)
{
	for (size_t i = 0; i < addresses->n; i++) {
		const struct message_address *a = &addresses->v[i];

		if (a->kind == MESSAGE_GROUP_END) {
			buf_addc(out, ';');
			continue;
		}
		if (i > 0)
			buf_adds(out, a[-1].kind == MESSAGE_GROUP_BEGIN ? " " : ", ");
		if (a->kind == MESSAGE_GROUP_BEGIN) {
			add_phrase(a->name, out);
			buf_addc(out, ':');
		} else {
			add_mailbox(a, out);
		}
	}
}
