/* SPDX-License-Identifier: ISC */
#include "imap/object_id.h"

void imap_object_id_email(const struct store_entry *entry, struct buf *out)
{
	buf_addc(out, 'M');
	for (size_t i = 0; i < sizeof(entry->email_id); i++)
		buf_addf(out, "%02x", entry->email_id[i]);
}

void imap_object_id_thread(const struct store_entry *entry, struct buf *out)
{
	buf_addf(out, "T%016llx", (unsigned long long)entry->thread);
}

void imap_object_id_folder(uint64_t id, struct buf *out)
{
	buf_addf(out, "F%llu", (unsigned long long)id);
}
