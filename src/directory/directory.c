/* SPDX-License-Identifier: ISC */
#include "directory/own.h"

#include "base/vec.h"
#include "os/file.h"

#include <sodium.h>
#include <stdio.h>

static const uint64_t CHECKPOINT_BYTES = 4u << 20;

struct directory_options directory_defaults(void)
{
	return (struct directory_options){
		.shards = 1,
		.message_bytes = 210763776,
		.bulk_max = 1000000,
		.import_per_day = 50,
		.detail_separator = '+',
		.scram_iterations = 4096,
		.argon2_ops = crypto_pwhash_OPSLIMIT_INTERACTIVE,
		.argon2_bytes = crypto_pwhash_MEMLIMIT_INTERACTIVE,
		.auth_delay = 500,
		.auth_delay_max = 10000,
		.auth_pair_failures = 10,
		.auth_account_failures = 100,
		.auth_network_failures = 200,
		.auth_lock = 600000,
		.auth_memory = 30LL * 86400000,
		.last_use_precision = 60000,
	};
}

static bool is_in_memory(const struct directory *directory)
{
	return strcmp(directory->options.path, ":memory:") == 0;
}

static enum err explain(struct directory *directory, enum err e, struct buf *detail)
{
	if (e != OK && detail->n == 0)
		buf_addf(detail, "%s: %s", directory->options.path,
			directory->sql != NULL && sql_last_error(directory->sql)[0]
				? sql_last_error(directory->sql)
				: err_text(e));
	return e;
}

static enum err open_database(struct directory *directory)
{
	const struct sql_options options = {.cache_bytes = 32u << 20};
	char path[OS_PATH_MAX];
	enum err e = OK;

	if (is_in_memory(directory))
		return sql_open(":memory:", &options, &directory->sql);
	e = os_make_dirs(directory->options.path, 0700);
	if (e == OK)
		e = sql_open(os_path(path, "%s/directory.db", directory->options.path),
			&options, &directory->sql);
	if (e == OK)
		e = sql_checkpointer_open(path, &directory->checkpointer);
	return e;
}

static enum err prepare(struct directory *directory)
{
	enum err e = sql_migrate(
		directory->sql, "directory", directory_migrations, DIRECTORY_MIGRATIONS);

	if (e == OK)
		e = sql_prepare_all(
			directory->sql, directory_sql, DIRECTORY_SQL_COUNT, directory->st);
	return e;
}

static enum err open_keys(struct directory *directory, struct buf *detail)
{
	char path[OS_PATH_MAX];
	struct sql_statement *st = directory->st[DIRECTORY_SQL_DEVICE_ANY];
	enum err e = sql_first(st);

	if (e != OK && e != ERR_NOT_FOUND)
		return e;
	sql_reset(st);
	if (is_in_memory(directory)) {
		directory_keys_random(&directory->keys);
		return OK;
	}
	return directory_keys_open(os_path(path, "%s/keys", directory->options.path),
		e == ERR_NOT_FOUND, &directory->keys, detail);
}

static enum err open_all(struct directory *directory, struct buf *detail)
{
	enum err e = sodium_init() == -1 ? ERR_INTERNAL : open_database(directory);

	if (e == OK)
		e = prepare(directory);
	if (e == OK)
		e = open_keys(directory, detail);
	if (e == OK)
		e = directory_load(directory);
	return e;
}

enum err directory_open(const struct directory_options *options,
	struct directory **ret_directory, struct buf *ret_detail)
{
	struct directory *directory = mem_make(struct directory);
	struct buf unused = BUF_MAX(1000);

	directory->options = *options;
	directory->options.path = mem_dup(str_of(options->path));
	directory->index = directory_index_new();
	directory->attempts = directory_attempts_new();
	directory->verdicts = directory_verdicts_new();
	directory->last_uses = map_new();
	directory->redirects = map_new();
	directory->retention = map_new();
	enum err e = explain(directory, open_all(directory, ret_detail ? ret_detail : &unused),
		ret_detail ? ret_detail : &unused);
	buf_done(&unused);
	if (e == OK)
		*ret_directory = directory;
	else
		directory_close(&directory);
	return e;
}

static void free_last_uses(struct directory *directory)
{
	struct str key;
	size_t cursor = 0;

	for (void *use; (use = map_next(directory->last_uses, &cursor, &key)) != NULL;)
		free(use);
	map_free(&directory->last_uses);
}

void directory_close(struct directory **directory)
{
	struct directory *old = *directory;

	if (old == NULL)
		return;
	/* A last use that cannot be written is not worth more than this try. */
	if (old->sql != NULL && directory_flush_last_uses(old) != OK)
		sql_rollback(old->sql);
	sql_checkpointer_close(&old->checkpointer);
	sql_close(&old->sql);
	directory_index_free(&old->index);
	directory_attempts_free(&old->attempts);
	directory_verdicts_free(&old->verdicts);
	free_last_uses(old);
	directory_redirects_free(old);
	directory_retention_free(old);
	sodium_memzero(&old->keys, sizeof(old->keys));
	free(old->pretend_verifier);
	free(old->offers);
	free((char *)old->options.path);
	free(old);
	*directory = NULL;
}

void directory_set_options(
	struct directory *directory, const struct directory_options *options)
{
	const char *path = directory->options.path;
	uint32_t shards = directory->options.shards;

	directory->options = *options;
	directory->options.path = path;
	directory->options.shards = shards;
}

/* Only changes by an administrator write much; a checkpoint of what they wrote takes some
 * milliseconds. */
static enum err checkpoint(struct directory *directory)
{
	uint64_t bytes = sql_wal_bytes(directory->sql), left;

	if (directory->checkpointer == NULL || bytes < CHECKPOINT_BYTES ||
		bytes == directory->checkpointed_bytes)
		return OK;
	directory->checkpointed_bytes = bytes;
	return sql_checkpointer_run(directory->checkpointer, &left);
}

enum err directory_tick(struct directory *directory, int64_t now_ms)
{
	int64_t since = now_ms - directory->last_uses_written_ms;
	enum err e = OK;

	if (since < 0 || since >= directory->options.last_use_precision) {
		directory->last_uses_written_ms = now_ms;
		e = directory_flush_last_uses(directory);
	}
	return e == OK ? checkpoint(directory) : e;
}

void directory_count(const struct directory *directory, struct directory_counts *ret_counts)
{
	*ret_counts = (struct directory_counts){
		.services = directory_index_services(directory->index),
		.domains = directory_index_domains(directory->index),
		.addresses = directory_index_count(directory->index),
		.memory_bytes = directory_index_bytes(directory->index),
	};
}

enum err directory_removals(struct directory *directory, uint32_t shard, int64_t *ret_accounts,
	size_t max, size_t *ret_count)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_REMOVAL_LIST];
	size_t n = 0;
	enum err e;

	SQL_BIND(st, SQL_I64(shard), SQL_I64(max));
	while (sql_step(st, &e))
		ret_accounts[n++] = sql_column_i64(st, 0);
	if (e == OK)
		*ret_count = n;
	return e;
}

enum err directory_removal_done(struct directory *directory, uint32_t shard, int64_t account)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_REMOVAL_DELETE];

	SQL_BIND(st, SQL_I64(shard), SQL_I64(account));
	return sql_run(st);
}
