/* SPDX-License-Identifier: ISC */
/* Many addresses from a file: what import.c, import_check.c and import_write.c share. */
#ifndef DIRECTORY_IMPORT_H
#define DIRECTORY_IMPORT_H

#include "directory/command.h"
#include "directory/csv.h"
#include "directory/password.h"

enum {
	DIRECTORY_IMPORT_TEXT_MAX = 1 << 20,
	DIRECTORY_IMPORT_ROWS_MAX = 10000,
	DIRECTORY_IMPORT_COLUMNS = 4,
};

struct directory_import_row {
	size_t line;
	struct str local; /* folded; empty: the row has errors */
	struct str password, target;
	bool drop_copy;
	size_t named_row; /* the row of this file that target names; SIZE_MAX: none */
	struct directory_redirect redirect; /* made by the check */
	struct directory_verifier verifier;
	uint8_t salt[DIRECTORY_SALT_BYTES];
};

struct directory_import {
	struct directory_job job; /* first */
	struct directory *directory;
	struct directory_service *service;
	struct arena *arena;
	struct str text, domain; /* in arena */
	VEC(struct directory_import_row) rows;
	struct map *by_local; /* 1 + place in rows */
	json_t *errors;       /* of the check under way */
	size_t hashed;
	uint64_t argon2_ops, argon2_bytes;
	uint32_t iterations;
	enum err error; /* of the hashing */
	int64_t account, device;
};

/* import_check.c: all that is wrong with the file; import->errors stays empty when it is fine. */
MUST_CHECK enum err directory_import_check(struct directory_import *import, int64_t now_ms);
/* import_write.c: one transaction, then memory, then the reply. */
MUST_CHECK enum err directory_import_write(struct directory_import *import, struct directory_call *call);

#endif
