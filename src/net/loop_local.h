/* SPDX-License-Identifier: ISC */
/* What conn.c keeps once a loop.  Internal to net. */
#ifndef NET_LOOP_LOCAL_H
#define NET_LOOP_LOCAL_H

struct loop;

struct loop_local {
	void *p;
	void (*free_fn)(void *p); /* called by loop_free() */
};

struct loop_local *loop_local_of(struct loop *loop);

#endif
