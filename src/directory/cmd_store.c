/* SPDX-License-Identifier: ISC */
/* Commands that the stores carry out. */
#include "directory/command.h"

enum err directory_cmd_store_compact(struct directory_call *call)
{
	struct directory *directory = call->directory;
	int64_t shard = directory_number(call, "shard", -1);

	if (shard < -1 || shard >= (int64_t)directory->options.shards)
		return directory_refuse(directory, ERR_NOT_FOUND, "there are shards 0 to %u",
			directory->options.shards - 1);
	directory->errand = (struct directory_errand){.what = DIRECTORY_COMPACT,
		.shard = shard < 0 ? UINT32_MAX : (uint32_t)shard};
	return OK;
}
