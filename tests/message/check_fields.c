/* SPDX-License-Identifier: ISC */
/*
 * message-fields date|address|type: reads field values, each ended by a NUL, and prints what
 * was read, a line each: "seconds zone", "name|mailbox,name:,;", "type|name=value|...", all
 * text as decoded UTF-8.
 */
#include "message/message.h"

#include <stdio.h>
#include <stdlib.h>

static void print_date(struct str value, struct arena *arena)
{
	struct message_date date;

	if (message_date_parse(value, &date) == OK)
		printf("%lld %d\n", (long long)date.time_s, date.zone_min);
	else
		printf("-\n");
}

static void add_address(const struct message_address *a, struct buf *out)
{
	if (a->kind == MESSAGE_GROUP_END) {
		buf_addc(out, ';');
		return;
	}
	message_header_decode(a->name, out);
	if (a->kind == MESSAGE_GROUP_BEGIN) {
		buf_addc(out, ':');
		return;
	}
	buf_addc(out, '|');
	message_header_decode(a->local, out);
	buf_adds(out, a->domain.n ? "@" : "");
	message_header_decode(a->domain, out);
}

static void print_addresses(struct str value, struct arena *arena)
{
	struct message_addresses list;
	struct buf line = {0};

	message_addresses_parse(value, 1000, arena, &list);
	for (size_t i = 0; i < list.n; i++) {
		if (i)
			buf_adds(&line, "\t");
		add_address(&list.v[i], &line);
	}
	printf("%.*s\n", STR_FMT(buf_str(&line)));
	buf_done(&line);
}

static void print_type(struct str value, struct arena *arena)
{
	struct message_params params;
	struct str type = message_params_parse(value, arena, &params);
	struct buf line = {0};

	message_header_decode(type, &line);
	for (size_t i = 0; i < params.n; i++) {
		buf_adds(&line, "\t");
		buf_add(&line, params.v[i].name);
		buf_addc(&line, '=');
		message_param_decode(&params.v[i], &line);
	}
	printf("%.*s\n", STR_FMT(buf_str(&line)));
	buf_done(&line);
}

int main(int argc, char **argv)
{
	struct str which = str_of(argc > 1 ? argv[1] : "");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getdelim(&line, &cap, '\0', stdin)) > 0) {
		struct arena *arena = arena_new();
		struct str value = str_make(line, (size_t)n - (line[n - 1] == '\0'));

		if (str_equal(which, S("date")))
			print_date(value, arena);
		else if (str_equal(which, S("address")))
			print_addresses(value, arena);
		else
			print_type(value, arena);
		arena_free(&arena);
	}
	free(line);
	return 0;
}
