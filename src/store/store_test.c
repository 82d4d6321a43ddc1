/* SPDX-License-Identifier: ISC */
/* Commands of the store, one by one. */
#include "store/testing.h"

#include "base/random.h"
#include "base/metrics.h"
#include "base/time.h"
#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <glob.h>

enum { ALICE = 11, BOB = 12 };

static char *make_content(size_t n)
{
	char *p = mem_alloc(n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 7 + i / 251);
	return p;
}

static void test_sizes_come_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 4096, 16000, 65535, 65536, 65537, 200000, 1 << 20, 5 << 20 };
	struct shard shard = { .options.segment_bytes = 3 << 20 };
	struct arena *arena = arena_new();
	struct store_folder *inbox;

	shard_open(&shard);
	for (size_t i = 0; i < 12; i++) {
		char *p = make_content(sizes[i]);

		assert_ok(do_deliver(&shard, ALICE, str_make(p, sizes[i])));
		free(p);
	}
	for (int round = 0; round < 2; round++) {
		inbox = open_folder(&shard, ALICE, "inbox");
		assert_int_equal(get_index(inbox)->count, 12);
		for (size_t i = 0; i < 12; i++) {
			struct str s = read_message(&shard, inbox, (uint32_t)i + 1, arena);
			char *p = make_content(sizes[i]);

			assert_true(str_starts(s, S("Delivered-To: a@example.test\r\n")));
			assert_true(str_equal(str_from(s, s.n - sizes[i]), str_make(p, sizes[i])));
			free(p);
			arena_reset(arena);
		}
		store_folder_close(&inbox);
		shard_reopen(&shard);
	}
	arena_free(&arena);
	shard_remove(&shard);
}

static void test_parts_of_content(void **state)
{
	struct shard shard = { 0 };
	struct arena *arena = arena_new();
	char *p = make_content(300000), part[70000];
	struct store_message message;
	struct store_entry *entries;
	struct store_folder *inbox;
	size_t n = 0;

	shard_open(&shard);
	assert_ok(do_deliver(&shard, ALICE, str_make(p, 300000)));
	inbox = open_folder(&shard, ALICE, "INBOX");
	assert_ok(store_folder_read(inbox, 1, 1, arena, &entries, &n));
	assert_ok(store_message_open(shard.store, ALICE, &entries[0], arena, &message));
	assert_str(message.structure, "structure");
	assert_int_equal(message.content_length, 300000);
	for (uint64_t at = 0; at < 300100; at += 12345) {
		size_t want = at < 300000 ? (300000 - at < sizeof(part) ? 300000 - (size_t)at : sizeof(part)) : 0;

		assert_ok(store_content_read(shard.store, &message, at, sizeof(part), part, &n));
		assert_int_equal(n, want);
		assert_true(n == 0 || memcmp(part, p + at, n) == 0);
	}
	assert_ok(store_message_read(shard.store, &message, 10, 100, part, &n));
	assert_int_equal(n, 100);
	assert_memory_equal(part, message.prefix.p + 10, message.prefix.n - 10);
	assert_memory_equal(part + message.prefix.n - 10, p, 110 - message.prefix.n);
	assert_err(store_message_open(shard.store, BOB, &entries[0], arena, &message), ERR_CORRUPT);
	store_folder_close(&inbox);
	free(p);
	arena_free(&arena);
	shard_remove(&shard);
}

struct delivering {
	struct simple_job simple;
	struct store_delivery delivery;
	enum err results[4];
};

static enum err run_delivery(struct store_job *job, struct store_tx *tx)
{
	struct delivering *d = (struct delivering *)job;

	return store_deliver(tx, &d->delivery, d->results);
}

