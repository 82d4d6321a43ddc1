/* SPDX-License-Identifier: ISC */
/* The table in memory against a plain list, through many additions and removals. */
#include "base/test.h"
#include "directory/index.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAMES = 3000, STEPS = 60000 };

static struct str name_of(unsigned n, char *bytes, size_t size)
{
	return str_make(bytes, (size_t)snprintf(bytes, size, "name-%u", n));
}

static void test_random(void **state)
{
	struct directory_index *index = directory_index_new();
	struct directory_service *services[2] = {directory_index_add_service(index, 10, 1),
		directory_index_add_service(index, 11, 1)};
	static int64_t ids[2][NAMES];
	int64_t next = 1;
	size_t live = 0;
	char bytes[40];

	srand(1);
	for (int step = 0; step < STEPS; step++) {
		/* Grows, shrinks nearly to nothing, and again. */
		unsigned s = (unsigned)rand() % 2, n = (unsigned)rand() % NAMES;
		bool grow = step / 15000 % 2 == 0;
		struct str name = name_of(n, bytes, sizeof(bytes));

		if (ids[s][n] == 0 && (grow || rand() % 8 == 0)) {
			directory_index_add(index,
				(struct directory_entry){.id = next,
					.service = services[s]->number,
					.kind = DIRECTORY_REAL,
					.shard = (uint16_t)(n % 5)},
				name);
			ids[s][n] = next++;
			live++;
		} else if (ids[s][n] != 0 && (!grow || rand() % 8 == 0)) {
			directory_index_remove(index, ids[s][n]);
			assert_null(directory_index_find_id(index, ids[s][n]));
			ids[s][n] = 0;
			live--;
		}
		assert_int_equal(directory_index_count(index), live);
		if (step % 997 != 0)
			continue;
		for (unsigned i = 0; i < 2 * NAMES; i++) {
			name = name_of(i / 2, bytes, sizeof(bytes));
			const struct directory_entry *entry =
				directory_index_find(index, services[i % 2], name);
			assert_int_equal(entry != NULL ? entry->id : 0, ids[i % 2][i / 2]);
			if (entry == NULL)
				continue;
			assert_true(str_equal(directory_index_local(index, entry), name));
			assert_int_equal(entry->shard, i / 2 % 5);
			assert_ptr_equal(directory_index_find_id(index, entry->id), entry);
		}
	}
	assert_true(directory_index_bytes(index) < 1 << 20);
	directory_index_free(&index);
}

static void test_load(void **state)
{
	struct directory_index *index = directory_index_new();
	struct directory_service *service = directory_index_add_service(index, 1, 1);
	char bytes[40];

	directory_index_reserve(index, 1000);
	for (unsigned i = 0; i < 1000; i++)
		directory_index_load(index,
			(struct directory_entry){.id = 1 + (i * 7919) % 1000,
				.kind = DIRECTORY_REAL,
				.service = service->number},
			name_of((i * 7919) % 1000, bytes, sizeof(bytes)));
	directory_index_loaded(index);
	for (unsigned i = 0; i < 1000; i++) {
		const struct directory_entry *entry =
			directory_index_find(index, service, name_of(i, bytes, sizeof(bytes)));
		assert_non_null(entry);
		assert_int_equal(entry->id, i + 1);
		assert_ptr_equal(directory_index_find_id(index, i + 1), entry);
	}
	assert_null(directory_index_find(index, service, S("name")));
	assert_null(directory_index_find_id(index, 1001));
	directory_index_free(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random), cmocka_unit_test(test_load)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
