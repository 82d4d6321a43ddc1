/* SPDX-License-Identifier: ISC */
/*
 * address import: all rows are checked, then their passwords are hashed beside the loop, one at a time so that logins get
 * their turn; then all is checked again, as the directory went on meanwhile, and written in one transaction.
 */
#include "directory/import.h"

#include "base/random.h"

#include <sodium.h>

static bool hash_next(struct directory_job *job)
{
	struct directory_import *import = (struct directory_import *)job;

	while (import->hashed < import->rows.n && import->rows.v[import->hashed].password.n == 0)
		import->hashed++;
	if (import->error != OK || import->hashed == import->rows.n)
		return false;
	struct directory_import_row *row = &import->rows.v[import->hashed++];
	struct directory_verifier *verifier = &row->verifier;
	verifier->is_chosen = true;
	directory_password_scram(row->password, str_make(row->salt, sizeof(row->salt)), import->iterations,
		verifier->stored_key, verifier->server_key);
	import->error = directory_password_choose(
		row->password, import->argon2_ops, import->argon2_bytes, verifier->chosen_hash);
	return true;
}

static enum err refuse(struct directory_import *import, struct directory_call *call)
{
	size_t n = json_array_size(import->errors);

	json_object_set(call->reply, "errors", import->errors);
	return directory_refuse(import->directory, ERR_SYNTAX, "%zu error%s in the file; no address was made", n,
		n == 1 ? "" : "s");
}

static enum err check(struct directory_import *import, struct directory_call *call)
{
	enum err e = directory_import_check(import, call->by->now_ms);

	if (e != OK || json_array_size(import->errors) == 0)
		return e;
	return refuse(import, call);
}

/* The second check makes the rows anew: what was computed for the first ones is carried over. */
static enum err end(struct directory_job *job, struct directory_call *call)
{
	struct directory_import *import = (struct directory_import *)job;
	size_t n = import->rows.n;
	struct directory_import_row *old = arena_array(import->arena, struct directory_import_row, n);

	if (import->error != OK)
		return directory_refuse(
			import->directory, import->error, "too little memory to protect the passwords");
	memcpy(old, import->rows.v, n * sizeof(*old));
	enum err e = check(import, call);
	for (size_t i = 0; i < n && e == OK; i++) {
		import->rows.v[i].verifier = old[i].verifier;
		memcpy(import->rows.v[i].salt, old[i].salt, sizeof(old[i].salt));
	}
	return e == OK ? directory_import_write(import, call) : e;
}

static void free_job(struct directory_job *job)
{
	struct directory_import *import = (struct directory_import *)job;

	for (size_t i = 0; i < import->rows.n; i++) {
		struct str password = import->rows.v[i].password;

		directory_redirect_done(&import->rows.v[i].redirect);
		/* One in quotes is a copy. */
		sodium_memzero((char *)password.p, password.n);
	}
	vec_done(&import->rows);
	map_free(&import->by_local);
	json_decref(import->errors);
	sodium_memzero((char *)import->text.p, import->text.n);
	arena_free(&import->arena);
	free(import);
}

static struct directory_import *new_import(struct directory_call *call)
{
	struct directory_import *import = mem_make(struct directory_import);
	const struct directory_options *options = &call->directory->options;

	*import = (struct directory_import){.job = {.work = hash_next, .end = end, .free = free_job},
		.directory = call->directory,
		.arena = arena_new(),
		.by_local = map_new(),
		.errors = json_array(),
		.argon2_ops = options->argon2_ops,
		.argon2_bytes = options->argon2_bytes,
		.iterations = options->scram_iterations};
	import->text = arena_dup(import->arena, directory_text(call, "file"));
	import->domain = arena_dup(import->arena, directory_text(call, "service"));
	return import;
}

enum err directory_cmd_address_import(struct directory_call *call)
{
	if (directory_text(call, "file").n > DIRECTORY_IMPORT_TEXT_MAX)
		return directory_refuse(
			call->directory, ERR_TOO_BIG, "the file is larger than %d bytes", DIRECTORY_IMPORT_TEXT_MAX);
	struct directory_import *import = new_import(call);
	enum err e = check(import, call);
	if (e != OK) {
		free_job(&import->job);
		return e;
	}
	for (size_t i = 0; i < import->rows.n; i++)
		random_bytes(import->rows.v[i].salt, sizeof(import->rows.v[i].salt));
	call->job = &import->job;
	return OK;
}
