/* SPDX-License-Identifier: ISC */
/*
 * LIST, LSUB (RFC 3501 6.3.8, 6.3.9) and XLIST, Google's LIST with special uses, which Outlook 2013 and old iPhones
 * ask for.  Special uses (RFC 6154) and CHILDREN (RFC 3348) stand in all three, as clients do not ask for them.
 */
#include "base/map.h"
#include "imap/folder_tree.h"
#include "imap/mutf7.h"
#include "imap/pattern.h"
#include "imap/session_local.h"

enum { PATTERN_MAX = 2 * STORE_NAME_MAX };

static const char *const special_words[STORE_SPECIALS] = { [STORE_ORDINARY] = "", [STORE_DRAFTS] = "\\Drafts",
	[STORE_SENT] = "\\Sent", [STORE_TRASH] = "\\Trash", [STORE_ARCHIVE] = "\\Archive",
	[STORE_JUNK] = "\\Junk" };

struct listing {
	struct imap_cmd *cmd;
	const char *verb;
	struct str pattern;
	struct imap_folder_node *nodes;
	size_t n;
};

/* Patterns are in modified UTF-7 as names are; what is none matches nothing but may be UTF-8. */
static struct str decode_pattern(struct imap_cmd *cmd, struct str reference, struct str pattern)
{
	struct str joined = arena_printf(cmd->arena, "%.*s%.*s", STR_FMT(reference), STR_FMT(pattern));
	struct buf out = { 0 };

	if (imap_mutf7_decode(joined, &out) == OK)
		joined = arena_dup(cmd->arena, buf_str(&out));
	buf_done(&out);
	return joined;
}

static enum err parse_args(struct imap_cmd *cmd, bool *ret_only_separator, struct str *ret_pattern)
{
	struct str reference, pattern;
	enum err e = imap_parse_list_mailbox(&cmd->args, &reference);

	if (e == OK)
		e = imap_parse_space(&cmd->args);
	if (e == OK)
		e = imap_parse_list_mailbox(&cmd->args, &pattern);
	if (e == OK)
		e = imap_parse_end(&cmd->args);
	if (e == OK && reference.n + pattern.n > PATTERN_MAX)
		e = imap_parse_complain(&cmd->args, "pattern too long");
	if (e != OK)
		return e;
	*ret_only_separator = pattern.n == 0;
	*ret_pattern = decode_pattern(cmd, reference, pattern);
	return OK;
}

static void add_word(struct buf *out, const char *word)
{
	if (!*word)
		return;
	if (out->p[out->n - 1] != '(')
		buf_addc(out, ' ');
	buf_adds(out, word);
}

static void write_node(struct listing *l, const struct imap_folder_node *node)
{
	struct buf *out = imap_out(l->cmd);
	bool is_xlist = strcmp(l->verb, "XLIST") == 0;

	buf_addf(out, "* %s (", l->verb);
	if (!node->exists) {
		/* RFC 9051 7.3.1: clients that do not know \NonExistent understand \Noselect. */
		add_word(out, "\\NonExistent");
		add_word(out, "\\Noselect");
	}
	add_word(out, node->has_children ? "\\HasChildren" : "\\HasNoChildren");
	if (is_xlist && str_equal(node->name, S("INBOX")))
		add_word(out, "\\Inbox");
	add_word(out, is_xlist && node->special == STORE_JUNK ? "\\Spam" : special_words[node->special]);
	buf_adds(out, ") \"/\" ");
	imap_write_mailbox(node->name, out);
	buf_adds(out, "\r\n");
}

static enum err load_tree(struct listing *l)
{
	struct imap_session *s = imap_session(l->cmd);
	struct store_status *folders;
	size_t n;
	enum err e = store_folder_list(s->store, s->account, l->cmd->arena, &folders, &n);

	if (e == OK)
		imap_folder_tree(folders, n, l->cmd->arena, &l->nodes, &l->n);
	return e;
}

static enum imap_result list(struct imap_cmd *cmd, const char *verb)
{
	struct listing l = { .cmd = cmd, .verb = verb };
	bool only_separator;
	enum err e = parse_args(cmd, &only_separator, &l.pattern);

	if (e == OK && only_separator) {
		/* RFC 3501 6.3.8: an empty name asks for the separator and the root. */
		imap_untagged(cmd, "%s (\\Noselect) \"/\" \"\"", verb);
		return imap_reply_ok(cmd, "that is all");
	}
	if (e == OK)
		e = load_tree(&l);
	if (e != OK)
		return imap_reply_error(cmd, e);
	for (size_t i = 0; i < l.n; i++)
		if (imap_pattern_matches(l.pattern, l.nodes[i].name))
			write_node(&l, &l.nodes[i]);
	return imap_reply_ok(cmd, "that is all");
}

enum imap_result imap_cmd_list(struct imap_cmd *cmd)
{
	return list(cmd, "LIST");
}

enum imap_result imap_cmd_xlist(struct imap_cmd *cmd)
{
	return list(cmd, "XLIST");
}

static const struct imap_folder_node *find_node(const struct listing *l, struct str name)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = str_compare(l->nodes[mid].name, name);

		if (order == 0)
			return &l->nodes[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static void write_subscribed(struct listing *l, struct str name)
{
	const struct imap_folder_node *node = find_node(l, name);

	write_node(l, node ? node : &(struct imap_folder_node){ .name = name });
}

/*
 * RFC 3501 6.3.9: with "%", a name above a subscribed one, which itself does not match, is shown as \Noselect.
 */
static void write_parent(struct listing *l, struct str name, struct map *seen)
{
	ptrdiff_t slash;

	while ((slash = str_rindex(name, STORE_SEPARATOR)) > 0) {
		name.n = (size_t)slash;
		if (!imap_pattern_matches(l->pattern, name))
			continue;
		if (!map_put(seen, name, l))
			write_node(l, &(struct imap_folder_node){ .name = name, .has_children = true });
		return;
	}
}

static void write_subscriptions(struct listing *l, const struct str *names, size_t n)
{
	struct map *seen = map_new();

	for (size_t i = 0; i < n; i++)
		if (imap_pattern_matches(l->pattern, names[i])) {
			write_subscribed(l, names[i]);
			map_put(seen, names[i], l);
		}
	for (size_t i = 0; i < n && str_index(l->pattern, '%') >= 0; i++)
		if (!imap_pattern_matches(l->pattern, names[i]))
			write_parent(l, names[i], seen);
	map_free(&seen);
}

enum imap_result imap_cmd_lsub(struct imap_cmd *cmd)
{
	struct imap_session *s = imap_session(cmd);
	struct listing l = { .cmd = cmd, .verb = "LSUB" };
	struct str *names;
	size_t n;
	bool only_separator;
	enum err e = parse_args(cmd, &only_separator, &l.pattern);

	if (e == OK)
		e = load_tree(&l);
	if (e == OK)
		e = store_subscriptions(s->store, s->account, cmd->arena, &names, &n);
	if (e != OK)
		return imap_reply_error(cmd, e);
	if (only_separator)
		imap_untagged(cmd, "LSUB (\\Noselect) \"/\" \"\"");
	else
		write_subscriptions(&l, names, n);
	return imap_reply_ok(cmd, "that is all");
}
