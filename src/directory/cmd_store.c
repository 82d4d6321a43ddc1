/* SPDX-License-Identifier: ISC */
/* Commands that the stores carry out. */
#include "directory/command.h"

#include <string.h>

static enum err check_shard(struct directory *directory, int64_t shard)
{
	if (shard < 0 || shard >= (int64_t)directory->options.shards)
		return directory_refuse(directory, ERR_NOT_FOUND, "there are shards 0 to %u",
			directory->options.shards - 1);
	return OK;
}

enum err directory_cmd_account_move(struct directory_call *call)
{
	struct directory_move move = {.to = (uint32_t)directory_number(call, "shard", 0)};
	enum err e = check_shard(call->directory, directory_number(call, "shard", 0));

	if (e == OK)
		e = directory_move_begin(call->directory, directory_text(call, "address"), &move);
	if (e == OK)
		call->directory->errand = (struct directory_errand){.what = DIRECTORY_MOVE,
			.account = move.account, .shard = move.from, .to_shard = move.to};
	return e;
}

const char *const directory_specials[] = {NULL, "drafts", "sent", "trash", "archive", "spam", NULL};

static enum err special_errand(struct directory_call *call, uint32_t special, struct str folder)
{
	struct directory_service *service;
	struct directory_entry *entry;
	struct directory_errand *errand = &call->directory->errand;
	enum err e = directory_find_mailbox(call->directory, directory_text(call, "address"), &service, &entry);

	if (e == OK && folder.n >= sizeof(errand->folder))
		e = directory_refuse(call->directory, ERR_LIMIT, "the folder's name is too long");
	if (e != OK)
		return e;
	*errand = (struct directory_errand){.what = DIRECTORY_SPECIAL, .account = entry->id, .shard = entry->shard,
		.special = special};
	if (folder.n > 0)
		memcpy(errand->folder, folder.p, folder.n);
	return OK;
}

enum err directory_cmd_special_set(struct directory_call *call)
{
	struct str use = directory_text(call, "use"), folder = directory_text(call, "folder");
	uint32_t special = 1;

	while (directory_specials[special] != NULL && !str_equal(use, str_of(directory_specials[special])))
		special++;
	if (directory_specials[special] == NULL)
		return directory_refuse(call->directory, ERR_SYNTAX, "the uses are drafts, sent, trash, archive and spam");
	return special_errand(call, special, folder);
}

enum err directory_cmd_special_list(struct directory_call *call)
{
	return special_errand(call, 0, STR_NONE);
}

enum err directory_cmd_store_compact(struct directory_call *call)
{
	struct directory *directory = call->directory;
	int64_t shard = directory_number(call, "shard", -1);

	enum err e = shard == -1 ? OK : check_shard(directory, shard);

	if (e != OK)
		return e;
	directory->errand = (struct directory_errand){.what = DIRECTORY_COMPACT,
		.shard = shard < 0 ? UINT32_MAX : (uint32_t)shard};
	return OK;
}
