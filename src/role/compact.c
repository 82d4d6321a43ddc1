/* SPDX-License-Identifier: ISC */
/* restante store compact: asks the shards, one after the other. */
#include "role/directory_own.h"

#include <stdlib.h>

enum { COMPACT_TIMEOUT_MS = 6 * 3600 * 1000 };

struct compacting {
	struct directory_role *own;
	struct control *control;
	uint32_t shard, last;
	json_t *shards;
};

static void compact_next(struct compacting *c);

static void compacted(void *arg, enum err e, const void *body, int *fd)
{
	struct compacting *c = arg;
	const struct ipc_store_compact_reply *r = body;

	e = e == OK ? (enum err)r->error : e;
	if (e == OK)
		json_array_append_new(c->shards, json_pack("{s:i,s:I,s:I,s:I,s:I,s:I}", "shard", (int)c->shard, "segments",
			(json_int_t)r->looked_at, "removed", (json_int_t)r->removed, "kept", (json_int_t)r->kept,
			"messages", (json_int_t)r->records, "freed_bytes", (json_int_t)(r->freed - r->written)));
	else
		json_array_append_new(c->shards, json_pack("{s:i,s:s}", "shard", (int)c->shard, "error", err_text(e)));
	c->shard++;
	compact_next(c);
}

static void compact_next(struct compacting *c)
{
	struct ipc_store_compact ask = { 0 };

	if (c->shard <= c->last) {
		ipc_call(c->own->role->hub, ROLE_STORE, c->shard, IPC_STORE_COMPACT, &ask, -1, 0, COMPACT_TIMEOUT_MS,
			compacted, c);
		return;
	}
	control_answer(c->control, json_pack("{s:o}", "shards", c->shards));
	free(c);
}

void compact_shards(struct directory_role *own, struct control *control, uint32_t shard)
{
	struct compacting *c = mem_make(struct compacting);

	*c = (struct compacting){ own, control, shard == UINT32_MAX ? 0 : shard,
		shard == UINT32_MAX ? own->role->shards - 1 : shard, json_array() };
	compact_next(c);
}
