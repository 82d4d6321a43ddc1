/* SPDX-License-Identifier: ISC */
/*
 * libuv polls after its prepare handles ran: by then all descriptors of the last poll and all
 * timers that were due had their calls, so the prepare handle is the end of the turn.  An idle
 * handle runs only to keep libuv from blocking while deferred calls wait.
 */
#include "net/loop.h"

#include "base/metrics.h"
#include "base/time.h"
#include "base/vec.h"
#include "net/loop_local.h"

#include <assert.h>
#include <signal.h>
#include <uv.h>

struct hook {
	loop_fn *fn;
	void *arg;
};

struct hooks {
	struct hook *v;
	size_t n, cap;
};

struct loop {
	uv_loop_t uv;
	uv_prepare_t prepare;
	uv_idle_t idle;
	struct hooks at_end, last, deferred, running;
	struct loop_local local;
	uint64_t turn_began_us;
	bool active; /* something ran since the last turn end */
};

struct loop_fd {
	uv_poll_t uv;
	loop_fd_fn *fn;
	void *arg;
	int events;
};

struct loop_timer {
	uv_timer_t uv;
	loop_fn *fn;
	void *arg;
};

static void mark_active(struct loop *loop)
{
	if (loop->active)
		return;
	loop->active = true;
	loop->turn_began_us = time_mono_us();
}

static void run_hooks(const struct hooks *hooks)
{
	for (size_t i = 0; i < hooks->n; i++)
		if (hooks->v[i].fn)
			hooks->v[i].fn(hooks->v[i].arg);
}

static void run_deferred(struct loop *loop)
{
	struct hooks empty = loop->running;

	/* Calls deferred from here on belong to the next turn. */
	loop->running = loop->deferred;
	loop->deferred = empty;
	run_hooks(&loop->running);
	loop->running.n = 0;
}

static void ignore_idle(uv_idle_t *idle)
{
}

static void end_turn(struct loop *loop)
{
	if (loop->deferred.n)
		mark_active(loop);
	if (!loop->active)
		return;
	run_deferred(loop);
	run_hooks(&loop->at_end);
	run_hooks(&loop->last);
	loop->active = false;
	metric_observe_us(METRIC_loop_turn, time_mono_us() - loop->turn_began_us);
}

static void prepare(uv_prepare_t *handle)
{
	struct loop *loop = handle->data;

	end_turn(loop);
	if (loop->deferred.n)
		uv_idle_start(&loop->idle, ignore_idle);
	else
		uv_idle_stop(&loop->idle);
}

struct loop *loop_new(void)
{
	struct loop *loop = mem_make(struct loop);

	/* OpenSSL writes with write(2): a peer that went away must not end the process. */
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&loop->uv);
	uv_prepare_init(&loop->uv, &loop->prepare);
	uv_idle_init(&loop->uv, &loop->idle);
	loop->prepare.data = loop;
	uv_prepare_start(&loop->prepare, prepare);
	return loop;
}

struct loop_local *loop_local_of(struct loop *loop)
{
	return &loop->local;
}

static void free_handle(uv_handle_t *handle)
{
	/* Each handle is the first member of what was allocated. */
	free(handle);
}

static void close_left(uv_handle_t *handle, void *arg)
{
	bool embedded = handle->type == UV_PREPARE || handle->type == UV_IDLE;

	if (!uv_is_closing(handle))
		uv_close(handle, embedded ? NULL : free_handle);
}

void loop_free(struct loop **loop)
{
	struct loop *l = *loop;

	if (!l)
		return;
	if (l->local.free_fn)
		l->local.free_fn(l->local.p);
	uv_walk(&l->uv, close_left, NULL);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	assert(uv_loop_close(&l->uv) == 0);
	vec_done(&l->at_end);
	vec_done(&l->last);
	vec_done(&l->deferred);
	vec_done(&l->running);
	free(l);
	*loop = NULL;
}

void loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	end_turn(loop);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

void loop_poll(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_NOWAIT);
	end_turn(loop);
}

