/* SPDX-License-Identifier: ISC */
/*
 * What a shard's log says, brought into the order in which it happened: by account and modseq, the one clock of an
 * account.  Order in the log is another one: a turn writes its messages before its notes, and compaction writes old
 * messages again.  Kept in a database file of its own, so the size of the log does not matter.
 */
#ifndef STORE_EVENTS_H
#define STORE_EVENTS_H

#include "store/local.h"

/* A message, or a note whose fields stand in `fields`. */
struct event {
	uint64_t account, folder, modseq;
	enum note_kind kind; /* 0: a message */
	struct store_entry entry;
	struct str fields;
};

struct events;

/*
 * dir: the shard's; what an attempt before left there is removed.  base(arg, account): up to which modseq everything is
 * known already, asked once an account; NULL: nothing is.
 */
MUST_CHECK enum err events_open(const char *dir, uint64_t (*base)(void *arg, uint64_t account), void *arg,
	struct events **ret_events);
/* Removes the file too. */
void events_close(struct events **events);

/* In the order of the log.  One recipient of a message; entry is whole. */
MUST_CHECK enum err events_put_message(
	struct events *events, uint64_t account, uint64_t folder, const struct store_entry *entry);
/* ERR_CORRUPT: the notes cannot be read to their end. */
MUST_CHECK enum err events_put_notes(struct events *events, struct str notes);

/* False: some of them have no modseq of their own, and mean something only where they stand. */
bool events_are_dated(struct str notes);

/* One after the other, in their true order; the event lives until the next call.  False: no more, or *ret_error. */
bool events_next(struct events *events, const struct event **ret_event, enum err *ret_error);

/* notes.c's form of a set of UIDs. */
void event_read_set(struct rd *rd, struct uidset *set);

#endif
