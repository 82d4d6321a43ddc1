/* SPDX-License-Identifier: ISC */
/*
 * Who exists: organisations, services and their domains, offers, addresses, devices and their
 * passwords, and the audit of every change.  Owned by the directory role, one thread; calls
 * are synchronous.  Addresses and domains are kept in memory beside the database, so a look-up
 * touches no disk.  Every change is one transaction, durable when the call returns.  Files:
 * DIR/directory.db and DIR/keys (0600).
 *
 * An address has a number, the account, that is never used again: account ids are this
 * module's address ids.
 */
#ifndef DIRECTORY_DIRECTORY_H
#define DIRECTORY_DIRECTORY_H

#include "base/buf.h"

struct directory;

enum {
	DIRECTORY_LOCAL_MAX = 64,   /* RFC 5321 4.5.3.1.1, bytes of UTF-8 */
	DIRECTORY_DOMAIN_MAX = 255, /* RFC 5321 4.5.3.1.2, as A-labels */
	DIRECTORY_ADDRESS_MAX = DIRECTORY_LOCAL_MAX + 1 + DIRECTORY_DOMAIN_MAX,
	DIRECTORY_PASSWORD_MAX = 256, /* longer ones are never right */
	DIRECTORY_NAME_MAX = 200,     /* organisation, device and icon names, bytes of UTF-8 */
	DIRECTORY_CODE_LETTERS = 8,   /* of the code that confirms a redirection */
	DIRECTORY_ROUTE_MAX = 1000,   /* mailboxes that one recipient may stand for */
};

/*
 * Durations are milliseconds.  directory_defaults() fills in all but path.  What protects
 * passwords (scram_iterations, argon2_*) applies to those made from now on.
 */
struct directory_options {
	/* The folder DIR, made when missing; ":memory:" keeps all in memory, for tests. */
	const char *path;
	uint32_t shards;           /* new addresses are spread over so many stores */
	uint64_t message_bytes;    /* size limit of a message */
	uint32_t bulk_max;         /* addresses made by one command */
	uint64_t import_per_day;   /* addresses a service makes from files in 24 hours; 0: no limit */
	char detail_separator;     /* '+'; 0: no plus addressing */
	uint32_t scram_iterations; /* RFC 7677 4: at least 4096 */
	uint64_t argon2_ops, argon2_bytes;

	/* The answer to a failed login waits so long, doubled with each failure in a row. */
	int64_t auth_delay, auth_delay_max;
	/* Failures that lock: of one network on one account; of all networks on one account,
	 * for those it does not know; of one network on all accounts, for those it never
	 * opened. */
	uint32_t auth_pair_failures, auth_account_failures, auth_network_failures;
	int64_t auth_lock;   /* how long a lock lasts, and until failures are forgotten */
	int64_t auth_memory; /* how long a success is remembered */
	/* The last use of a device is written no more often than this. */
	int64_t last_use_precision;
};

struct directory_options directory_defaults(void);

/*
 * ERR_CORRUPT: the key file is damaged, or missing though passwords were made with it.
 * ERR_CANNOT: made by a newer program.  ret_detail (may be NULL): a line for the operator when
 * it fails.
 */
MUST_CHECK enum err directory_open(const struct directory_options *options,
	struct directory **ret_directory, struct buf *ret_detail);
/* Writes pending last uses. */
void directory_close(struct directory **directory);
/* Limits and durations that apply from now on; path and shards may not differ. */
void directory_set_options(
	struct directory *directory, const struct directory_options *options);
/* The role's timer, once a second or so: writes last uses of devices that are due, checkpoints
 * a long log. */
MUST_CHECK enum err directory_tick(struct directory *directory, int64_t now_ms);
/* For /metrics and status. */
struct directory_counts {
	uint64_t services, domains, addresses; /* aliases count as addresses */
	uint64_t memory_bytes;                 /* of addresses, in memory */
};
void directory_count(const struct directory *directory, struct directory_counts *ret_counts);

/* What an address is. */
enum directory_kind {
	DIRECTORY_REAL = 1,
	DIRECTORY_ALIAS = 2,    /* another name of a real address of the same service */
	DIRECTORY_REDIRECT = 3, /* no mailbox, only targets elsewhere */
	DIRECTORY_CATCHALL = 4, /* a mailbox for local parts that do not exist; cannot send */
};

enum directory_purpose {
	DIRECTORY_FOR_RCPT,   /* plus addressing, alias, catch-all */
	DIRECTORY_FOR_LOGIN,  /* alias and domain alias only */
	DIRECTORY_FOR_SENDER, /* whose address it is in MAIL or From: plus addressing, alias;
				 ERR_NOT_ALLOWED: cannot send */
};

