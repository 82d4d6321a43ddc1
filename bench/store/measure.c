/* SPDX-License-Identifier: ISC */
#include "measure.h"

#include "mailbox.h"

#include <assert.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELIVERY_IDS 20
#define SMALL_AVERAGE 200
#define BATCH 8
#define CHECKPOINT_FRAME_BYTES (16u << 20)
#define FLAG_ONE 2
#define FLAG_TWO (1ull << 20)
#define SLICE_NS 20000000
#define BODY_BYTES 4096
#define MIB 1048576.0

struct run {
	const struct workload *workload;
	struct mailbox mailbox;
	struct result *result;
	uint64_t random;
	uint64_t serial;
	unsigned *expected; /* messages in folder 1 of each account */
	struct entry *entries;
	struct hot *hot;
	int64_t big_account;
};

static uint64_t next_random(struct run *run)
{
	return run->random = entry_mix(run->random);
}

/* Bytes this process handed to write(), of every kind. */
static uint64_t read_written(void)
{
	char text[64] = "";
	unsigned long long bytes = 0;
	FILE *file = fopen("/proc/self/io", "r");

	while (file && fgets(text, sizeof(text), file))
		if (sscanf(text, "wchar: %llu", &bytes) == 1)
			break;
	if (file)
		fclose(file);
	return bytes;
}

static double database_bytes(struct run *run)
{
	struct db *db = &run->mailbox.db;

	return (double)(db_number(db, "PRAGMA page_count") - db_number(db, "PRAGMA freelist_count")) *
	    db->page_bytes;
}

static void create_accounts(struct run *run)
{
	const struct workload *workload = run->workload;

	db_begin(&run->mailbox.db);
	for (unsigned i = 0; i < workload->accounts; i++)
		mailbox_create_account(&run->mailbox, i + 1, DELIVERY_IDS);
	db_commit(&run->mailbox.db);
}

/* Small batches in random order: pages fill and split as they do in life. */
static void prefill(struct run *run)
{
	const struct workload *workload = run->workload;
	uint64_t batches = (uint64_t)workload->accounts * SMALL_AVERAGE / BATCH * 2;

	db_begin(&run->mailbox.db);
	for (uint64_t i = 0; i < batches; i++) {
		unsigned account = (unsigned)(next_random(run) % workload->accounts);
		unsigned n = (unsigned)(next_random(run) >> 20) % BATCH;

		if (n == 0)
			continue;
		mailbox_fill(&run->mailbox, account + 1, 1, n);
		run->expected[account] += n;
	}
	db_commit(&run->mailbox.db);
	db_checkpoint(&run->mailbox.db);
}

static void deliver_group(struct run *run, unsigned group)
{
	struct db *db = &run->mailbox.db;

	db_begin(db);
	for (unsigned i = 0; i < group; i++) {
		unsigned account = (unsigned)(next_random(run) % run->workload->accounts);

		mailbox_deliver(&run->mailbox, account + 1, run->serial++);
		run->expected[account]++;
	}
	db_write_segment(db, group);
	db_commit(db);
}

struct cost {
	double rate;
	double cpu_us;
	double pages;
	double written;
	double checkpoint_us;
};

/* Time and CPU without the checkpoints, which run elsewhere; bytes with them. */
static void deliver(struct run *run, unsigned group, unsigned n, struct cost *ret_cost)
{
	struct db *db = &run->mailbox.db;
	uint64_t frames = db->wal_frames;
	uint64_t checkpoint_ns = db->checkpoint_ns;
	uint64_t written = read_written();
	uint64_t in_wal = frames;
	uint64_t wall = 0;
	uint64_t cpu = 0;

	for (unsigned done = 0; done < n; done += group) {
		uint64_t wall_start = clock_wall_ns();
		uint64_t cpu_start = clock_cpu_ns();

		deliver_group(run, group);
		cpu += clock_cpu_ns() - cpu_start;
		wall += clock_wall_ns() - wall_start;
		if ((db->wal_frames - in_wal) * db->page_bytes >= CHECKPOINT_FRAME_BYTES) {
			db_checkpoint(db);
			in_wal = db->wal_frames;
		}
	}
	db_checkpoint(db);
	ret_cost->rate = n * 1e9 / (double)wall;
	ret_cost->cpu_us = (double)cpu / n / 1e3;
	ret_cost->pages = (double)(db->wal_frames - frames) / n;
	ret_cost->written = (double)(read_written() - written) / n - BODY_BYTES;
	ret_cost->checkpoint_us = (double)(db->checkpoint_ns - checkpoint_ns) / n / 1e3;
}

