/* SPDX-License-Identifier: ISC */
/* Address lists and SMTP paths: what is written is read as the same. */
#include "message/address.h"
#include "message/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ADDRESSES = 50 };

static void check_same(const struct message_addresses *a, const struct message_addresses *b)
{
	MESSAGE_CHECK(a->n == b->n);
	for (size_t i = 0; i < a->n; i++) {
		MESSAGE_CHECK(a->v[i].kind == b->v[i].kind);
		MESSAGE_CHECK(str_equal(a->v[i].name, b->v[i].name));
		MESSAGE_CHECK(str_equal(a->v[i].route, b->v[i].route));
		MESSAGE_CHECK(str_equal(a->v[i].local, b->v[i].local));
		MESSAGE_CHECK(str_equal(a->v[i].domain, b->v[i].domain));
	}
}

static void check_list(struct str value, struct arena *arena)
{
	struct message_addresses list, again;
	struct buf text = {0};

	message_addresses_parse(value, ADDRESSES, arena, &list);
	MESSAGE_CHECK(list.n <= ADDRESSES);
	message_addresses_write(&list, &text);
	message_addresses_parse(buf_str(&text), ADDRESSES, arena, &again);
	check_same(&list, &again);
	buf_done(&text);
}

static void check_canonical(const struct message_path *path, const struct message_path *again)
{
	MESSAGE_CHECK(str_equal(path->local, again->local));
	MESSAGE_CHECK(str_equal(path->domain, again->domain));
	MESSAGE_CHECK(path->local.n <= MESSAGE_LOCAL_MAX);
	MESSAGE_CHECK(path->local.n + 1 + path->domain.n <= MESSAGE_ADDRESS_MAX + 1);
	if (path->domain.n)
		MESSAGE_CHECK(message_domain_is_literal(path->domain) ||
			      message_domain_is_valid(path->domain, true));
}

static void check_path(struct str s, unsigned flags, struct arena *arena)
{
	struct message_path path, again;
	struct str rest = s, bracketed;
	struct buf text = {0};

	if (message_path_parse(&rest, flags, arena, &path) != OK) {
		MESSAGE_CHECK(rest.p == s.p && rest.n == s.n);
		return;
	}
	MESSAGE_CHECK(rest.n == 0 || rest.p[0] == ' ');
	buf_addc(&text, '<');
	message_path_write(&path, &text);
	buf_addc(&text, '>');
	bracketed = buf_str(&text);
	MESSAGE_CHECK(message_path_parse(&bracketed, flags & ~(unsigned)MESSAGE_PATH_LENIENT,
			      arena, &again) == OK);
	check_canonical(&path, &again);
	if (path.domain.n)
		MESSAGE_CHECK(message_mailbox_parse(str_sub(buf_str(&text), 1, text.n - 2),
				      flags, arena, &again) == OK);
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct str s = str_make(data, size);

	check_list(s, arena);
	for (unsigned flags = 0; flags < 16; flags++)
		check_path(s, flags, arena);
	arena_free(&arena);
	return 0;
}
