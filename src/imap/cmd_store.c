/* SPDX-License-Identifier: ISC */
/* STORE (RFC 3501 6.4.6), conditional too (RFC 7162 3.1.3). */
#include "imap/condstore.h"

struct store_args {
	struct imap_seqset set;
	struct imap_flags flags;
	enum store_flags_op op;
	bool is_silent, is_conditional;
	uint64_t unchanged_since;
};

struct known {
	uint32_t uid;
	uint64_t flags;
};

struct flags_job {
	struct imap_job job;
	struct store_args args;
	struct uidset *uids, *changed, *failed;
	struct known *before;         /* silent: what the client knew, ascending */
	size_t before_n;
};

static enum err run(struct imap_job *job, struct store_tx *tx)
{
	struct flags_job *f = (struct flags_job *)job;
	struct store_flags change = { .op = f->args.op, .flags = f->args.flags.system,
		.keywords = f->args.flags.keywords, .keyword_count = f->args.flags.keywords_n,
		.conditional = f->args.is_conditional, .unchanged_since = f->args.unchanged_since };

	uidset_clear(f->changed);
	uidset_clear(f->failed);
	return store_store_flags(tx, job->session->folder, f->uids, &change, f->changed, f->failed);
}

static enum err parse_op(struct imap_cmd *cmd, struct store_args *args)
{
	struct imap_parser *ps = &cmd->args;

	args->op = STORE_FLAGS_REPLACE;
	if (imap_parse_take(ps, '+'))
		args->op = STORE_FLAGS_ADD;
	else if (imap_parse_take(ps, '-'))
		args->op = STORE_FLAGS_REMOVE;
	args->is_silent = imap_parse_take_word(ps, "FLAGS.SILENT");
	if (!args->is_silent && !imap_parse_take_word(ps, "FLAGS"))
		return imap_parse_complain(ps, "expected FLAGS, +FLAGS, -FLAGS or one of them with .SILENT");
	return imap_parse_space(ps);
}

static enum err parse_args(struct imap_cmd *cmd, struct store_args *args)
{
	enum err e = imap_seqset_parse(&cmd->args, &args->set);

	if (e == OK)
		e = imap_parse_space(&cmd->args);
	if (e == OK)
		e = imap_unchanged_since_parse(&cmd->args, &args->is_conditional, &args->unchanged_since);
	if (e == OK)
		e = parse_op(cmd, args);
	if (e == OK)
		e = imap_parse_flags(&cmd->args, true, &args->flags);
	return e == OK ? imap_parse_end(&cmd->args) : e;
}

/* The messages of a set that exist, one after the other, by their place in the index. */
static bool next_place(
	const struct store_index *index, const struct uidset *uids, uint32_t *at, uint32_t *ret_place)
{
	while (*at < index->count) {
		uint32_t uid = index->uids[*at], wanted = uidset_at_least(uids, uid);

		if (wanted == uid) {
			*ret_place = (*at)++;
			return true;
		}
		*at = wanted ? store_index_find(index, wanted) : index->count;
	}
	return false;
}

static void note_before(struct flags_job *f, const struct store_index *index, struct arena *arena)
{
	uint64_t max = uidset_count(f->uids);
	uint32_t at = 0, place;

	f->before = arena_array(arena, struct known, max < index->count ? max : index->count);
	while (next_place(index, f->uids, &at, &place))
		f->before[f->before_n++] = (struct known){ index->uids[place], index->flags[place] };
}

static uint64_t flag_bits(const struct store_index *index, const struct imap_flags *flags)
{
	uint64_t bits = flags->system;

	for (size_t i = 0; i < flags->keywords_n; i++)
		bits |= store_index_keyword(index, flags->keywords[i]);
	return bits;
}

static uint64_t expected(const struct flags_job *f, uint64_t before, uint64_t bits)
{
	if (f->args.op == STORE_FLAGS_ADD)
		return before | bits;
	return f->args.op == STORE_FLAGS_REMOVE ? before & ~bits : bits;
}

