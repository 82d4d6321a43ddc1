/* SPDX-License-Identifier: ISC */
/* restante special set and list: the account's shard does it. */
#include "role/directory_own.h"

#include "base/buf.h"

enum { SPECIAL_TIMEOUT_MS = 30000 };

static void told(void *arg, enum err e, const void *body, int *fd)
{
	struct control *control = arg;
	const struct ipc_account_special_reply *r = body;
	json_t *uses = json_object();
	struct rd rd;

	e = e == OK ? (enum err)r->error : e;
	if (e != OK) {
		json_decref(uses);
		control_refuse(control, e, e == ERR_CANNOT ? "INBOX and folders that have another use cannot have this one" : NULL);
		return;
	}
	rd = rd_of(r->folders);
	for (size_t i = 1; directory_specials[i]; i++) {
		struct str name = rd_blob(&rd);

		if (name.n)
			json_object_set_new(uses, directory_specials[i], json_stringn(name.p, name.n));
	}
	control_answer(control, uses);
}

void special_folders(struct directory_role *own, struct control *control, const struct directory_errand *errand)
{
	struct ipc_account_special ask = { .account = (uint64_t)errand->account, .special = (uint8_t)errand->special,
		.folder = str_of(errand->folder) };

	ipc_call(own->role->hub, ROLE_STORE, errand->shard, IPC_ACCOUNT_SPECIAL, &ask, -1, 0, SPECIAL_TIMEOUT_MS, told,
		control);
}