static void test_several_recipients_share_a_record(void **state)
{
	struct store_recipient to[] = {
		{ .account = ALICE, .prefix = S("To-A: 1\r\n") },
		{ .account = BOB, .prefix = S("To-B: 22\r\n"), .flags = STORE_FLAGGED, .folder = S("Spam") },
		{ .account = 13, .prefix = S("To-C: 3\r\n"), .quota = 5 },
		{ .account = ALICE, .prefix = S("again\r\n") },
	};
	struct delivering d = { .simple.job.run = run_delivery };
	struct shard shard = { 0 };
	struct arena *arena = arena_new();
	struct store_entry *a, *b;
	struct store_folder *inbox, *spam;
	bool exists;
	size_t n;

	d.delivery = (struct store_delivery){ .delivery_id = S("0123456789abcdef"), .content = STORE_CONTENT(S("hello")),
		.recipients = to, .n = 4, .received_s = 1700000001, .content_id = S("0123456789abcdef0123456789abcdef") };
	shard_open(&shard);
	assert_ok(run_job(&shard, &d.simple));
	assert_int_equal(d.results[0], OK);
	assert_int_equal(d.results[1], OK);
	assert_int_equal(d.results[2], ERR_OVER_QUOTA);
	assert_int_equal(d.results[3], OK); /* the id is known by then */
	inbox = open_folder(&shard, ALICE, "INBOX");
	spam = open_folder(&shard, BOB, "Spam");
	assert_str(read_message(&shard, inbox, 1, arena), "To-A: 1\r\nhello");
	assert_str(read_message(&shard, spam, 1, arena), "To-B: 22\r\nhello");
	assert_int_equal(get_index(inbox)->count, 1);
	assert_int_equal(get_index(spam)->flags[0], STORE_FLAGGED);
	assert_ok(store_folder_read(inbox, 1, UINT32_MAX, arena, &a, &n));
	assert_ok(store_folder_read(spam, 1, UINT32_MAX, arena, &b, &n));
	assert_int_equal(a->extent.offset, b->extent.offset);
	assert_int_equal(a->internal_date, 1700000001);
	assert_memory_equal(a->email_id, "0123456789abcdef", 16);
	assert_ok(store_account_exists(shard.store, 13, &exists));
	assert_true(exists);
	/* Repeated: nothing more for A and B; C was refused, and now has room. */
	to[2].quota = 0;
	assert_ok(run_job(&shard, &d.simple));
	for (int i = 0; i < 4; i++)
		assert_int_equal(d.results[i], OK);
	assert_int_equal(get_index(inbox)->count, 1);
	store_folder_close(&inbox);
	inbox = open_folder(&shard, 13, "INBOX");
	assert_int_equal(get_index(inbox)->count, 1);
	store_folder_close(&inbox);
	store_folder_close(&spam);
	arena_free(&arena);
	shard_remove(&shard);
}

static void test_ids_are_forgotten(void **state)
{
	struct store_recipient to = { .account = ALICE };
	struct delivering d = { .simple.job.run = run_delivery };
	struct shard shard = { 0 };
	struct store_folder *inbox;

	d.delivery = (struct store_delivery){ .delivery_id = S("0123456789abcdef"), .content = STORE_CONTENT(S("x")),
		.recipients = &to, .n = 1 };
	shard_open(&shard);
	assert_ok(run_job(&shard, &d.simple));
	(void)store_background(shard.store);
	assert_ok(run_job(&shard, &d.simple));
	inbox = open_folder(&shard, ALICE, "INBOX");
	assert_int_equal(get_index(inbox)->count, 1);
	time_set_offset_ms(86401 * 1000ll);
	store_folder_close(&inbox);
	shard_reopen(&shard);
	while (store_background(shard.store))
		;
	assert_ok(run_job(&shard, &d.simple));
	inbox = open_folder(&shard, ALICE, "INBOX");
	assert_int_equal(get_index(inbox)->count, 2);
	time_set_offset_ms(0);
	store_folder_close(&inbox);
	shard_remove(&shard);
}

