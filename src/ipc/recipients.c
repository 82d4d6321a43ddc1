/* SPDX-License-Identifier: ISC */
#include "ipc/recipients.h"

static void add_str(struct buf *out, struct str s)
{
	buf_u32(out, (uint32_t)s.n);
	buf_add(out, s);
}

void ipc_recipient_add(struct buf *out, const struct ipc_recipient *recipient)
{
	buf_u64(out, recipient->account);
	buf_u32(out, recipient->shard);
	buf_u64(out, recipient->quota);
	add_str(out, recipient->address);
	add_str(out, recipient->detail);
}

static struct str take_str(struct rd *rd)
{
	return rd_bytes(rd, rd_u32(rd));
}

bool ipc_recipient_next(struct rd *list, struct ipc_recipient *ret_recipient)
{
	struct ipc_recipient r;

	if (list->bad || rd_left(list) == 0)
		return false;
	r.account = rd_u64(list);
	r.shard = rd_u32(list);
	r.quota = rd_u64(list);
	r.address = take_str(list);
	r.detail = take_str(list);
	if (list->bad)
		return false;
	*ret_recipient = r;
	return true;
}
