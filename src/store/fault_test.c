/* SPDX-License-Identifier: ISC */
/*
 * What goes wrong: full disks, failing syncs and commits, damaged records, sudden ends, and commands that kill.
 */
#include "store/os.h"
#include "store/testing.h"

#include "base/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ALICE = 11 };

/* How many calls still work before one fails; -1: all. */
static int syncs_left = -1, writes_left = -1, commits_left = -1, opens_left = -1;
static int failures; /* how many fail in a row */

static bool fails(int *left)
{
	if (*left < 0)
		return false;
	if ((*left)-- > 0)
		return false;
	if (--failures > 0)
		*left = 0;
	return true;
}

static int test_fdatasync(int fd)
{
	errno = EIO;
	return fails(&syncs_left) ? -1 : store_os_system.fdatasync(fd);
}

static ssize_t test_pwritev(int fd, const struct iovec *parts, int n, off_t offset)
{
	errno = ENOSPC;
	return fails(&writes_left) ? -1 : store_os_system.pwritev(fd, parts, n, offset);
}

static enum err test_commit(struct sql *sql)
{
	if (!fails(&commits_left))
		return store_os_system.sql_commit(sql);
	sql_rollback(sql);
	return ERR_NO_SPACE;
}

static int test_open(const char *path, int flags, mode_t mode)
{
	errno = ENOSPC;
	return flags & O_CREAT && fails(&opens_left) ? -1 : store_os_system.open(path, flags, mode);
}

static struct store_os test_os;

static void open_faulty(struct shard *shard)
{
	test_os = store_os_system;
	test_os.fdatasync = test_fdatasync;
	test_os.pwritev = test_pwritev;
	test_os.sql_commit = test_commit;
	test_os.open = test_open;
	shard->options.os = &test_os;
	syncs_left = writes_left = commits_left = opens_left = -1;
	shard_open(shard);
}

static uint32_t count_inbox(struct shard *shard)
{
	struct store_folder *inbox = open_folder(shard, ALICE, "INBOX");
	struct arena *arena = arena_new();
	uint32_t count = get_index(inbox)->count;

	for (uint32_t i = 0; i < count; i++)
		(void)read_message(shard, inbox, get_index(inbox)->uids[i], arena);
	arena_free(&arena);
	store_folder_close(&inbox);
	return count;
}

static int count_segments(struct shard *shard)
{
	char path[128];
	struct stat st;
	int n = 0;

	for (int i = 1; i < 50; i++) {
		snprintf(path, sizeof(path), "%s/segments/%08d.seg", shard->dir, i);
		n += stat(path, &st) == 0;
	}
	return n;
}

/* Each step of a turn fails once: the rerun hides it from the client. */
static void test_one_failure_is_rerun(void **state)
{
	int *const counters[] = { &syncs_left, &writes_left, &commits_left };

	for (int i = 0; i < 3; i++) {
		struct shard shard = { 0 };
		uint64_t reruns;

		open_faulty(&shard);
		assert_ok(do_deliver(&shard, ALICE, S("one")));
		reruns = metrics.counters[METRIC_turns_rerun];
		failures = 1;
		*counters[i] = 0;
		assert_ok(do_deliver(&shard, ALICE, S("two")));
		assert_int_equal(metrics.counters[METRIC_turns_rerun], reruns + 1);
		/* A failed write or sync seals the segment; a failed commit does not. */
		assert_int_equal(count_segments(&shard), i == 2 ? 1 : 2);
		assert_int_equal(count_inbox(&shard), 2);
		shard_reopen(&shard);
		assert_int_equal(count_inbox(&shard), 2);
		shard_remove(&shard);
	}
}

