/* SPDX-License-Identifier: ISC */
/* What LIST, XLIST and LSUB share: the account's names with what is known of each, and the reply line. */
#ifndef IMAP_FOLDER_LIST_H
#define IMAP_FOLDER_LIST_H

#include "imap/folder_tree.h"
#include "imap/list_options.h"

struct imap_folder_list {
	struct imap_cmd *cmd;
	const char *verb;
	struct imap_list_options options;
	struct store_status *folders;
	struct imap_folder_node *nodes; /* in byte order; with subscriptions, also names that do not exist */
	size_t n;
	struct str *subscriptions;
	size_t subscriptions_n;
};

/* Reads names, and subscriptions when the options or the verb (LSUB) want them. */
MUST_CHECK enum err imap_folder_list_load(struct imap_folder_list *l);
/* NULL: neither a folder nor a ghost. */
const struct imap_folder_node *imap_folder_list_find(const struct imap_folder_list *l, struct str name);
/* The selection options agree. */
bool imap_folder_list_chooses(const struct imap_folder_list *l, const struct imap_folder_node *node);
/* has_chosen_below: with CHILDINFO. */
void imap_folder_list_write(
	struct imap_folder_list *l, const struct imap_folder_node *node, bool has_chosen_below);

#endif
