/* SPDX-License-Identifier: ISC */
/*
 * What all connections of a loop share: whose callbacks are due, whose output is, memory of
 * buffers, and a timer wheel.  The wheel is lazy: activity only moves conn->active_ms; a slot
 * that comes up puts its conns where they belong by then.
 */
#include "base/time.h"
#include "base/vec.h"
#include "net/conn_internal.h"
#include "net/loop_local.h"

enum {
	SLOTS = 512,
	TICK_MS = 250,
	SPARES = 32,
	SPARE_MAX = 64 << 10, /* larger buffers are not kept */
};

struct spare {
	char *p;
	size_t cap;
};

struct conn_pool {
	struct loop *loop;
	struct link pending, running, flush;
	bool deferred;
	struct spare spares[SPARES];
	unsigned spare_count;
	struct link slots[SLOTS];
	struct loop_timer *timer;
	int64_t last_tick, armed_tick; /* armed_tick 0: not armed */
};

static void run_pending(void *arg)
{
	struct conn_pool *pool = arg;

	pool->deferred = false;
	/* What comes due meanwhile has its turn next. */
	link_append_all(&pool->running, &pool->pending);
	while (!link_is_empty(&pool->running)) {
		struct conn *conn = link_owner(pool->running.next, struct conn, work);

		link_remove(&conn->work);
		conn_attend(conn);
	}
}

void conn_schedule(struct conn *conn)
{
	struct conn_pool *pool = conn->pool;

	if (link_is_empty(&conn->work))
		link_append(&pool->pending, &conn->work);
	if (pool->deferred)
		return;
	pool->deferred = true;
	loop_defer(pool->loop, run_pending, pool);
}

void conn_queue_flush(struct conn *conn)
{
	if (!link_is_empty(&conn->flush))
		return;
	link_append(&conn->pool->flush, &conn->flush);
	loop_wake(conn->pool->loop);
}

static void flush_all(void *arg)
{
	struct conn_pool *pool = arg;

	while (!link_is_empty(&pool->flush)) {
		struct conn *conn = link_owner(pool->flush.next, struct conn, flush);

		link_remove(&conn->flush);
		conn_flush_now(conn);
	}
}

void conn_borrow(struct conn *conn, struct buf *buf)
{
	struct conn_pool *pool = conn->pool;

	if (buf->p || pool->spare_count == 0)
		return;
	pool->spare_count--;
	buf->p = pool->spares[pool->spare_count].p;
	buf->cap = pool->spares[pool->spare_count].cap;
}

void conn_stow(struct conn *conn, struct buf *buf)
{
	struct conn_pool *pool = conn->pool;

	if (buf->p && buf->cap <= SPARE_MAX && pool->spare_count < SPARES) {
		pool->spares[pool->spare_count++] = (struct spare){ buf->p, buf->cap };
		buf->p = NULL;
	}
	buf_release(buf);
}

static void arm(struct conn_pool *pool, int64_t tick)
{
	int64_t wait = tick * TICK_MS - time_mono_ms();

	pool->armed_tick = tick;
	loop_timer_start(pool->timer, wait > 0 ? wait : 0);
}

static void arm_next(struct conn_pool *pool)
{
	pool->armed_tick = 0;
	for (int64_t tick = pool->last_tick + 1; tick <= pool->last_tick + SLOTS; tick++) {
		if (link_is_empty(&pool->slots[tick % SLOTS]))
			continue;
		arm(pool, tick);
		return;
	}
}

static void wheel_insert(struct conn *conn)
{
	struct conn_pool *pool = conn->pool;
	int64_t tick = (conn->active_ms + conn->timeout_ms) / TICK_MS + 1;

	tick = tick > pool->last_tick ? tick : pool->last_tick + 1;
	tick = tick < pool->last_tick + SLOTS ? tick : pool->last_tick + SLOTS - 1;
	conn->wheel_tick = (uint32_t)tick;
	link_append(&pool->slots[tick % SLOTS], &conn->wheel);
	if (pool->armed_tick == 0 || tick < pool->armed_tick)
		arm(pool, tick);
}

void conn_wheel_set(struct conn *conn)
{
	int64_t due = (conn->active_ms + conn->timeout_ms) / TICK_MS + 1;

	if (conn->timeout_ms == 0) {
		link_remove(&conn->wheel);
		return;
	}
	/* One that stands early enough is put right when its slot comes up. */
	if (!link_is_empty(&conn->wheel) && (int64_t)conn->wheel_tick <= due)
		return;
	link_remove(&conn->wheel);
	/* An empty wheel did not turn: the next slot to look at may be long ago. */
	if (conn->pool->armed_tick == 0)
		conn->pool->last_tick = time_mono_ms() / TICK_MS;
	wheel_insert(conn);
}

static void turn_wheel(void *arg)
{
	struct conn_pool *pool = arg;
	int64_t now = time_mono_ms(), until = now / TICK_MS;
	struct link due;

	link_init(&due);
	for (int i = 0; i < SLOTS && pool->last_tick < until; i++)
		link_append_all(&due, &pool->slots[++pool->last_tick % SLOTS]);
	pool->last_tick = until;
	while (!link_is_empty(&due)) {
		struct conn *conn = link_owner(due.next, struct conn, wheel);

		link_remove(&conn->wheel);
		if (conn->active_ms + conn->timeout_ms <= now)
			conn_expired(conn);
		else
			wheel_insert(conn);
	}
	arm_next(pool);
}

/* Owners close their conns before the loop goes; those that linger have only us. */
static void destroy_closing(struct link *list, size_t offset)
{
	struct link *next;

	for (struct link *l = list->next; l != list; l = next) {
		struct conn *conn = (struct conn *)(void *)((char *)l - offset);

		next = l->next;
		if (conn->closing)
			conn_destroy(conn);
	}
}

static void pool_free(void *arg)
{
	struct conn_pool *pool = arg;

	destroy_closing(&pool->flush, offsetof(struct conn, flush));
	for (int i = 0; i < SLOTS; i++)
		destroy_closing(&pool->slots[i], offsetof(struct conn, wheel));
	for (unsigned i = 0; i < pool->spare_count; i++)
		free(pool->spares[i].p);
	loop_timer_remove(&pool->timer);
	free(pool);
}

static struct conn_pool *pool_new(struct loop *loop)
{
	struct conn_pool *pool = mem_make(struct conn_pool);

	pool->loop = loop;
	link_init(&pool->pending);
	link_init(&pool->running);
	link_init(&pool->flush);
	for (int i = 0; i < SLOTS; i++)
		link_init(&pool->slots[i]);
	pool->last_tick = time_mono_ms() / TICK_MS;
	pool->timer = loop_timer_add(loop, turn_wheel, pool);
	loop_at_turn_last(loop, flush_all, pool);
	return pool;
}

struct conn_pool *conn_pool_of(struct loop *loop)
{
	struct loop_local *local = loop_local_of(loop);

	if (!local->p)
		*local = (struct loop_local){ pool_new(loop), pool_free };
	return local->p;
}
