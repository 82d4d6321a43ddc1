/* SPDX-License-Identifier: ISC */
/* What a command's handler sees: its arguments checked, an object to answer in.  Inside the
 * module only. */
#ifndef DIRECTORY_COMMAND_H
#define DIRECTORY_COMMAND_H

#include "directory/own.h"

struct directory_call;

/* The slow part of a command; the handler's own struct begins with it. */
struct directory_job {
	bool (*work)(struct directory_job *job); /* in a thread; true: call again */
	enum err (*end)(struct directory_job *job, struct directory_call *call);
	void (*free)(struct directory_job *job);
};

struct directory_call {
	struct directory *directory;
	const struct directory_change *by;
	const struct directory_command_row *row;
	json_t *arguments; /* an object; types are those of the row */
	json_t *reply;     /* an object to add to; of a refusal only "errors" is told */
	struct directory_job *job; /* set by a handler that is not done: freed by whoever takes it */
};

/* Handlers say OK, or an error whose sentence is in directory->message. */
#define COMMAND(x, name, help, ...)                                                           \
	MUST_CHECK enum err directory_cmd_##x(struct directory_call *call);
#include "directory/commands.def"
#undef COMMAND

/* STR_NONE, other, false when the argument was not given.  name is one of the row's. */
struct str directory_text(const struct directory_call *call, const char *name);
int64_t directory_number(const struct directory_call *call, const char *name, int64_t other);
bool directory_flag(const struct directory_call *call, const char *name);
/* "organisation": its number by its name. */
MUST_CHECK enum err directory_call_organisation(struct directory_call *call, int64_t *ret_organisation);
/* "limit": 1 to 10000. */
int64_t directory_limit(const struct directory_call *call);
/* cmd_service.c: what is set, by name. */
MUST_CHECK enum err directory_put_settings(
	struct directory_call *call, const char *key, enum directory_scope scope, int64_t id);
/* cmd_user.c: "users". */
MUST_CHECK enum err directory_put_permissions(
	struct directory_call *call, const struct directory_service *service, int64_t account);
/* cmd_share.c: "shared" and "received". */
MUST_CHECK enum err directory_put_shares(struct directory_call *call, int64_t account);
/* cmd_redirection.c: "keep_copy" and "redirections", when there are any. */
void directory_put_redirections(struct directory_call *call, const struct directory_entry *entry);
void directory_put_text(json_t *object, const char *key, struct str value);
void directory_put_number(json_t *object, const char *key, int64_t value);
void directory_put_time(json_t *object, const char *key, int64_t ms);

#endif
