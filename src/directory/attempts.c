/* SPDX-License-Identifier: ISC */
#include "directory/attempts.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/random.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum { SETS = 16384, WAYS = 4, DOUBLINGS = 8 };
enum subject { PAIR, ACCOUNT, NETWORK };

struct record {
	uint64_t key;
	int64_t failed_ms, succeeded_ms; /* 0: never */
	uint32_t failures;
	uint32_t wrong; /* of the hash of the last wrong password */
	enum subject subject;
	char *user, *ip; /* heap, of a lock only: for people */
};
struct directory_attempts {
	uint8_t secret[16];
	struct record records[SETS][WAYS];
};

struct directory_attempts *directory_attempts_new(void)
{
	struct directory_attempts *attempts = mem_make(struct directory_attempts);

	random_bytes(attempts->secret, sizeof(attempts->secret));
	return attempts;
}

static void forget_names(struct record *record)
{
	free(record->user);
	free(record->ip);
	record->user = record->ip = NULL;
}

void directory_attempts_free(struct directory_attempts **attempts)
{
	for (int i = 0; i < SETS * WAYS; i++)
		forget_names(&(*attempts)->records[i / WAYS][i % WAYS]);
	free(*attempts);
	*attempts = NULL;
}

/* What one customer's line or one office has: 3 bytes of IPv4, 8 of IPv6; other text stands
 * for itself. */
static void add_network(struct str ip, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t bytes[16];
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (ip.n > 0 && ip.n < sizeof(text)) {
		memcpy(text, ip.p, ip.n);
		text[ip.n] = '\0';
		if (inet_pton(AF_INET, text, bytes) == 1) {
			buf_add(out, str_make(bytes, 3));
			return;
		}
		if (inet_pton(AF_INET6, text, bytes) == 1) {
			bool is_ipv4 = memcmp(bytes, mapped, sizeof(mapped)) == 0;
			buf_add(out, is_ipv4 ? str_make(bytes + 12, 3) : str_make(bytes, 8));
			return;
		}
	}
	buf_add(out, ip);
}

static uint64_t key_of(const struct directory_attempts *attempts, enum subject subject,
	struct str ip, struct str user)
{
	struct buf text = {0};

	buf_u8(&text, (uint8_t)subject);
	if (subject != ACCOUNT)
		add_network(ip, &text);
	buf_u8(&text, 0);
	if (subject != NETWORK)
		buf_add(&text, user);
	uint64_t key = hash_sip(attempts->secret, buf_str(&text));
	buf_done(&text);
	return key == 0 ? 1 : key;
}

static int64_t latest(const struct record *record)
{
	return record->failed_ms > record->succeeded_ms ? record->failed_ms
							: record->succeeded_ms;
}

/* Failures go before successes, old ones before new ones. */
static bool is_dearer(const struct record *a, const struct record *b)
{
	if ((a->succeeded_ms != 0) != (b->succeeded_ms != 0))
		return a->succeeded_ms != 0;
	return latest(a) > latest(b);
}

static struct record *find(struct directory_attempts *attempts, enum subject subject,
	struct str ip, struct str user)
{
	uint64_t key = key_of(attempts, subject, ip, user);
	struct record *set = attempts->records[key % SETS];

	for (int i = 0; i < WAYS; i++)
		if (set[i].key == key)
			return &set[i];
	return NULL;
}

static struct record *find_or_make(struct directory_attempts *attempts, enum subject subject,
	struct str ip, struct str user)
{
	struct record *record = find(attempts, subject, ip, user);

	if (record != NULL)
		return record;
	uint64_t key = key_of(attempts, subject, ip, user);
	struct record *set = attempts->records[key % SETS], *cheapest = &set[0];
	for (int i = 1; i < WAYS; i++)
		if (is_dearer(cheapest, &set[i]))
			cheapest = &set[i];
	forget_names(cheapest);
	*cheapest = (struct record){.key = key, .subject = subject};
	return cheapest;
}

static bool is_within(int64_t then_ms, int64_t now_ms, int64_t span)
{
	return then_ms != 0 && now_ms - then_ms < span;
}

static bool is_over(const struct record *record, uint32_t limit,
	const struct directory_options *options, int64_t now_ms)
{
	return record != NULL && record->failures >= limit &&
	       is_within(record->failed_ms, now_ms, options->auth_lock);
}

