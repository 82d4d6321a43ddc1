/* SPDX-License-Identifier: ISC */
#include "base/test.h"

#include "conf/conf.h"
#include "conf/value.h"

static void test_values(void **state)
{
	struct buf b = { 0 };
	int64_t v = -1;

	assert_ok(value_duration(S("90s"), &v));
	assert_int_equal(v, 90000);
	assert_err(value_duration(S("90"), &v), ERR_SYNTAX);
	assert_err(value_duration(S("9999999999999999d"), &v), ERR_SYNTAX);
	assert_ok(value_size(S("8M"), &v));
	assert_int_equal(v, 8 << 20);
	value_add_duration(&b, 90000);
	value_add_duration(&b, 172800000);
	value_add_size(&b, 0);
	value_add_size(&b, 3 << 10);
	assert_str(buf_str(&b), "90s2d03K");
	buf_done(&b);
}

static void test_text_round_trip(void **state)
{
	struct conf *a = conf_new(), *b = conf_new();
	struct buf text = { 0 }, again = { 0 }, errors = { 0 };

	assert_int_equal(a->message_size_max, 210763776);
	assert_ok(conf_set(a, "hostname", "mail.example.test \"$HOME\"", &errors));
	assert_ok(conf_set(a, "clear_auth_on_loopback", "true", &errors));
	assert_ok(conf_set(a, "shards", "7", &errors));
	conf_write(a, &text);
	assert_ok(conf_read_text(b, buf_str(&text), &errors));
	conf_write(b, &again);
	buf_addc(&text, '\0');
	assert_str(buf_str(&again), text.p);
	assert_true(b->clear_auth_on_loopback);
	assert_int_equal(b->shards, 7);
	buf_done(&text);
	buf_done(&again);
	buf_done(&errors);
	conf_free(&a);
	conf_free(&b);
}

static void test_errors_name_the_cause(void **state)
{
	struct conf *conf = conf_new();
	struct buf errors = { 0 };

	assert_err(conf_read_text(conf, S("hostname = a\nshards = 0\n"), &errors), ERR_BAD_CONFIG);
	assert_true(str_find(buf_str(&errors), S("shards = 0: must be within its bounds (1 to 256)")) >= 0);
	assert_true(str_find(buf_str(&errors), S(":2:")) >= 0);
	assert_str(str_of(conf->hostname), "localhost");
	buf_clear(&errors);
	assert_err(conf_read_text(conf, S("nonsense = 1\n"), &errors), ERR_BAD_CONFIG);
	assert_true(str_find(buf_str(&errors), S("nonsense")) >= 0);
	buf_clear(&errors);
	assert_err(conf_set(conf, "stop_grace", "soon", &errors), ERR_BAD_CONFIG);
	assert_true(str_find(buf_str(&errors), S("duration")) >= 0);
	buf_done(&errors);
	conf_free(&conf);
}

static void test_defaults_file_is_valid(void **state)
{
	struct conf *conf = conf_new();
	struct buf text = { 0 }, bare = { 0 }, errors = { 0 };
	struct str rest, line;
	size_t options = 0;

	conf_print_defaults(&text);
	rest = buf_str(&text);
	while (str_next(&rest, '\n', &line))
		if (str_starts(line, S("# ")) && str_find(line, S(" = ")) > 0)
			options++, buf_addf(&bare, "%.*s\n", STR_FMT(str_from(line, 2)));
	assert_true(options > 40);
	assert_ok(conf_read_text(conf, buf_str(&bare), &errors));
	assert_true(str_find(buf_str(&text), S("clear_auth_on_loopback")) < 0);
	buf_done(&text);
	buf_done(&bare);
	conf_free(&conf);
}

static void test_reload(void **state)
{
	struct conf *conf = conf_new(), *fresh = conf_new();
	struct buf pending = { 0 }, errors = { 0 };

	assert_ok(conf_read_text(fresh, S("shards = 9\nhops_max = 5\nhostname = b\n"), &errors));
	conf_reload(conf, fresh, &pending);
	assert_str(buf_str(&pending), "shards");
	assert_int_equal(conf->shards, 2);
	assert_int_equal(conf->hops_max, 5);
	conf_free(&fresh);
	assert_str(str_of(conf->hostname), "b");
	buf_done(&pending);
	conf_free(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_text_round_trip),
		cmocka_unit_test(test_errors_name_the_cause),
		cmocka_unit_test(test_defaults_file_is_valid),
		cmocka_unit_test(test_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