/*
 * A silent client assumes the flags it asked for; it hears of a message only when another session had its hand in
 * it (RFC 3501 6.4.6).
 */
static void find_quiet(struct flags_job *f, const struct store_index *index, struct uidset *quiet)
{
	uint64_t bits = flag_bits(index, &f->args.flags);
	uint32_t at = 0, place;
	size_t n = 0;

	while (next_place(index, f->uids, &at, &place)) {
		uint32_t uid = index->uids[place];

		while (n < f->before_n && f->before[n].uid < uid)
			n++;
		if (n < f->before_n && f->before[n].uid == uid &&
			index->flags[place] == expected(f, f->before[n].flags, bits))
			uidset_add(quiet, uid);
	}
}

static void tell(struct imap_cmd *cmd, struct flags_job *f)
{
	struct imap_session *s = imap_session(cmd);
	struct imap_sync how = { .with_uid = cmd->is_uid };
	struct uidset *quiet = imap_cmd_uidset(cmd);
	const struct store_index *index;

	if (store_folder_is_gone(s->folder) || store_folder_index(s->folder, &index) != OK)
		return;
	uidset_remove_set(f->uids, f->failed);
	if (f->args.is_silent) {
		find_quiet(f, index, quiet);
		how.quiet = quiet;
	}
	if (!f->args.is_silent || f->args.is_conditional)
		how.forced = f->uids;
	imap_mailbox_sync(s, &how);
}

/* Numbers, or UIDs in the UID form (RFC 7162 3.1.3). */
static struct str modified(struct imap_cmd *cmd, const struct flags_job *f)
{
	const struct imap_view *view = &imap_session(cmd)->view;
	struct uidset *seqs = imap_cmd_uidset(cmd);
	struct buf text = { 0 };
	struct str s;

	for (uint32_t uid = 0; !cmd->is_uid && (uid = uidset_next(f->failed, uid)) != 0;)
		if (imap_view_seq(view, uid))
			uidset_add(seqs, imap_view_seq(view, uid));
	imap_write_uidset(cmd->is_uid ? f->failed : seqs, &text);
	s = arena_dup(cmd->arena, buf_str(&text));
	buf_done(&text);
	return s;
}

static enum imap_result stored(struct imap_cmd *cmd, struct imap_job *job, enum err e)
{
	struct flags_job *f = (struct flags_job *)job;

	if (e != OK)
		return imap_reply_error(cmd, e);
	if (f->failed->n) {
		struct str set = modified(cmd, f);

		tell(cmd, f);
		return imap_reply_ok(cmd, "[MODIFIED %.*s] conditional STORE failed", STR_FMT(set));
	}
	tell(cmd, f);
	return imap_reply_ok(cmd, "stored");
}

enum imap_result imap_cmd_store(struct imap_cmd *cmd)
{
	struct imap_session *s = imap_session(cmd);
	struct flags_job *f = arena_make(cmd->arena, struct flags_job);
	const struct store_index *index;
	enum err e = parse_args(cmd, &f->args);

	f->uids = imap_cmd_uidset(cmd);
	f->changed = imap_cmd_uidset(cmd);
	f->failed = imap_cmd_uidset(cmd);
	if (f->args.is_conditional)
		imap_condstore_enable(s);
	if (e == OK)
		e = imap_resolve(cmd, &f->args.set, f->uids);
	if (e != OK)
		return imap_reply_error(cmd, e);
	/* What others changed before is told first, so that `before` is what the client knows. */
	imap_mailbox_sync(s, &(struct imap_sync){ .with_uid = cmd->is_uid });
	e = store_folder_index(s->folder, &index);
	if (e != OK)
		return imap_reply_error(cmd, e);
	if (f->args.is_silent)
		note_before(f, index, cmd->arena);
	return imap_job_submit(cmd, &f->job, run, stored);
}
