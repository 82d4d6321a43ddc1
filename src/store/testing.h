/* SPDX-License-Identifier: ISC */
/*
 * What the store's tests and its bench share: a shard in a directory of its own, and jobs that are run at once.
 */
#ifndef STORE_TESTING_H
#define STORE_TESTING_H

#include "base/test.h"
#include "store/store.h"

struct shard {
	char dir[64];
	struct store_options options;
	struct store *store;
};

void shard_open(struct shard *shard);
void shard_close(struct shard *shard);
void shard_reopen(struct shard *shard);
/* Removes the directory too. */
void shard_remove(struct shard *shard);

/* One job in a turn of its own. */
struct simple_job {
	struct store_job job;
	enum err result;
	int done;
};
enum err run_job(struct shard *shard, struct simple_job *job);
void submit_job(struct shard *shard, struct simple_job *job);

enum err do_deliver(struct shard *shard, uint64_t account, struct str content);
enum err do_append(struct shard *shard, const struct store_append *append, struct store_appended *ret_appended);
enum err do_flags(struct shard *shard, const struct store_folder *folder, const struct uidset *uids,
	const struct store_flags *change, struct uidset *ret_changed, struct uidset *ret_failed);
enum err do_expunge(struct shard *shard, const struct store_folder *folder, const struct uidset *uids, bool all,
	struct uidset *ret_expunged);
enum err do_copy(struct shard *shard, const struct store_folder *folder, const struct uidset *uids, const char *target,
	uint64_t quota, bool move, struct store_copied *ret_copied);
enum err do_ensure(struct shard *shard, uint64_t account);
enum err do_create(struct shard *shard, uint64_t account, const char *name);
enum err do_delete(struct shard *shard, uint64_t account, const char *name);
enum err do_rename(struct shard *shard, uint64_t account, const char *from, const char *to);
enum err do_subscribe(struct shard *shard, uint64_t account, const char *name, bool subscribed);

struct store_folder *open_folder(struct shard *shard, uint64_t account, const char *name);
const struct store_index *get_index(struct store_folder *folder);
/* Whole message as a client sees it, arena memory; fails the test when it cannot be read. */
struct str read_message(struct shard *shard, struct store_folder *folder, uint32_t uid, struct arena *arena);
struct uidset set_of(uint32_t first, uint32_t last);

#endif