static void test_append(void **state)
{
	struct str words[] = { S("$Forwarded"), S("blue") };
	struct store_append append = { .account = ALICE, .folder = S("Sent"), .content = STORE_CONTENT(S("body")),
		.internal_date = 1234567890, .flags = STORE_SEEN | STORE_DRAFT, .keywords = words, .keyword_count = 2 };
	struct shard shard = { 0 };
	struct arena *arena = arena_new();
	struct store_appended at;
	struct store_folder *sent;
	struct store_entry *entries;
	char path[80];
	FILE *file;
	size_t n;

	shard_open(&shard);
	assert_ok(do_append(&shard, &append, &at));
	assert_int_equal(at.uid, 1);
	append.folder = S("no/such");
	assert_err(do_append(&shard, &append, &at), ERR_TRYCREATE);
	append.folder = S("Sent");
	append.quota = 7;
	assert_err(do_append(&shard, &append, &at), ERR_OVER_QUOTA);
	append.quota = 8;
	assert_ok(do_append(&shard, &append, &at));
	assert_int_equal(at.uid, 2);
	/* From a descriptor, small and large. */
	for (size_t size = 1000; size <= 3000000; size *= 3000) {
		char *p = make_content(size);

		snprintf(path, sizeof(path), "%s/content", shard.dir);
		file = fopen(path, "w+");
		assert_int_equal(fwrite(p, 1, size, file), size);
		fflush(file);
		append.quota = 0;
		append.content = (struct store_content){ .fd = fileno(file), .length = size };
		assert_ok(do_append(&shard, &append, &at));
		sent = open_folder(&shard, ALICE, "Sent");
		assert_true(str_equal(read_message(&shard, sent, at.uid, arena), str_make(p, size)));
		store_folder_close(&sent);
		append.content.length = size + 1;
		assert_err(do_append(&shard, &append, &at), ERR_IO);
		fclose(file);
		free(p);
	}
	sent = open_folder(&shard, ALICE, "Sent");
	assert_int_equal(get_index(sent)->uidvalidity, at.uidvalidity);
	assert_int_equal(get_index(sent)->count, 4);
	assert_int_equal(get_index(sent)->keyword_count, 2);
	assert_int_equal(store_index_keyword(get_index(sent), S("BLUE")), STORE_KEYWORD_BIT(1));
	assert_int_equal(get_index(sent)->flags[0], STORE_SEEN | STORE_DRAFT | STORE_KEYWORD_BIT(0) | STORE_KEYWORD_BIT(1));
	assert_ok(store_folder_read(sent, 1, 1, arena, &entries, &n));
	assert_int_equal(entries[0].internal_date, 1234567890);
	store_folder_close(&sent);
	arena_free(&arena);
	shard_remove(&shard);
}

static void test_flags(void **state)
{
	struct str word = S("$Junk");
	struct store_flags add = { .op = STORE_FLAGS_ADD, .flags = STORE_SEEN, .keywords = &word, .keyword_count = 1 };
	struct store_flags cond = { .op = STORE_FLAGS_REPLACE, .flags = STORE_DELETED, .conditional = true };
	struct uidset changed = { 0 }, failed = { 0 }, all = set_of(1, UINT32_MAX), two = set_of(2, 3);
	struct shard shard = { 0 };
	struct arena *arena = arena_new();
	struct store_status status;
	struct store_folder *inbox;
	uint64_t before;

	shard_open(&shard);
	for (int i = 0; i < 5; i++)
		assert_ok(do_deliver(&shard, ALICE, S("x")));
	inbox = open_folder(&shard, ALICE, "INBOX");
	before = get_index(inbox)->highest_modseq;
	assert_ok(do_flags(&shard, inbox, &two, &add, &changed, NULL));
	assert_true(uidset_equal(&changed, &two));
	assert_int_equal(get_index(inbox)->flags[1], STORE_SEEN | STORE_KEYWORD_BIT(0));
	assert_int_equal(get_index(inbox)->flags[0], 0);
	assert_int_equal(get_index(inbox)->highest_modseq, before + 1);
	assert_int_equal(get_index(inbox)->modseqs[2], before + 1);
	assert_ok(do_flags(&shard, inbox, &two, &add, &changed, NULL));
	assert_int_equal(changed.n, 0);
	assert_int_equal(get_index(inbox)->highest_modseq, before + 1);
	cond.unchanged_since = before;
	assert_ok(do_flags(&shard, inbox, &all, &cond, &changed, &failed));
	assert_true(uidset_equal(&failed, &two));
	assert_int_equal(uidset_count(&changed), 3);
	assert_ok(store_folder_status(shard.store, ALICE, S("INBOX"), arena, &status));
	assert_int_equal(status.messages, 5);
	assert_int_equal(status.unseen, 3);
	assert_int_equal(status.deleted, 3);
	add.op = STORE_FLAGS_REMOVE;
	assert_ok(do_flags(&shard, inbox, &all, &add, &changed, NULL));
	assert_true(uidset_equal(&changed, &two));
	store_folder_close(&inbox);
	shard_reopen(&shard);
	inbox = open_folder(&shard, ALICE, "INBOX");
	assert_int_equal(get_index(inbox)->flags[1], 0);
	assert_int_equal(get_index(inbox)->flags[4], STORE_DELETED);
	store_folder_close(&inbox);
	uidset_done(&changed);
	uidset_done(&failed);
	uidset_done(&all);
	uidset_done(&two);
	arena_free(&arena);
	shard_remove(&shard);
}

