/* SPDX-License-Identifier: ISC */
/*
 * CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (RFC 3501 6.3.3 to 6.3.7): each is one write on one name.
 */
#include "imap/session_local.h"
#include "imap/special_use.h"

struct folder_job {
	struct imap_job job;
	struct str name, to;
	enum store_special special;
	uint64_t id; /* of what was created */
};

static enum err run_create(struct imap_job *job, struct store_tx *tx)
{
	struct folder_job *f = (struct folder_job *)job;

	return store_folder_create(tx, job->session->account, f->name, f->special, &f->id);
}

static enum err run_delete(struct imap_job *job, struct store_tx *tx)
{
	return store_folder_delete(tx, job->session->account, ((struct folder_job *)job)->name);
}

static enum err run_rename(struct imap_job *job, struct store_tx *tx)
{
	struct folder_job *f = (struct folder_job *)job;

	return store_folder_rename(tx, job->session->account, f->name, f->to);
}

static enum err run_subscribe(struct imap_job *job, struct store_tx *tx)
{
	return store_folder_subscribe(tx, job->session->account, ((struct folder_job *)job)->name, true);
}

static enum err run_unsubscribe(struct imap_job *job, struct store_tx *tx)
{
	return store_folder_subscribe(tx, job->session->account, ((struct folder_job *)job)->name, false);
}

static enum imap_result written(struct imap_cmd *cmd, struct imap_job *job, enum err e)
{
	struct imap_session *s = imap_session(cmd);

	/* Who deletes the mailbox it has selected goes on without one. */
	if (s->folder && store_folder_is_gone(s->folder))
		imap_mailbox_close(s);
	return e == OK ? imap_reply_ok(cmd, "done") : imap_reply_error(cmd, e);
}

/* RFC 8474 4.1 */
static enum imap_result created(struct imap_cmd *cmd, struct imap_job *job, enum err e)
{
	const struct folder_job *f = (struct folder_job *)job;

	if (e != OK)
		return imap_reply_error(cmd, e);
	return imap_reply_ok(cmd, "[MAILBOXID (F%llu)] created", (unsigned long long)f->id);
}

static enum err parse_name(struct imap_cmd *cmd, struct str *ret_name)
{
	struct str name;
	enum err e = imap_parse_mailbox(&cmd->args, &name);

	if (e != OK)
		return e;
	/* RFC 3501 6.3.3: a final separator only announces that names below will follow. */
	if (name.n > 1 && str_ends(name, S("/")))
		name.n--;
	*ret_name = name;
	return OK;
}

static enum imap_result write_folder(
	struct imap_cmd *cmd, bool has_target, enum err (*run)(struct imap_job *job, struct store_tx *tx))
{
	struct folder_job *f = arena_make(cmd->arena, struct folder_job);
	enum err e = parse_name(cmd, &f->name);

	if (e == OK && has_target)
		e = imap_parse_space(&cmd->args);
	if (e == OK && has_target)
		e = parse_name(cmd, &f->to);
	if (e == OK)
		e = imap_parse_end(&cmd->args);
	if (e == OK)
		e = store_name_check(f->name, cmd->arena, &f->name);
	if (e == OK && has_target)
		e = store_name_check(f->to, cmd->arena, &f->to);
	if (e != OK)
		return imap_reply_error(cmd, e);
	return imap_job_submit(cmd, &f->job, run, written);
}

/* " (USE (\Drafts))" (RFC 6154 3): one use, which no other folder has. */
static enum err parse_use(struct imap_cmd *cmd, enum store_special *ret_special)
{
	enum err e = imap_parse_space(&cmd->args);

	if (e == OK)
		e = imap_parse_char(&cmd->args, '(');
	if (e == OK && !imap_parse_take_word(&cmd->args, "USE"))
		e = imap_parse_complain(&cmd->args, "unknown CREATE parameter");
	if (e == OK)
		e = imap_parse_space(&cmd->args);
	if (e == OK)
		e = imap_parse_char(&cmd->args, '(');
	if (e == OK)
		e = imap_special_use_parse(&cmd->args, ret_special);
	if (e == OK && imap_parse_peek(&cmd->args) == ' ')
		return ERR_USEATTR;
	if (e == OK)
		e = imap_parse_char(&cmd->args, ')');
	return e == OK ? imap_parse_char(&cmd->args, ')') : e;
}

static enum err check_use(struct imap_cmd *cmd, enum store_special special)
{
	struct imap_session *s = imap_session(cmd);
	struct store_status *folders;
	size_t n;
	enum err e = special == STORE_ORDINARY ? ERR_USEATTR :
						 store_folder_list(s->store, s->account, cmd->arena, &folders, &n);

	for (size_t i = 0; e == OK && i < n; i++)
		if (folders[i].special == special)
			e = ERR_USEATTR;
	return e;
}

enum imap_result imap_cmd_create(struct imap_cmd *cmd)
{
	struct folder_job *f = arena_make(cmd->arena, struct folder_job);
	enum err e = parse_name(cmd, &f->name);

	if (e == OK && !imap_parse_at_end(&cmd->args)) {
		e = parse_use(cmd, &f->special);
		if (e == OK)
			e = check_use(cmd, f->special);
	}
	if (e == OK)
		e = imap_parse_end(&cmd->args);
	if (e == OK)
		e = store_name_check(f->name, cmd->arena, &f->name);
	return e == OK ? imap_job_submit(cmd, &f->job, run_create, created) : imap_reply_error(cmd, e);
}

enum imap_result imap_cmd_delete(struct imap_cmd *cmd)
{
	return write_folder(cmd, false, run_delete);
}

enum imap_result imap_cmd_rename(struct imap_cmd *cmd)
{
	return write_folder(cmd, true, run_rename);
}

enum imap_result imap_cmd_subscribe(struct imap_cmd *cmd)
{
	return write_folder(cmd, false, run_subscribe);
}

enum imap_result imap_cmd_unsubscribe(struct imap_cmd *cmd)
{
	return write_folder(cmd, false, run_unsubscribe);
}
