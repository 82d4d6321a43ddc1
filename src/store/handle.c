/* SPDX-License-Identifier: ISC */
/*
 * Folder handles: one for all sessions on a folder.  Arrays that nobody looks at stay while there is room.
 */
#include "store/local.h"

#include <assert.h>
#include <stdlib.h>

struct folder_key {
	uint64_t account, id;
};

static struct str key_bytes(const struct folder_key *key)
{
	return str_make(key, sizeof(*key));
}

struct store_folder *folders_find(struct store *store, uint64_t account, uint64_t id)
{
	struct folder_key key = { account, id };

	return map_count(store->folders) > 0 ? map_get(store->folders, key_bytes(&key)) : NULL;
}

static void leave_idle(struct store_folder *f)
{
	struct store *store = f->store;

	if (!f->idle)
		return;
	*(f->older ? &f->older->newer : &store->oldest) = f->newer;
	*(f->newer ? &f->newer->older : &store->newest) = f->older;
	f->older = f->newer = NULL;
	f->idle = false;
	store->idle_bytes -= f->idle_bytes;
}

static void leave_map(struct store_folder *f)
{
	struct folder_key key = { f->account, f->id };

	if (folders_find(f->store, f->account, f->id) == f)
		map_remove(f->store->folders, key_bytes(&key));
}

/* Its account may come back to this shard, with a folder of that id. */
static void mark_gone(struct store_folder *f)
{
	f->gone = true;
	leave_idle(f);
	leave_map(f);
}

static void free_handle(struct store_folder *f)
{
	leave_idle(f);
	leave_map(f);
	index_drop(f);
	free(f->name);
	free(f);
}

static void drop_oldest(struct store *store)
{
	struct store_folder *f = store->oldest;

	leave_idle(f);
	if (f->refs == 0)
		free_handle(f);
	else
		index_drop(f);
}

static void become_idle(struct store_folder *f)
{
	struct store *store = f->store;

	if (f->idle || f->parked < f->refs)
		return;
	if (!f->loaded || f->gone) {
		if (f->refs == 0)
			free_handle(f);
		return;
	}
	f->idle = true;
	f->older = store->newest;
	*(store->newest ? &store->newest->newer : &store->oldest) = f;
	store->newest = f;
	f->idle_bytes = index_bytes(f);
	store->idle_bytes += f->idle_bytes;
	while (store->idle_bytes > store->options.index_bytes)
		drop_oldest(store);
}

static struct store_folder *make_handle(struct store *store, uint64_t account, uint64_t id, struct str name)
{
	struct folder_key key = { account, id };
	struct store_folder *f = mem_make(struct store_folder);

	f->store = store;
	f->account = account;
	f->id = id;
	f->name = mem_dup(name);
	map_put(store->folders, key_bytes(&key), f);
	return f;
}

enum err store_folder_open(struct store *store, uint64_t account, struct str name, struct store_folder **ret_folder)
{
	struct arena *arena = arena_new();
	struct store_status status;
	struct store_folder *f = NULL;
	enum err e = store_folder_status(store, account, name, arena, &status);

	if (e == OK) {
		f = folders_find(store, account, status.id);
		if (!f)
			f = make_handle(store, account, status.id, status.name);
		leave_idle(f);
		f->refs++;
		*ret_folder = f;
	}
	arena_free(&arena);
	return e;
}

void store_folder_close(struct store_folder **folder)
{
	struct store_folder *f = *folder;

	if (!f)
		return;
	assert(f->refs > 0);
	*folder = NULL;
	f->refs--;
	become_idle(f);
}

void store_folder_park(struct store_folder *folder)
{
	assert(folder->parked < folder->refs);
	folder->parked++;
	become_idle(folder);
}

void store_folder_unpark(struct store_folder *folder)
{
	assert(folder->parked > 0);
	folder->parked--;
	leave_idle(folder);
}

uint64_t store_folder_account(const struct store_folder *folder)
{
	return folder->account;
}

uint64_t store_folder_id(const struct store_folder *folder)
{
	return folder->id;
}

struct str store_folder_name(const struct store_folder *folder)
{
	return str_of(folder->name);
}

bool store_folder_is_gone(const struct store_folder *folder)
{
	return folder->gone;
}

enum err store_folder_index(struct store_folder *folder, const struct store_index **ret_index)
{
	enum err e = OK;

	if (folder->gone)
		return ERR_NO_FOLDER;
	if (!folder->loaded)
		e = index_load(folder);
	if (e == OK)
		*ret_index = &folder->index;
	return e;
}

void store_folder_watch(struct store_folder *folder, struct store_watch *watch)
{
	watch->next = folder->watches;
	folder->watches = watch;
}

void store_folder_unwatch(struct store_folder *folder, struct store_watch *watch)
{
	struct store_watch **at = &folder->watches;

	while (*at && *at != watch)
		at = &(*at)->next;
	if (*at)
		*at = watch->next;
}

static void apply_deltas(struct store_tx *tx)
{
	size_t n;

	for (size_t i = 0; i < tx->deltas.n; i += n) {
		const struct delta *d = &tx->deltas.v[i];

		for (n = 1; i + n < tx->deltas.n && d[n].handle == d->handle && d[n].kind == d->kind;)
			n++;
		if (d->handle->loaded)
			index_apply(d->handle, d, n);
	}
}

static void mark_touched(struct store_folder *f, struct store_folder **list, size_t *n)
{
	if (f->touched)
		return;
	f->touched = true;
	list[(*n)++] = f;
}

/* The row is read again, as it was committed; what cannot be read now is loaded when somebody asks. */
static void refresh(struct store_folder *f)
{
	bool loaded = f->loaded;

	if (f->gone)
		return;
	if (index_load_row(f) != OK || !loaded)
		index_drop(f);
	if (f->idle) {
		f->store->idle_bytes += index_bytes(f) - f->idle_bytes;
		f->idle_bytes = index_bytes(f);
	}
}

static void call_watches(struct store_folder *f)
{
	struct store_watch *next;

	f->refs++; /* a watch may close its own session's handle */
	for (struct store_watch *watch = f->watches; watch; watch = next) {
		next = watch->next;
		watch->fn(watch, f);
	}
	f->refs--;
	become_idle(f);
}

void folders_commit(struct store_tx *tx)
{
	size_t n = 0;
	struct store_folder **list;

	if (tx->touched.n + tx->gone.n == 0)
		return;
	list = arena_array(tx->arena, struct store_folder *, tx->touched.n + tx->gone.n);
	apply_deltas(tx);
	for (size_t i = 0; i < tx->gone.n; i++) {
		mark_gone(tx->gone.v[i]);
		mark_touched(tx->gone.v[i], list, &n);
	}
	for (size_t i = 0; i < tx->touched.n; i++)
		mark_touched(tx->touched.v[i], list, &n);
	tx->store->tx = NULL; /* it is over: watches read what was committed */
	for (size_t i = 0; i < n; i++)
		refresh(list[i]);
	for (size_t i = 0; i < n; i++) {
		list[i]->touched = false;
		call_watches(list[i]);
	}
}

void folders_close_all(struct store *store)
{
	struct store_folder *f;

	while ((f = store->oldest) != NULL)
		drop_oldest(store);
	assert(map_count(store->folders) == 0);
	map_free(&store->folders);
}
