/* SPDX-License-Identifier: ISC */
/* What the files of this module share; nobody else includes it. */
#ifndef DIRECTORY_OWN_H
#define DIRECTORY_OWN_H

#include "base/map.h"
#include "base/vec.h"
#include "directory/attempts.h"
#include "directory/directory.h"
#include "directory/directory_sql.h"
#include "directory/index.h"
#include "directory/keys.h"
#include "directory/name.h"
#include "directory/verdicts.h"

#include <jansson.h>

enum { DIRECTORY_DEVICES_MAX = 100, DIRECTORY_TOKENS_MAX = 100, DIRECTORY_IP_MAX = 63 };

/* What was right in a login: a device or a token; id 0: nothing. */
struct directory_credential {
	int64_t id;
	bool send_only, is_token;
};

struct directory_last_use {
	int64_t account, at_ms;
	struct directory_credential credential;
	char ip[DIRECTORY_IP_MAX + 1];
};

/* Where mail for an address goes too. */
struct directory_redirect {
	char *target;
	int64_t named;   /* the address here that it is; 0: elsewhere */
	int64_t created;
	char code[DIRECTORY_CODE_LETTERS + 1]; /* empty: confirmed */
};
struct directory_redirects {
	bool keep_copy;
	VEC(struct directory_redirect) list;
};

struct directory {
	struct directory_options options;
	struct sql *sql;
	struct sql_checkpointer *checkpointer; /* NULL in memory */
	uint64_t checkpointed_bytes;           /* length of the log at the last checkpoint */
	struct sql_statement *st[DIRECTORY_SQL_COUNT];
	struct directory_index *index;
	struct directory_offer *offers;
	size_t offer_count;
	struct directory_keys keys;
	struct directory_attempts *attempts;
	struct directory_verdicts *verdicts;
	struct map *retention; /* struct directory_retention of the addresses that have their own */
	struct map *redirects; /* struct directory_redirects of the addresses that have some */
	struct map *last_uses; /* by device or token, not written yet */
	int64_t last_uses_written_ms;
	uint64_t chosen_devices; /* how many have argon2id */
	char *pretend_verifier;  /* of users that do not exist; NULL until it is needed */
	void (*listener)(void *ctx, const struct directory_event *event);
	void *listener_ctx;
	struct directory_errand errand;
	char message[500];
};

