/* SPDX-License-Identifier: ISC */
#include "base/test.h"
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INSERT, GET, LIST, COUNT, STATEMENTS };
static const struct sql_statement_row ROWS[STATEMENTS] = {
	/* $2 stands before $1 on purpose. */
	[INSERT] = {"insert", "INSERT INTO item (name, account, data) VALUES ($2, $1, $3)"},
	[GET] = {"get", "SELECT name, data FROM item WHERE account = $1"},
	[LIST] = {"list",
		"SELECT account FROM item WHERE account > $1 ORDER BY account LIMIT $2"},
	[COUNT] = {"count", "SELECT count(*) FROM item"},
};
static const struct sql_migration MIGRATIONS[] = {
	{1, "CREATE TABLE item (account BIGINT NOT NULL, name TEXT NOT NULL, PRIMARY KEY "
	    "(account)) @CLUSTERED@;"},
	{2, "ALTER TABLE item ADD COLUMN data BYTEA; CREATE UNIQUE INDEX item_name ON item "
	    "(name);"},
};

struct fixture {
	char dir[64], path[100];
	struct sql *sql;
	struct sql_statement *st[STATEMENTS];
};

static void open_database(struct fixture *f)
{
	struct sql_options options = {.page_size = 8192};

	assert_ok(sql_open(f->path, &options, &f->sql));
	assert_ok(sql_migrate(f->sql, "item", MIGRATIONS, 2));
	assert_ok(sql_prepare_all(f->sql, ROWS, STATEMENTS, f->st));
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/sql-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/item.db", f->dir);
	open_database(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	const char *endings[] = {"", "-wal", "-shm"};
	char path[120];

	sql_close(&f->sql);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", f->path, endings[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static enum err insert(struct fixture *f, int64_t account, const char *name, struct str data)
{
	SQL_BIND(f->st[INSERT], SQL_I64(account), SQL_TEXT(str_of(name)), SQL_BLOB(data));
	return sql_run(f->st[INSERT]);
}

static int64_t count(struct fixture *f)
{
	assert_ok(sql_first(f->st[COUNT]));
	int64_t n = sql_column_i64(f->st[COUNT], 0);
	sql_reset(f->st[COUNT]);
	return n;
}

static void test_values(void **state)
{
	struct fixture *f = *state;
	enum err e;

	assert_ok(insert(f, 1, "first", str_make("a\0b", 3)));
	assert_int_equal(sql_changes(f->sql), 1);
	assert_ok(insert(f, INT64_MAX, "", STR_NONE));
	sql_bind_i64(f->st[INSERT], 1, INT64_MIN);
	sql_bind_text(f->st[INSERT], 2, S("third"));
	sql_bind_null(f->st[INSERT], 3);
	assert_ok(sql_run(f->st[INSERT]));

	SQL_BIND(f->st[GET], SQL_I64(1));
	assert_ok(sql_first(f->st[GET]));
	assert_str(sql_column_str(f->st[GET], 0), "first");
	assert_true(str_equal(sql_column_blob(f->st[GET], 1), str_make("a\0b", 3)));
	sql_reset(f->st[GET]);

	SQL_BIND(f->st[GET], SQL_I64(INT64_MAX));
	assert_ok(sql_first(f->st[GET]));
	assert_false(sql_column_is_null(f->st[GET], 0));
	assert_false(sql_column_is_null(f->st[GET], 1));
	assert_int_equal(sql_column_blob(f->st[GET], 1).n, 0);
	sql_reset(f->st[GET]);

	SQL_BIND(f->st[GET], SQL_I64(INT64_MIN));
	assert_ok(sql_first(f->st[GET]));
	assert_true(sql_column_is_null(f->st[GET], 1));
	sql_reset(f->st[GET]);

	SQL_BIND(f->st[GET], SQL_I64(77));
	assert_err(sql_first(f->st[GET]), ERR_NOT_FOUND);

	int64_t last = 0, rows = 0;
	SQL_BIND(f->st[LIST], SQL_I64(0), SQL_I64(10));
	for (; sql_step(f->st[LIST], &e); rows++)
		last = sql_column_i64(f->st[LIST], 0);
	assert_ok(e);
	assert_int_equal(rows, 2);
	assert_true(last == INT64_MAX);
}

static void test_durable(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_ok(sql_begin(f->sql));
	assert_ok(insert(f, 1, "kept", S("x")));
	assert_ok(sql_commit(f->sql));
	assert_ok(sql_begin(f->sql));
	assert_ok(insert(f, 2, "dropped", S("x")));
	sql_rollback(f->sql);
	sql_rollback(f->sql);
	assert_ok(sql_begin(f->sql));
	assert_ok(insert(f, 3, "open at close", S("x")));
	sql_close(&f->sql);
	open_database(f);
	assert_int_equal(count(f), 1);
}

static void test_failed_transaction(void **state)
{
	struct fixture *f = *state;

	assert_ok(insert(f, 1, "one", S("")));
	assert_ok(sql_begin(f->sql));
	assert_ok(insert(f, 2, "two", S("")));
	assert_err(insert(f, 1, "again", S("")), ERR_EXISTS);
	assert_non_null(strstr(sql_last_error(f->sql), "insert"));
	assert_err(sql_failure(f->sql), ERR_EXISTS);
	assert_err(insert(f, 3, "three", S("")), ERR_EXISTS);
	assert_err(sql_first(f->st[COUNT]), ERR_EXISTS);
	assert_err(sql_commit(f->sql), ERR_EXISTS);
	assert_false(sql_in_transaction(f->sql));
	assert_int_equal(count(f), 1);
	/* Outside a transaction an error concerns that statement only. */
	assert_err(insert(f, 1, "again", S("")), ERR_EXISTS);
	assert_ok(insert(f, 4, "four", S("")));
}

static void test_savepoint(void **state)
{
	struct fixture *f = *state;

	assert_ok(sql_begin(f->sql));
	assert_ok(insert(f, 1, "one", S("")));
	for (int i = 0; i < 3; i++) {
		assert_ok(sql_savepoint(f->sql));
		assert_ok(insert(f, 2, "two", S("")));
		assert_err(insert(f, 1, "again", S("")), ERR_EXISTS);
		assert_err(sql_savepoint_keep(f->sql), ERR_EXISTS);
		assert_ok(sql_savepoint_undo(f->sql));
	}
	assert_ok(sql_savepoint(f->sql));
	assert_ok(insert(f, 3, "three", S("")));
	assert_ok(sql_savepoint_keep(f->sql));
	assert_ok(sql_end(f->sql, OK));
	assert_int_equal(count(f), 2);
}

/* SQLite ends the transaction by itself; what follows must not be committed alone. */
static void test_disk_full(void **state)
{
	struct fixture *f = *state;
	static char big[4096];
	char name[20];
	enum err e = OK;

	assert_ok(insert(f, 1, "one", S("")));
	assert_ok(
		sql_exec_script(f->sql, "PRAGMA max_page_count = 40; PRAGMA cache_size = 10"));
	assert_ok(sql_begin(f->sql));
	for (int i = 2; i < 1000 && e == OK; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		e = insert(f, i, name, str_make(big, sizeof(big)));
	}
	assert_err(e, ERR_NO_SPACE);
	assert_err(insert(f, 5000, "alone", S("")), ERR_NO_SPACE);
	assert_err(sql_exec_script(f->sql, "DELETE FROM item"), ERR_NO_SPACE);
	assert_err(sql_savepoint(f->sql), ERR_NO_SPACE);
	assert_err(sql_end(f->sql, OK), ERR_NO_SPACE);
	assert_int_equal(count(f), 1);
	assert_ok(sql_begin(f->sql));
	assert_ok(insert(f, 2, "two", S("")));
	assert_ok(sql_commit(f->sql));
	assert_int_equal(count(f), 2);
}

static void test_migrations(void **state)
{
	struct fixture *f = *state;
	static const struct sql_migration more[] = {
		{1, "never run"},
		{2, "never run"},
		{3, "CREATE TABLE extra (id BIGINT PRIMARY KEY); INSERT INTO extra VALUES "
		    "(1); bad words;"},
	};
	static const struct sql_migration right = {
		3, "CREATE TABLE extra (id BIGINT PRIMARY KEY);"};

	assert_ok(sql_migrate(f->sql, "item", MIGRATIONS, 2));
	assert_err(sql_migrate(f->sql, "item", more, 3), ERR_DATABASE);
	assert_err(sql_exec_script(f->sql, "SELECT * FROM extra"), ERR_DATABASE);
	assert_ok(sql_migrate(f->sql, "item", &right, 1));
	assert_ok(sql_exec_script(f->sql, "SELECT * FROM extra"));
	assert_err(sql_migrate(f->sql, "item", MIGRATIONS, 2), ERR_CANNOT);
	assert_non_null(strstr(sql_last_error(f->sql), "newer"));
}

static void test_bad_statement(void **state)
{
	struct fixture *f = *state;
	static const struct sql_statement_row rows[] = {
		{"fine", "SELECT 1"}, {"broken", "SELECT id FROM nowhere"}};
	struct sql_statement *st[2];

	assert_err(sql_prepare_all(f->sql, rows, 2, st), ERR_DATABASE);
	assert_string_equal(sql_last_error(f->sql), "broken: no such table: nowhere (1)");
}

static void test_checkpoint(void **state)
{
	struct fixture *f = *state;
	struct sql_checkpointer *checkpointer;
	char name[20];
	uint64_t left, before;
	enum err e;

	for (int i = 1; i <= 50; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_ok(insert(f, i, name, S("x")));
	}
	before = sql_wal_bytes(f->sql);
	assert_true(before >= 50 * (8192 + 24));
	assert_ok(sql_checkpointer_open(f->path, &checkpointer));

	/* A reader that stays keeps what came after it began. */
	SQL_BIND(f->st[LIST], SQL_I64(0), SQL_I64(10));
	assert_true(sql_step(f->st[LIST], &e));
	assert_ok(insert(f, 51, "n51", S("x")));
	assert_ok(sql_checkpointer_run(checkpointer, &left));
	assert_true(left > 0 && left < before);
	sql_reset(f->st[LIST]);

	assert_ok(sql_checkpointer_run(checkpointer, &left));
	assert_int_equal(left, 0);
	assert_ok(insert(f, 52, "n52", S("x")));
	assert_true(sql_wal_bytes(f->sql) < before / 10);
	sql_checkpointer_close(&checkpointer);
}

static void test_damaged(void **state)
{
	struct fixture *f = *state;
	struct sql_options options = {0};
	struct sql *sql = NULL;
	FILE *file;

	sql_close(&f->sql);
	file = fopen(f->path, "w");
	for (int i = 0; i < 5000; i++)
		fputc('x', file);
	fclose(file);
	assert_err(sql_open(f->path, &options, &sql), ERR_CORRUPT);
	assert_null(sql);
	assert_err(sql_open("/nowhere/at/all.db", &options, &sql), ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_values, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_durable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failed_transaction, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_savepoint, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_disk_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_migrations, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_statement, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_checkpoint, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
