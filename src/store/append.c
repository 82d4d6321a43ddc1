/* SPDX-License-Identifier: ISC */
/*
 * APPEND, and what it shares with delivery.
 */
#include "store/local.h"

#include "base/random.h"

void entry_identify(struct str content_id, uint8_t ret_content_id[32], uint8_t ret_email_id[16])
{
	if (content_id.n == 32)
		memcpy(ret_content_id, content_id.p, 32);
	else
		random_bytes(ret_content_id, 32);
	memcpy(ret_email_id, ret_content_id, 16);
}

enum err check_sizes(const struct store_content *content, struct str structure)
{
	if (content->bytes.p && content->bytes.n != content->length)
		return ERR_INTERNAL;
	if (content->length > STORE_CONTENT_MAX || structure.n > STORE_STRUCTURE_MAX)
		return ERR_TOO_BIG;
	return OK;
}

static enum err find_target(struct store_tx *tx, const struct store_append *append, struct tx_folder **ret_folder)
{
	char bytes[STORE_NAME_MAX];
	struct tx_account *a = NULL;
	struct str name;
	enum err e;

	if (name_canonical(append->folder, bytes, &name) != OK)
		return ERR_TRYCREATE;
	e = account_get_or_make(tx, append->account, &a);
	if (e == OK)
		e = tx_find_folder(tx, a, name, ret_folder);
	return e == ERR_NO_FOLDER ? ERR_TRYCREATE : e;
}

static enum err check_quota(const struct tx_folder *folder, uint64_t quota, uint64_t size)
{
	uint64_t used = folder->account->row.bytes;

	return quota > 0 && (size > quota || used > quota - size) ? ERR_OVER_QUOTA : OK;
}

static enum err write_message(struct store_tx *tx, const struct store_append *append, struct tx_folder *folder,
	uint64_t keywords, struct store_entry *entry)
{
	struct folder_row *all = &folder->account->row;
	struct record_recipient to = { .account = append->account, .folder = folder->row.id };
	struct record_head head = { .header = { .type = RECORD_MESSAGE, .recipients = 1 }, .structure = append->structure,
		.recipients = &to };
	enum err e;

	entry->uid = to.uid = (uint32_t)folder->row.counter;
	entry->flags = to.flags = (append->flags & STORE_SYSTEM_FLAGS) | keywords;
	entry->internal_date = to.internal_date = append->internal_date;
	entry->saved_date = to.saved_date = tx->now_s;
	entry->instance = entry->thread = to.instance = to.thread = all->counter;
	entry->modseq = to.modseq = all->modseq + 1;
	entry->size = (uint32_t)append->content.length;
	entry_identify(append->content_id, head.content_id, entry->email_id);
	e = segments_append(tx->store->segments, &head, &append->content, &entry->extent);
	if (e != OK)
		return e;
	all->counter++;
	folder->row.counter++;
	(void)tx_next_modseq(folder);
	tx->has_mail = true;
	return tx_push(tx, folder, entry);
}

enum err store_append(struct store_tx *tx, const struct store_append *append, struct store_appended *ret_appended)
{
	struct tx_folder *folder = NULL;
	struct store_entry entry = { 0 };
	uint64_t keywords = 0;
	enum err e = check_sizes(&append->content, append->structure);

	if (e == OK)
		e = find_target(tx, append, &folder);
	if (e == OK)
		e = check_quota(folder, append->quota, append->content.length);
	if (e == OK && folder->row.counter >= UINT32_MAX)
		e = ERR_LIMIT;
	if (e == OK)
		e = keywords_bits(tx, folder, append->keywords, append->keyword_count, true, &keywords);
	if (e == OK)
		e = tx_write(tx);
	if (e == OK)
		e = write_message(tx, append, folder, keywords, &entry);
	if (e == OK)
		*ret_appended = (struct store_appended){ (uint32_t)folder->row.uidvalidity, entry.uid };
	return e;
}
