/* SPDX-License-Identifier: ISC */
/*
 * Bodies of messages.  Numbers are little-endian and of fixed size, a str is a u32 length and
 * its bytes: every body has exactly one encoding.
 */
#include "ipc/ipc.h"

#include <assert.h>

struct type_row {
	const char *name;
	size_t size;
	void (*encode)(const void *body, struct buf *out);
	void (*decode)(struct rd *rd, void *body);
	unsigned from, to;
	enum ipc_type reply;
};

#define put_u8 buf_u8
#define put_u32 buf_u32
#define put_u64 buf_u64

static void put_i64(struct buf *out, int64_t v)
{
	buf_u64(out, (uint64_t)v);
}

static void put_str(struct buf *out, struct str s)
{
	/* Longer ones overflow the frame, which its sender finds out. */
	buf_u32(out, (uint32_t)s.n);
	buf_add(out, s);
}

#define take_u8 rd_u8
#define take_u32 rd_u32
#define take_u64 rd_u64

static int64_t take_i64(struct rd *rd)
{
	return (int64_t)rd_u64(rd);
}

static struct str take_str(struct rd *rd)
{
	return rd_bytes(rd, rd_u32(rd));
}

#include "ipc/fields.def"

#define F(type, field) put_##type(out, m->field);
#define IPC_MESSAGE(name, lower, from, to, reply) \
	static void encode_##lower(const void *body, struct buf *out) \
	{ \
		const struct ipc_##lower *m = body; \
		IPC_FIELDS_##name \
	}
#include "ipc/messages.def"
#undef IPC_MESSAGE
#undef F

#define F(type, field) m->field = take_##type(rd);
#define IPC_MESSAGE(name, lower, from, to, reply) \
	static void decode_##lower(struct rd *rd, void *body) \
	{ \
		struct ipc_##lower *m = body; \
		IPC_FIELDS_##name \
	}
#include "ipc/messages.def"
#undef IPC_MESSAGE
#undef F

static const struct type_row rows[IPC_TYPES] = {
#define IPC_MESSAGE(name, lower, from, to, reply) \
	[IPC_##name] = { #name, sizeof(struct ipc_##lower), encode_##lower, decode_##lower, \
		from, to, IPC_##reply },
#include "ipc/messages.def"
#undef IPC_MESSAGE
};

static const struct type_row *row_of(enum ipc_type type)
{
	assert(type > IPC_NONE && type < IPC_TYPES);
	return &rows[type];
}

void ipc_encode(enum ipc_type type, const void *body, struct buf *out)
{
	row_of(type)->encode(body, out);
}

enum err ipc_decode(enum ipc_type type, struct str s, void *ret_body)
{
	const struct type_row *row = row_of(type);
	struct rd rd = rd_of(s);
	union ipc_any_body body;

	row->decode(&rd, &body);
	if (rd.bad || rd_left(&rd) != 0)
		return ERR_PROTOCOL;
	memcpy(ret_body, &body, row->size);
	return OK;
}

size_t ipc_body_size(enum ipc_type type)
{
	return row_of(type)->size;
}

const char *ipc_type_name(enum ipc_type type)
{
	return type > IPC_NONE && type < IPC_TYPES ? rows[type].name : "NONE";
}

enum ipc_type ipc_reply_type(enum ipc_type type)
{
	return row_of(type)->reply;
}

bool ipc_may_send(enum role_kind from, enum role_kind to, enum ipc_type type)
{
	if (type <= IPC_NONE || type >= IPC_TYPES || from >= ROLE_KINDS || to >= ROLE_KINDS)
		return false;
	return (rows[type].from >> from & 1) && (rows[type].to >> to & 1);
}
