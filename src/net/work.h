/* SPDX-License-Identifier: ISC */
/*
 * Long computations beside the loop, in a small pool of threads: password hashes.  work runs in a thread and touches
 * only what it was given; done runs in the loop afterwards.
 */
#ifndef NET_WORK_H
#define NET_WORK_H

#include "net/loop.h"

/* Starts the threads: before lock-in. */
void loop_work_start(struct loop *loop);
/* Waits in line while all threads are busy. */
void loop_work(struct loop *loop, loop_fn *work, loop_fn *done, void *arg);

#endif
