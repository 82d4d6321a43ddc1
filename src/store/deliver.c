/* SPDX-License-Identifier: ISC */
/*
 * Delivery: one record for all recipients in this shard, one entry for each.
 */
#include "store/local.h"

#include "base/metrics.h"

enum { DELIVERY_ID_BYTES = 16 };

/* What becomes of one recipient; account NULL: nothing is to be written for it. */
struct landing {
	struct tx_account *account;
	struct tx_folder *folder;
	struct store_entry entry;
};

/*
 * The id is remembered with the message, in one transaction: whoever hears nothing, or an error, tries again with
 * the same id, and finds either both or neither.
 */
static enum err remember(struct store_tx *tx, const struct store_delivery *delivery, uint64_t account, bool *ret_new)
{
	struct sql_statement *st = ST(tx->store, DELIVERY_INSERT);
	enum err e;

	*ret_new = true;
	if (delivery->delivery_id.n == 0)
		return OK;
	SQL_BIND(st, SQL_I64(account), SQL_BLOB(delivery->delivery_id), SQL_I64(tx->now_s));
	e = sql_run(st);
	if (e == OK)
		*ret_new = sql_changes(tx->store->sql) > 0;
	return e;
}

static enum err find_folder(struct store_tx *tx, const struct store_recipient *to, struct landing *landing)
{
	char bytes[STORE_NAME_MAX];
	struct str name;
	enum err e = ERR_NO_FOLDER;

	if (to->folder.n > 0 && name_canonical(to->folder, bytes, &name) == OK)
		e = tx_find_folder(tx, landing->account, name, &landing->folder);
	if (e == ERR_NO_FOLDER)
		e = tx_get_folder(tx, landing->account, INBOX_ID, &landing->folder);
	return e == ERR_NO_FOLDER ? ERR_CORRUPT : e;
}

static enum err check_quota(const struct store_recipient *to, const struct landing *landing, uint64_t size)
{
	uint64_t used = landing->account->row.bytes;

	return to->quota > 0 && (size > to->quota || used > to->quota - size) ? ERR_OVER_QUOTA : OK;
}

/* Ids are taken here; rows and record are written once all recipients are known. */
static void take_ids(struct store_tx *tx, const struct store_delivery *delivery, const struct store_recipient *to,
	struct landing *landing)
{
	struct folder_row *all = &landing->account->row, *row = &landing->folder->row;

	landing->entry.uid = (uint32_t)row->counter++;
	landing->entry.size = (uint32_t)(to->prefix.n + delivery->content.length);
	landing->entry.flags = to->flags & STORE_SYSTEM_FLAGS;
	landing->entry.modseq = tx_next_modseq(landing->folder);
	landing->entry.internal_date = delivery->received_s;
	landing->entry.saved_date = tx->now_s;
	landing->entry.instance = landing->entry.thread = all->counter++;
}

/* *ret_result is this recipient's; the returned error is everybody's. */
static enum err land(struct store_tx *tx, const struct store_delivery *delivery, const struct store_recipient *to,
	struct landing *landing, enum err *ret_result)
{
	uint64_t size = to->prefix.n + delivery->content.length;
	struct tx_account *account = NULL;
	bool is_new = false;
	enum err e = account_get_or_make(tx, to->account, &account);

	landing->account = account;
	if (e == ERR_UNKNOWN_USER || e == ERR_UNAVAILABLE || e == ERR_MOVED) {
		*ret_result = e;
		return OK;
	}
	if (e == OK)
		e = find_folder(tx, to, landing);
	if (e != OK)
		return e;
	*ret_result = check_quota(to, landing, size);
	if (*ret_result == OK && landing->folder->row.counter >= UINT32_MAX)
		*ret_result = ERR_LIMIT;
	landing->account = NULL;
	/* A repeated delivery that filled the mailbox was accepted: ask the memory before saying no. */
	e = tx_write(tx);
	if (e == OK)
		e = remember(tx, delivery, to->account, &is_new);
	if (e != OK)
		return e;
	if (!is_new) {
		metric_add(METRIC_deliveries_repeated, 1);
		*ret_result = OK;
	} else if (*ret_result == OK) {
		landing->account = account;
		take_ids(tx, delivery, to, landing);
	}
	return OK;
}