/* address and detail point into the struct: pass it by pointer, do not assign it. */
struct directory_target {
	int64_t account, service, organisation;
	uint32_t shard;
	enum directory_kind kind; /* of the mailbox: REAL or CATCHALL */
	uint64_t quota_bytes;     /* 0: none */
	uint64_t message_bytes;
	bool catch_all, send_allowed;
	struct str address; /* canonical, in address_bytes */
	struct str detail;  /* after the separator, as written; in detail_bytes */
	char address_bytes[DIRECTORY_ADDRESS_MAX], detail_bytes[DIRECTORY_LOCAL_MAX];
};

/*
 * Where mail for address goes, or who logs in by that name.  address is "local@domain" without
 * angle brackets, local may be a quoted string; "postmaster" alone is that of the first
 * service (RFC 5321 4.5.1). ERR_BAD_ADDRESS, ERR_RELAY_DENIED (the domain is not ours),
 * ERR_UNKNOWN_USER, ERR_ADDRESS_DISABLED.
 */
MUST_CHECK enum err directory_lookup(struct directory *directory, struct str address,
	enum directory_purpose purpose, struct directory_target *ret_target);
/*
 * All mailboxes that mail for address goes to: its own, and those its redirections name, each once.  fn is called for each, or
 * for none when there is an error: those of directory_lookup(), ERR_ELSEWHERE (the address has no mailbox and a target that is
 * not here), ERR_TOO_MANY_RCPT (over DIRECTORY_ROUTE_MAX).  A mailbox without a copy of its own keeps one all the same when
 * one of its targets is not here.  target->address is the one asked for, the rest that of the mailbox.
 */
typedef void directory_route_fn(void *ctx, const struct directory_target *target);
MUST_CHECK enum err directory_route(
	struct directory *directory, struct str address, directory_route_fn *fn, void *ctx);
/* By number: ERR_UNKNOWN_USER, ERR_ADDRESS_DISABLED. */
MUST_CHECK enum err directory_lookup_account(
	struct directory *directory, int64_t account, struct directory_target *ret_target);
/* True when domain (either form, any case) is one of ours. */
bool directory_has_domain(struct directory *directory, struct str domain);

/* A client's attempt. */
struct directory_login {
	struct str protocol; /* "imap", "submission", ... */
	struct str ip;       /* text, "192.0.2.1" or "2001:db8::1" */
	bool tls;
	int64_t now_ms; /* wall clock */
};
struct directory_identity {
	struct directory_target target; /* account, shard, canonical address, quota */
	int64_t device; /* or token: they share their numbers */
	bool send_only; /* opens no mailbox */
};

/*
 * Is it the right password?  user is the full address, any case, blanks around it ignored.
 * ERR_AUTH_FAILED does not say why; ERR_AUTH_LOCKED: too many failures.  ret_delay_ms is
 * always set: how long the answer is to be held back. May compute argon2id (tens of ms) the
 * first time a chosen password is seen; the three-step form below lets the role do that in a
 * thread.
 */
MUST_CHECK enum err directory_auth_plain(struct directory *directory, struct str user,
	struct str password, const struct directory_login *login,
	struct directory_identity *ret_identity, int64_t *ret_delay_ms);

/*
 * The same in three steps.  begin answers at once what needs no argon2id (ret_job NULL), else
 * hands out a job; directory_auth_work(job) may run in any thread; end takes the job back,
 * frees it and answers.
 */
struct directory_auth_job;
MUST_CHECK enum err directory_auth_begin(struct directory *directory, struct str user,
	struct str password, const struct directory_login *login,
	struct directory_identity *ret_identity, int64_t *ret_delay_ms,
	struct directory_auth_job **ret_job);
void directory_auth_work(struct directory_auth_job *job);
MUST_CHECK enum err directory_auth_end(struct directory *directory,
	struct directory_auth_job **job, int64_t now_ms,
	struct directory_identity *ret_identity, int64_t *ret_delay_ms);

/*
 * SCRAM-SHA-256 (RFC 5802, 7677).  First salt and iterations of a user, existing or not; then the proof of message:
 * errors and delay as of directory_auth_plain(), ret_signature is the server's.
 */
enum { DIRECTORY_SCRAM_BYTES = 32 };
MUST_CHECK enum err directory_scram_salt(
	struct directory *directory, struct str user, struct buf *ret_salt, uint32_t *ret_iterations);
MUST_CHECK enum err directory_auth_scram(struct directory *directory, struct str user, struct str proof,
	struct str message, const struct directory_login *login, struct directory_identity *ret_identity,
	uint8_t ret_signature[DIRECTORY_SCRAM_BYTES], int64_t *ret_delay_ms);

