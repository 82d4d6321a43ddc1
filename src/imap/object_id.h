/* SPDX-License-Identifier: ISC */
/* Object identifiers as RFC 8474 writes them: a letter for the kind, then the store's own id.  Pure. */
#ifndef IMAP_OBJECT_ID_H
#define IMAP_OBJECT_ID_H

#include "store/store.h"
#include "base/buf.h"

/* "M" and 32 hex digits: same content, same id. */
void imap_object_id_email(const struct store_entry *entry, struct buf *out);
/* "T" and 16 hex digits. */
void imap_object_id_thread(const struct store_entry *entry, struct buf *out);
/* "F" and a number, for MAILBOXID. */
void imap_object_id_folder(uint64_t id, struct buf *out);

#endif
