/* SPDX-License-Identifier: ISC */
#include "imap/folder_list.h"

#include "imap/special_use.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const struct imap_folder_node *x = a, *y = b;

	return str_compare(x->name, y->name);
}

const struct imap_folder_node *imap_folder_list_find(const struct imap_folder_list *l, struct str name)
{
	struct imap_folder_node wanted = { .name = name };

	return l->n ? bsearch(&wanted, l->nodes, l->n, sizeof(*l->nodes), compare) : NULL;
}

/* Marks what is subscribed; names without a folder are added at the end and sorted in. */
static void add_subscriptions(struct imap_folder_list *l)
{
	size_t known = l->n, all = l->n;
	struct imap_folder_node *nodes =
		arena_array(l->cmd->arena, struct imap_folder_node, known + l->subscriptions_n + 1);

	if (known)
		memcpy(nodes, l->nodes, known * sizeof(*nodes));
	for (size_t i = 0; i < l->subscriptions_n; i++) {
		const struct imap_folder_node *node = imap_folder_list_find(l, l->subscriptions[i]);

		if (node)
			nodes[node - l->nodes].is_subscribed = true;
		else
			nodes[all++] = (struct imap_folder_node){ .name = l->subscriptions[i], .is_subscribed = true };
	}
	if (all > known)
		qsort(nodes, all, sizeof(*nodes), compare);
	l->nodes = nodes;
	l->n = all;
}

enum err imap_folder_list_load(struct imap_folder_list *l)
{
	struct imap_session *s = imap_session(l->cmd);
	size_t n;
	enum err e = store_folder_list(s->store, s->account, l->cmd->arena, &l->folders, &n);

	if (e != OK)
		return e;
	imap_folder_tree(l->folders, n, l->cmd->arena, &l->nodes, &l->n);
	if (!l->options.tells_subscribed)
		return OK;
	e = store_subscriptions(s->store, s->account, l->cmd->arena, &l->subscriptions, &l->subscriptions_n);
	if (e == OK)
		add_subscriptions(l);
	return e;
}

bool imap_folder_list_chooses(const struct imap_folder_list *l, const struct imap_folder_node *node)
{
	if (l->options.only_subscribed && !node->is_subscribed)
		return false;
	if (l->options.only_special && node->special == STORE_ORDINARY)
		return false;
	/* A name that is only subscribed was not asked for. */
	return l->options.only_subscribed || node->exists || node->has_children;
}

static void add_word(struct buf *out, const char *word)
{
	if (!*word)
		return;
	if (out->p[out->n - 1] != '(')
		buf_addc(out, ' ');
	buf_adds(out, word);
}

void imap_folder_list_write(
	struct imap_folder_list *l, const struct imap_folder_node *node, bool has_chosen_below)
{
	struct buf *out = imap_out(l->cmd);
	bool is_xlist = str_equal(str_of(l->verb), S("XLIST"));

	buf_addf(out, "* %s (", l->verb);
	if (!node->exists) {
		add_word(out, "\\NonExistent");
		/* RFC 9051 7.3.1: clients that do not know \NonExistent understand \Noselect. */
		if (!l->options.is_extended)
			add_word(out, "\\Noselect");
	}
	if (l->options.tells_subscribed && l->options.is_extended && node->is_subscribed)
		add_word(out, "\\Subscribed");
	add_word(out, node->has_children ? "\\HasChildren" : "\\HasNoChildren");
	if (is_xlist && str_equal(node->name, S("INBOX")))
		add_word(out, "\\Inbox");
	add_word(out, is_xlist && node->special == STORE_JUNK ? "\\Spam" : imap_special_use_word(node->special));
	buf_adds(out, ") \"/\" ");
	imap_write_mailbox(node->name, out);
	if (has_chosen_below)
		buf_adds(out, l->options.only_subscribed ? " (\"CHILDINFO\" (\"SUBSCRIBED\"))" :
							   " (\"CHILDINFO\" (\"SPECIAL-USE\"))");
	buf_adds(out, "\r\n");
}