struct loop_fd *loop_fd_add(struct loop *loop, int fd, loop_fd_fn *fn, void *arg)
{
	struct loop_fd *watch = mem_make(struct loop_fd);
	int r = uv_poll_init(&loop->uv, &watch->uv, fd);

	assert(r == 0);
	watch->uv.data = loop;
	watch->fn = fn;
	watch->arg = arg;
	return watch;
}

static void on_ready(uv_poll_t *handle, int status, int events)
{
	struct loop_fd *watch = (struct loop_fd *)handle;
	int ready = (events & UV_READABLE ? LOOP_READ : 0) |
		(events & UV_WRITABLE ? LOOP_WRITE : 0);

	mark_active(handle->data);
	/*
	 * The descriptor failed, and libuv watches it no more: reading and writing it will say
	 * how.
	 */
	if (status < 0) {
		ready = watch->events;
		watch->events = 0;
	}
	watch->fn(watch->arg, ready);
}

static int uv_events(int events)
{
	return (events & LOOP_READ ? UV_READABLE : 0) |
		(events & LOOP_WRITE ? UV_WRITABLE : 0);
}

void loop_fd_watch(struct loop_fd *watch, int events)
{
	int r;

	if (events == watch->events)
		return;
	watch->events = events;
	r = events ? uv_poll_start(&watch->uv, uv_events(events), on_ready) :
		     uv_poll_stop(&watch->uv);
	assert(r == 0);
}

void loop_fd_remove(struct loop_fd **watch)
{
	if (!*watch)
		return;
	/* Takes the descriptor out of the poll set at once; only the memory lives on. */
	uv_close((uv_handle_t *)&(*watch)->uv, free_handle);
	*watch = NULL;
}

struct loop_timer *loop_timer_add(struct loop *loop, loop_fn *fn, void *arg)
{
	struct loop_timer *timer = mem_make(struct loop_timer);

	uv_timer_init(&loop->uv, &timer->uv);
	timer->uv.data = loop;
	timer->fn = fn;
	timer->arg = arg;
	return timer;
}

static void on_timer(uv_timer_t *handle)
{
	struct loop_timer *timer = (struct loop_timer *)handle;

	mark_active(handle->data);
	timer->fn(timer->arg);
}

void loop_timer_start(struct loop_timer *timer, int64_t after_ms)
{
	/* libuv's clock stands still during a turn. */
	uv_update_time(timer->uv.loop);
	uv_timer_start(&timer->uv, on_timer, (uint64_t)after_ms, 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
	uv_timer_stop(&timer->uv);
}

void loop_timer_remove(struct loop_timer **timer)
{
	if (!*timer)
		return;
	uv_close((uv_handle_t *)&(*timer)->uv, free_handle);
	*timer = NULL;
}

void loop_at_turn_end(struct loop *loop, loop_fn *fn, void *arg)
{
	vec_push(&loop->at_end, ((struct hook){ fn, arg }));
}

void loop_at_turn_last(struct loop *loop, loop_fn *fn, void *arg)
{
	vec_push(&loop->last, ((struct hook){ fn, arg }));
}

static void forget(struct hooks *hooks, void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < hooks->n; i++)
		if (hooks->v[i].arg != arg)
			hooks->v[kept++] = hooks->v[i];
	hooks->n = kept;
}

void loop_wake(struct loop *loop)
{
	mark_active(loop);
}

void loop_turn_forget(struct loop *loop, void *arg)
{
	forget(&loop->at_end, arg);
	forget(&loop->last, arg);
}

void loop_defer(struct loop *loop, loop_fn *fn, void *arg)
{
	vec_push(&loop->deferred, ((struct hook){ fn, arg }));
}

void loop_defer_cancel(struct loop *loop, void *arg)
{
	forget(&loop->deferred, arg);
	/* This list may be in the middle of its run. */
	for (size_t i = 0; i < loop->running.n; i++)
		if (loop->running.v[i].arg == arg)
			loop->running.v[i].fn = NULL;
}