static void test_lasting_failure_reaches_the_client(void **state)
{
	int *const counters[] = { &syncs_left, &writes_left, &commits_left, &opens_left };
	static const enum err expected[] = { ERR_IO, ERR_NO_SPACE, ERR_NO_SPACE, ERR_NO_SPACE };

	for (int i = 0; i < 4; i++) {
		struct shard shard = { .options.segment_bytes = 1 << 20 };
		char *big = mem_alloc(900000);

		open_faulty(&shard);
		assert_ok(do_deliver(&shard, ALICE, str_make(big, 900000)));
		for (int k = 0; k < 5; k++) {
			failures = 100;
			*counters[i] = 0;
			assert_err(do_deliver(&shard, ALICE, str_make(big, 900000)), expected[i]);
		}
		*counters[i] = -1;
		assert_int_equal(count_inbox(&shard), 1);
		/* Space comes back: service does. */
		assert_ok(do_deliver(&shard, ALICE, str_make(big, 900000)));
		assert_int_equal(count_inbox(&shard), 2);
		assert_true(count_segments(&shard) <= (i == 2 ? 12 : 3));
		shard_reopen(&shard);
		assert_int_equal(count_inbox(&shard), 2);
		free(big);
		shard_remove(&shard);
	}
}

struct append_job {
	struct simple_job simple;
	int runs, calls;
	enum err spoil;
	struct store_appended at;
};

static enum err run_appends(struct store_job *job, struct store_tx *tx)
{
	struct append_job *a = (struct append_job *)job;
	struct store_append append = { .account = ALICE, .folder = S("INBOX"), .content = STORE_CONTENT(S("x")) };
	enum err e = OK;

	a->runs++;
	for (int i = 0; e == OK && i < a->calls; i++)
		e = store_append(tx, &append, &a->at);
	return e == OK ? a->spoil : e;
}

/* Of three jobs in a turn the second fails after it wrote: with a savepoint alone, else everybody runs again. */
static void test_a_failing_job_takes_back_only_itself(void **state)
{
	for (int with_savepoint = 0; with_savepoint < 2; with_savepoint++) {
		struct append_job jobs[3] = { { .calls = 1 }, { .calls = 3, .spoil = ERR_OVER_QUOTA }, { .calls = 2 } };
		struct shard shard = { 0 };

		shard_open(&shard);
		assert_ok(do_deliver(&shard, ALICE, S("first")));
		for (int i = 0; i < 3; i++) {
			jobs[i].simple.job.run = run_appends;
			jobs[i].simple.job.writes_often = with_savepoint;
			submit_job(&shard, &jobs[i].simple);
		}
		store_turn_end(shard.store);
		assert_int_equal(jobs[0].simple.result, OK);
		assert_int_equal(jobs[1].simple.result, ERR_OVER_QUOTA);
		assert_int_equal(jobs[2].simple.result, OK);
		assert_int_equal(jobs[0].runs, with_savepoint ? 1 : 2);
		assert_int_equal(jobs[2].at.uid, 4);
		assert_int_equal(count_inbox(&shard), 4);
		shard_remove(&shard);
	}
}

/* The process dies without a word after each of these; what was answered is there. */
static void test_sudden_end(void **state)
{
	struct shard shard = { 0 };

	shard_open(&shard);
	assert_ok(do_deliver(&shard, ALICE, S("before")));
	shard_close(&shard);
	for (int i = 0; i < 5; i++) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			struct shard child = shard;

			shard_open(&child);
			_exit(do_deliver(&child, ALICE, S("in between")) == OK ? 7 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), 7);
		shard_open(&shard);
		assert_int_equal(count_inbox(&shard), 2 * i + 2);
		assert_ok(do_deliver(&shard, ALICE, S("after")));
		assert_int_equal(count_inbox(&shard), 2 * i + 3);
		shard_close(&shard);
	}
	shard_remove(&shard);
}

static void flip_byte(struct shard *shard, off_t offset)
{
	char path[128], c;
	int fd;

	snprintf(path, sizeof(path), "%s/segments/00000001.seg", shard->dir);
	fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &c, 1, offset), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, offset), 1);
	close(fd);
}

