/* SPDX-License-Identifier: ISC */
/* What the files of the store role share. */
#ifndef ROLE_STORE_OWN_H
#define ROLE_STORE_OWN_H

#include "base/map.h"
#include "base/vec.h"
#include "imap/session.h"
#include "pop3/session.h"
#include "role/role.h"
#include "store/compact.h"
#include "store/index_backup.h"
#include "store/move.h"
#include "store/rebuild.h"

/* The walk over Trash and Spam: the rules of some accounts, their folders, a few a turn; at the end a pause. */
struct retention {
	struct store_job job; /* first */
	struct store_expiry expiry, kept; /* kept: as it was before the job, which may run again */
	bool is_running, is_asking, has_rules, more;
	VEC(struct store_expiry_rule) rules;
	int64_t next_ms;
};

struct store_role {
	struct role *role;
	struct store *store;
	struct imap_sessions *imap;
	struct pop3_sessions *pop3;
	struct loop_timer *background;
	struct retention retention;
	int64_t backup_ms; /* the next copy of the index; monotonic */
	int64_t compact_ms; /* the next run, when none is asked for; monotonic */
	bool compacts;
	VEC(struct ipc_ticket) compact_asked; /* who waits for the run's end */
	struct map *ended; /* generation of the last ACCOUNT_END of an account, as a pointer */
	struct map *ended_domains; /* the same of SERVICE_END */
};

/* retention.c: a step, if one is due; while no job waits */
void retention_go_on(struct store_role *own);
void retention_done(struct retention *retention);

/* store_upkeep.c: the timer of all that runs beside the clients */
void store_role_start_upkeep(struct store_role *own);
/* store_move.c: accounts that come from another shard, or go to one */
void store_role_handle_moves(struct ipc_hub *hub);
/* store_special.c */
void store_role_handle_special(struct ipc_hub *hub);

#endif