static void test_keyword_limit(void **state)
{
	struct store_flags add = { .op = STORE_FLAGS_ADD, .keyword_count = 1 };
	struct uidset changed = { 0 }, one = set_of(1, 1);
	struct shard shard = { 0 };
	struct store_folder *inbox;
	char name[20];

	shard_open(&shard);
	assert_ok(do_deliver(&shard, ALICE, S("x")));
	inbox = open_folder(&shard, ALICE, "INBOX");
	for (int i = 0; i < 57; i++) {
		struct str word;

		snprintf(name, sizeof(name), "word%d", i);
		word = str_of(name);
		add.keywords = &word;
		assert_err(do_flags(&shard, inbox, &one, &add, &changed, NULL), i < STORE_KEYWORDS_MAX ? OK : ERR_LIMIT);
	}
	assert_int_equal(get_index(inbox)->flags[0], UINT64_MAX << STORE_KEYWORD_FIRST);
	store_folder_close(&inbox);
	uidset_done(&changed);
	uidset_done(&one);
	shard_remove(&shard);
}

static void test_expunge_and_vanished(void **state)
{
	struct store_flags mark = { .op = STORE_FLAGS_ADD, .flags = STORE_DELETED };
	struct uidset set = set_of(2, 4), got = { 0 }, three = set_of(3, 3);
	struct shard shard = { 0 };
	struct store_folder *inbox;
	uint64_t bytes, messages, modseq;
	bool complete;

	shard_open(&shard);
	for (int i = 0; i < 6; i++)
		assert_ok(do_deliver(&shard, ALICE, S("12345")));
	inbox = open_folder(&shard, ALICE, "INBOX");
	modseq = get_index(inbox)->highest_modseq;
	assert_ok(do_expunge(&shard, inbox, NULL, false, &got));
	assert_int_equal(got.n, 0);
	assert_ok(do_flags(&shard, inbox, &set, &mark, &got, NULL));
	assert_ok(do_expunge(&shard, inbox, &three, false, &got));
	assert_true(uidset_equal(&got, &three));
	assert_ok(do_expunge(&shard, inbox, NULL, false, &got));
	assert_int_equal(uidset_count(&got), 2);
	assert_int_equal(get_index(inbox)->count, 3);
	assert_int_equal(get_index(inbox)->uids[1], 5);
	assert_int_equal(get_index(inbox)->uidnext, 7);
	assert_ok(store_folder_vanished(inbox, modseq, &got, &complete));
	assert_true(complete);
	assert_true(uidset_equal(&got, &set));
	assert_ok(store_account_usage(shard.store, ALICE, &bytes, &messages));
	assert_int_equal(messages, 3);
	assert_int_equal(bytes, 3 * (5 + 30));
	time_set_offset_ms(31 * 86400000ll);
	while (store_background(shard.store))
		;
	time_set_offset_ms(0);
	assert_ok(store_folder_vanished(inbox, modseq, &got, &complete));
	assert_false(complete);
	assert_ok(do_deliver(&shard, ALICE, S("12345")));
	assert_int_equal(get_index(inbox)->uids[3], 7);
	store_folder_close(&inbox);
	uidset_done(&set);
	uidset_done(&got);
	uidset_done(&three);
	shard_remove(&shard);
}