static void measure_deliveries(struct run *run)
{
	double *value = run->result->value;
	unsigned n = run->workload->deliveries;
	struct cost cost;

	deliver(run, 1, n / 5, &cost);
	value[METRIC_rate_1] = cost.rate;
	value[METRIC_cpu_1] = cost.cpu_us;
	value[METRIC_pages_1] = cost.pages;
	value[METRIC_wal_1] = cost.pages * (run->mailbox.db.page_bytes + 24);
	deliver(run, 10, n / 2, &cost);
	value[METRIC_rate_10] = cost.rate;
	value[METRIC_pages_10] = cost.pages;
	deliver(run, 50, n, &cost);
	value[METRIC_rate_50] = cost.rate;
	value[METRIC_cpu_50] = cost.cpu_us;
	value[METRIC_pages_50] = cost.pages;
	value[METRIC_written_50] = cost.written;
	value[METRIC_checkpoint_50] = cost.checkpoint_us;
}

static void require(bool condition, const struct run *run, const char *what)
{
	if (!condition)
		errx(1, "%s: wrong content: %s", run->mailbox.format->name, what);
}

static void verify_counters(struct run *run, int64_t account, int64_t folder, int64_t messages)
{
	struct counters counters = mailbox_counters(&run->mailbox, account, folder);

	require(counters.messages == messages && counters.bytes == 4096 * messages, run,
	    "counters");
}

static void verify_accounts(struct run *run)
{
	const struct format *format = run->mailbox.format;
	double messages = 0;
	int64_t ids;

	for (unsigned i = 0; i < run->workload->accounts; i++) {
		size_t n = format->ops->read_all(run->mailbox.state, i + 1, 1, run->entries);
		struct entry model;

		require(n == run->expected[i], run, "count of an account");
		for (uint32_t j = 0; j < n; j++) {
			entry_make(i + 1, j + 1, 0, &model);
			require(entry_is_equal(&run->entries[j], &model, format->columns), run,
			    "message of an account");
		}
		verify_counters(run, i + 1, 0, (int64_t)n);
		verify_counters(run, i + 1, 1, (int64_t)n);
		messages += (double)n;
	}
	ids = db_number(&run->mailbox.db, "SELECT count(*) FROM delivery");
	require(ids == (int64_t)(run->serial + run->workload->accounts * DELIVERY_IDS), run,
	    "delivery ids");
	run->result->value[METRIC_bytes_small] = database_bytes(run) / messages;
}

static void fill_big(struct run *run)
{
	const struct workload *workload = run->workload;
	double before = database_bytes(run);

	db_begin(&run->mailbox.db);
	mailbox_create_account(&run->mailbox, run->big_account, 0);
	mailbox_fill(&run->mailbox, run->big_account, 1, workload->big);
	mailbox_fill(&run->mailbox, run->big_account, 2, workload->huge);
	db_commit(&run->mailbox.db);
	db_checkpoint(&run->mailbox.db);
	run->result->value[METRIC_bytes_big] =
	    (database_bytes(run) - before) / (workload->big + workload->huge);
}

/* Reads (uid, flags) with an empty SQLite cache, the file in the system's. */
static double load(struct run *run, int64_t folder, uint32_t n, uint64_t base)
{
	uint64_t start;
	uint64_t end;
	size_t got;
	struct entry model;

	memset(run->hot, 0, n * sizeof(*run->hot));
	db_drop_cache(&run->mailbox.db);
	start = clock_wall_ns();
	got = run->mailbox.format->ops->read_hot(run->mailbox.state, run->big_account, folder,
	    run->hot);
	end = clock_wall_ns();
	require(got == n, run, "count at load");
	for (uint32_t i = 0; i < n; i++) {
		entry_make(run->big_account, i + 1, base, &model);
		require(run->hot[i].uid == i + 1 && run->hot[i].flags == model.col[COL_FLAGS], run,
		    "flags at load");
	}
	return (double)(end - start) / 1e6;
}

/* Every `step`th message of the model, with the changes made to it since. */
static void verify_big(struct run *run, int64_t folder, uint64_t uids_from, uint32_t n,
    uint32_t step, uint64_t flags, uint64_t modseq, uint64_t instances_from)
{
	const struct format *format = run->mailbox.format;
	size_t got = format->ops->read_all(run->mailbox.state, run->big_account, folder,
	    run->entries);
	struct entry model;

	require(got == n, run, "count of a big folder");
	for (uint32_t i = 0; i < n; i++) {
		uint32_t uid = (i + 1) * step;

		entry_make(run->big_account, uid, 0, &model);
		model.col[COL_UID] = uids_from + uid;
		model.col[COL_FLAGS] |= flags;
		if (modseq)
			model.col[COL_MODSEQ] = modseq;
		model.col[COL_INSTANCE] += instances_from;
		require(entry_is_equal(&run->entries[i], &model, format->columns), run,
		    "message of a big folder");
	}
}

static double fetch(struct run *run)
{
	uint64_t start;
	double ms;

	db_drop_cache(&run->mailbox.db);
	start = clock_wall_ns();
	run->mailbox.format->ops->read_all(run->mailbox.state, run->big_account, 1, run->entries);
	ms = (double)(clock_wall_ns() - start) / 1e6;
	verify_big(run, 1, 0, run->workload->big, 1, 0, 0, 0);
	return ms;
}

