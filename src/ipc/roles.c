/* SPDX-License-Identifier: ISC */
#include "ipc/roles.h"

static const char *const names[ROLE_KINDS] = {
#define ROLE(name, lower, count, help) [ROLE_##name] = #lower,
#include "ipc/roles.def"
#undef ROLE
};

const char *role_name(enum role_kind kind)
{
	return kind < ROLE_KINDS ? names[kind] : "unknown";
}

enum err role_parse(struct str name, enum role_kind *ret_kind)
{
	for (unsigned i = 0; i < ROLE_KINDS; i++) {
		if (!str_equal(name, str_of(names[i])))
			continue;
		*ret_kind = i;
		return OK;
	}
	return ERR_SYNTAX;
}
