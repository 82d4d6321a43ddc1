/* SPDX-License-Identifier: ISC */
/*
 * Thousands of random commands, several a turn, against a plain model; the shard is reopened in between and, in the
 * second test, writes, syncs and commits fail now and then.  STORE_SEED chooses another sequence.
 */
#include "store/os.h"
#include "store/compact.h"
#include "store/index_backup.h"
#include "store/local.h"
#include "store/rebuild.h"
#include "store/testing.h"

#include "base/vec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { ACCOUNT = 7, FOLDERS = 4, WORDS = 6, BATCH = 5, ROUNDS = 1500, MESSAGES_MAX = 700 };

static const char *const folder_names[FOLDERS] = { "INBOX", "Archive", "work/a", "work/b" };
static const char *const word_names[WORDS] = { "$Junk", "$NotJunk", "blue", "red", "later", "$Forwarded" };

struct model_message {
	uint32_t uid;
	uint64_t flags;
	unsigned words; /* bit i: word_names[i] */
	unsigned number;
	uint64_t modseq;
};

struct model_folder {
	VEC(struct model_message) list;
	uint32_t uidnext;
	struct store_folder *handle;
};

struct world {
	struct shard shard;
	struct model_folder folders[FOLDERS];
	unsigned next_number;
	uint64_t bytes;
	unsigned refused;
	bool compacts, copies;
	unsigned from_copy; /* rebuilds */
	uint64_t removed; /* segments */
	bool rebuilds; /* the index, when it is opened again */
};

enum op_kind { OP_DELIVER, OP_APPEND, OP_FLAGS, OP_EXPUNGE, OP_EXPUNGE_ALL, OP_COPY, OP_MOVE, OP_KINDS };

struct op {
	struct simple_job simple;
	enum op_kind kind;
	struct world *world;
	int from, to;
	struct uidset uids, result;
	struct store_flags change;
	unsigned words;
	struct str word_list[WORDS];
	unsigned number;
	char content[800];
	struct store_appended appended;
	struct store_copied copied;
};

static struct str make_content(unsigned number, char *out, size_t size)
{
	int n = snprintf(out, size, "message %u %.*s", number, (int)(number % 500),
		"....................................................................................................");

	return str_make(out, (size_t)n);
}

static enum err run_deliver(struct op *op, struct store_tx *tx, struct str content)
{
	struct store_recipient to = { .account = ACCOUNT, .folder = str_of(folder_names[op->to]) };
	struct store_delivery delivery = { .content = STORE_CONTENT(content), .recipients = &to, .n = 1 };
	enum err result = OK, e = store_deliver(tx, &delivery, &result);

	return e != OK ? e : result;
}

static enum err run_append(struct op *op, struct store_tx *tx, struct str content)
{
	struct store_append append = { .account = ACCOUNT, .folder = str_of(folder_names[op->to]),
		.content = STORE_CONTENT(content), .flags = op->change.flags, .keywords = op->word_list,
		.keyword_count = op->change.keyword_count };

	return store_append(tx, &append, &op->appended);
}

static enum err run_op(struct store_job *job, struct store_tx *tx)
{
	struct op *op = (struct op *)job;
	const struct store_folder *from = op->world->folders[op->from].handle;
	struct str content = make_content(op->number, op->content, sizeof(op->content));
	struct str target = str_of(folder_names[op->to]);

	switch (op->kind) {
	case OP_DELIVER:
		return run_deliver(op, tx, content);
	case OP_APPEND:
		return run_append(op, tx, content);
	case OP_FLAGS:
		return store_store_flags(tx, from, &op->uids, &op->change, &op->result, NULL);
	case OP_EXPUNGE:
		return store_expunge(tx, from, &op->uids, false, &op->result);
	case OP_EXPUNGE_ALL:
		return store_expunge(tx, from, &op->uids, true, &op->result);
	case OP_COPY:
		return store_copy(tx, from, &op->uids, target, 0, &op->copied);
	default:
		return store_move(tx, from, &op->uids, target, &op->copied);
	}
}

/* Contiguous, sparse, single, or all. */
static void choose_uids(struct op *op)
{
	uint32_t top = op->world->folders[op->from].uidnext + 3;

	if (random() % 8 == 0) {
		uidset_add_range(&op->uids, 1, UINT32_MAX);
		return;
	}
	for (long i = random() % 12; i >= 0; i--) {
		uint32_t first = 1 + (uint32_t)random() % top;

		uidset_add_range(&op->uids, first, first + (uint32_t)(random() % 3 ? random() % 3 : random() % 120));
	}
}