static enum err forget(struct store_tx *tx, const struct store_delivery *delivery, uint64_t account)
{
	struct sql_statement *st = ST(tx->store, DELIVERY_FORGET_ONE);

	if (delivery->delivery_id.n == 0)
		return OK;
	SQL_BIND(st, SQL_I64(account), SQL_BLOB(delivery->delivery_id));
	return sql_run(st);
}

static enum err land_all(struct store_tx *tx, const struct store_delivery *delivery, struct landing *landings,
	enum err *results)
{
	enum err e = OK;

	for (size_t i = 0; e == OK && i < delivery->n; i++) {
		e = land(tx, delivery, &delivery->recipients[i], &landings[i], &results[i]);
		/* Refused: a later try must not pass for done. */
		if (e == OK && results[i] != OK)
			e = forget(tx, delivery, delivery->recipients[i].account);
	}
	return e;
}

static uint32_t describe(const struct store_delivery *delivery, struct landing *landings,
	struct record_recipient *recipients)
{
	uint32_t n = 0;

	for (size_t i = 0; i < delivery->n; i++) {
		const struct store_entry *entry = &landings[i].entry;

		if (!landings[i].account)
			continue;
		recipients[n] = (struct record_recipient){
			.account = landings[i].account->account, .folder = landings[i].folder->row.id,
			.uid = entry->uid, .flags = entry->flags, .modseq = entry->modseq,
			.internal_date = entry->internal_date, .saved_date = entry->saved_date,
			.instance = entry->instance, .thread = entry->thread,
			.prefix = delivery->recipients[i].prefix,
		};
		landings[i].entry.extent.slot = n++;
	}
	return n;
}

static enum err push_entry(struct store_tx *tx, struct landing *landing, struct store_extent extent,
	const uint8_t email_id[16])
{
	extent.slot = landing->entry.extent.slot;
	landing->entry.extent = extent;
	memcpy(landing->entry.email_id, email_id, 16);
	metric_add(METRIC_deliveries, 1);
	return tx_push(tx, landing->folder, &landing->entry);
}

static enum err write_all(struct store_tx *tx, const struct store_delivery *delivery, struct landing *landings)
{
	struct record_head head = { .header.type = RECORD_MESSAGE, .structure = delivery->structure };
	struct store_extent extent;
	uint8_t email_id[16];
	enum err e;

	head.recipients = arena_array(tx->arena, struct record_recipient, delivery->n);
	head.header.recipients = describe(delivery, landings, head.recipients);
	if (head.header.recipients == 0)
		return OK;
	entry_identify(delivery->content_id, head.content_id, email_id);
	if (delivery->delivery_id.n == DELIVERY_ID_BYTES)
		memcpy(head.delivery_id, delivery->delivery_id.p, DELIVERY_ID_BYTES);
	e = segments_append(tx->store->segments, &head, &delivery->content, &extent);
	tx->has_mail = true;
	for (size_t i = 0; e == OK && i < delivery->n; i++)
		if (landings[i].account)
			e = push_entry(tx, &landings[i], extent, email_id);
	return e;
}

static enum err check_delivery(const struct store_delivery *delivery)
{
	enum err e = check_sizes(&delivery->content, delivery->structure);

	if (e == OK && (delivery->n == 0 || delivery->n > STORE_RECIPIENTS_MAX))
		e = ERR_TOO_MANY_RCPT;
	if (delivery->delivery_id.n != 0 && delivery->delivery_id.n != DELIVERY_ID_BYTES)
		e = ERR_INTERNAL;
	for (size_t i = 0; e == OK && i < delivery->n; i++)
		if (delivery->recipients[i].prefix.n > STORE_PREFIX_MAX)
			e = ERR_TOO_BIG;
	return e;
}

enum err store_deliver(struct store_tx *tx, const struct store_delivery *delivery, enum err *ret_results)
{
	struct landing *landings;
	enum err e = check_delivery(delivery);

	if (e != OK)
		return e;
	landings = arena_array(tx->arena, struct landing, delivery->n);
	e = land_all(tx, delivery, landings, ret_results);
	return e == OK ? write_all(tx, delivery, landings) : e;
}
