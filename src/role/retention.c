/* SPDX-License-Identifier: ISC */
/*
 * What has been in Trash or Spam for too long goes.  For how long is the directory's to say (DIR_RETENTION): nothing of it is
 * kept here, so nothing can be out of date.  The walk asks for the rules of a range of accounts, goes through their folders,
 * a few a turn, and asks again; without an answer nothing is deleted.
 */
#include "role/store_own.h"

#include "base/log.h"
#include "base/time.h"

enum { FOLDERS_A_TURN = 20, ASK_TIMEOUT_MS = 60000, ASK_AGAIN_MS = 1000, UNSET = -1 };

static const int64_t DAY_S = 86400;

static enum err run(struct store_job *job, struct store_tx *tx)
{
	struct retention *r = (struct retention *)job;
	enum err e = OK;

	r->expiry = r->kept;
	r->more = true;
	for (int i = 0; e == OK && r->more && i < FOLDERS_A_TURN; i++)
		e = store_expire(tx, &r->expiry, &r->more);
	return e;
}

static void done(struct store_job *job, enum err e)
{
	struct retention *r = (struct retention *)job;

	r->kept = r->expiry;
	r->has_rules = r->more;
	r->is_running = e == OK && (r->more || r->kept.last_account != UINT64_MAX);
	if (e != OK)
		LOG(LOG_ERROR, "retention_failed", F_ERR(e));
	else if (!r->is_running && r->expiry.expunged)
		LOG(LOG_INFO, "retention", F_U64("expunged", r->expiry.expunged));
}

static int64_t before(int64_t seconds)
{
	return seconds ? time_wall_s() - seconds : INT64_MIN;
}

static int64_t before_days(uint32_t days, int64_t other)
{
	return days == (uint32_t)UNSET ? other : before(days * DAY_S);
}

static void take_rules(struct retention *r, const struct ipc_dir_retention_reply *reply)
{
	struct rd list = rd_of(reply->rules);

	r->rules.n = 0;
	while (rd_left(&list) > 0 && !list.bad) {
		struct store_expiry_rule rule = { .account = rd_u64(&list) };

		rule.trash_before_s = before_days(rd_u32(&list), r->kept.trash_before_s);
		rule.junk_before_s = before_days(rd_u32(&list), r->kept.junk_before_s);
		vec_push(&r->rules, rule);
	}
	r->kept.rules = r->rules.v;
	r->kept.rule_count = r->rules.n;
	r->kept.last_account = reply->until;
	r->has_rules = !list.bad;
}

static void told(void *arg, enum err e, const void *body, int *fd)
{
	struct store_role *own = arg;
	struct retention *r = &own->retention;

	r->is_asking = false;
	if (e == OK)
		take_rules(r, body);
	if (e != OK || !r->has_rules) {
		r->is_running = false;
		r->next_ms = time_mono_ms() + ASK_AGAIN_MS;
		LOG(LOG_WARNING, "retention_not_told", F_ERR(e));
	}
}

static void ask(struct store_role *own)
{
	struct ipc_dir_retention question = { .after = own->retention.kept.last_account };

	own->retention.is_asking = true;
	ipc_call(own->role->hub, ROLE_DIRECTORY, 0, IPC_DIR_RETENTION, &question, -1, 0, ASK_TIMEOUT_MS, told, own);
}

static void begin(struct store_role *own)
{
	const struct conf *conf = own->role->conf;
	struct retention *r = &own->retention;

	r->next_ms = time_mono_ms() + conf->retention_interval;
	r->kept = (struct store_expiry){ .trash_before_s = before(conf->trash_retention / 1000),
		.junk_before_s = before(conf->spam_retention / 1000) };
	r->is_running = true;
	r->has_rules = false;
}

void retention_go_on(struct store_role *own)
{
	struct retention *r = &own->retention;

	if (r->is_asking || (!r->is_running && time_mono_ms() < r->next_ms))
		return;
	if (!r->is_running)
		begin(own);
	if (!r->has_rules) {
		ask(own);
		return;
	}
	r->job = (struct store_job){ .run = run, .done = done, .what = "retention", .writes_often = true };
	store_submit(own->store, &r->job);
}

void retention_done(struct retention *r)
{
	vec_done(&r->rules);
}
