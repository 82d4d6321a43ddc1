/* SPDX-License-Identifier: ISC */
/* The inspect role: hostile content in, structure and verdict out. */
#include "base/hash.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/time.h"
#include "ipc/recipients.h"
#include "message/charset.h"
#include "message/header.h"
#include "message/structure.h"
#include "message/submission.h"
#include "os/file.h"
#include "os/progress.h"
#include "role/role.h"

#include <openssl/sha.h>

struct inspect_role {
	struct arena *arena; /* of one message */
	struct progress *progress;
};

struct inspection {
	struct arena *arena;
	struct buf content, header, structure;
	uint8_t content_id[32];
};

/* The header of a submission as it will be sent; the structure then describes that form. */
static enum err fix_submission(struct inspection *in, struct str hostname, uint64_t *ret_replace)
{
	struct message_submission_options options = { .now_s = time_wall_s(), .hostname = hostname,
		.random = { random_u64(), random_u64() } };
	struct str content = buf_str(&in->content);
	size_t size = message_header_length(content);
	struct buf fixed = { 0 };
	bool changed = false;
	enum err e = message_submission_fix(str_sub(content, 0, size), &options, &in->header, &changed);

	*ret_replace = 0;
	if (e != OK || !changed)
		return e;
	*ret_replace = size;
	buf_add(&fixed, buf_str(&in->header));
	buf_add(&fixed, str_from(content, size));
	buf_done(&in->content);
	in->content = fixed;
	return OK;
}

static void digest(struct inspection *in)
{
	struct str s = buf_str(&in->content);

	s = str_from(s, message_trace_strip(s));
	SHA256((const uint8_t *)s.p, s.n, in->content_id);
}

static const char *reason_of(enum err e)
{
	return e == ERR_CONTENT ? "the message has no From field with an address" : err_text(e);
}

static enum err inspect(struct inspection *in, const struct ipc_inspect *ask, struct ipc_inspect_reply *ret_reply)
{
	struct message_structure structure;
	enum err e = OK;

	ret_reply->replace = 0;
	if (ask->kind == INSPECT_SUBMISSION)
		e = fix_submission(in, ask->hostname, &ret_reply->replace);
	if (e != OK)
		return e;
	message_structure_build(buf_str(&in->content), NULL, in->arena, &in->structure);
	e = message_structure_open(buf_str(&in->structure), &structure);
	if (e != OK)
		return e;
	digest(in);
	ret_reply->structure = buf_str(&in->structure);
	ret_reply->content_id = str_make(in->content_id, sizeof(in->content_id));
	ret_reply->message_id = structure.message_id;
	ret_reply->header = ret_reply->replace ? buf_str(&in->header) : STR_NONE;
	ret_reply->hops = structure.received;
	return OK;
}

/* A content that two processes died at is refused. */
static enum err inspect_noted(struct progress *progress, struct inspection *in, const struct ipc_inspect *ask,
	struct ipc_inspect_reply *ret_reply)
{
	static const uint8_t key[16] = "inspected";
	uint64_t hash = hash_sip(key, buf_str(&in->content));
	enum err e = progress_begin(progress, 0, "inspect", str_make((const char *)&hash, sizeof(hash)));

	if (e != OK)
		return e;
	e = inspect(in, ask, ret_reply);
	progress_end(progress);
	return e;
}

static void take_inspect(void *own, struct ipc_request *request)
{
	const struct ipc_inspect *ask = request->body;
	struct role *role = own;
	struct ipc_inspect_reply reply = { 0 };
	struct inspect_role *inspect_role = role->own;
	struct inspection in = { .arena = inspect_role->arena };
	uint64_t start_us = time_mono_us();
	enum err e = ipc_content_read(ask->content, ask->length, request->fd, (size_t)role->conf->message_size_max,
		&in.content);

	if (e == OK)
		e = inspect_noted(inspect_role->progress, &in, ask, &reply);
	reply.error = e;
	reply.reason = str_of(e == OK ? "" : reason_of(e));
	ipc_reply(ipc_ticket_of(request), IPC_INSPECT_REPLY, &reply, -1);
	metric_add(METRIC_messages_inspected, 1);
	metric_observe_us(METRIC_inspect_latency, time_mono_us() - start_us);
	buf_done(&in.content);
	buf_done(&in.header);
	buf_done(&in.structure);
	arena_reset(in.arena);
}

void role_inspect(struct role *role)
{
	struct inspect_role own = { .arena = arena_new() };
	char path[OS_PATH_MAX];
	enum err e = progress_open(os_path(path, "%s/run/inspect-%u.progress", role->conf->data_dir, role->index), &own.progress);

	if (e != OK)
		role_die(role, "progress_not_opened", e, str_of(path));
	role->own = &own;
	message_charset_open();         /* the last files: tables of character sets */
	role_lock_in(role, 0, NULL, 0); /* from here: compute */
	ipc_handle(role->hub, IPC_INSPECT, take_inspect);
	role_run(role);
	progress_close(&own.progress);
	arena_free(&own.arena);
}