static void test_copy_and_move(void **state)
{
	struct str word = S("$Later");
	struct store_flags mark = { .op = STORE_FLAGS_ADD, .flags = STORE_FLAGGED, .keywords = &word, .keyword_count = 1 };
	struct store_flags other = { .op = STORE_FLAGS_ADD, .keyword_count = 1 };
	struct uidset set = set_of(2, 3), got = { 0 }, none = set_of(100, 200);
	struct str first = S("first");
	struct store_copied copied = { 0 };
	struct shard shard = { 0 };
	struct arena *arena = arena_new();
	struct store_folder *inbox, *archive;
	struct store_entry *a, *b;
	uint64_t bytes, messages;
	size_t n;

	shard_open(&shard);
	for (int i = 0; i < 4; i++)
		assert_ok(do_deliver(&shard, ALICE, S("12345")));
	inbox = open_folder(&shard, ALICE, "INBOX");
	archive = open_folder(&shard, ALICE, "Archive");
	other.keywords = &first;
	assert_ok(do_flags(&shard, inbox, &set, &mark, &got, NULL));
	assert_ok(do_copy(&shard, inbox, &set, "Archive", 0, false, &copied));
	assert_true(uidset_equal(&copied.source, &set));
	assert_int_equal(copied.first_uid, 1);
	assert_int_equal(get_index(archive)->count, 2);
	assert_int_equal(get_index(archive)->flags[1], STORE_FLAGGED | STORE_KEYWORD_BIT(0));
	assert_ok(store_folder_read(inbox, 2, 3, arena, &a, &n));
	assert_ok(store_folder_read(archive, 1, 2, arena, &b, &n));
	assert_int_equal(a[0].extent.offset, b[0].extent.offset);
	assert_true(a[0].instance != b[0].instance);
	assert_memory_equal(a[0].email_id, b[0].email_id, 16);
	assert_str(read_message(&shard, archive, 2, arena), "Delivered-To: a@example.test\r\n12345");
	/* Keywords are matched by name, not by bit. */
	set.v[0] = (struct uid_range){ 1, 1 };
	assert_ok(do_flags(&shard, archive, &set, &other, &got, NULL));
	assert_ok(do_copy(&shard, archive, &set, "Trash", 0, true, &copied));
	assert_int_equal(get_index(archive)->count, 1);
	store_folder_close(&archive);
	archive = open_folder(&shard, ALICE, "Trash");
	assert_int_equal(get_index(archive)->keyword_count, 2);
	assert_ok(store_folder_read(archive, 1, 1, arena, &a, &n));
	assert_int_equal(a[0].instance, b[0].instance);
	assert_ok(store_account_usage(shard.store, ALICE, &bytes, &messages));
	assert_int_equal(messages, 6);
	assert_err(do_copy(&shard, inbox, &set, "Trash", bytes + 34, false, &copied), ERR_OVER_QUOTA);
	assert_ok(do_copy(&shard, inbox, &set, "Trash", bytes + 35, false, &copied));
	assert_err(do_copy(&shard, inbox, &set, "None", 0, false, &copied), ERR_TRYCREATE);
	assert_ok(do_copy(&shard, inbox, &none, "Trash", 0, false, &copied));
	assert_int_equal(copied.source.n, 0);
	/* Into itself. */
	set.v[0] = (struct uid_range){ 1, UINT32_MAX };
	assert_ok(do_copy(&shard, inbox, &set, "INBOX", 0, false, &copied));
	assert_int_equal(copied.first_uid, 5);
	assert_int_equal(get_index(inbox)->count, 8);
	assert_ok(do_copy(&shard, inbox, &set, "INBOX", 0, true, &copied));
	assert_int_equal(get_index(inbox)->count, 8);
	assert_int_equal(get_index(inbox)->uids[0], 9);
	store_folder_close(&inbox);
	store_folder_close(&archive);
	uidset_done(&copied.source);
	uidset_done(&set);
	uidset_done(&got);
	uidset_done(&none);
	arena_free(&arena);
	shard_remove(&shard);
}