/*
 * Is it a token of this user?  user empty: whoever the token belongs to.  Errors and delay as of directory_auth_plain();
 * the identity's device is the token's number.
 */
MUST_CHECK enum err directory_auth_bearer(struct directory *directory, struct str user, struct str token,
	const struct directory_login *login, struct directory_identity *ret_identity, int64_t *ret_delay_ms);

/* What the role must tell the others once a change is durable. */
struct directory_event {
	enum {
		DIRECTORY_DEVICE_REVOKED,
		DIRECTORY_ADDRESS_DISABLED,
		DIRECTORY_ADDRESS_DELETED,
		DIRECTORY_MAINTENANCE /* of a service began */
	} what;
	struct str domain;       /* MAINTENANCE: the main one; the rest is 0 */
	int64_t account, device; /* device: or token; 0 for all */
	uint32_t shard;
};
void directory_listen(struct directory *directory,
	void (*listener)(void *ctx, const struct directory_event *event), void *ctx);
/*
 * Accounts whose address is deleted and whose store has not confirmed yet that the content is
 * gone: up to max of them, of one shard.  directory_removal_done forgets one.
 */
MUST_CHECK enum err directory_removals(struct directory *directory, uint32_t shard,
	int64_t *ret_accounts, size_t max, size_t *ret_count);
MUST_CHECK enum err directory_removal_done(
	struct directory *directory, uint32_t shard, int64_t account);

/*
 * Changes.  actor stands in the audit ("root", "demo", a user).  Each is one transaction,
 * durable on return. ERR_EXISTS, ERR_NOT_FOUND, ERR_BAD_ADDRESS, ERR_SYNTAX (a name),
 * ERR_CANNOT; directory_message() has the sentence.
 */
struct directory_change {
	struct str actor;
	int64_t now_ms;
};
/* Why the last change or command failed, a sentence for people; "" after a success. */
const char *directory_message(const struct directory *directory);

MUST_CHECK enum err directory_organisation_add(struct directory *directory,
	const struct directory_change *by, struct str name, int64_t *ret_organisation);
/* A service with its main domain on an offer ("premium"). */
MUST_CHECK enum err directory_service_add(struct directory *directory,
	const struct directory_change *by, int64_t organisation, struct str domain,
	struct str offer, int64_t *ret_service);
/* One more domain whose addresses are those of the main one. */
MUST_CHECK enum err directory_domain_add(struct directory *directory,
	const struct directory_change *by, struct str service_domain, struct str domain);
MUST_CHECK enum err directory_domain_delete(
	struct directory *directory, const struct directory_change *by, struct str domain);
/* A mailbox; "catchall@..." makes the catch-all where the offer allows one. */
MUST_CHECK enum err directory_address_add(struct directory *directory,
	const struct directory_change *by, struct str address,
	struct directory_target *ret_target);
MUST_CHECK enum err directory_alias_add(struct directory *directory,
	const struct directory_change *by, struct str alias, struct str target);
/* An address without a mailbox, for redirections only. */
MUST_CHECK enum err directory_redirect_only_add(
	struct directory *directory, const struct directory_change *by, struct str address, int64_t *ret_account);

/*
 * Redirections.  A target hosted here works at once; one elsewhere when it was confirmed.  ERR_CANNOT: a loop, itself, or the
 * address is an alias; ERR_LIMIT: the offer's.
 */
enum directory_keep { DIRECTORY_KEEP_AS_IS, DIRECTORY_KEEP_COPY, DIRECTORY_KEEP_NONE };
/* ret_code is appended to; it stays empty when there is nothing to confirm. */
MUST_CHECK enum err directory_redirection_add(struct directory *directory, const struct directory_change *by,
	struct str address, struct str target, enum directory_keep keep, struct buf *ret_code);
/* ERR_NOT_ALLOWED: the wrong code.  STR_NONE: whoever asks vouches for it. */
MUST_CHECK enum err directory_redirection_confirm(struct directory *directory, const struct directory_change *by,
	struct str address, struct str target, struct str code);
MUST_CHECK enum err directory_redirection_delete(
	struct directory *directory, const struct directory_change *by, struct str address, struct str target);
MUST_CHECK enum err directory_redirection_keep(
	struct directory *directory, const struct directory_change *by, struct str address, bool keep_copy);

/*
 * A folder of one mailbox that another one of the organisation may use, with rights of RFC 4314 2.1, instead of those given
 * before.
 */
MUST_CHECK enum err directory_share_add(struct directory *directory, const struct directory_change *by,
	struct str address, struct str folder, struct str user, struct str rights);