bool directory_attempts_is_locked(struct directory_attempts *attempts,
	const struct directory_options *options, struct str ip, struct str user,
	int64_t now_ms)
{
	struct record *pair = find(attempts, PAIR, ip, user);

	if (is_over(pair, options->auth_pair_failures, options, now_ms))
		return true;
	if (pair != NULL && is_within(pair->succeeded_ms, now_ms, options->auth_memory))
		return false;
	return is_over(find(attempts, ACCOUNT, ip, user), options->auth_account_failures,
		       options, now_ms) ||
	       is_over(find(attempts, NETWORK, ip, user), options->auth_network_failures,
		       options, now_ms);
}

static uint32_t limit_of(const struct record *record, const struct directory_options *options)
{
	if (record->subject == PAIR)
		return options->auth_pair_failures;
	return record->subject == ACCOUNT ? options->auth_account_failures : options->auth_network_failures;
}

static uint32_t count_failure(
	struct record *record, const struct directory_options *options, int64_t now_ms)
{
	if (!is_within(record->failed_ms, now_ms, options->auth_lock))
		record->failures = 0;
	record->failed_ms = now_ms;
	return ++record->failures;
}

static int64_t delay_for(const struct directory_options *options, uint32_t failures)
{
	uint32_t doublings = failures > DOUBLINGS ? DOUBLINGS : failures - 1;
	int64_t delay = options->auth_delay << doublings;

	return delay < options->auth_delay_max ? delay : options->auth_delay_max;
}

static void note_names(struct record *record, struct str ip, struct str user)
{
	forget_names(record);
	record->user = mem_dup(user);
	record->ip = mem_dup(ip);
}

int64_t directory_attempts_failed(struct directory_attempts *attempts,
	const struct directory_options *options, struct str ip, struct str user,
	struct str password, int64_t now_ms)
{
	struct record *pair = find_or_make(attempts, PAIR, ip, user);
	uint32_t wrong = (uint32_t)hash_sip(attempts->secret, password) | 1;

	if (pair->wrong == wrong && is_within(pair->failed_ms, now_ms, options->auth_lock))
		return delay_for(options, pair->failures);
	pair->wrong = wrong;
	uint32_t failures = 0;
	for (enum subject subject = PAIR; subject <= NETWORK; subject++) {
		struct record *record = find_or_make(attempts, subject, ip, user);
		uint32_t n = count_failure(record, options, now_ms);

		failures = subject == PAIR ? n : failures;
		if (n >= limit_of(record, options))
			note_names(record, ip, user);
	}
	return delay_for(options, failures);
}

void directory_attempts_list(const struct directory_attempts *attempts, const struct directory_options *options,
	int64_t now_ms, void (*each)(void *arg, const struct directory_lock *lock), void *arg)
{
	static const char *const kinds[] = {[PAIR] = "pair", [ACCOUNT] = "account", [NETWORK] = "network"};

	for (int i = 0; i < SETS * WAYS; i++) {
		const struct record *record = &attempts->records[i / WAYS][i % WAYS];

		if (!record->user || !is_over(record, limit_of(record, options), options, now_ms))
			continue;
		each(arg, &(struct directory_lock){ .kind = kinds[record->subject], .failures = record->failures,
			.user = record->subject == NETWORK ? S("") : str_of(record->user),
			.ip = record->subject == ACCOUNT ? S("") : str_of(record->ip),
			.until_ms = record->failed_ms + options->auth_lock });
	}
}

static bool is_about(const struct record *record, struct str user, struct str network)
{
	struct buf own = {0};
	bool same;

	if (user.n > 0)
		return record->subject != NETWORK && str_iequal(str_of(record->user), user);
	add_network(str_of(record->ip), &own);
	same = record->subject == NETWORK && str_equal(buf_str(&own), network);
	buf_done(&own);
	return same;
}

size_t directory_attempts_lift(
	struct directory_attempts *attempts, struct str user, struct str ip)
{
	struct buf network = {0};
	size_t count = 0;

	add_network(ip, &network);
	for (int i = 0; i < SETS * WAYS; i++) {
		struct record *record = &attempts->records[i / WAYS][i % WAYS];

		if (!record->user || !is_about(record, user, buf_str(&network)))
			continue;
		record->failures = 0;
		record->wrong = 0;
		forget_names(record);
		count++;
	}
	buf_done(&network);
	return count;
}

void directory_attempts_succeeded(
	struct directory_attempts *attempts, struct str ip, struct str user, int64_t now_ms)
{
	struct record *pair = find_or_make(attempts, PAIR, ip, user);

	pair->failures = 0;
	pair->wrong = 0;
	pair->succeeded_ms = now_ms;
}
