/* SPDX-License-Identifier: ISC */
/* Special folders of an account, set by an operator. */
#include "role/store_own.h"

struct special_job {
	struct store_job job;
	struct store_role *own;
	struct arena *arena;
	struct ipc_ticket ticket;
	enum store_special special;
	struct str folder;
};

static enum err run_special(struct store_job *job, struct store_tx *tx)
{
	struct special_job *s = (struct special_job *)job;

	if (s->special == STORE_ORDINARY)
		return store_account_ensure(tx, job->account);
	return store_folder_set_special(tx, job->account, s->special, s->folder);
}

static enum err add_folders(struct special_job *s, struct buf *out)
{
	struct store_status *folders;
	size_t n;
	enum err e = store_folder_list(s->own->store, s->job.account, s->arena, &folders, &n);

	for (int use = STORE_ORDINARY + 1; e == OK && use < STORE_SPECIALS; use++) {
		struct str name = STR_NONE;

		for (size_t i = 0; i < n; i++)
			if (folders[i].special == (enum store_special)use)
				name = folders[i].name;
		buf_blob(out, name);
	}
	return e;
}

static void end_special(struct store_job *job, enum err e)
{
	struct special_job *s = (struct special_job *)job;
	struct ipc_account_special_reply reply = { 0 };
	struct arena *arena = s->arena;
	struct buf folders = { 0 };

	reply.error = e == OK ? add_folders(s, &folders) : e;
	reply.folders = buf_str(&folders);
	ipc_reply(s->ticket, IPC_ACCOUNT_SPECIAL_REPLY, &reply, -1);
	buf_done(&folders);
	arena_free(&arena);
}

static void take_special(void *arg, struct ipc_request *request)
{
	const struct ipc_account_special *ask = request->body;
	struct store_role *own = ((struct role *)arg)->own;
	struct arena *arena = arena_new();
	struct special_job *s = arena_make(arena, struct special_job);

	s->own = own;
	s->arena = arena;
	s->ticket = ipc_ticket_of(request);
	s->special = (enum store_special)ask->special;
	s->folder = arena_dup(arena, ask->folder);
	s->job = (struct store_job){ .run = run_special, .done = end_special, .what = "special", .account = ask->account,
		.writes_often = true };
	store_submit(own->store, &s->job);
}

void store_role_handle_special(struct ipc_hub *hub)
{
	ipc_handle(hub, IPC_ACCOUNT_SPECIAL, take_special);
}
