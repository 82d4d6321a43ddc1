/* SPDX-License-Identifier: ISC */
/*
 * LIST (RFC 3501 6.3.8, extended by RFC 5258, with STATUS by RFC 5819) and XLIST, Google's LIST with special uses,
 * which Outlook 2013 and old iPhones ask for.  Special uses (RFC 6154) and CHILDREN (RFC 3348) stand in all of them,
 * as clients do not ask for them.
 */
#include "base/map.h"
#include "imap/folder_list.h"

/* Marks the names above each chosen one that the patterns do not show (RFC 5258 4.1: CHILDINFO). */
static struct map *find_parents(struct imap_folder_list *l)
{
	struct map *parents = map_new();

	for (size_t i = 0; i < l->n; i++) {
		struct str name = l->nodes[i].name;
		ptrdiff_t slash;

		if (!imap_folder_list_chooses(l, &l->nodes[i]) || imap_list_options_match(&l->options, name))
			continue;
		while ((slash = str_rindex(name, STORE_SEPARATOR)) > 0) {
			name.n = (size_t)slash;
			map_put(parents, name, l);
		}
	}
	return parents;
}

static enum err write_status(struct imap_folder_list *l, const struct imap_folder_node *node)
{
	if (!l->options.tells_status || !node->exists)
		return OK;
	return imap_status_write(l->cmd, node->name, &l->folders[node->folder], &l->options.status);
}

static enum err write_chosen(struct imap_folder_list *l)
{
	struct map *parents = l->options.recursive ? find_parents(l) : NULL;
	enum err e = OK;

	for (size_t i = 0; e == OK && i < l->n; i++) {
		const struct imap_folder_node *node = &l->nodes[i];
		bool has_chosen_below = parents && map_get(parents, node->name);

		if (!imap_list_options_match(&l->options, node->name) ||
			(!has_chosen_below && !imap_folder_list_chooses(l, node)))
			continue;
		imap_folder_list_write(l, node, has_chosen_below);
		e = write_status(l, node);
	}
	map_free(&parents);
	return e;
}

static enum imap_result list(struct imap_cmd *cmd, const char *verb, bool basic)
{
	struct imap_folder_list l = { .cmd = cmd, .verb = verb };
	enum err e = imap_list_options_parse(cmd, basic, &l.options);

	if (e == OK && l.options.asks_separator) {
		/* RFC 3501 6.3.8: an empty name asks for the separator and the root. */
		imap_untagged(cmd, "%s (\\Noselect) \"/\" \"\"", verb);
		return imap_reply_ok(cmd, "that is all");
	}
	if (e == OK)
		e = imap_folder_list_load(&l);
	if (e == OK)
		e = write_chosen(&l);
	return e == OK ? imap_reply_ok(cmd, "that is all") : imap_reply_error(cmd, e);
}

enum imap_result imap_cmd_list(struct imap_cmd *cmd)
{
	return list(cmd, "LIST", false);
}

enum imap_result imap_cmd_xlist(struct imap_cmd *cmd)
{
	return list(cmd, "XLIST", true);
}
