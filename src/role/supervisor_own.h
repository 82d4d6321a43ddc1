/* SPDX-License-Identifier: ISC */
/* The supervisor's inside, shared by its files only. */
#ifndef ROLE_SUPERVISOR_OWN_H
#define ROLE_SUPERVISOR_OWN_H

#include "base/metrics.h"
#include "base/vec.h"
#include "ipc/ipc.h"
#include "role/supervisor.h"

#include <sys/types.h>

struct child {
	struct supervisor *supervisor;
	enum role_kind kind;
	unsigned index;
	pid_t pid; /* 0: down */
	bool ready;
	uint64_t restarts;
	int64_t started_ms, delay_ms;
	struct loop_timer *timer; /* back-off */
};

struct socket_row {
	const char *service;
	enum role_kind role;
	int fd;
	unsigned port;
};

struct supervisor {
	struct conf *conf;
	const struct supervisor_events *events;
	void *arg;
	struct loop *loop;
	struct ipc_hub *hub;
	int signals;
	struct loop_fd *signal_watch;
	struct loop_timer *stop_timer;
	struct status_server *status;
	VEC(struct child *) children;
	VEC(struct socket_row) sockets;
	struct buf certificate, key, text;
	bool announced, stopping, killing, probing;
	int64_t started_ms;
};

/* spawn.c */
void child_start(struct child *child);
void child_ended(struct child *child, int status);
void children_make(struct supervisor *s);
/* tls_files.c: reads or makes the certificate into s->certificate and s->key. */
MUST_CHECK enum err supervisor_load_tls(struct supervisor *s, const struct conf *conf, struct buf *errors);
/* listen.c */
MUST_CHECK enum err supervisor_listen(struct supervisor *s, struct buf *errors);

/* status.c */
MUST_CHECK enum err status_open(struct supervisor *s, struct status_server **ret_server);
void status_close(struct status_server **server);
/* Collects metrics of all roles; fn gets JSON (prometheus false) or the Prometheus text. */
typedef void status_fn(void *arg, bool healthy, struct str text);
void status_collect(struct supervisor *s, bool prometheus, status_fn *fn, void *arg);

/* supervisor.c: what the status socket may ask for. */
void supervisor_reload(struct supervisor *s);
void supervisor_stop(struct supervisor *s);

#endif
