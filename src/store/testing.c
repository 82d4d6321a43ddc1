/* SPDX-License-Identifier: ISC */
#include "store/testing.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void shard_open(struct shard *shard)
{
	if (!shard->dir[0]) {
		snprintf(shard->dir, sizeof(shard->dir), "%s/store-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
		assert_non_null(mkdtemp(shard->dir));
	}
	assert_ok(store_open(shard->dir, &shard->options, &shard->store));
}

void shard_close(struct shard *shard)
{
	store_close(&shard->store);
}

void shard_reopen(struct shard *shard)
{
	shard_close(shard);
	shard_open(shard);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

void shard_remove(struct shard *shard)
{
	shard_close(shard);
	nftw(shard->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	shard->dir[0] = '\0';
}

static void finish_job(struct store_job *job, enum err e)
{
	struct simple_job *simple = (struct simple_job *)job;

	simple->result = e;
	simple->done++;
}

void submit_job(struct shard *shard, struct simple_job *job)
{
	job->job.done = finish_job;
	job->done = 0;
	store_submit(shard->store, &job->job);
}

enum err run_job(struct shard *shard, struct simple_job *job)
{
	submit_job(shard, job);
	store_turn_end(shard->store);
	assert_int_equal(job->done, 1);
	return job->result;
}

/* One struct for all the simple commands below. */
struct command {
	struct simple_job simple;
	uint64_t account, quota;
	const struct store_folder *folder;
	const struct uidset *uids;
	struct str name, to;
	bool yes;
	struct store_delivery delivery;
	enum err results[1];
	const struct store_append *append;
	const struct store_flags *change;
	struct store_appended *appended;
	struct store_copied *copied;
	struct uidset *set, *failed;
	uint64_t id;
};

static enum err run_deliver(struct store_job *job, struct store_tx *tx)
{
	struct command *c = (struct command *)job;

	return store_deliver(tx, &c->delivery, c->results);
}

enum err do_deliver(struct shard *shard, uint64_t account, struct str content)
{
	struct store_recipient to = { .account = account, .prefix = S("Delivered-To: a@example.test\r\n") };
	struct command c = { .simple.job.run = run_deliver };
	enum err e;

	c.delivery = (struct store_delivery){ .content = STORE_CONTENT(content), .structure = S("structure"),
		.received_s = 1700000000, .recipients = &to, .n = 1 };
	e = run_job(shard, &c.simple);
	return e != OK ? e : c.results[0];
}

static enum err run_append(struct store_job *job, struct store_tx *tx)
{
	struct command *c = (struct command *)job;

	return store_append(tx, c->append, c->appended);
}

enum err do_append(struct shard *shard, const struct store_append *append, struct store_appended *ret_appended)
{
	struct command c = { .simple.job.run = run_append, .append = append, .appended = ret_appended };

	return run_job(shard, &c.simple);
}

static enum err run_flags(struct store_job *job, struct store_tx *tx)
{
	struct command *c = (struct command *)job;

	return store_store_flags(tx, c->folder, c->uids, c->change, c->set, c->failed);
}

enum err do_flags(struct shard *shard, const struct store_folder *folder, const struct uidset *uids,
	const struct store_flags *change, struct uidset *ret_changed, struct uidset *ret_failed)
{
	struct command c = { .simple.job.run = run_flags, .folder = folder, .uids = uids, .change = change,
		.set = ret_changed, .failed = ret_failed };

	return run_job(shard, &c.simple);
}

static enum err run_expunge(struct store_job *job, struct store_tx *tx)
{
	struct command *c = (struct command *)job;

	return store_expunge(tx, c->folder, c->uids, c->yes, c->set);
}

enum err do_expunge(struct shard *shard, const struct store_folder *folder, const struct uidset *uids, bool all,
	struct uidset *ret_expunged)
{
	struct command c = { .simple.job.run = run_expunge, .folder = folder, .uids = uids, .yes = all,
		.set = ret_expunged };

	return run_job(shard, &c.simple);
}

static enum err run_copy(struct store_job *job, struct store_tx *tx)
{
	struct command *c = (struct command *)job;

	if (c->yes)
		return store_move(tx, c->folder, c->uids, c->to, c->copied);
	return store_copy(tx, c->folder, c->uids, c->to, c->quota, c->copied);
}

enum err do_copy(struct shard *shard, const struct store_folder *folder, const struct uidset *uids, const char *target,
	uint64_t quota, bool move, struct store_copied *ret_copied)
{
	struct command c = { .simple.job.run = run_copy, .folder = folder, .uids = uids, .to = str_of(target),
		.quota = quota, .yes = move, .copied = ret_copied };

	return run_job(shard, &c.simple);
}

static enum err run_ensure(struct store_job *job, struct store_tx *tx)
{
	return store_account_ensure(tx, ((struct command *)job)->account);
}

enum err do_ensure(struct shard *shard, uint64_t account)
{
	struct command c = { .simple.job.run = run_ensure, .account = account };

	return run_job(shard, &c.simple);
}

static enum err run_create(struct store_job *job, struct store_tx *tx)
{
	struct command *c = (struct command *)job;

	return store_folder_create(tx, c->account, c->name, STORE_ORDINARY, &c->id);
}

enum err do_create(struct shard *shard, uint64_t account, const char *name)
{
	struct command c = { .simple.job.run = run_create, .account = account, .name = str_of(name) };

	return run_job(shard, &c.simple);
}

static enum err run_delete(struct store_job *job, struct store_tx *tx)
{
	struct command *c = (struct command *)job;

	return store_folder_delete(tx, c->account, c->name);
}

enum err do_delete(struct shard *shard, uint64_t account, const char *name)
{
	struct command c = { .simple.job.run = run_delete, .account = account, .name = str_of(name) };

	return run_job(shard, &c.simple);
}

static enum err run_rename(struct store_job *job, struct store_tx *tx)
{
	struct command *c = (struct command *)job;

	return store_folder_rename(tx, c->account, c->name, c->to);
}

enum err do_rename(struct shard *shard, uint64_t account, const char *from, const char *to)
{
	struct command c = { .simple.job.run = run_rename, .account = account, .name = str_of(from), .to = str_of(to) };

	return run_job(shard, &c.simple);
}

static enum err run_subscribe(struct store_job *job, struct store_tx *tx)
{
	struct command *c = (struct command *)job;

	return store_folder_subscribe(tx, c->account, c->name, c->yes);
}

enum err do_subscribe(struct shard *shard, uint64_t account, const char *name, bool subscribed)
{
	struct command c = { .simple.job.run = run_subscribe, .account = account, .name = str_of(name),
		.yes = subscribed };

	return run_job(shard, &c.simple);
}

struct store_folder *open_folder(struct shard *shard, uint64_t account, const char *name)
{
	struct store_folder *folder = NULL;

	assert_ok(store_folder_open(shard->store, account, str_of(name), &folder));
	return folder;
}

const struct store_index *get_index(struct store_folder *folder)
{
	const struct store_index *index = NULL;

	assert_ok(store_folder_index(folder, &index));
	return index;
}

struct str read_message(struct shard *shard, struct store_folder *folder, uint32_t uid, struct arena *arena)
{
	struct store_entry *entries;
	struct store_message message;
	size_t n = 0, got = 0;
	char *bytes;

	assert_ok(store_folder_read(folder, uid, uid, arena, &entries, &n));
	assert_int_equal(n, 1);
	assert_ok(store_message_open(shard->store, store_folder_account(folder), &entries[0], arena, &message));
	bytes = arena_bytes(arena, entries[0].size + 1);
	assert_ok(store_message_read(shard->store, &message, 0, entries[0].size + 1, bytes, &got));
	assert_int_equal(got, entries[0].size);
	return str_make(bytes, got);
}

struct uidset set_of(uint32_t first, uint32_t last)
{
	struct uidset set = { 0 };

	uidset_add_range(&set, first, last);
	return set;
}
