/* SPDX-License-Identifier: ISC */
/*
 * The event loop of a role: descriptors, timers, and what runs at the end of each turn.  One
 * thread; callbacks never nest.  A thin layer over libuv, so that no other module knows it.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_timer;
struct loop_fd;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

typedef void loop_fn(void *arg);
typedef void loop_fd_fn(void *arg, int events);

struct loop *loop_new(void);
void loop_free(struct loop **loop);
/* Returns after loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* One turn that does not wait: for tests. */
void loop_poll(struct loop *loop);

/*
 * Calls fn when fd is ready for the events watched (initially none).  fd stays the caller's;
 * remove the watch before closing it.  Removing inside a callback is allowed, of any watch.
 */
struct loop_fd *loop_fd_add(struct loop *loop, int fd, loop_fd_fn *fn, void *arg);
void loop_fd_watch(struct loop_fd *watch, int events);
void loop_fd_remove(struct loop_fd **watch);

/*
 * One-shot timers; start again to move.  after_ms >= 0.  remove inside a callback is allowed.
 */
struct loop_timer *loop_timer_add(struct loop *loop, loop_fn *fn, void *arg);
void loop_timer_start(struct loop_timer *timer, int64_t after_ms);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_remove(struct loop_timer **timer);

/*
 * fn runs at the end of every turn that did something, after all ready descriptors and timers:
 * commit, flush.
 */
void loop_at_turn_end(struct loop *loop, loop_fn *fn, void *arg);
/* As loop_at_turn_end(), but after all of those: what sends the turn's output. */
void loop_at_turn_last(struct loop *loop, loop_fn *fn, void *arg);
/* Forgets both kinds with this arg; not from inside one. */
void loop_turn_forget(struct loop *loop, void *arg);
/*
 * The current turn has an end even if no callback came in it: output was queued before the
 * loop ran.
 */
void loop_wake(struct loop *loop);
/* fn runs once, soon: at this turn's end, or the next turn when called there. */
void loop_defer(struct loop *loop, loop_fn *fn, void *arg);
/* Forgets deferred calls with this arg. */
void loop_defer_cancel(struct loop *loop, void *arg);

#endif