MUST_CHECK enum err directory_share_delete(struct directory *directory, const struct directory_change *by,
	struct str address, struct str folder, struct str user);

/* An address of any kind; aliases, devices and tokens of a mailbox go with it. */
MUST_CHECK enum err directory_address_delete(
	struct directory *directory, const struct directory_change *by, struct str address);
MUST_CHECK enum err directory_address_enable(struct directory *directory,
	const struct directory_change *by, struct str address, bool enabled);
/* bytes 0: no limit; -1: what the offer says. */
MUST_CHECK enum err directory_address_quota(struct directory *directory,
	const struct directory_change *by, struct str address, int64_t bytes);

struct directory_device {
	struct str name, icon;
	struct str password; /* empty: one is generated; else it counts as chosen: argon2id, no
				SCRAM */
	bool send_only;
};
/* ret_password receives the password, the only time it is shown. */
MUST_CHECK enum err directory_device_add(struct directory *directory,
	const struct directory_change *by, struct str address,
	const struct directory_device *device, int64_t *ret_device, struct buf *ret_password);
MUST_CHECK enum err directory_device_revoke(struct directory *directory,
	const struct directory_change *by, struct str address, int64_t device);

/* Logs in for a limited time, where a program cannot be given a password. */
enum { DIRECTORY_TOKEN_SECONDS = 3600, DIRECTORY_TOKEN_SECONDS_MAX = 365 * 86400 };
struct directory_token {
	struct str name;
	int64_t seconds; /* from now on: 1 to DIRECTORY_TOKEN_SECONDS_MAX */
	bool send_only;
};
/* ret_bearer receives the token, the only time it is shown. */
MUST_CHECK enum err directory_token_add(struct directory *directory, const struct directory_change *by,
	struct str address, const struct directory_token *token, int64_t *ret_token, struct buf *ret_bearer);
MUST_CHECK enum err directory_token_revoke(
	struct directory *directory, const struct directory_change *by, struct str address, int64_t token);

/*
 * count addresses named after pattern, whose "%" stands for first, first + 1, ...
 * ("user%@example.test"), each with a device.  All have the one password: one salt and so one
 * verifier is computed for all of them, and one success proves it for all.  All or none.
 */
MUST_CHECK enum err directory_bulk_add(struct directory *directory,
	const struct directory_change *by, uint32_t count, uint32_t first, struct str pattern,
	struct str password);

/*
 * The control socket.  Request {"command":"address
 * add","arguments":{"address":"alice@example.test"}}; reply
 * {"ok":true,...} or {"ok":false,"error":"ERR_EXISTS","message":"..."}.  reply is always
 * filled in; the returned error is the one in it, for the log.  Never logs or audits a
 * password.
 */
enum err directory_command(struct directory *directory, const struct directory_change *by,
	struct str request, struct buf *reply);
/*
 * The same without waiting for passwords to be hashed.  begin answers at once (ret_job NULL), or hands out a job:
 * directory_job_work() runs in any thread, as often as it says true; end takes the job back, frees it and answers.
 */
struct directory_job;
enum err directory_command_begin(struct directory *directory, const struct directory_change *by,
	struct str request, struct buf *reply, struct directory_job **ret_job);
bool directory_job_work(struct directory_job *job);
enum err directory_command_end(struct directory *directory, struct directory_job **job,
	const struct directory_change *by, struct buf *reply);

/*
 * What a command asked for that is not the directory's to do: the role does it, and replies instead of directory_command().
 */
struct directory_errand {
	enum { DIRECTORY_NO_ERRAND, DIRECTORY_COMPACT, DIRECTORY_MOVE, DIRECTORY_SPECIAL } what;
	int64_t account;   /* MOVE, SPECIAL */
	uint32_t shard;    /* COMPACT: which, UINT32_MAX: all; MOVE: from; SPECIAL: its */
	uint32_t to_shard; /* MOVE */
	/* SPECIAL: which use, from 1 (0: they are listed), and the folder. */
	uint32_t special;
	char folder[1025];
};
/*
 * An account on its way from one shard to another: begun by the command, known also after a restart, until
 * directory_move_end().  Once it has switched, look-ups say the new shard.
 */
struct directory_move {
	int64_t account;
	uint32_t from, to;
	bool switched;
	bool deleted; /* its address was, meanwhile */
};
/* Up to max of them, with a higher account number than after. */
MUST_CHECK enum err directory_moves(struct directory *directory, int64_t after, struct directory_move *ret_moves,
	size_t max, size_t *ret_count);
