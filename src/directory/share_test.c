/* SPDX-License-Identifier: ISC */
/* Shares and what is set for services and addresses. */
#include "directory/fixture.h"

#include <jansson.h>

static enum err share(struct fixture *f, const char *folder, const char *user, const char *rights)
{
	return directory_share_add(
		f->directory, &f->by, S("a@example.test"), str_of(folder), str_of(user), str_of(rights));
}

/* The reply to a command about an address. */
static void expect(struct fixture *f, const char *command, const char *address, const char *text)
{
	struct buf reply = {0};
	char request[200];

	snprintf(request, sizeof(request), "{\"command\":\"%s\",\"arguments\":{\"address\":\"%s\"}}", command, address);
	assert_ok(directory_command(f->directory, &f->by, str_of(request), &reply));
	if (str_find(buf_str(&reply), str_of(text)) < 0)
		fail_msg("no %s in %.*s", text, STR_FMT(buf_str(&reply)));
	buf_done(&reply);
}

static void test_shares(void **state)
{
	struct fixture *f = *state;
	int64_t organisation, service;

	fixture_address(f, "a@example.test");
	fixture_address(f, "b@example.test");
	assert_ok(directory_alias_add(f->directory, &f->by, S("bee@example.test"), S("b@example.test")));
	assert_ok(directory_organisation_add(f->directory, &f->by, S("Other"), &organisation));
	assert_ok(directory_service_add(f->directory, &f->by, organisation, S("other.test"), S("premium"), &service));
	fixture_address(f, "c@other.test");
	assert_ok(directory_service_add(f->directory, &f->by, 1, S("second.test"), S("premium"), &service));
	fixture_address(f, "d@second.test");
	assert_ok(share(f, "INBOX", "b@example.test", "swrlr"));
	assert_ok(share(f, "Caf\xc3\xa9/x", "d@second.test", "lrswipkxtea"));
	expect(f, "share list", "a@example.test", "{\"folder\":\"INBOX\",\"with\":\"b@example.test\",\"rights\":\"lrsw\"");
	assert_ok(share(f, "INBOX", "b@example.test", "lr"));
	expect(f, "share list", "b@example.test",
		"\"shared\":[],\"received\":[{\"folder\":\"INBOX\",\"owner\":\"a@example.test\",\"rights\":\"lr\"");
	for (const char *const *bad = (const char *const[]){"", "z", "lrc", "LR", NULL}; *bad; bad++)
		assert_int_equal(share(f, "INBOX", "b@example.test", *bad), ERR_SYNTAX);
	assert_int_equal(share(f, "", "b@example.test", "l"), ERR_SYNTAX);
	assert_int_equal(share(f, "a\nb", "b@example.test", "l"), ERR_SYNTAX);
	assert_int_equal(share(f, "INBOX", "a@example.test", "l"), ERR_CANNOT);
	assert_int_equal(share(f, "INBOX", "c@other.test", "l"), ERR_CANNOT);
	assert_int_equal(share(f, "INBOX", "bee@example.test", "l"), ERR_CANNOT);
	assert_int_equal(share(f, "INBOX", "none@example.test", "l"), ERR_NOT_FOUND);
	fixture_reopen(f);
	assert_ok(directory_share_delete(f->directory, &f->by, S("a@example.test"), S("INBOX"), S("b@example.test")));
	assert_int_equal(
		directory_share_delete(f->directory, &f->by, S("a@example.test"), S("INBOX"), S("b@example.test")),
		ERR_NOT_FOUND);
	/* A share goes with either of its ends. */
	assert_ok(share(f, "INBOX", "b@example.test", "l"));
	assert_ok(directory_address_delete(f->directory, &f->by, S("d@second.test")));
	expect(f, "share list", "a@example.test", "\"shared\":[{\"folder\":\"INBOX\",\"with\":\"b@example.test\",\"rights\":\"l\"");
	assert_ok(directory_address_delete(f->directory, &f->by, S("a@example.test")));
	expect(f, "share list", "b@example.test", "\"shared\":[],\"received\":[]");
}

static enum err set(struct fixture *f, enum directory_scope scope, const char *subject, const char *name, const char *value)
{
	return directory_setting_set(f->directory, &f->by, scope, str_of(subject), str_of(name), str_of(value));
}

static unsigned told;
static char told_domain[100];

static void on_event(void *ctx, const struct directory_event *event)
{
	if (event->what != DIRECTORY_MAINTENANCE)
		return;
	told++;
	snprintf(told_domain, sizeof(told_domain), "%.*s", STR_FMT(event->domain));
}

