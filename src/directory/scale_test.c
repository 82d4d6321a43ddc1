/* SPDX-License-Identifier: ISC */
/* 100,000 addresses (or as many as the argument says): what it costs to make, load, look up
 * and log in. */
#include "directory/fixture.h"

#include "base/time.h"

static unsigned addresses = 100000;

static double seconds_since(uint64_t start_us)
{
	return (double)(time_mono_us() - start_us) / 1e6;
}

static void time_lookups(struct fixture *f)
{
	struct directory_target target;
	char text[80];
	uint64_t start = time_mono_us();
	unsigned found = 0, rounds = 200000;

	for (unsigned i = 0; i < rounds; i++) {
		int n = snprintf(text, sizeof(text), "user%u@example.test",
			(unsigned)(i * 2654435761u) % (2 * addresses) + 1);
		found += directory_lookup(f->directory, str_make(text, (size_t)n),
				 DIRECTORY_FOR_RCPT, &target) == OK;
	}
	print_message("look-ups: %.0f a second, half of them unknown\n",
		rounds / seconds_since(start));
	assert_true(found > rounds / 3 && found < rounds / 3 * 2);
}

static void count_mailbox(void *ctx, const struct directory_target *target)
{
	++*(unsigned *)ctx;
}

/* What RCPT asks: half of the addresses have a redirection. */
static void time_routes(struct fixture *f)
{
	struct buf code = {0};
	char text[80], target[80];
	unsigned mailboxes = 0, found = 0, rounds = 200000, redirected = addresses < 2000 ? addresses / 2 : 1000;

	for (unsigned i = 1; i <= redirected; i++) {
		snprintf(text, sizeof(text), "user%u@example.test", i);
		snprintf(target, sizeof(target), "user%u@example.test", addresses - i + 1);
		assert_ok(directory_redirection_add(
			f->directory, &f->by, str_of(text), str_of(target), DIRECTORY_KEEP_COPY, &code));
	}
	uint64_t start = time_mono_us();
	for (unsigned i = 0; i < rounds; i++) {
		snprintf(text, sizeof(text), "user%u@example.test", i % (2 * redirected) + 1);
		found += directory_route(f->directory, str_of(text), count_mailbox, &mailboxes) == OK;
	}
	print_message("look-ups of RCPT: %.0f a second, half of them redirected\n", rounds / seconds_since(start));
	assert_int_equal(found, rounds);
	assert_int_equal(mailboxes, rounds + rounds / 2);
}

static void time_logins(
	struct fixture *f, const char *what, struct str password, unsigned rounds)
{
	struct directory_identity identity;
	char text[80];
	int64_t delay;
	uint64_t start = time_mono_us();

	for (unsigned i = 0; i < rounds; i++) {
		int n = snprintf(text, sizeof(text), "user%u@example.test", i % 1000 + 1);
		assert_ok(directory_auth_plain(f->directory, str_make(text, (size_t)n),
			password, &f->login, &identity, &delay));
	}
	print_message("%s: %.1f us each\n", what, seconds_since(start) * 1e6 / rounds);
}

static void time_device(struct fixture *f)
{
	struct directory_device device = {.name = S("phone")};
	struct directory_identity identity;
	struct buf password = BUF_MAX(100);
	int64_t id, delay;
	uint64_t start = time_mono_us();

	for (unsigned i = 0; i < 10; i++) {
		buf_clear(&password);
		assert_ok(directory_device_add(f->directory, &f->by, S("user1@example.test"),
			&device, &id, &password));
	}
	print_message("device password made, durable: %.2f ms each\n",
		seconds_since(start) * 1e3 / 10);
	start = time_mono_us();
	for (unsigned i = 0; i < 20000; i++)
		assert_ok(directory_auth_plain(f->directory, S("user1@example.test"),
			buf_str(&password), &f->login, &identity, &delay));
	print_message("logins with a generated password: %.1f us each\n",
		seconds_since(start) * 1e6 / 20000);
	buf_done(&password);
}

static void test_scale(void **state)
{
	struct fixture *f = *state;
	struct directory_counts counts;
	uint64_t start = time_mono_us();

	assert_ok(directory_bulk_add(
		f->directory, &f->by, addresses, 1, S("user%@example.test"), S("sesame")));
	print_message("%u addresses made: %.2f s\n", addresses, seconds_since(start));
	start = time_mono_us();
	assert_ok(directory_tick(f->directory, 1000));
	print_message("checkpoint after that: %.0f ms\n", seconds_since(start) * 1e3);
	directory_close(&f->directory);
	start = time_mono_us();
	fixture_open(f);
	print_message("loaded: %.2f s\n", seconds_since(start));
	directory_count(f->directory, &counts);
	print_message(
		"memory: %.0f bytes an address\n", (double)counts.memory_bytes / addresses);
	assert_int_equal(counts.addresses, addresses);
	assert_true(counts.memory_bytes < 150ull * addresses);
	time_lookups(f);
	time_routes(f);
	time_logins(f, "first login with the chosen password", S("sesame"), 1);
	time_logins(f, "logins with the chosen password", S("sesame"), 20000);
	time_device(f);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {FIXTURE_TEST(test_scale)};

	if (argc > 1)
		addresses = (unsigned)strtoul(argv[1], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
