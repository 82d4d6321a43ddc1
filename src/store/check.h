/* SPDX-License-Identifier: ISC */
/*
 * Does all that a shard holds agree?  Only reads, beside a running store: one account at a time is looked at in one
 * view, so mail that comes in meanwhile is no fault.
 *
 * Looked at: the counts and clocks of accounts and folders against their messages; that UIDs ascend below UIDNEXT and
 * are given once; flags against the names of keywords; that every message's record is in its segment, is this account's,
 * and is as long as the index says; with `content` also every checksum.
 */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "store/store.h"

struct store_checked {
	uint64_t accounts, folders, messages, bytes, problems;
};

struct store_check {
	const char *dir; /* the shard's */
	bool content;
	/* For each problem, one line; folder 0: of the account. */
	void (*report)(void *arg, uint64_t account, uint64_t folder, struct str text);
	void *arg;
};

/* OK when it could look at everything, problems or not.  ERR_NO_FOLDER: no such shard. */
MUST_CHECK enum err store_check(const struct store_check *check, struct store_checked *ret_checked);

#endif
