/* SPDX-License-Identifier: ISC */
#include "entry.h"

#include <string.h>

uint64_t entry_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static uint64_t make_flags(uint64_t random)
{
	uint64_t flags = random % 4 ? 1 : 0;

	if (random % 16 == 0)
		flags |= 1ull << (5 + random / 16 % 12);
	return flags;
}

/* Six in ten start a thread; the others answer one of the last 3000 messages. */
static uint64_t make_thread(uint64_t instance, uint64_t random)
{
	uint64_t reach = instance < 3000 ? instance : 3000;

	return random % 10 < 6 ? instance : instance - random / 16 % reach;
}

void entry_make(int64_t account, uint32_t uid, uint64_t base, struct entry *ret_entry)
{
	uint64_t key = (uint64_t)account << 32 | uid;
	uint64_t random = entry_mix(key);
	uint64_t other = entry_mix(random);
	uint64_t *col = ret_entry->col;

	col[COL_UID] = uid;
	col[COL_FLAGS] = make_flags(random);
	col[COL_MODSEQ] = base + uid;
	col[COL_INTERNAL_DATE] = 1600000000 + uid * 79ull + random % 5000;
	col[COL_SAVED_DATE] = col[COL_INTERNAL_DATE] + other % 3;
	col[COL_SIZE] = 1500 + other % 60000;
	col[COL_SEGMENT] = uid / 50 + (uint64_t)account % 7;
	col[COL_OFFSET] = (other >> 32) % (1u << 30) & ~7ull;
	col[COL_LENGTH] = col[COL_SIZE] + 200 + random % 600;
	col[COL_INSTANCE] = base + uid;
	col[COL_THREAD] = make_thread(col[COL_INSTANCE], other);
	col[COL_EMAIL_NUMBER] = base + uid;
	memcpy(ret_entry->email, &random, 8);
	memcpy(ret_entry->email + 8, &other, 8);
}

bool entry_is_equal(const struct entry *a, const struct entry *b, unsigned mask)
{
	for (unsigned c = 0; c < COLUMNS; c++)
		if (mask & COL_BIT(c) && a->col[c] != b->col[c])
			return false;
	return !(mask & COLS_EMAIL) || memcmp(a->email, b->email, EMAIL_ID_BYTES) == 0;
}
