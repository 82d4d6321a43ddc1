/* SPDX-License-Identifier: ISC */
/* The roles, from roles.def.  Pure. */
#ifndef IPC_ROLES_H
#define IPC_ROLES_H

#include "base/str.h"

enum role_kind {
#define ROLE(name, lower, count, help) ROLE_##name,
#include "ipc/roles.def"
#undef ROLE
	ROLE_KINDS
};

const char *role_name(enum role_kind kind);
MUST_CHECK enum err role_parse(struct str name, enum role_kind *ret_kind);

#endif
