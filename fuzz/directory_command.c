/* SPDX-License-Identifier: ISC */
/*
 * A line of input is a request to the directory, kept in memory.  Every reply is JSON that
 * agrees with the error returned, and in the end memory and database tell of the same
 * addresses: listed ones are found, and no others.
 */
#include "directory/directory.h"

#include <jansson.h>
#include <stdlib.h>

enum { LINES_MAX = 40 };

static const struct directory_change BY = {.actor = {"fuzz", 4}, .now_ms = 1000};

static void must(int true_thing)
{
	if (!true_thing)
		abort();
}

static struct directory *open_directory(void)
{
	struct directory_options options = directory_defaults();
	struct directory *directory = NULL;
	int64_t organisation, service;

	options.path = ":memory:";
	options.argon2_ops = 1;
	options.argon2_bytes = 8192;
	options.scram_iterations = 1;
	options.bulk_max = 20;
	must(directory_open(&options, &directory, NULL) == OK);
	must(directory_organisation_add(directory, &BY, S("Example"), &organisation) == OK);
	must(directory_service_add(directory, &BY, organisation, S("example.test"),
		     S("premium"), &service) == OK);
	return directory;
}

/* The reply to a request, checked; NULL-free. */
static json_t *ask(struct directory *directory, struct str request)
{
	struct buf reply = {0};
	enum err e = directory_command(directory, &BY, request, &reply);
	json_t *json = json_loadb(reply.p, reply.n, JSON_REJECT_DUPLICATES, NULL);

	must(json_is_object(json) && json_is_boolean(json_object_get(json, "ok")));
	must(json_is_true(json_object_get(json, "ok")) == (e == OK));
	if (e != OK) {
		must(strcmp(json_string_value(json_object_get(json, "error")), err_name(e)) ==
			0);
		must(json_string_length(json_object_get(json, "message")) > 0);
	}
	must(e != ERR_INTERNAL && e != ERR_CORRUPT && e != ERR_DATABASE);
	buf_done(&reply);
	return json;
}

static void check_listed(struct directory *directory, const json_t *row)
{
	const char *address = json_string_value(json_object_get(row, "address"));
	bool enabled = json_is_true(json_object_get(row, "enabled"));
	json_t *target = json_object_get(row, "target");
	json_t *account = target != NULL ? target : json_object_get(row, "account");
	struct directory_target found;
	enum err e;

	must(address != NULL);
	e = directory_lookup(directory, str_of(address), DIRECTORY_FOR_RCPT, &found);
	if (strcmp(json_string_value(json_object_get(row, "kind")), "redirect") == 0) {
		must(e == ERR_UNKNOWN_USER);
		return;
	}
	must(e == OK || e == ERR_ADDRESS_DISABLED);
	must(e != OK || (enabled && found.account == json_integer_value(account)));
	must(target != NULL || e != OK || str_equal(found.address, str_of(address)));
}

static size_t check_service(struct directory *directory, const char *domain)
{
	struct buf request = {0};
	size_t i;
	json_t *row;

	buf_addf(&request,
		"{\"command\":\"address "
		"list\",\"arguments\":{\"service\":\"%s\",\"limit\":10000}}",
		domain);
	json_t *reply = ask(directory, buf_str(&request)),
	       *list = json_object_get(reply, "addresses");
	must(json_is_array(list));
	json_array_foreach(list, i, row) check_listed(directory, row);
	size_t count = json_array_size(list);
	json_decref(reply);
	buf_done(&request);
	return count;
}

static void check_all(struct directory *directory)
{
	json_t *reply = ask(directory, S("{\"command\":\"service list\"}")),
	       *list = json_object_get(reply, "services"), *row;
	struct directory_counts counts;
	size_t i, total = 0;

	json_array_foreach(list, i, row) total +=
		check_service(directory, json_string_value(json_object_get(row, "domain")));
	directory_count(directory, &counts);
	must(counts.addresses == total && counts.services == json_array_size(list));
	json_decref(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct directory *directory = open_directory();
	struct str rest = str_make(data, size), line;

	for (int i = 0; i < LINES_MAX && str_next(&rest, '\n', &line); i++)
		json_decref(ask(directory, line));
	check_all(directory);
	directory_close(&directory);
	return 0;
}
