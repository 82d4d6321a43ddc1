/* SPDX-License-Identifier: ISC */
#include "imap/folder_tree.h"

#include "base/map.h"

#include <stdlib.h>

struct tree {
	struct arena *arena;
	struct map *by_name; /* index + 1 of the node */
	VEC(struct imap_folder_node) nodes;
};

static size_t node_of(struct tree *t, struct str name)
{
	size_t at = (uintptr_t)map_get(t->by_name, name);

	if (at)
		return at - 1;
	vec_push(&t->nodes, ((struct imap_folder_node){ .name = name }));
	map_put(t->by_name, name, (void *)(uintptr_t)t->nodes.n);
	return t->nodes.n - 1;
}

static void mark_parents(struct tree *t, struct str name)
{
	ptrdiff_t slash;

	while ((slash = str_rindex(name, STORE_SEPARATOR)) > 0) {
		size_t parent;

		name.n = (size_t)slash;
		parent = node_of(t, name);
		if (t->nodes.v[parent].has_children)
			return;
		t->nodes.v[parent].has_children = true;
	}
}

static int compare(const void *a, const void *b)
{
	const struct imap_folder_node *x = a, *y = b;

	return str_compare(x->name, y->name);
}

void imap_folder_tree(const struct store_status *folders, size_t n, struct arena *arena,
	struct imap_folder_node **ret_nodes, size_t *ret_n)
{
	struct tree t = { .arena = arena, .by_name = map_new() };

	for (size_t i = 0; i < n; i++) {
		size_t at = node_of(&t, folders[i].name);

		t.nodes.v[at].exists = true;
		t.nodes.v[at].folder = i;
		t.nodes.v[at].special = folders[i].special;
		mark_parents(&t, folders[i].name);
	}
	if (t.nodes.n)
		qsort(t.nodes.v, t.nodes.n, sizeof(*t.nodes.v), compare);
	*ret_nodes = arena_array(arena, struct imap_folder_node, t.nodes.n + 1);
	*ret_n = t.nodes.n;
	if (t.nodes.n)
		memcpy(*ret_nodes, t.nodes.v, t.nodes.n * sizeof(*t.nodes.v));
	vec_done(&t.nodes);
	map_free(&t.by_name);
}
