/* SPDX-License-Identifier: ISC */
/* The names LIST shows: the account's folders and the ghosts above them, with who has children. */
#ifndef IMAP_FOLDER_TREE_H
#define IMAP_FOLDER_TREE_H

#include "store/store.h"

struct imap_folder_node {
	struct str name;
	bool exists, has_children, is_subscribed; /* the last is for others to fill in */
	size_t folder; /* its place among the folders, when it exists */
	enum store_special special;
};

/* In byte order of names; memory is the arena's. */
void imap_folder_tree(const struct store_status *folders, size_t n, struct arena *arena,
	struct imap_folder_node **ret_nodes, size_t *ret_n);

#endif
