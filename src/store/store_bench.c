/* SPDX-License-Identifier: ISC */
/*
 * Deliveries of the bare module: store-bench [DIRECTORY [MESSAGES]].  1,000 accounts in turn, 4 KiB, groups of 1,
 * 10 and 50; then operations on a folder of 100,000.
 */
#include "store/store.h"

#include "base/metrics.h"
#include "base/random.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { ACCOUNTS = 1000, GROUP_MAX = 50, CONTENT = 4096 };

struct delivery {
	struct store_job job;
	struct store_recipient to;
	struct store_delivery delivery;
	char id[16];
	enum err result, ended;
};

static char content[CONTENT], structure[600], prefix[300];

static enum err run_delivery(struct store_job *job, struct store_tx *tx)
{
	struct delivery *d = (struct delivery *)job;

	return store_deliver(tx, &d->delivery, &d->result);
}

static void end_delivery(struct store_job *job, enum err e)
{
	((struct delivery *)job)->ended = e;
}

static void prepare(struct delivery *d, uint64_t account)
{
	random_bytes(d->id, sizeof(d->id));
	d->to = (struct store_recipient){ .account = account, .prefix = str_make(prefix, sizeof(prefix)) };
	d->delivery = (struct store_delivery){ .delivery_id = str_make(d->id, sizeof(d->id)),
		.structure = str_make(structure, sizeof(structure)), .content = STORE_CONTENT(str_make(content, CONTENT)),
		.received_s = time_wall_s(), .recipients = &d->to, .n = 1 };
	d->job = (struct store_job){ .run = run_delivery, .done = end_delivery, .account = account, .what = "deliver",
		.id = str_make(d->id, sizeof(d->id)) };
}

static void require(enum err e, const char *what)
{
	if (e == OK)
		return;
	fprintf(stderr, "%s: %s\n", what, err_text(e));
	exit(1);
}

static double cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_utime.tv_sec * 1e6 + (double)usage.ru_utime.tv_usec +
		(double)usage.ru_stime.tv_sec * 1e6 + (double)usage.ru_stime.tv_usec;
}

static void deliver(struct store *store, size_t messages, size_t group, const char *label)
{
	static struct delivery d[GROUP_MAX];
	double cpu = cpu_us();
	uint64_t start = time_mono_us(), took;

	for (size_t i = 0; i < messages; i += group) {
		for (size_t k = 0; k < group; k++) {
			prepare(&d[k], 1 + (i + k) * 617 % ACCOUNTS);
			store_submit(store, &d[k].job);
		}
		store_turn_end(store);
		for (size_t k = 0; k < group; k++)
			require(d[k].ended != OK ? d[k].ended : d[k].result, "deliver");
	}
	took = time_mono_us() - start;
	printf("%-22s %8.0f /s  %6.1f us CPU each\n", label, (double)messages * 1e6 / (double)took,
		(cpu_us() - cpu) / (double)messages);
}

struct command {
	struct store_job job;
	struct store_folder *folder;
	struct uidset uids, result;
	struct store_flags change;
	struct store_copied copied;
	const char *target;
	enum { FLAGS, COPY, MOVE, EXPUNGE } kind;
	enum err ended;
};

static enum err run_command(struct store_job *job, struct store_tx *tx)
{
	struct command *c = (struct command *)job;

	switch (c->kind) {
	case FLAGS:
		return store_store_flags(tx, c->folder, &c->uids, &c->change, &c->result, NULL);
	case COPY:
		return store_copy(tx, c->folder, &c->uids, str_of(c->target), 0, &c->copied);
	case MOVE:
		return store_move(tx, c->folder, &c->uids, str_of(c->target), &c->copied);
	default:
		return store_expunge(tx, c->folder, &c->uids, true, &c->result);
	}
}

static void end_command(struct store_job *job, enum err e)
{
	((struct command *)job)->ended = e;
}

