/* SPDX-License-Identifier: ISC */
/*
 * Logins.  A look at all devices of the address, always all of them; what needs argon2id and
 * was not seen before is handed out as a job, and afterwards the same look is taken again.
 */
#include "directory/own.h"

#include "base/hash.h"
#include "base/time.h"
#include "base/vec.h"
#include "directory/password.h"

#include <sodium.h>
#include <stdio.h>

/* One argon2id to compute; key is what its verdict is remembered under. */
struct candidate {
	char hash[DIRECTORY_CHOSEN_HASH_MAX];
	char key[DIRECTORY_CHOSEN_HASH_MAX + DIRECTORY_ADDRESS_MAX + 1];
	enum directory_verdict verdict;
};
struct directory_auth_job {
	char user[DIRECTORY_ADDRESS_MAX], password[DIRECTORY_PASSWORD_MAX],
		ip[DIRECTORY_IP_MAX];
	size_t user_n, password_n, ip_n;
	bool tls;
	uint64_t start_us;
	VEC(struct candidate) candidates;
};

/* A login under way. */
struct attempt {
	struct str user, password;
	const struct directory_login *login;
	uint64_t start_us;
	bool exists;
	struct directory_target *target;
	struct directory_auth_job *job; /* NULL: nothing to compute so far */
	struct directory_credential credential;
};

static void add_candidate(struct attempt *attempt, const char *hash, const char *key)
{
	struct candidate candidate = {.verdict = DIRECTORY_VERDICT_UNKNOWN};

	if (attempt->job == NULL)
		attempt->job = mem_make(struct directory_auth_job);
	snprintf(candidate.hash, sizeof(candidate.hash), "%s", hash);
	snprintf(candidate.key, sizeof(candidate.key), "%s", key);
	vec_push(&attempt->job->candidates, candidate);
}

static bool look_at_chosen(
	struct directory *directory, struct attempt *attempt, struct str hash)
{
	char text[DIRECTORY_CHOSEN_HASH_MAX];

	snprintf(text, sizeof(text), "%.*s", STR_FMT(hash));
	enum directory_verdict verdict =
		directory_verdicts_get(directory->verdicts, text, attempt->password);
	if (verdict == DIRECTORY_VERDICT_UNKNOWN)
		add_candidate(attempt, text, text);
	return verdict == DIRECTORY_VERDICT_RIGHT;
}

static bool look_at_device(struct directory *directory, struct attempt *attempt,
	const struct sql_statement *st, const uint8_t *login_hash)
{
	struct str kept = sql_column_blob(st, 2);

	if (kept.n == DIRECTORY_LOGIN_HASH_BYTES)
		return sodium_memcmp(kept.p, login_hash, DIRECTORY_LOGIN_HASH_BYTES) == 0;
	return look_at_chosen(directory, attempt, sql_column_str(st, 3));
}

/* A user that does not exist takes the same way with account 0, which has no devices. */
static enum err look_at_devices(struct directory *directory, struct attempt *attempt)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_DEVICE_VERIFIERS];
	int64_t account = attempt->exists ? attempt->target->account : 0;
	uint8_t login_hash[DIRECTORY_LOGIN_HASH_BYTES];
	enum err e;

	directory_password_login_hash(
		&directory->keys, account, attempt->password, login_hash);
	SQL_BIND(st, SQL_I64(account));
	while (sql_step(st, &e)) {
		if (!look_at_device(directory, attempt, st, login_hash))
			continue;
		attempt->credential.id = sql_column_i64(st, 0);
		attempt->credential.send_only = sql_column_i64(st, 1) != 0;
	}
	return e;
}

/* The same name is always treated alike, and as many unknown ones as known ones seem to have a
 * chosen password. */
static bool pretends_chosen(const struct directory *directory, struct str user)
{
	uint64_t all = directory_index_count(directory->index),
		 coin = hash_sip(directory->keys.pretend, user);

	return all > 0 && (double)(coin >> 11) * 0x1p-53 <
				  (double)directory->chosen_devices / (double)all;
}

static enum err make_pretend_verifier(struct directory *directory)
{
	char hash[DIRECTORY_CHOSEN_HASH_MAX];
	uint8_t password[16];

	if (directory->pretend_verifier != NULL)
		return OK;
	randombytes_buf(password, sizeof(password));
	enum err e = directory_password_choose(str_make(password, sizeof(password)),
		directory->options.argon2_ops, directory->options.argon2_bytes, hash);
	if (e == OK)
		directory->pretend_verifier = mem_dup(str_of(hash));
	return e;
}

/* The verdict is remembered for this user only: else the second unknown user with that
 * password would be faster. */
static enum err look_at_pretended(struct directory *directory, struct attempt *attempt)
{
	char key[sizeof(((struct candidate *)0)->key)];
	enum err e = pretends_chosen(directory, attempt->user)
			     ? make_pretend_verifier(directory)
			     : ERR_NOT_FOUND;