static void choose_op(struct world *w, struct op *op)
{
	static const enum op_kind mix[] = { OP_DELIVER, OP_DELIVER, OP_APPEND, OP_APPEND, OP_FLAGS, OP_FLAGS, OP_FLAGS,
		OP_EXPUNGE, OP_EXPUNGE_ALL, OP_COPY, OP_MOVE };

	memset(op, 0, sizeof(*op));
	op->simple.job.run = run_op;
	op->simple.job.account = ACCOUNT;
	op->simple.job.what = "test";
	op->simple.job.writes_often = random() % 2;
	op->world = w;
	op->kind = mix[random() % (long)(sizeof(mix) / sizeof(mix[0]))];
	op->from = (int)(random() % FOLDERS);
	op->to = (int)(random() % FOLDERS);
	if (w->folders[op->from].list.n > MESSAGES_MAX)
		op->kind = OP_EXPUNGE_ALL;
	op->number = w->next_number++;
	op->change.op = (enum store_flags_op)(random() % 3);
	op->change.flags = (uint64_t)random() & STORE_SYSTEM_FLAGS;
	op->words = random() % 3 ? 0 : (unsigned)random() % (1 << WORDS);
	for (int i = 0; i < WORDS; i++)
		if (op->words & 1u << i)
			op->word_list[op->change.keyword_count++] = str_of(word_names[i]);
	op->change.keywords = op->word_list;
	choose_uids(op);
	if (op->kind == OP_EXPUNGE_ALL && w->folders[op->from].list.n < 200)
		uidset_remove_range(&op->uids, 1, w->folders[op->from].uidnext * 2 / 3 + 1);
}

static void model_add(struct world *w, int to, struct model_message m)
{
	struct model_folder *f = &w->folders[to];
	char bytes[800];

	m.uid = f->uidnext++;
	w->bytes += make_content(m.number, bytes, sizeof(bytes)).n;
	vec_push(&f->list, m);
}

static void apply_flags(struct op *op, struct model_message *m)
{
	uint64_t flags = m->flags;
	unsigned words = m->words;

	if (op->change.op == STORE_FLAGS_ADD) {
		flags |= op->change.flags;
		words |= op->words;
	} else if (op->change.op == STORE_FLAGS_REMOVE) {
		flags &= ~op->change.flags;
		words &= ~op->words;
	} else {
		flags = op->change.flags;
		words = op->words;
	}
	assert_int_equal(uidset_has(&op->result, m->uid), flags != m->flags || words != m->words);
	m->flags = flags;
	m->words = words;
}

static void model_remove(struct world *w, struct op *op, const struct uidset *uids, bool marked_only)
{
	struct model_folder *f = &w->folders[op->from];
	char bytes[800];
	size_t kept = 0;

	for (size_t i = 0; i < f->list.n; i++) {
		struct model_message m = f->list.v[i];
		bool goes = uidset_has(uids, m.uid) && (!marked_only || m.flags & STORE_DELETED);

		if (goes)
			w->bytes -= make_content(m.number, bytes, sizeof(bytes)).n;
		else
			f->list.v[kept++] = m;
	}
	f->list.n = kept;
}

static void model_copy(struct world *w, struct op *op, bool move)
{
	struct model_folder *f = &w->folders[op->from];
	uint32_t first = w->folders[op->to].uidnext;
	size_t n = f->list.n, copied = 0;

	for (size_t i = 0; i < n; i++) {
		if (!uidset_has(&op->uids, f->list.v[i].uid))
			continue;
		assert_true(uidset_has(&op->copied.source, f->list.v[i].uid));
		model_add(w, op->to, f->list.v[i]);
		copied++;
	}
	assert_int_equal(uidset_count(&op->copied.source), copied);
	if (copied > 0)
		assert_int_equal(op->copied.first_uid, first);
	if (move)
		model_remove(w, op, &op->copied.source, false);
}

static void apply_op(struct world *w, struct op *op)
{
	struct model_folder *f = &w->folders[op->from];
	struct model_message m = { .number = op->number };

	switch (op->kind) {
	case OP_DELIVER:
		model_add(w, op->to, m);
		break;
	case OP_APPEND:
		m.flags = op->change.flags;
		m.words = op->words;
		assert_int_equal(op->appended.uid, w->folders[op->to].uidnext);
		model_add(w, op->to, m);
		break;
	case OP_FLAGS:
		for (size_t i = 0; i < f->list.n; i++)
			if (uidset_has(&op->uids, f->list.v[i].uid))
				apply_flags(op, &f->list.v[i]);
		break;
	case OP_EXPUNGE:
	case OP_EXPUNGE_ALL:
		model_remove(w, op, &op->uids, op->kind == OP_EXPUNGE);
		break;
	default:
		model_copy(w, op, op->kind == OP_MOVE);
	}
}

