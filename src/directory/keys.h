/* SPDX-License-Identifier: ISC */
/* The secret that login hashes are keyed with: made once, kept in DIR/keys (0600), never made
 * anew by itself. */
#ifndef DIRECTORY_KEYS_H
#define DIRECTORY_KEYS_H

#include "base/buf.h"

enum { DIRECTORY_KEY_BYTES = 32 };

struct directory_keys {
	uint8_t login[DIRECTORY_KEY_BYTES];   /* hashes of device passwords */
	uint8_t pretend[DIRECTORY_KEY_BYTES]; /* what unknown users seem to have */
};

/*
 * Reads the file, or makes it when there is none and may_make.  ERR_CORRUPT: damaged, or none
 * and not may_make. ret_detail: a line for the operator when it fails.
 */
MUST_CHECK enum err directory_keys_open(const char *path, bool may_make,
	struct directory_keys *ret_keys, struct buf *ret_detail);
void directory_keys_random(struct directory_keys *ret_keys);

#endif
