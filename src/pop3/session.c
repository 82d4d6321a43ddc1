/* SPDX-License-Identifier: ISC */
#include "pop3/session_local.h"

#include "base/log.h"
#include "base/map.h"
#include "base/time.h"
#include "base/vec.h"

#include <unistd.h>

enum { OUTPUT_MAX = 96 << 20, LINGER_MS = 5000, LOAD_ENTRIES = 5000 };

static void free_session(struct pop3_session *s)
{
	LOG(LOG_INFO, "pop3_end", F_TRACE(s->trace), F_CSTR("address", s->address), F_U64("retrieved", s->retrieved),
		F_U64("deleted", uidset_count(&s->gone)), F_I64("ms", time_mono_ms() - s->opened_ms));
	loop_defer_cancel(s->all->loop, s);
	if (s->folder)
		store_folder_close(&s->folder);
	map_remove_u64(s->all->by_account, s->account);
	if (s->prev)
		s->prev->next = s->next;
	else
		s->all->first = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->all->count--;
	arena_free(&s->arena);
	vec_done(&s->items);
	uidset_done(&s->gone);
	free(s->address);
	free(s);
}

/* Frees the session as soon as the store has given its job back. */
static void end(struct pop3_session *s, int64_t linger_ms)
{
	if (s->conn)
		conn_close(&s->conn, linger_ms);
	s->state = POP3_CLOSED;
	if (!s->with_store)
		free_session(s);
}

static void fail(struct pop3_session *s, enum err e)
{
	pop3_write_error(e, conn_output(s->conn));
	end(s, LINGER_MS);
}

static void submit(struct pop3_session *s, enum err (*run)(struct store_job *, struct store_tx *),
	void (*done)(struct store_job *, enum err), const char *what)
{
	s->job.run = run;
	s->job.done = done;
	s->job.account = s->account;
	s->job.what = what;
	s->with_store = true;
	store_submit(s->all->store, &s->job);
}

/* ---- lines ---- */

static void take_line(struct pop3_session *s, struct str line)
{
	if (s->errors >= POP3_ERRORS_MAX)
		fail(s, ERR_TOO_MANY_ERRORS);
	else
		pop3_session_command(s, line);
}

static void on_readable(struct conn *conn, void *arg)
{
	struct pop3_session *s = arg;
	struct str input = conn_input(conn), line;
	size_t taken;

	if (s->state != POP3_READY || conn_output_size(conn) > POP3_OUTPUT_MARK)
		return;
	line = pop3_line_of(input, &taken);
	if (!taken && input.n <= POP3_LINE_MAX)
		return;
	conn_consume(conn, taken);
	conn_kick(conn);
	if (!taken || taken > POP3_LINE_MAX)
		fail(s, ERR_LINE_TOO_LONG);
	else
		take_line(s, line);
}

static void on_drained(struct conn *conn, void *arg)
{
	struct pop3_session *s = arg;

	if (s->state == POP3_SENDING || s->state == POP3_READY)
		pop3_session_defer(s);
}

static void on_ended(struct conn *conn, void *arg, enum err why)
{
	end(arg, 0);
}

static const struct conn_events events = { .readable = on_readable, .ended = on_ended, .drained = on_drained };

/* ---- what INBOX holds ---- */

static enum err load_slice(struct pop3_session *s, bool *ret_end)
{
	const struct store_index *index;
	struct arena *arena = arena_new();
	struct store_entry *entries;
	uint32_t at, last;
	size_t n = 0;
	enum err e = store_folder_index(s->folder, &index);

	*ret_end = false;
	if (e == OK) {
		at = s->items.n ? store_index_find(index, s->items.v[s->items.n - 1].uid + 1) : 0;
		*ret_end = at >= index->count;
		last = index->count - at > LOAD_ENTRIES ? at + LOAD_ENTRIES - 1 : index->count - 1;
		if (!*ret_end)
			e = store_folder_read(s->folder, index->uids[at], index->uids[last], arena, &entries, &n);
	}
	for (size_t i = 0; e == OK && i < n; i++) {
		struct pop3_item item = { entries[i].instance, entries[i].uid, entries[i].size, false };

		vec_push(&s->items, item);
	}
	arena_free(&arena);
	return e;
}

static void load(struct pop3_session *s)
{
	bool is_end;
	enum err e = s->folder ? OK : store_folder_open(s->all->store, s->account, S("INBOX"), &s->folder);

	if (e == OK)
		e = load_slice(s, &is_end);
	if (e != OK) {
		fail(s, e);
	} else if (!is_end) {
		pop3_session_defer(s);
	} else {
		s->state = POP3_READY;
		conn_writef(s->conn, "+OK logged in, %zu messages\r\n", s->items.n);
		conn_kick(s->conn);
	}
}

static void go_on(void *arg)
{
	struct pop3_session *s = arg;

	s->is_deferred = false;
	if (!s->conn) {
		end(s, 0);
		return;
	}
	/* Which may end the session. */
	if (s->state == POP3_LOADING) {
		load(s);
		return;
	}
	if (s->state == POP3_SENDING)
		pop3_session_send(s);
	if (s->conn && s->state == POP3_READY)
		conn_kick(s->conn);
}

void pop3_session_defer(struct pop3_session *s)
{
	if (!s->is_deferred)
		loop_defer(s->all->loop, go_on, s);
	s->is_deferred = true;
}