static void measure_reading(struct run *run)
{
	const struct workload *workload = run->workload;
	double *value = run->result->value;

	value[METRIC_load_100k] = load(run, 1, workload->big, 0);
	value[METRIC_load_1m] = load(run, 2, workload->huge, workload->big);
	value[METRIC_fetch_100k] = fetch(run);
}

static void measure_store(struct run *run)
{
	struct mailbox *mailbox = &run->mailbox;
	double *value = run->result->value;
	uint64_t frames = mailbox->db.wal_frames;
	uint64_t start = clock_wall_ns();
	uint64_t modseq;
	uint64_t longest;

	db_begin(&mailbox->db);
	modseq = mailbox_store(mailbox, run->big_account, 1, FLAG_ONE);
	db_commit(&mailbox->db);
	value[METRIC_store_100k] = (double)(clock_wall_ns() - start) / 1e6;
	value[METRIC_store_wal] = (double)(mailbox->db.wal_frames - frames) *
	    (mailbox->db.page_bytes + 24) / MIB;
	verify_big(run, 1, 0, run->workload->big, 1, FLAG_ONE, modseq, 0);
	db_checkpoint(&mailbox->db);
	value[METRIC_slices] = mailbox_store_sliced(mailbox, run->big_account, 1, FLAG_TWO,
	    SLICE_NS, &longest);
	value[METRIC_longest_slice] = (double)longest / 1e6;
	verify_big(run, 1, 0, run->workload->big, 1, FLAG_ONE | FLAG_TWO, modseq + 1, 0);
	db_checkpoint(&mailbox->db);
}

static void measure_copy(struct run *run)
{
	struct mailbox *mailbox = &run->mailbox;
	uint64_t moved = run->workload->big + (uint64_t)run->workload->huge;
	double *value = run->result->value;
	uint64_t frames = mailbox->db.wal_frames;
	uint64_t start = clock_wall_ns();

	db_begin(&mailbox->db);
	mailbox_copy(mailbox, run->big_account, 1, 3, run->entries);
	db_commit(&mailbox->db);
	value[METRIC_copy_100k] = (double)(clock_wall_ns() - start) / 1e6;
	value[METRIC_copy_wal] = (double)(mailbox->db.wal_frames - frames) *
	    (mailbox->db.page_bytes + 24) / MIB;
	verify_big(run, 3, 0, run->workload->big, 1, FLAG_ONE | FLAG_TWO,
	    (uint64_t)mailbox_counters(mailbox, run->big_account, 0).modseq,
	    moved);
	db_checkpoint(&mailbox->db);
}

static double expunge(struct run *run, int64_t folder, bool only_odd)
{
	struct mailbox *mailbox = &run->mailbox;
	uint64_t start = clock_wall_ns();
	double ms;

	db_begin(&mailbox->db);
	mailbox_expunge(mailbox, run->big_account, folder, only_odd, run->workload->big);
	db_commit(&mailbox->db);
	ms = (double)(clock_wall_ns() - start) / 1e6;
	db_checkpoint(&mailbox->db);
	return ms;
}

static void measure_expunge(struct run *run)
{
	uint32_t big = run->workload->big;
	double *value = run->result->value;
	uint64_t modseq = run->entries[0].col[COL_MODSEQ];

	value[METRIC_expunge_half] = expunge(run, 3, true);
	verify_big(run, 3, 0, big / 2, 2, FLAG_ONE | FLAG_TWO, modseq,
	    big + (uint64_t)run->workload->huge);
	verify_counters(run, run->big_account, 3, big / 2);
	value[METRIC_expunge_all] = expunge(run, 1, false);
	verify_big(run, 1, 0, 0, 1, 0, 0, 0);
	verify_counters(run, run->big_account, 1, 0);
	verify_counters(run, run->big_account, 0, (int64_t)big / 2 + run->workload->huge);
}

void measure_format(const struct workload *workload, const struct format *format,
    struct result *ret_result)
{
	struct run run = { .workload = workload, .result = ret_result, .random = workload->seed };
	uint32_t most = workload->big > workload->huge ? workload->big : workload->huge;

	run.big_account = workload->accounts + 1;
	run.expected = calloc(workload->accounts, sizeof(*run.expected));
	run.entries = calloc(workload->big + 4096, sizeof(*run.entries));
	run.hot = calloc(most, sizeof(*run.hot));
	assert(run.expected && run.entries && run.hot);
	mailbox_open(&run.mailbox, workload->dir, format);
	create_accounts(&run);
	prefill(&run);
	measure_deliveries(&run);
	verify_accounts(&run);
	fill_big(&run);
	measure_reading(&run);
	measure_store(&run);
	measure_copy(&run);
	measure_expunge(&run);
	mailbox_close(&run.mailbox);
	free(run.expected);
	free(run.entries);
	free(run.hot);
}