	if (e != OK)
		return e == ERR_NOT_FOUND ? OK : e;
	snprintf(key, sizeof(key), "%s %.*s", directory->pretend_verifier,
		STR_FMT(attempt->user));
	if (directory_verdicts_get(directory->verdicts, key, attempt->password) ==
		DIRECTORY_VERDICT_UNKNOWN)
		add_candidate(attempt, directory->pretend_verifier, key);
	return OK;
}

static void note_last_use(struct directory *directory, const struct attempt *attempt)
{
	struct directory_last_use *use =
		map_get_u64(directory->last_uses, (uint64_t)attempt->credential.id);

	if (use == NULL) {
		use = mem_make(struct directory_last_use);
		map_put_u64(directory->last_uses, (uint64_t)attempt->credential.id, use);
	}
	use->account = attempt->target->account;
	use->credential = attempt->credential;
	use->at_ms = attempt->login->now_ms;
	snprintf(use->ip, sizeof(use->ip), "%.*s", STR_FMT(attempt->login->ip));
}

static enum err write_last_use(
	struct directory *directory, const struct directory_last_use *use)
{
	struct sql_statement *st = directory->st[use->credential.is_token ? DIRECTORY_SQL_TOKEN_USED
									  : DIRECTORY_SQL_DEVICE_USED];

	SQL_BIND(st, SQL_I64(use->account), SQL_I64(use->credential.id), SQL_I64(use->at_ms),
		SQL_TEXT(str_of(use->ip)));
	return sql_run(st);
}

enum err directory_flush_last_uses(struct directory *directory)
{
	struct directory_last_use *use;
	struct str key;
	size_t cursor = 0;

	if (map_count(directory->last_uses) == 0)
		return OK;
	enum err e = sql_begin(directory->sql);
	if (e != OK)
		return e;
	while (e == OK && (use = map_next(directory->last_uses, &cursor, &key)) != NULL)
		e = write_last_use(directory, use);
	e = sql_end(directory->sql, e);
	if (e != OK)
		return e;
	for (cursor = 0; (use = map_next(directory->last_uses, &cursor, &key)) != NULL;) {
		map_remove_u64(directory->last_uses, (uint64_t)use->credential.id);
		free(use);
	}
	return OK;
}

/* The answer comes as late for a user that does not exist as for one whose argon2id took a
 * while. */
static enum err fail(struct directory *directory, const struct attempt *attempt, enum err e,
	int64_t *ret_delay_ms)
{
	int64_t spent = (int64_t)(time_mono_us() - attempt->start_us) / 1000,
		delay = directory->options.auth_delay;

	if (e == ERR_AUTH_FAILED)
		delay = directory_attempts_failed(directory->attempts, &directory->options,
			attempt->login->ip, attempt->user, attempt->password,
			attempt->login->now_ms);
	*ret_delay_ms = delay > spent ? delay - spent : 0;
	return e;
}

static enum err succeed(struct directory *directory, const struct attempt *attempt,
	struct directory_identity *ret_identity, int64_t *ret_delay_ms)
{
	directory_attempts_succeeded(directory->attempts, attempt->login->ip, attempt->user,
		attempt->login->now_ms);
	note_last_use(directory, attempt);
	ret_identity->device = attempt->credential.id;
	ret_identity->send_only = attempt->credential.send_only;
	*ret_delay_ms = 0;
	return OK;
}

/* OK: right; or a job is there; or the error to answer. */
static enum err look(struct directory *directory, struct attempt *attempt)
{
	if (directory_attempts_is_locked(directory->attempts, &directory->options,
		    attempt->login->ip, attempt->user, attempt->login->now_ms))
		return ERR_AUTH_LOCKED;
	if (attempt->password.n == 0 || attempt->password.n > DIRECTORY_PASSWORD_MAX)
		return ERR_AUTH_FAILED;
	enum err e = look_at_devices(directory, attempt);
	if (e == OK && !attempt->exists)
		e = look_at_pretended(directory, attempt);
	if (e != OK)
		return e;
	return attempt->credential.id != 0 ? OK : ERR_AUTH_FAILED;
}

static void free_job(struct directory_auth_job **job)
{
	if (*job == NULL)
		return;
	vec_done(&(*job)->candidates);
	sodium_memzero(*job, sizeof(**job));
	free(*job);
	*job = NULL;
}

static void fill_job(const struct attempt *attempt)
{
	struct directory_auth_job *job = attempt->job;
	struct str ip = str_sub(attempt->login->ip, 0, sizeof(job->ip));

	memcpy(job->user, attempt->user.p, attempt->user.n);
	memcpy(job->password, attempt->password.p, attempt->password.n);
	if (ip.n > 0)
		memcpy(job->ip, ip.p, ip.n);
	job->user_n = attempt->user.n;
	job->password_n = attempt->password.n;
	job->ip_n = ip.n;
	job->tls = attempt->login->tls;
	job->start_us = attempt->start_us;
}

/*
 * The user's name as limits count it: the canonical address, so that no other spelling gives
 * more guesses; for others what was typed, folded.
 */