static enum err run_ensure(struct store_job *job, struct store_tx *tx)
{
	return store_account_ensure(tx, job->account);
}

static void ensured(struct store_job *job, enum err e)
{
	struct pop3_session *s = (struct pop3_session *)job;

	s->with_store = false;
	if (s->state == POP3_CLOSED)
		free_session(s);
	else if (e != OK)
		fail(s, e);
	else
		load(s);
}

/* ---- QUIT ---- */

static enum err run_update(struct store_job *job, struct store_tx *tx)
{
	struct pop3_session *s = (struct pop3_session *)job;
	struct uidset expunged = { 0 };
	enum err e = store_expunge(tx, s->folder, &s->gone, true, &expunged);

	uidset_done(&expunged);
	return e;
}

static void updated(struct store_job *job, enum err e)
{
	struct pop3_session *s = (struct pop3_session *)job;

	s->with_store = false;
	if (s->state == POP3_CLOSED) {
		free_session(s);
		return;
	}
	if (e != OK) {
		uidset_clear(&s->gone);
		LOG(LOG_ERROR, "pop3_update_failed", F_TRACE(s->trace), F_CSTR("address", s->address), F_ERR(e));
		fail(s, e);
		return;
	}
	conn_write(s->conn, S("+OK bye\r\n"));
	end(s, LINGER_MS);
}

void pop3_session_update(struct pop3_session *s)
{
	for (size_t i = 0; i < s->items.n; i++)
		if (s->items.v[i].deleted)
			uidset_add(&s->gone, s->items.v[i].uid);
	s->state = POP3_UPDATING;
	if (s->gone.n) {
		submit(s, run_update, updated, "QUIT");
		return;
	}
	conn_write(s->conn, S("+OK bye\r\n"));
	end(s, LINGER_MS);
}

/* ---- sessions ---- */

static struct pop3_session *new_session(
	struct pop3_sessions *all, int fd, const struct ipc_session_open *open, uint64_t trace)
{
	static const struct conn_limits limits = { POP3_INPUT_MAX, OUTPUT_MAX };
	struct pop3_session *s = mem_make(struct pop3_session);

	s->all = all;
	s->account = open->account;
	s->device = open->device;
	s->trace = trace;
	s->address = mem_dup(open->address);
	s->opened_ms = time_mono_ms();
	s->conn = conn_new(all->loop, fd, &limits, &events, s);
	conn_set_timeout(s->conn, all->conf->pop3_idle_max);
	s->next = all->first;
	if (s->next)
		s->next->prev = s;
	all->first = s;
	all->count++;
	map_put_u64(all->by_account, s->account, s);
	return s;
}

enum err pop3_session_open(
	struct pop3_sessions *all, int fd, const struct ipc_session_open *open, uint64_t trace)
{
	struct pop3_session *s;
	bool exists = false;
	enum err e;

	if (all->is_stopped || map_get_u64(all->by_account, open->account)) {
		close(fd);
		return all->is_stopped ? ERR_SHUTTING_DOWN : ERR_IN_USE;
	}
	s = new_session(all, fd, open, trace);
	LOG(LOG_INFO, "pop3_begin", F_TRACE(trace), F_CSTR("address", s->address), F_U64("account", s->account),
		F_U64("device", s->device));
	e = store_account_exists(all->store, s->account, &exists);
	if (e == OK && exists)
		pop3_session_defer(s);
	else
		submit(s, run_ensure, ensured, "PASS");
	return OK;
}

struct pop3_sessions *pop3_sessions_new(struct loop *loop, struct store *store, const struct conf *conf)
{
	struct pop3_sessions *all = mem_make(struct pop3_sessions);

	*all = (struct pop3_sessions){ .loop = loop, .store = store, .conf = conf, .by_account = map_new() };
	return all;
}

void pop3_sessions_stop(struct pop3_sessions *all)
{
	all->is_stopped = true;
	for (struct pop3_session *s = all->first, *next; s; s = next) {
		next = s->next;
		/* A QUIT that is with the store gets its answer in this turn yet. */
		if (s->state != POP3_UPDATING)
			end(s, LINGER_MS);
	}
}

void pop3_sessions_end(struct pop3_sessions *all, uint64_t account, uint64_t device)
{
	struct pop3_session *s = map_get_u64(all->by_account, account);

	if (s && s->state != POP3_UPDATING && (device == 0 || s->device == device))
		end(s, LINGER_MS);
}

void pop3_sessions_end_domain(struct pop3_sessions *all, struct str domain)
{
	for (struct pop3_session *s = all->first, *next; s; s = next) {
		struct str address = str_of(s->address);

		next = s->next;
		if (s->state != POP3_UPDATING && str_equal(str_from(address, (size_t)(str_rindex(address, '@') + 1)), domain))
			end(s, LINGER_MS);
	}
}

void pop3_sessions_free(struct pop3_sessions **sessions)
{
	struct pop3_sessions *all = *sessions;

	if (!all)
		return;
	while (all->first) {
		if (all->first->conn)
			conn_close(&all->first->conn, 0);
		free_session(all->first);
	}
	map_free(&all->by_account);
	free(all);
	*sessions = NULL;
}

size_t pop3_sessions_count(const struct pop3_sessions *sessions)
{
	return sessions->count;
}
