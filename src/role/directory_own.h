/* SPDX-License-Identifier: ISC */
/* What the files of the directory role share. */
#ifndef ROLE_DIRECTORY_OWN_H
#define ROLE_DIRECTORY_OWN_H

#include "base/map.h"
#include "directory/directory.h"
#include "role/role.h"

#include <jansson.h>

struct listener;

struct directory_role {
	struct role *role;
	struct directory *directory;
	struct loop_timer *tick;
	struct listener *control;
	size_t deletions; /* under way */
	struct map *moves; /* accounts that move at this moment */
	uint64_t generation; /* of what ends sessions: a login from before the last one may be void */
};

/* control.c: the control socket */
void control_listen(struct directory_role *own);
/* A command that is answered later, once. */
struct control;
/* Answers; takes `reply`, the fields beside "ok". */
void control_answer(struct control *control, json_t *reply);
/* sentence: why, for people; NULL: what e says. */
void control_refuse(struct control *control, enum err e, const char *sentence);

/* move.c */
void move_account(struct directory_role *own, struct control *control, const struct directory_errand *errand);
/* What a restart, or a shard that did not answer, left open; each tick. */
void move_settle_left(struct directory_role *own);

/* special.c */
void special_folders(struct directory_role *own, struct control *control, const struct directory_errand *errand);

/* compact.c */
void compact_shards(struct directory_role *own, struct control *control, uint32_t shard);

#endif