static void test_maintenance(void **state)
{
	struct fixture *f = *state;
	struct directory_target target;

	fixture_address(f, "a@example.test");
	directory_listen(f->directory, on_event, NULL);
	assert_ok(directory_lookup(f->directory, S("a@example.test"), DIRECTORY_FOR_RCPT, &target));
	assert_false(directory_in_maintenance(f->directory, target.service));
	assert_int_equal(set(f, DIRECTORY_OF_SERVICE, "example.test", "maintenance", "maybe"), ERR_SYNTAX);
	assert_int_equal(set(f, DIRECTORY_OF_ADDRESS, "a@example.test", "maintenance", "on"), ERR_SYNTAX);
	assert_ok(set(f, DIRECTORY_OF_SERVICE, "example.test", "maintenance", "on"));
	assert_true(directory_in_maintenance(f->directory, target.service));
	assert_int_equal(told, 1);
	assert_string_equal(told_domain, "example.test");
	fixture_reopen(f);
	assert_true(directory_in_maintenance(f->directory, target.service));
	assert_ok(directory_lookup(f->directory, S("a@example.test"), DIRECTORY_FOR_RCPT, &target));
	assert_ok(set(f, DIRECTORY_OF_SERVICE, "example.test", "maintenance", "off"));
	assert_false(directory_in_maintenance(f->directory, target.service));
	assert_ok(set(f, DIRECTORY_OF_SERVICE, "example.test", "maintenance", "on"));
	assert_ok(set(f, DIRECTORY_OF_SERVICE, "example.test", "maintenance", ""));
	assert_false(directory_in_maintenance(f->directory, target.service));
}

/* "account:trash,spam" of all rules, so many at once. */
static void expect_rules(struct fixture *f, size_t at_once, const char *want)
{
	struct directory_retention_rule rules[10];
	struct buf got = {0};

	for (int64_t after = 0; after != INT64_MAX;) {
		size_t n = directory_retention_rules(f->directory, after, rules, at_once, &after);

		for (size_t i = 0; i < n; i++)
			buf_addf(&got, "%s%lld:%d,%d", got.n ? " " : "", (long long)rules[i].account, rules[i].trash_days,
				rules[i].spam_days);
	}
	assert_str(buf_str(&got), want);
	buf_done(&got);
}

static void test_retention(void **state)
{
	struct fixture *f = *state;
	int64_t service;

	expect_rules(f, 10, "");
	fixture_address(f, "a@example.test"); /* 1 */
	fixture_address(f, "b@example.test"); /* 2 */
	assert_ok(directory_service_add(f->directory, &f->by, 1, S("second.test"), S("premium"), &service));
	fixture_address(f, "c@second.test"); /* 3 */
	fixture_address(f, "d@second.test"); /* 4 */
	assert_ok(directory_alias_add(f->directory, &f->by, S("e@second.test"), S("d@second.test"))); /* 5 */
	fixture_address(f, "f@example.test"); /* 6 */
	expect_rules(f, 10, "");
	assert_int_equal(set(f, DIRECTORY_OF_ADDRESS, "a@example.test", "trash-retention", "-1"), ERR_SYNTAX);
	assert_int_equal(set(f, DIRECTORY_OF_ADDRESS, "a@example.test", "trash-retention", "36501"), ERR_SYNTAX);
	assert_ok(set(f, DIRECTORY_OF_ADDRESS, "a@example.test", "trash-retention", "0"));
	assert_ok(set(f, DIRECTORY_OF_SERVICE, "second.test", "spam-retention", "7"));
	assert_ok(set(f, DIRECTORY_OF_ADDRESS, "d@second.test", "spam-retention", "90"));
	assert_ok(set(f, DIRECTORY_OF_ADDRESS, "d@second.test", "trash-retention", "1"));
	for (size_t at_once = 1; at_once <= 10; at_once++)
		expect_rules(f, at_once, "1:0,-1 3:-1,7 4:1,90");
	fixture_reopen(f);
	expect_rules(f, 2, "1:0,-1 3:-1,7 4:1,90");
	assert_ok(set(f, DIRECTORY_OF_ADDRESS, "d@second.test", "spam-retention", ""));
	assert_ok(set(f, DIRECTORY_OF_ADDRESS, "a@example.test", "trash-retention", ""));
	expect_rules(f, 2, "3:-1,7 4:1,7");
	assert_ok(directory_address_delete(f->directory, &f->by, S("d@second.test")));
	expect_rules(f, 2, "3:-1,7");
	assert_ok(set(f, DIRECTORY_OF_SERVICE, "second.test", "spam-retention", ""));
	expect_rules(f, 2, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_shares),
		FIXTURE_TEST(test_maintenance),
		FIXTURE_TEST(test_retention),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
