/* SPDX-License-Identifier: ISC */
/* LSUB (RFC 3501 6.3.9), with special uses and children as in LIST, for Outlook. */
#include "base/map.h"
#include "imap/folder_list.h"

/* RFC 3501 6.3.9: with "%", a name above a subscribed one, which itself does not match, is shown as \Noselect. */
static void write_parent(struct imap_folder_list *l, struct str name, struct map *seen)
{
	ptrdiff_t slash;

	while ((slash = str_rindex(name, STORE_SEPARATOR)) > 0) {
		name.n = (size_t)slash;
		if (!imap_list_options_match(&l->options, name))
			continue;
		if (!map_put(seen, name, l))
			imap_folder_list_write(
				l, &(struct imap_folder_node){ .name = name, .has_children = true }, false);
		return;
	}
}

static void write_subscriptions(struct imap_folder_list *l)
{
	struct map *seen = map_new();

	for (size_t i = 0; i < l->subscriptions_n; i++)
		if (imap_list_options_match(&l->options, l->subscriptions[i])) {
			imap_folder_list_write(l, imap_folder_list_find(l, l->subscriptions[i]), false);
			map_put(seen, l->subscriptions[i], l);
		}
	for (size_t i = 0; i < l->subscriptions_n && str_index(l->options.patterns[0], '%') >= 0; i++)
		if (!imap_list_options_match(&l->options, l->subscriptions[i]))
			write_parent(l, l->subscriptions[i], seen);
	map_free(&seen);
}

enum imap_result imap_cmd_lsub(struct imap_cmd *cmd)
{
	struct imap_folder_list l = { .cmd = cmd, .verb = "LSUB" };
	enum err e = imap_list_options_parse(cmd, true, &l.options);

	l.options.tells_subscribed = true;
	if (e == OK)
		e = imap_folder_list_load(&l);
	if (e != OK)
		return imap_reply_error(cmd, e);
	if (l.options.asks_separator)
		imap_untagged(cmd, "LSUB (\\Noselect) \"/\" \"\"");
	else
		write_subscriptions(&l);
	return imap_reply_ok(cmd, "that is all");
}
