/* SPDX-License-Identifier: ISC */
/*
 * Comma-separated values as RFC 4180 has them, UTF-8 or not, lines ended by CRLF or LF; an UTF-8 mark at the head and empty
 * lines are passed over.  Pure.
 */
#ifndef DIRECTORY_CSV_H
#define DIRECTORY_CSV_H

#include "base/arena.h"
#include "base/buf.h"

enum { DIRECTORY_CSV_FIELDS_MAX = 8 };

struct directory_csv {
	struct str rest;
	size_t line; /* of the next byte, from 1 */
	struct arena *arena;
};

struct directory_csv_row {
	size_t line; /* where it begins */
	size_t count; /* of fields; those above the maximum are counted only */
	struct str fields[DIRECTORY_CSV_FIELDS_MAX];
	const char *cause; /* why it cannot be read, else NULL; the next row is that after its line */
};

/* Fields point into text or into the arena. */
void directory_csv_begin(struct directory_csv *csv, struct str text, struct arena *arena);
/* False at the end. */
bool directory_csv_next(struct directory_csv *csv, struct directory_csv_row *ret_row);

#endif