static bool is_listed(struct shard *shard, const char *name, struct store_status *ret_status)
{
	struct arena *arena = arena_new();
	struct store_status *list;
	bool found = false;
	size_t n;

	assert_ok(store_folder_list(shard->store, ALICE, arena, &list, &n));
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			assert_true(str_compare(list[i - 1].name, list[i].name) < 0);
		if (!str_equal(list[i].name, str_of(name)))
			continue;
		found = true;
		*ret_status = list[i];
	}
	arena_free(&arena);
	return found;
}

static void test_folders(void **state)
{
	struct shard shard = { 0 };
	struct store_status status, again;

	shard_open(&shard);
	assert_ok(do_ensure(&shard, ALICE));
	assert_ok(do_ensure(&shard, ALICE));
	assert_true(is_listed(&shard, "INBOX", &status));
	assert_int_equal(status.id, 1);
	assert_true(is_listed(&shard, "Spam", &status));
	assert_int_equal(status.special, STORE_JUNK);
	/* Ghosts. */
	assert_ok(do_create(&shard, ALICE, "a/b/c"));
	assert_false(is_listed(&shard, "a", &status));
	assert_false(is_listed(&shard, "a/b", &status));
	assert_err(do_delete(&shard, ALICE, "a"), ERR_HAS_CHILDREN);
	assert_err(do_delete(&shard, ALICE, "a/b/x"), ERR_NO_FOLDER);
	assert_ok(do_create(&shard, ALICE, "a/b"));
	assert_err(do_create(&shard, ALICE, "a/b"), ERR_EXISTS);
	assert_ok(do_delete(&shard, ALICE, "a/b"));
	assert_true(is_listed(&shard, "a/b/c", &status));
	assert_err(do_delete(&shard, ALICE, "a/b"), ERR_HAS_CHILDREN);
	assert_ok(do_rename(&shard, ALICE, "a", "z"));
	assert_true(is_listed(&shard, "z/b/c", &again));
	assert_int_equal(again.id, status.id);
	assert_int_equal(again.uidvalidity, status.uidvalidity);
	assert_ok(do_delete(&shard, ALICE, "z/b/c"));
	assert_err(do_delete(&shard, ALICE, "z/b"), ERR_NO_FOLDER);
	/* Never the same UIDVALIDITY again. */
	assert_ok(do_create(&shard, ALICE, "z/b/c"));
	assert_true(is_listed(&shard, "z/b/c", &again));
	assert_true(again.uidvalidity > status.uidvalidity);
	assert_err(do_delete(&shard, ALICE, "inbox"), ERR_CANNOT);
	assert_err(do_create(&shard, ALICE, "Inbox"), ERR_EXISTS);
	assert_ok(do_create(&shard, ALICE, "inBox/sub"));
	assert_true(is_listed(&shard, "INBOX/sub", &status));
	assert_err(do_rename(&shard, ALICE, "z", "z/b/x"), ERR_CANNOT);
	assert_err(do_rename(&shard, ALICE, "z/b", "z/b"), ERR_EXISTS);
	assert_err(do_rename(&shard, ALICE, "none", "other"), ERR_NO_FOLDER);
	assert_err(do_rename(&shard, ALICE, "Sent", "Trash"), ERR_EXISTS);
	assert_err(do_delete(&shard, 99, "x"), ERR_NO_FOLDER);
	shard_remove(&shard);
}

static void test_names(void **state)
{
	static const char *const bad[] = { "", "/a", "a/", "a//b", "a*b", "50%", "a\001", "\xff", "a\x7f" };
	struct arena *arena = arena_new();
	char longest[1100];
	struct str name;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(store_name_check(str_of(bad[i]), arena, &name), ERR_CANNOT);
	assert_ok(store_name_check(S("iNbOx"), arena, &name));
	assert_str(name, "INBOX");
	assert_ok(store_name_check(S("inboxes"), arena, &name));
	assert_str(name, "inboxes");
	memset(longest, 'x', sizeof(longest));
	assert_ok(store_name_check(str_make(longest, 255), arena, &name));
	assert_err(store_name_check(str_make(longest, 256), arena, &name), ERR_CANNOT);
	for (size_t i = 1; i < sizeof(longest); i += 2)
		longest[i] = '/';
	assert_ok(store_name_check(str_make(longest, 63), arena, &name));
	assert_err(store_name_check(str_make(longest, 65), arena, &name), ERR_CANNOT);
	for (size_t i = 1; i < sizeof(longest); i += 2)
		longest[i] = i % 200 == 199 ? '/' : 'y';
	assert_ok(store_name_check(str_make(longest, 1024), arena, &name));
	assert_err(store_name_check(str_make(longest, 1025), arena, &name), ERR_CANNOT);
	arena_free(&arena);
}

