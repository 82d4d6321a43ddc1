/* SPDX-License-Identifier: ISC */
/*
 * The supervisor: listening sockets, the roles as child processes, restarts with back-off, status, reload, stop.
 * Parses nothing from the network; its own socket (DATA/run/status.sock) knows four words.
 */
#ifndef ROLE_SUPERVISOR_H
#define ROLE_SUPERVISOR_H

#include "conf/conf.h"

struct supervisor;

/* A port that is open, for those who print or write them. */
struct supervisor_port {
	const char *service; /* "smtp" */
	unsigned port;
};

struct supervisor_events {
	/* All roles are ready for the first time. */
	void (*ready)(struct supervisor *supervisor, void *arg);
	/* SIGHUP: fill fresh (all defaults so far) or say why not. */
	enum err (*reload)(struct conf *fresh, struct buf *errors, void *arg);
};

/* Opens ports, makes the directories, starts nothing yet.  errors: a line for the operator. */
MUST_CHECK enum err supervisor_open(struct conf *conf, const struct supervisor_events *events, void *arg,
	struct supervisor **ret_supervisor, struct buf *errors);
/* Ports in the order of the services; count of them. */
unsigned supervisor_ports(const struct supervisor *supervisor, struct supervisor_port *ret_ports, unsigned max);
/* Starts the roles; returns after SIGTERM or SIGINT, when all have ended.  The exit status. */
int supervisor_run(struct supervisor *supervisor);
/* Starts each role once to try its sandbox, one after the other; 0 when all refused everything. */
int supervisor_probe(struct supervisor *supervisor);
void supervisor_close(struct supervisor **supervisor);

#endif
