/* SPDX-License-Identifier: ISC */
/*
 * What every role process has, from its start by the supervisor to its end.  A role: gets its configuration and
 * descriptors, opens its own things, locks itself in, says it is ready, runs its loop.
 */
#ifndef ROLE_ROLE_H
#define ROLE_ROLE_H

#include "conf/conf.h"
#include "ipc/ipc.h"
#include "os/sandbox.h"

enum { ROLE_LISTENERS_MAX = 32 };

struct role_listener {
	char service[16]; /* "smtp", "imaps", ... */
	int fd;
};

struct role {
	enum role_kind kind;
	unsigned index;
	bool probe; /* try the sandbox instead of working */
	struct conf *conf;
	struct loop *loop;
	struct ipc_hub *hub;
	struct role_listener listeners[ROLE_LISTENERS_MAX];
	unsigned listener_count;
	unsigned shards, inspects, edges;
	struct buf certificate, key; /* PEM, edge only */
	uint64_t sessions;           /* client sessions alive */
	void *own;                   /* the role's state, what its handlers get at */
	void (*on_stop)(struct role *role);   /* NULL: end at once.  Must lead to loop_stop(). */
	void (*on_reload)(struct role *role); /* NULL: nothing but the options */
};

/* The life of a role process: never returns to anything but exit(). */
int role_main(enum role_kind kind, unsigned index, bool probe);
/* The last thing before work.  Ends the process when it cannot be locked in. */
void role_lock_in(struct role *role, unsigned rights, const struct sandbox_path *paths, unsigned count);
/* Tells the supervisor, then runs the loop until the order to stop. */
void role_run(struct role *role);
/* Logs and ends the process: what it needs to start is missing. */
_Noreturn void role_die(struct role *role, const char *event, enum err e, struct str detail);

void role_edge(struct role *role);
void role_inspect(struct role *role);
void role_directory(struct role *role);
void role_store(struct role *role);
void role_queue(struct role *role);
void role_web(struct role *role);

#endif