static void time_command(struct store *store, struct command *c, const char *label)
{
	uint64_t start = time_mono_us();

	c->job = (struct store_job){ .run = run_command, .done = end_command };
	store_submit(store, &c->job);
	store_turn_end(store);
	require(c->ended, label);
	printf("%-30s %8.1f ms\n", label, (double)(time_mono_us() - start) / 1e3);
}

static void open_folder(struct store *store, const char *name, struct store_folder **ret_folder)
{
	const struct store_index *index;
	uint64_t start;

	require(store_folder_open(store, 5000, str_of(name), ret_folder), "open");
	start = time_mono_us();
	require(store_folder_index(*ret_folder, &index), "index");
	printf("%-30s %8.1f ms for %u\n", "load index", (double)(time_mono_us() - start) / 1e3, index->count);
}

/* 100 messages, then copies of copies. */
static void fill(struct store *store)
{
	static struct delivery d;
	struct command c = { .kind = COPY, .target = "INBOX" };
	const struct store_index *index;

	for (int i = 0; i < 100; i++) {
		prepare(&d, 5000);
		store_submit(store, &d.job);
		store_turn_end(store);
	}
	open_folder(store, "INBOX", &c.folder);
	do {
		require(store_folder_index(c.folder, &index), "index");
		uidset_clear(&c.uids);
		uidset_add_range(&c.uids, 1, index->count <= 50000 ? index->count : 100000 - index->count);
		c.job = (struct store_job){ .run = run_command, .done = end_command };
		store_submit(store, &c.job);
		store_turn_end(store);
		require(store_folder_index(c.folder, &index), "index");
	} while (index->count < 100000);
	uidset_done(&c.uids);
	uidset_done(&c.copied.source);
	store_folder_close(&c.folder);
}

static void big_folder(struct store *store)
{
	struct command c = { .kind = FLAGS };

	fill(store);
	open_folder(store, "INBOX", &c.folder);
	uidset_add_range(&c.uids, 1, UINT32_MAX);
	c.change = (struct store_flags){ .op = STORE_FLAGS_ADD, .flags = STORE_SEEN };
	time_command(store, &c, "STORE +FLAGS 100,000");
	c.kind = COPY;
	c.target = "Archive";
	time_command(store, &c, "COPY 100,000");
	c.kind = MOVE;
	c.target = "Trash";
	time_command(store, &c, "MOVE 100,000");
	store_folder_close(&c.folder);
	open_folder(store, "Archive", &c.folder);
	uidset_clear(&c.uids);
	for (uint32_t uid = 1; uid <= 100000; uid += 2)
		uidset_add(&c.uids, uid);
	c.kind = EXPUNGE;
	time_command(store, &c, "EXPUNGE every other of 100,000");
	uidset_clear(&c.uids);
	uidset_add_range(&c.uids, 1, UINT32_MAX);
	store_folder_close(&c.folder);
	open_folder(store, "Trash", &c.folder);
	time_command(store, &c, "EXPUNGE 100,000");
	store_folder_close(&c.folder);
	uidset_done(&c.uids);
	uidset_done(&c.result);
	uidset_done(&c.copied.source);
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "store-bench.data";
	size_t messages = argc > 2 ? (size_t)strtol(argv[2], NULL, 10) / 250 * 250 : 20000;
	struct store *store;

	memset(content, 'x', sizeof(content));
	memset(structure, 's', sizeof(structure));
	memset(prefix, 'p', sizeof(prefix));
	require(store_open(dir, NULL, &store), "open");
	deliver(store, ACCOUNTS, 50, "first deliveries");
	deliver(store, messages, 50, "groups of 50");
	deliver(store, messages, 10, "groups of 10");
	deliver(store, messages / 5, 1, "groups of 1");
	big_folder(store);
	printf("checkpoints %llu, segment bytes %llu\n", (unsigned long long)metrics.counters[METRIC_checkpoints],
		(unsigned long long)metrics.counters[METRIC_segment_bytes]);
	store_close(&store);
	return 0;
}
