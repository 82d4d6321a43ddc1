/* SPDX-License-Identifier: ISC */
#include "directory/verdicts.h"

#include "base/arena.h"
#include "base/random.h"

#include <sodium.h>
#include <stdlib.h>

/* Sets of four; a full set drops one at random.  Wrong guesses have a table of their own: they
 * cannot push out what is right. */
enum { WAYS = 4, RIGHT_SETS = 16384, WRONG_SETS = 1024, TAG_BYTES = 16 };

struct tag {
	uint64_t word[2];
};
struct directory_verdicts {
	uint8_t key[crypto_generichash_KEYBYTES];
	struct tag right[RIGHT_SETS][WAYS], wrong[WRONG_SETS][WAYS];
};

struct directory_verdicts *directory_verdicts_new(void)
{
	struct directory_verdicts *verdicts = mem_make(struct directory_verdicts);

	random_bytes(verdicts->key, sizeof(verdicts->key));
	return verdicts;
}

void directory_verdicts_free(struct directory_verdicts **verdicts)
{
	free(*verdicts);
	*verdicts = NULL;
}

/* The verifier's NUL parts it from the password. */
static struct tag make_tag(
	const struct directory_verdicts *verdicts, const char *verifier, struct str password)
{
	crypto_generichash_state state;
	struct tag tag;

	crypto_generichash_init(&state, verdicts->key, sizeof(verdicts->key), TAG_BYTES);
	crypto_generichash_update(&state, (const uint8_t *)verifier, strlen(verifier) + 1);
	crypto_generichash_update(&state, (const uint8_t *)password.p, password.n);
	crypto_generichash_final(&state, (uint8_t *)&tag, TAG_BYTES);
	return tag;
}

static bool has(const struct tag *set, struct tag tag)
{
	bool found = false;

	for (int i = 0; i < WAYS; i++)
		found |= set[i].word[0] == tag.word[0] && set[i].word[1] == tag.word[1];
	return found;
}

enum directory_verdict directory_verdicts_get(
	const struct directory_verdicts *verdicts, const char *verifier, struct str password)
{
	struct tag tag = make_tag(verdicts, verifier, password);

	if (has(verdicts->right[tag.word[0] % RIGHT_SETS], tag))
		return DIRECTORY_VERDICT_RIGHT;
	return has(verdicts->wrong[tag.word[0] % WRONG_SETS], tag) ? DIRECTORY_VERDICT_WRONG
								   : DIRECTORY_VERDICT_UNKNOWN;
}

static void put(struct tag *set, struct tag tag)
{
	int way = 0;

	if (has(set, tag))
		return;
	while (way < WAYS && (set[way].word[0] | set[way].word[1]) != 0)
		way++;
	set[way < WAYS ? way : (int)random_below(WAYS)] = tag;
}

void directory_verdicts_put(struct directory_verdicts *verdicts, const char *verifier,
	struct str password, bool right)
{
	struct tag tag = make_tag(verdicts, verifier, password);

	put(right ? verdicts->right[tag.word[0] % RIGHT_SETS]
		  : verdicts->wrong[tag.word[0] % WRONG_SETS],
		tag);
}