/* ERR_NOT_FOUND: its address was deleted. */
MUST_CHECK enum err directory_move_switch(
	struct directory *directory, const struct directory_change *by, const struct directory_move *move);
MUST_CHECK enum err directory_move_end(struct directory *directory, int64_t account);
/* Names of special uses, in the order of enum store_special, from 1; NULL behind the last. */
extern const char *const directory_specials[];
/* Of the last command. */
struct directory_errand directory_errand(const struct directory *directory);

/* One field of an offer, by its column's name; booleans are 0 and 1; storage_bytes 0: no limit. */
MUST_CHECK enum err directory_offer_set(struct directory *directory, const struct directory_change *by,
	struct str offer, struct str field, int64_t value);

/* What is set for one service or one address; an empty value: what holds for all. */
enum directory_scope { DIRECTORY_OF_SERVICE = 1, DIRECTORY_OF_ADDRESS = 2 };
/* subject: a domain of the service, or the address.  ERR_SYNTAX: no such setting, or a bad value. */
MUST_CHECK enum err directory_setting_set(struct directory *directory, const struct directory_change *by,
	enum directory_scope scope, struct str subject, struct str name, struct str value);
/* Mailboxes of the service are not to be read now. */
bool directory_in_maintenance(const struct directory *directory, int64_t service);
/* Days that messages stay in Trash and Spam: -1: as long as for all, 0: for ever. */
struct directory_retention_rule {
	int64_t account;
	int32_t trash_days, spam_days;
};
/*
 * What was set, for accounts above `after`, ascending, at most max of them.  *ret_until: there are no others up to this account;
 * INT64_MAX at the end.
 */
size_t directory_retention_rules(const struct directory *directory, int64_t after,
	struct directory_retention_rule *ret_rules, size_t max, int64_t *ret_until);
/* IMAP capabilities that this account does without, with blanks between them. */
MUST_CHECK enum err directory_imap_disabled(
	struct directory *directory, const struct directory_target *target, struct buf *ret_words);

/* The people of an organisation. */
enum directory_user_role {
	DIRECTORY_LEGAL = 1, /* answers for it: never none; may do everything */
	DIRECTORY_ADMINISTRATOR = 2, /* may do everything */
	DIRECTORY_COLLABORATOR = 3,  /* what was granted, address by address */
	DIRECTORY_EXTERNAL = 4,      /* the same, of somebody from elsewhere */
};
enum directory_permission {
#define PERMISSION(id, name, help) DIRECTORY_MAY_##id,
#include "directory/permissions.def"
#undef PERMISSION
	DIRECTORY_PERMISSIONS
};
#define DIRECTORY_MAY_ALL ((1u << DIRECTORY_PERMISSIONS) - 1)
struct directory_user {
	int64_t organisation, id;
	enum directory_user_role role;
};
const char *directory_role_name(enum directory_user_role role);
/* ERR_CANNOT: the first one has to be a legal representative. */
MUST_CHECK enum err directory_user_add(struct directory *directory, const struct directory_change *by,
	int64_t organisation, struct str name, enum directory_user_role role, int64_t *ret_user);
/* ERR_CANNOT: no legal representative would be left.  The same for the next one. */
MUST_CHECK enum err directory_user_set_role(struct directory *directory, const struct directory_change *by,
	int64_t organisation, struct str name, enum directory_user_role role);
MUST_CHECK enum err directory_user_delete(struct directory *directory, const struct directory_change *by,
	int64_t organisation, struct str name);
MUST_CHECK enum err directory_find_user(struct directory *directory, int64_t organisation, struct str name,
	struct directory_user *ret_user);
/* Instead of what the user was granted on the address before: bits (1 << enum directory_permission). */
MUST_CHECK enum err directory_permission_set(struct directory *directory, const struct directory_change *by,
	struct str user, struct str address, uint32_t bits);

/* The table behind it (commands.def), for the command line, its help and completion. */
enum directory_argument_type { DIRECTORY_ARG_TEXT, DIRECTORY_ARG_NUMBER, DIRECTORY_ARG_FLAG };
struct directory_argument {
	const char *name; /* option --name, or its place in the usage line */
	enum directory_argument_type type;
	/* FILE: the text of the file that the command line names, "-" for its input. */
	enum { DIRECTORY_REQUIRED = 1, DIRECTORY_POSITIONAL = 2, DIRECTORY_SECRET = 4, DIRECTORY_FILE = 8 } flags;
	const char *help;
};
struct directory_command_row {
	const char *name; /* "address add" */
	const char *help;
	const struct directory_argument *arguments;
	size_t argument_count;
};
const struct directory_command_row *directory_commands(size_t *ret_count);

#endif