static struct str identify(struct directory *directory, struct str user,
	struct directory_target *target, struct directory_name *name, bool *ret_exists)
{
	struct str typed = str_trim(user);
	size_t n = 0;

	*ret_exists = directory_lookup(directory, typed, DIRECTORY_FOR_LOGIN, target) == OK;
	if (*ret_exists)
		return target->address;
	typed = str_sub(typed, 0, sizeof(name->domain));
	if (directory_fold(typed, name->domain, sizeof(name->domain), &n) != OK)
		return typed;
	return str_make(name->domain, n);
}

enum err directory_auth_begin(struct directory *directory, struct str user,
	struct str password, const struct directory_login *login,
	struct directory_identity *ret_identity, int64_t *ret_delay_ms,
	struct directory_auth_job **ret_job)
{
	struct attempt attempt = {.password = password,
		.login = login,
		.start_us = time_mono_us(),
		.target = &ret_identity->target};
	struct directory_name name;

	*ret_job = NULL;
	*ret_delay_ms = 0;
	attempt.user = identify(directory, user, attempt.target, &name, &attempt.exists);
	enum err e = look(directory, &attempt);
	if (e == ERR_AUTH_FAILED && attempt.job != NULL) {
		fill_job(&attempt);
		*ret_job = attempt.job;
		return OK;
	}
	free_job(&attempt.job);
	return e == OK ? succeed(directory, &attempt, ret_identity, ret_delay_ms)
		       : fail(directory, &attempt, e, ret_delay_ms);
}

void directory_auth_work(struct directory_auth_job *job)
{
	for (size_t i = 0; i < job->candidates.n; i++) {
		struct candidate *candidate = &job->candidates.v[i];
		bool right = directory_password_is_chosen(
			candidate->hash, str_make(job->password, job->password_n));

		candidate->verdict = right ? DIRECTORY_VERDICT_RIGHT : DIRECTORY_VERDICT_WRONG;
		if (right)
			return;
	}
}

static void remember_verdicts(
	struct directory *directory, const struct directory_auth_job *job)
{
	for (size_t i = 0; i < job->candidates.n; i++)
		if (job->candidates.v[i].verdict != DIRECTORY_VERDICT_UNKNOWN)
			directory_verdicts_put(directory->verdicts, job->candidates.v[i].key,
				str_make(job->password, job->password_n),
				job->candidates.v[i].verdict == DIRECTORY_VERDICT_RIGHT);
}

/* Everything is looked at again: in the meantime the device may have been revoked, or the
 * account locked. */
enum err directory_auth_end(struct directory *directory, struct directory_auth_job **job,
	int64_t now_ms, struct directory_identity *ret_identity, int64_t *ret_delay_ms)
{
	const struct directory_login login = {.ip = str_make((*job)->ip, (*job)->ip_n),
		.tls = (*job)->tls,
		.now_ms = now_ms};
	struct attempt attempt = {.password = str_make((*job)->password, (*job)->password_n),
		.login = &login,
		.start_us = (*job)->start_us,
		.target = &ret_identity->target};
	struct directory_name name;

	remember_verdicts(directory, *job);
	attempt.user = identify(directory, str_make((*job)->user, (*job)->user_n),
		attempt.target, &name, &attempt.exists);
	enum err e = look(directory, &attempt);
	e = e == OK ? succeed(directory, &attempt, ret_identity, ret_delay_ms)
		    : fail(directory, &attempt, e, ret_delay_ms);
	free_job(&attempt.job);
	free_job(job);
	return e;
}

enum err directory_auth_plain(struct directory *directory, struct str user,
	struct str password, const struct directory_login *login,
	struct directory_identity *ret_identity, int64_t *ret_delay_ms)
{
	struct directory_auth_job *job;
	enum err e = directory_auth_begin(
		directory, user, password, login, ret_identity, ret_delay_ms, &job);

	if (job == NULL)
		return e;
	directory_auth_work(job);
	return directory_auth_end(directory, &job, login->now_ms, ret_identity, ret_delay_ms);
}

/* A login that needs nothing computed beside the loop; verify finds what is right. */
enum err directory_auth_verify(struct directory *directory, struct str user, struct str secret,
	const struct directory_login *login, directory_verify_fn *verify, void *arg,
	struct directory_identity *ret_identity, int64_t *ret_delay_ms)
{
	struct attempt attempt = {.password = secret,
		.login = login,
		.start_us = time_mono_us(),
		.target = &ret_identity->target};
	struct directory_name name;
	enum err e = OK;

	attempt.user = identify(directory, user, attempt.target, &name, &attempt.exists);
	if (directory_attempts_is_locked(
		    directory->attempts, &directory->options, login->ip, attempt.user, login->now_ms))
		e = ERR_AUTH_LOCKED;
	if (e == OK && attempt.exists)
		e = verify(arg, directory, attempt.target, &attempt.credential);
	if (e == OK && attempt.credential.id == 0)
		e = ERR_AUTH_FAILED;
	return e == OK ? succeed(directory, &attempt, ret_identity, ret_delay_ms)
		       : fail(directory, &attempt, e, ret_delay_ms);
}