static unsigned words_of(const struct store_index *index, uint64_t flags)
{
	unsigned words = 0;

	for (int i = 0; i < WORDS; i++)
		if (flags & store_index_keyword(index, str_of(word_names[i])))
			words |= 1u << i;
	return words;
}

static void check_counts(struct world *w, int i)
{
	struct arena *arena = arena_new();
	struct model_folder *f = &w->folders[i];
	struct store_status status;
	uint64_t bytes, messages;
	uint32_t unseen = 0, deleted = 0;

	for (size_t k = 0; k < f->list.n; k++) {
		unseen += !(f->list.v[k].flags & STORE_SEEN);
		deleted += !!(f->list.v[k].flags & STORE_DELETED);
	}
	assert_ok(store_folder_status(w->shard.store, ACCOUNT, str_of(folder_names[i]), arena, &status));
	assert_int_equal(status.messages, f->list.n);
	assert_int_equal(status.unseen, unseen);
	assert_int_equal(status.deleted, deleted);
	assert_ok(store_account_usage(w->shard.store, ACCOUNT, &bytes, &messages));
	assert_int_equal(bytes, w->bytes);
	arena_free(&arena);
}

static void check_folder(struct world *w, int i)
{
	struct model_folder *f = &w->folders[i];
	const struct store_index *index = get_index(f->handle);
	struct arena *arena = arena_new();
	struct store_entry *entries;
	char bytes[800];
	size_t n;

	assert_int_equal(index->count, f->list.n);
	assert_int_equal(index->uidnext, f->uidnext);
	assert_ok(store_folder_read(f->handle, 1, UINT32_MAX, arena, &entries, &n));
	assert_int_equal(n, f->list.n);
	for (size_t k = 0; k < n; k++) {
		struct model_message *m = &f->list.v[k];

		assert_int_equal(index->uids[k], m->uid);
		assert_int_equal(entries[k].uid, m->uid);
		assert_int_equal(index->flags[k], entries[k].flags);
		assert_int_equal(index->modseqs[k], entries[k].modseq);
		assert_int_equal(entries[k].flags & STORE_SYSTEM_FLAGS, m->flags);
		assert_int_equal(words_of(index, entries[k].flags), m->words);
		assert_true(entries[k].modseq <= index->highest_modseq);
	}
	if (n > 0) {
		size_t k = (size_t)random() % n;

		assert_true(str_equal(read_message(&w->shard, f->handle, f->list.v[k].uid, arena),
			make_content(f->list.v[k].number, bytes, sizeof(bytes))));
	}
	arena_free(&arena);
	check_counts(w, i);
}

static void open_handles(struct world *w)
{
	for (int i = 0; i < FOLDERS; i++) {
		w->folders[i].handle = open_folder(&w->shard, ACCOUNT, folder_names[i]);
		(void)get_index(w->folders[i].handle);
	}
}

static void close_handles(struct world *w)
{
	for (int i = 0; i < FOLDERS; i++)
		store_folder_close(&w->folders[i].handle);
}

static void run_batch(struct world *w, size_t n)
{
	static struct op ops[BATCH];

	for (size_t i = 0; i < n; i++) {
		choose_op(w, &ops[i]);
		if (w->compacts && random() % 3 == 0)
			(void)store_compact_step(w->shard.store);
		submit_job(&w->shard, &ops[i].simple);
	}
	/* As if 30 days had gone by. */
	if (w->compacts && random() % 10 == 0)
		assert_ok(sql_exec_script(w->shard.store->sql,
			"DELETE FROM expunged; UPDATE folder SET modseq_floor = modseq"));
	if (w->copies && random() % 30 == 0)
		assert_ok(store_index_backup_start(w->shard.store));
	if (w->copies) {
		bool more;

		assert_ok(store_index_backup_step(w->shard.store, &more));
	}
	if (w->compacts && !w->shard.store->compaction && random() % 10 == 0) {
		w->removed += store_compact_result(w->shard.store).removed;
		store_compact_start(w->shard.store, 1 + (uint32_t)(random() % 60));
	}
	store_turn_end(w->shard.store);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(ops[i].simple.done, 1);
		if (ops[i].simple.result == OK)
			apply_op(w, &ops[i]);
		else
			w->refused++;
		uidset_done(&ops[i].uids);
		uidset_done(&ops[i].result);
		uidset_done(&ops[i].copied.source);
	}
}

