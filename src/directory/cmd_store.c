/* SPDX-License-Identifier: ISC */
/* Commands that the stores carry out. */
#include "directory/command.h"

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
