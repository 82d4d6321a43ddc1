/* SPDX-License-Identifier: ISC */
/*
 * Remembers what argon2id said of a (verifier, password) pair, right or wrong, so that the
 * same login again costs microseconds.  Neither ever changes, so nothing needs to be
 * invalidated: a revoked device's verifier is not asked. Kept in memory only, as hashes under
 * a key of this process, and bounded.  One thread.
 */
#ifndef DIRECTORY_VERDICTS_H
#define DIRECTORY_VERDICTS_H

#include "base/str.h"

struct directory_verdicts;
enum directory_verdict {
	DIRECTORY_VERDICT_UNKNOWN,
	DIRECTORY_VERDICT_WRONG,
	DIRECTORY_VERDICT_RIGHT
};

struct directory_verdicts *directory_verdicts_new(void);
void directory_verdicts_free(struct directory_verdicts **verdicts);
enum directory_verdict directory_verdicts_get(
	const struct directory_verdicts *verdicts, const char *verifier, struct str password);
void directory_verdicts_put(struct directory_verdicts *verdicts, const char *verifier,
	struct str password, bool right);

#endif