/* The message for people, and e back. */
enum err directory_refuse(struct directory *directory, enum err e, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* move.c: move->to is given, the rest is filled in. */
MUST_CHECK enum err directory_move_begin(
	struct directory *directory, struct str address, struct directory_move *move);
/* setting.c: no check, no audit; an empty value takes it away. */
MUST_CHECK enum err directory_setting_put(struct directory *directory, enum directory_scope scope, int64_t id,
	struct str name, struct str value);

/* load.c */
MUST_CHECK enum err directory_load(struct directory *directory);

/* lookup.c */
void directory_fill_target(const struct directory *directory,
	const struct directory_entry *entry, struct directory_target *ret_target);
/* The entry of that very address, of any kind, disabled or not: ERR_BAD_ADDRESS, ERR_NOT_FOUND
 * with a message. */
MUST_CHECK enum err directory_find_entry(struct directory *directory, struct str address,
	struct directory_service **ret_service, struct directory_entry **ret_entry);
/* auth.c: ret_credential is empty before. */
typedef enum err directory_verify_fn(void *arg, struct directory *directory, const struct directory_target *target,
	struct directory_credential *ret_credential);
MUST_CHECK enum err directory_auth_verify(struct directory *directory, struct str user, struct str secret,
	const struct directory_login *login, directory_verify_fn *verify, void *arg,
	struct directory_identity *ret_identity, int64_t *ret_delay_ms);

/* setting.c: appends nothing when it is not set. */
MUST_CHECK enum err directory_setting_get(struct directory *directory, enum directory_scope scope, int64_t id,
	struct str name, struct buf *ret_value);

MUST_CHECK enum err directory_settings_load(struct directory *directory);

/* retention.c: other names do nothing. */
void directory_retention_of_service(struct directory_service *service, struct str name, struct str value);
void directory_retention_of_address(struct directory *directory, int64_t address, struct str name, struct str value);
void directory_retention_forget(struct directory *directory, int64_t address);
void directory_retention_free(struct directory *directory);

/* user.c */
MUST_CHECK enum err directory_role_parse(
	struct directory *directory, struct str text, enum directory_user_role *ret_role);
/* "devices,filters", "all", "none" */
MUST_CHECK enum err directory_permissions_parse(
	struct directory *directory, struct str text, uint32_t *ret_bits);
json_t *directory_permissions_json(uint32_t bits);

/* The mailbox of that very address. */
MUST_CHECK enum err directory_find_mailbox(struct directory *directory, struct str address,
	struct directory_service **ret_service, struct directory_entry **ret_entry);
MUST_CHECK enum err directory_find_service(struct directory *directory, struct str domain,
	struct directory_service **ret_service);
/* local@main.domain of an entry. */
void directory_add_address(const struct directory *directory,
	const struct directory_entry *entry, struct buf *out);

/* What a name stands for, with its detail; NULL when there is nothing.  NULL service: not ours. */
struct directory_entry *directory_resolve(const struct directory *directory, const struct directory_name *name,
	struct directory_service **ret_service, struct str *ret_detail);
/* The mailbox or redirect-only address behind it; NULL for NULL, and behind an alias that is switched off. */
const struct directory_entry *directory_behind(const struct directory *directory, const struct directory_entry *entry);
/* Of RCPT: the entry asked for, behind its alias or by the catch-all.  Errors of directory_lookup(). */
MUST_CHECK enum err directory_find_recipient(struct directory *directory, struct str address,
	struct directory_name *name, const struct directory_entry **ret_entry, struct str *ret_detail);

/* redirect.c */
/* NULL: none. */
const struct directory_redirects *directory_redirects_of(const struct directory *directory, int64_t address);
void directory_redirect_done(struct directory_redirect *redirect);
/* The target of mail for an address of service, in the form that is kept; to be confirmed when it is elsewhere. */
MUST_CHECK enum err directory_redirect_make(struct directory *directory, struct str target, int64_t now_ms,
	struct directory_redirect *ret_redirect);
void directory_code_make(char ret_code[DIRECTORY_CODE_LETTERS + 1]);
MUST_CHECK enum err directory_redirect_insert(struct directory *directory, int64_t address,
	const struct directory_redirect *redirect, bool keep_copy);
/* In memory; takes redirect over. */
void directory_redirect_remember(
	struct directory *directory, int64_t address, struct directory_redirect redirect, bool keep_copy);
void directory_redirects_forget(struct directory *directory, int64_t address);
MUST_CHECK enum err directory_redirects_load(struct directory *directory);
void directory_redirects_free(struct directory *directory);

/* change.c: a change is begin, statements, audit, end; memory follows when end was OK. */
MUST_CHECK enum err directory_change_begin(struct directory *directory);
MUST_CHECK enum err directory_change_end(struct directory *directory, enum err e);
/* The first of n new ids of a counter. */
MUST_CHECK enum err directory_take_ids(
	struct directory *directory, const char *counter, int64_t n, int64_t *ret_first);
/* before and after (either may be NULL) are taken over. */
MUST_CHECK enum err directory_audit(struct directory *directory,
	const struct directory_change *by, int64_t organisation, const char *action,
	struct str subject, json_t *before, json_t *after);
void directory_tell(struct directory *directory, const struct directory_event *event);
/* ERR_SYNTAX with a message unless s is 1 to DIRECTORY_NAME_MAX bytes of UTF-8 without control
 * characters. */
MUST_CHECK enum err directory_check_name(
	struct directory *directory, const char *what, struct str s);

/* device.c */
struct directory_verifier {
	uint8_t login_hash[32], stored_key[32], server_key[32];
	char chosen_hash[128];
	bool is_chosen;
};
MUST_CHECK enum err directory_insert_device(struct directory *directory, int64_t account,
	int64_t id, const struct directory_device *device,
	const struct directory_verifier *verifier, int64_t now_ms);
/* With SCRAM keys for this salt. */
MUST_CHECK enum err directory_choose_verifier(struct directory *directory, struct str password, struct str salt,
	uint32_t iterations, struct directory_verifier *ret_verifier);

/* token.c: what is kept of a token.  It is random, so no key and no salt. */
void directory_token_hash(struct str bearer, uint8_t ret_hash[32]);

/* address.c: salt STR_NONE: a random one. */
MUST_CHECK enum err directory_insert_address(struct directory *directory,
	const struct directory_change *by, const struct directory_service *service,
	const struct directory_entry *entry, struct str local, struct str salt);

/* auth.c */
MUST_CHECK enum err directory_flush_last_uses(struct directory *directory);

#endif