static void test_rename_inbox_moves_messages(void **state)
{
	struct shard shard = { 0 };
	struct store_folder *inbox, *old;
	struct store_status status;

	shard_open(&shard);
	for (int i = 0; i < 3; i++)
		assert_ok(do_deliver(&shard, ALICE, S("x")));
	inbox = open_folder(&shard, ALICE, "INBOX");
	assert_int_equal(get_index(inbox)->count, 3);
	assert_ok(do_rename(&shard, ALICE, "INBOX", "old"));
	assert_int_equal(get_index(inbox)->count, 0);
	assert_true(is_listed(&shard, "INBOX", &status));
	assert_int_equal(status.uidnext, 4);
	old = open_folder(&shard, ALICE, "old");
	assert_int_equal(get_index(old)->count, 3);
	store_folder_close(&old);
	store_folder_close(&inbox);
	shard_remove(&shard);
}

static void test_subscriptions(void **state)
{
	struct shard shard = { 0 };
	struct arena *arena = arena_new();
	struct str *names;
	size_t n;

	shard_open(&shard);
	assert_ok(do_subscribe(&shard, ALICE, "not there", true));
	assert_ok(do_subscribe(&shard, ALICE, "not there", true));
	assert_ok(do_subscribe(&shard, ALICE, "Sent", false));
	assert_ok(store_subscriptions(shard.store, ALICE, arena, &names, &n));
	assert_int_equal(n, 6);
	assert_str(names[5], "not there");
	assert_str(names[2], "INBOX");
	/* RFC 3501 6.3.6: deleting a folder does not end its subscription. */
	assert_ok(do_delete(&shard, ALICE, "Spam"));
	assert_ok(store_subscriptions(shard.store, ALICE, arena, &names, &n));
	assert_int_equal(n, 6);
	arena_free(&arena);
	shard_remove(&shard);
}

struct counting_watch {
	struct store_watch watch;
	int calls;
	uint32_t count;
};

static void count_call(struct store_watch *watch, struct store_folder *folder)
{
	struct counting_watch *w = (struct counting_watch *)watch;

	w->calls++;
	w->count = store_folder_is_gone(folder) ? 0 : get_index(folder)->count;
}

static void test_watch_rename_and_delete(void **state)
{
	struct counting_watch watch = { .watch.fn = count_call };
	struct shard shard = { 0 };
	struct store_folder *f;
	const struct store_index *index;
	struct store_append append = { .account = ALICE, .folder = S("a"), .content = STORE_CONTENT(S("x")) };
	struct store_appended at;

	shard_open(&shard);
	assert_ok(do_create(&shard, ALICE, "a"));
	f = open_folder(&shard, ALICE, "a");
	store_folder_watch(f, &watch.watch);
	assert_ok(do_deliver(&shard, ALICE, S("elsewhere")));
	assert_int_equal(watch.calls, 0);
	assert_ok(do_append(&shard, &append, &at));
	assert_int_equal(watch.calls, 1);
	assert_int_equal(watch.count, 1);
	store_folder_park(f);
	assert_ok(do_append(&shard, &append, &at));
	assert_int_equal(watch.count, 2);
	store_folder_unpark(f);
	assert_ok(do_rename(&shard, ALICE, "a", "b"));
	assert_str(store_folder_name(f), "b");
	assert_int_equal(watch.calls, 3);
	assert_ok(do_delete(&shard, ALICE, "b"));
	assert_int_equal(watch.calls, 4);
	assert_true(store_folder_is_gone(f));
	assert_err(store_folder_index(f, &index), ERR_NO_FOLDER);
	assert_ok(do_create(&shard, ALICE, "b"));
	store_folder_unwatch(f, &watch.watch);
	store_folder_close(&f);
	f = open_folder(&shard, ALICE, "b");
	assert_int_equal(get_index(f)->count, 0);
	store_folder_close(&f);
	shard_remove(&shard);
}

