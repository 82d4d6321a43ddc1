/* SPDX-License-Identifier: ISC */
/* What a shard does beside its clients: forgetting, retention, compaction, the copy of the index. */
#include "role/store_own.h"

#include "base/log.h"
#include "base/time.h"

enum { BACKGROUND_MS = 1000 };

/* ---- compaction ---- */

static void start_compaction(struct store_role *own)
{
	if (!own->compacts)
		store_compact_start(own->store, (uint32_t)own->role->conf->compact_dead);
	own->compacts = true;
	own->compact_ms = time_mono_ms() + own->role->conf->compact_interval;
}

static void end_compaction(struct store_role *own)
{
	struct store_compacted done = store_compact_result(own->store);
	struct ipc_store_compact_reply reply = { .error = done.error, .looked_at = done.looked_at,
		.removed = done.removed, .kept = done.kept, .records = done.records, .written = done.written,
		.freed = done.freed };

	own->compacts = false;
	LOG(done.error == OK ? LOG_INFO : LOG_ERROR, "compacted", F_U64("segments", done.looked_at),
		F_U64("removed", done.removed), F_U64("kept", done.kept), F_U64("freed", done.freed), F_ERR(done.error));
	for (size_t i = 0; i < own->compact_asked.n; i++)
		ipc_reply(own->compact_asked.v[i], IPC_STORE_COMPACT_REPLY, &reply, -1);
	own->compact_asked.n = 0;
}

static void take_compact(void *arg, struct ipc_request *request)
{
	struct store_role *own = ((struct role *)arg)->own;

	vec_push(&own->compact_asked, ipc_ticket_of(request));
	start_compaction(own);
	loop_timer_start(own->background, 1);
}

static void compact(struct store_role *own)
{
	const struct conf *conf = own->role->conf;
	enum err e = store_compact_sweep(own->store);

	if (e != OK)
		LOG(LOG_WARNING, "segment_not_removed", F_ERR(e));
	if (!own->compacts && conf->compact_interval && time_mono_ms() >= own->compact_ms)
		start_compaction(own);
	if (own->compacts && !store_has_jobs(own->store) && !store_compact_step(own->store))
		end_compaction(own);
}

/* True: there is more of it to do. */
static bool back_up_index(struct store_role *own)
{
	int64_t interval = own->role->conf->index_backup_interval;
	bool more = false;
	enum err e = OK;

	if (interval && time_mono_ms() >= own->backup_ms) {
		own->backup_ms = time_mono_ms() + interval;
		e = store_index_backup_start(own->store);
	}
	if (e == OK)
		e = store_index_backup_step(own->store, &more);
	if (e != OK)
		LOG(LOG_WARNING, "index_not_copied", F_ERR(e));
	return more;
}

static void background(void *arg)
{
	struct store_role *own = arg;
	bool more = store_background(own->store);

	more = back_up_index(own) || more;
	if (!store_has_jobs(own->store))
		retention_go_on(own);
	compact(own);
	loop_timer_start(own->background, more || own->compacts ? 1 : own->retention.is_running ? 10 : BACKGROUND_MS);
}

void store_role_start_upkeep(struct store_role *own)
{
	const struct conf *conf = own->role->conf;

	own->compact_ms = time_mono_ms() + conf->compact_interval;
	own->backup_ms = time_mono_ms() + conf->index_backup_interval;
	ipc_handle(own->role->hub, IPC_STORE_COMPACT, take_compact);
	own->background = loop_timer_add(own->role->loop, background, own);
	loop_timer_start(own->background, BACKGROUND_MS);
}