/* Where every turn was committed, the log alone must give the same index. */
static void reopen(struct world *w)
{
	struct store_rebuilt rebuilt;

	if (w->compacts) {
		assert_int_equal(store_compact_result(w->shard.store).error, OK);
		w->removed += store_compact_result(w->shard.store).removed;
		assert_ok(store_compact_sweep(w->shard.store));
	}
	shard_close(&w->shard);
	if (w->rebuilds) {
		assert_ok(store_rebuild_index(w->shard.dir, &w->shard.options, &rebuilt));
		assert_int_equal(rebuilt.damaged + rebuilt.lost + rebuilt.erased, 0);
		assert_true(rebuilt.replaced == 0 || w->compacts);
		assert_true(w->copies || (rebuilt.messages > 0 && rebuilt.notes > 0));
		w->from_copy += rebuilt.from_copy;
	}
	shard_open(&w->shard);
	for (int i = 0; w->rebuilds && i < FOLDERS; i++) {
		w->folders[i].handle = open_folder(&w->shard, ACCOUNT, folder_names[i]);
		check_folder(w, i);
		store_folder_close(&w->folders[i].handle);
	}
}

static void run_world(struct world *w, int rounds)
{
	shard_open(&w->shard);
	for (int i = 2; i < FOLDERS; i++)
		for (enum err e = ERR_IO; e != OK;)
			e = do_create(&w->shard, ACCOUNT, folder_names[i]);
	for (int i = 0; i < FOLDERS; i++)
		w->folders[i].uidnext = 1;
	open_handles(w);
	for (int round = 0; round < rounds; round++) {
		run_batch(w, 1 + (size_t)random() % BATCH);
		check_folder(w, (int)(random() % FOLDERS));
		if (random() % 100 == 0) {
			for (int i = 0; i < FOLDERS; i++)
				check_folder(w, i);
			close_handles(w);
			reopen(w);
			open_handles(w);
		}
	}
	close_handles(w);
	for (int i = 0; i < FOLDERS; i++)
		vec_done(&w->folders[i].list);
	shard_remove(&w->shard);
}

static void seed(void)
{
	const char *text = getenv("STORE_SEED");

	srandom(text ? (unsigned)(int)strtol(text, NULL, 10) : 1);
}

static void test_random_commands_and_compaction(void **state)
{
	struct world w = { .shard.options.segment_bytes = 20000, .rebuilds = true, .compacts = true };

	seed();
	run_world(&w, ROUNDS);
	assert_int_equal(w.refused, 0);
	print_message("%u segments were removed\n", (unsigned)w.removed);
	assert_true(w.removed > 10);
}

static void test_random_commands_and_copies_of_the_index(void **state)
{
	struct world w = { .shard.options.segment_bytes = 20000, .rebuilds = true, .copies = true };

	seed();
	run_world(&w, ROUNDS);
	print_message("%u rebuilds began with a copy\n", w.from_copy);
	assert_true(w.from_copy > 3);
	w = (struct world){ .shard.options.segment_bytes = 20000, .rebuilds = true, .copies = true, .compacts = true };
	run_world(&w, ROUNDS);
	print_message("%u rebuilds began with a copy\n", w.from_copy);
}

static void test_random_commands(void **state)
{
	struct world w = { .shard.options.segment_bytes = 100000, .rebuilds = true };

	seed();
	run_world(&w, ROUNDS);
	assert_int_equal(w.refused, 0);
}

/* Faults. */
static bool chance(int one_in)
{
	return random() % one_in == 0;
}

static ssize_t failing_pwritev(int fd, const struct iovec *parts, int n, off_t offset)
{
	if (chance(60)) {
		errno = ENOSPC;
		return chance(2) ? -1 : store_os_system.pwritev(fd, parts, 1, offset);
	}
	return store_os_system.pwritev(fd, parts, n, offset);
}

static int failing_fdatasync(int fd)
{
	if (!chance(30))
		return store_os_system.fdatasync(fd);
	errno = EIO;
	return -1;
}

static enum err failing_commit(struct sql *sql)
{
	if (!chance(30))
		return store_os_system.sql_commit(sql);
	sql_rollback(sql);
	return ERR_NO_SPACE;
}

static void test_random_commands_with_faults(void **state)
{
	struct store_os os = store_os_system;
	struct world w = { .shard.options = { .segment_bytes = 100000, .os = &os } };

	os.pwritev = failing_pwritev;
	os.fdatasync = failing_fdatasync;
	os.sql_commit = failing_commit;
	seed();
	run_world(&w, ROUNDS / 3);
	print_message("%u of the commands were refused\n", w.refused);
	assert_in_range(w.refused, 1, ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_commands),
		cmocka_unit_test(test_random_commands_and_compaction),
		cmocka_unit_test(test_random_commands_and_copies_of_the_index),
		cmocka_unit_test(test_random_commands_with_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