static void test_parked_arrays_are_dropped(void **state)
{
	struct shard shard = { .options.index_bytes = 1000 };
	struct store_folder *f[20];

	shard_open(&shard);
	for (uint64_t i = 0; i < 20; i++) {
		for (int k = 0; k < 3; k++)
			assert_ok(do_deliver(&shard, 100 + i, S("x")));
		f[i] = open_folder(&shard, 100 + i, "INBOX");
		assert_int_equal(get_index(f[i])->count, 3);
		store_folder_park(f[i]);
	}
	assert_ok(do_deliver(&shard, 100, S("x")));
	for (uint64_t i = 0; i < 20; i++) {
		store_folder_unpark(f[i]);
		assert_int_equal(get_index(f[i])->count, i == 0 ? 4 : 3);
		store_folder_close(&f[i]);
	}
	shard_remove(&shard);
}

static enum err run_deletion(struct store_job *job, struct store_tx *tx)
{
	return store_account_delete(tx, ALICE);
}

static bool is_in_file(const char *path, const char *text)
{
	struct buf bytes = { 0 };
	bool found;

	assert_ok(os_read_file(path, &bytes));
	found = memmem(bytes.p, bytes.n, text, strlen(text)) != NULL;
	buf_done(&bytes);
	return found;
}

static bool is_in_segments(const struct shard *shard, const char *text)
{
	char pattern[200];
	glob_t files;
	bool found = false;

	snprintf(pattern, sizeof(pattern), "%s/segments/*.seg", shard->dir);
	assert_int_equal(glob(pattern, 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++)
		found |= is_in_file(files.gl_pathv[i], text);
	globfree(&files);
	return found;
}

/* Content of nobody else is overwritten; what another account shares stays readable. */
static void test_account_delete(void **state)
{
	struct simple_job job = { .job.run = run_deletion };
	struct shard shard = { 0 };
	struct arena *arena = arena_new();
	struct store_folder *inbox;
	bool exists;

	shard_open(&shard);
	assert_ok(do_deliver(&shard, ALICE, S("own words of alice")));
	assert_ok(do_deliver(&shard, BOB, S("words of bob")));
	inbox = open_folder(&shard, ALICE, "INBOX");
	assert_int_equal(get_index(inbox)->count, 1);
	assert_true(is_in_segments(&shard, "own words of alice"));
	assert_ok(run_job(&shard, &job));
	assert_true(store_folder_is_gone(inbox));
	store_folder_close(&inbox);
	assert_ok(store_account_exists(shard.store, ALICE, &exists));
	assert_false(exists);
	assert_err(do_deliver(&shard, ALICE, S("late")), ERR_UNKNOWN_USER);
	assert_err(do_ensure(&shard, ALICE), ERR_UNKNOWN_USER);
	while (store_background(shard.store))
		;
	assert_false(is_in_segments(&shard, "own words of alice"));
	assert_true(is_in_segments(&shard, "words of bob"));
	assert_ok(run_job(&shard, &job));
	shard_reopen(&shard);
	assert_err(do_deliver(&shard, ALICE, S("late")), ERR_UNKNOWN_USER);
	inbox = open_folder(&shard, BOB, "INBOX");
	assert_true(str_find(read_message(&shard, inbox, 1, arena), S("words of bob")) >= 0);
	store_folder_close(&inbox);
	arena_free(&arena);
	shard_remove(&shard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_come_back),
		cmocka_unit_test(test_parts_of_content),
		cmocka_unit_test(test_several_recipients_share_a_record),
		cmocka_unit_test(test_ids_are_forgotten),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_keyword_limit),
		cmocka_unit_test(test_expunge_and_vanished),
		cmocka_unit_test(test_copy_and_move),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_rename_inbox_moves_messages),
		cmocka_unit_test(test_subscriptions),
		cmocka_unit_test(test_watch_rename_and_delete),
		cmocka_unit_test(test_parked_arrays_are_dropped),
		cmocka_unit_test(test_account_delete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