static void test_damage_is_not_handed_out(void **state)
{
	struct shard shard = { 0 };
	struct arena *arena = arena_new();
	char *content = mem_alloc(200000), *bytes = mem_alloc(200000);
	struct store_message message;
	struct store_folder *inbox;
	struct store_entry *entries;
	size_t n;

	shard_open(&shard);
	assert_ok(do_deliver(&shard, ALICE, str_make(content, 200000)));
	inbox = open_folder(&shard, ALICE, "INBOX");
	assert_ok(store_folder_read(inbox, 1, 1, arena, &entries, &n));
	assert_ok(store_message_open(shard.store, ALICE, &entries[0], arena, &message));
	flip_byte(&shard, (off_t)message.content_offset + 70000);
	assert_ok(store_content_read(shard.store, &message, 0, 65536, bytes, &n));
	assert_ok(store_content_read(shard.store, &message, 140000, 60000, bytes, &n));
	assert_err(store_content_read(shard.store, &message, 65536, 10, bytes, &n), ERR_CORRUPT);
	flip_byte(&shard, (off_t)entries[0].extent.offset + 100);
	assert_err(store_message_open(shard.store, ALICE, &entries[0], arena, &message), ERR_CORRUPT);
	entries[0].extent.segment = 77;
	assert_err(store_message_open(shard.store, ALICE, &entries[0], arena, &message), ERR_CORRUPT);
	store_folder_close(&inbox);
	free(content);
	free(bytes);
	arena_free(&arena);
	shard_remove(&shard);
}

static enum err die(struct store_job *job, struct store_tx *tx)
{
	_exit(9);
}

static enum err live(struct store_job *job, struct store_tx *tx)
{
	return OK;
}

static void test_two_deaths_quarantine(void **state)
{
	struct simple_job job = { .job = { .run = live, .account = ALICE, .what = "deliver", .id = S("bad one") } };
	struct shard shard = { 0 };

	shard_open(&shard);
	shard_close(&shard);
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			struct shard child = shard;

			shard_open(&child);
			job.job.run = die;
			(void)run_job(&child, &job);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
		shard_open(&shard);
		assert_err(run_job(&shard, &job), i == 0 ? OK : ERR_QUARANTINED);
		shard_close(&shard);
	}
	shard_open(&shard);
	assert_err(run_job(&shard, &job), ERR_QUARANTINED);
	assert_err(store_progress_begin(shard.store, ALICE, "deliver", S("bad one")), ERR_QUARANTINED);
	job.job.id = S("another");
	assert_ok(run_job(&shard, &job));
	shard_remove(&shard);
}

static void test_closing_refuses_what_waits(void **state)
{
	struct simple_job job = { .job.run = live };
	struct shard shard = { 0 };

	shard_open(&shard);
	submit_job(&shard, &job);
	assert_true(store_has_jobs(shard.store));
	shard_close(&shard);
	assert_int_equal(job.done, 1);
	assert_err(job.result, ERR_SHUTTING_DOWN);
	shard_remove(&shard);
}

/* A clean end goes on in the same segment, any other begins a new one. */
static void test_segments_after_ends(void **state)
{
	struct shard shard = { 0 };
	int status;

	shard_open(&shard);
	assert_ok(do_deliver(&shard, ALICE, S("one")));
	shard_reopen(&shard);
	assert_ok(do_deliver(&shard, ALICE, S("two")));
	assert_int_equal(count_segments(&shard), 1);
	shard_close(&shard);
	if (fork() == 0) {
		shard_open(&shard);
		_exit(0);
	}
	wait(&status);
	shard_open(&shard);
	assert_ok(do_deliver(&shard, ALICE, S("three")));
	assert_int_equal(count_segments(&shard), 2);
	assert_int_equal(count_inbox(&shard), 3);
	shard_remove(&shard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_failure_is_rerun),
		cmocka_unit_test(test_lasting_failure_reaches_the_client),
		cmocka_unit_test(test_a_failing_job_takes_back_only_itself),
		cmocka_unit_test(test_sudden_end),
		cmocka_unit_test(test_damage_is_not_handed_out),
		cmocka_unit_test(test_two_deaths_quarantine),
		cmocka_unit_test(test_closing_refuses_what_waits),
		cmocka_unit_test(test_segments_after_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
