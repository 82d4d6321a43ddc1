/* SPDX-License-Identifier: ISC */
/*
 * Limits on guessing passwords.  Counted: failures of a network (IPv4 /24, IPv6 /64) on an
 * account, of all networks on an account, of a network on all accounts; whole offices share a
 * network, so the last two never lock out a pair that was right before.  The same wrong
 * password again counts once: it is a device that was not told the new one.  In memory,
 * bounded; times are milliseconds of the wall clock.  One thread.
 */
#ifndef DIRECTORY_ATTEMPTS_H
#define DIRECTORY_ATTEMPTS_H

#include "directory/directory.h"

struct directory_attempts;

struct directory_attempts *directory_attempts_new(void);
void directory_attempts_free(struct directory_attempts **attempts);
/* user: the account's name, or what was tried as one. */
bool directory_attempts_is_locked(struct directory_attempts *attempts,
	const struct directory_options *options, struct str ip, struct str user,
	int64_t now_ms);
/* Returns how long to hold back the answer. */
int64_t directory_attempts_failed(struct directory_attempts *attempts,
	const struct directory_options *options, struct str ip, struct str user,
	struct str password, int64_t now_ms);
/* What is locked now: kind "pair", "account" (ip empty) or "network" (user empty). */
struct directory_lock {
	const char *kind;
	struct str user, ip; /* ip: of the last failure */
	uint32_t failures;
	int64_t until_ms;
};
void directory_attempts_list(const struct directory_attempts *attempts, const struct directory_options *options,
	int64_t now_ms, void (*each)(void *arg, const struct directory_lock *lock), void *arg);
/* Forgets the failures of locks that name this user, or (user empty) this ip's network.  Returns how many. */
size_t directory_attempts_lift(
	struct directory_attempts *attempts, struct str user, struct str ip);
void directory_attempts_succeeded(
	struct directory_attempts *attempts, struct str ip, struct str user, int64_t now_ms);

#endif
