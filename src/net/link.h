/* SPDX-License-Identifier: ISC */
/*
 * Circular intrusive lists: an element leaves without knowing which list it is on.  Internal
 * to net and ipc.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include <stdbool.h>
#include <stddef.h>

/* Head and element alike; a head or an element on no list points to itself. */
struct link {
	struct link *next, *prev;
};

#define link_owner(link, type, member) \
	((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void link_init(struct link *link)
{
	link->next = link->prev = link;
}

static inline bool link_is_empty(const struct link *link)
{
	return link->next == link;
}

static inline void link_remove(struct link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link_init(link);
}

static inline void link_append(struct link *head, struct link *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

/* Moves all of from to the end of to. */
static inline void link_append_all(struct link *to, struct link *from)
{
	if (link_is_empty(from))
		return;
	from->next->prev = to->prev;
	from->prev->next = to;
	to->prev->next = from->next;
	to->prev = from->prev;
	link_init(from);
}

#endif
