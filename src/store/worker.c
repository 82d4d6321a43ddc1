/* SPDX-License-Identifier: ISC */
#include "store/worker.h"

#include "base/arena.h"
#include "base/metrics.h"
#include "base/time.h"
#include "os/file.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILL_BYTES = 1 << 20, RETRY_MS = 60000 };

struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake, idle;
	const struct store_os *os;
	struct sql_checkpointer *checkpointer;
	bool stop, checkpoint, checkpointing, prepare;
	char path[OS_PATH_MAX];
	uint64_t bytes;
	int64_t not_before_ms; /* after a failure */
	int fd; /* the file that is ready, or -1 */
};

static enum err fill_with_zeros(const struct store_os *os, int fd, uint64_t bytes)
{
	char *zeros = mem_alloc(FILL_BYTES);
	enum err e = OK;

	for (uint64_t at = 0; e == OK && at < bytes; at += FILL_BYTES) {
		uint64_t n = bytes - at < FILL_BYTES ? bytes - at : FILL_BYTES;
		struct iovec part = { zeros, (size_t)n };

		e = store_os_write(os, fd, at, &part, 1);
	}
	free(zeros);
	if (e == OK && os->fsync(fd) != 0)
		e = ERR_IO;
	return e;
}

/* Failing is no harm: the shard then makes a plain file. */
static int make_file(struct worker *worker)
{
	int fd = worker->os->open(worker->path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd >= 0 && fill_with_zeros(worker->os, fd, worker->bytes) != OK) {
		close(fd);
		unlink(worker->path);
		fd = -1;
	}
	return fd;
}

static void run_checkpoint(struct worker *worker)
{
	uint64_t left;

	worker->checkpoint = false;
	worker->checkpointing = true;
	pthread_mutex_unlock(&worker->lock);
	/* An error is met again by the next commit or checkpoint; the log only grows meanwhile. */
	(void)!sql_checkpointer_run(worker->checkpointer, &left);
	pthread_mutex_lock(&worker->lock);
	worker->checkpointing = false;
	pthread_cond_broadcast(&worker->idle);
}

static void run_prepare(struct worker *worker)
{
	int fd;

	pthread_mutex_unlock(&worker->lock);
	fd = make_file(worker);
	pthread_mutex_lock(&worker->lock);
	worker->fd = fd;
	worker->prepare = false;
	if (fd < 0)
		worker->not_before_ms = time_mono_ms() + RETRY_MS;
}

static void *run_worker(void *arg)
{
	struct worker *worker = arg;

	pthread_mutex_lock(&worker->lock);
	while (!worker->stop) {
		if (worker->checkpoint)
			run_checkpoint(worker);
		else if (worker->prepare)
			run_prepare(worker);
		else
			pthread_cond_wait(&worker->wake, &worker->lock);
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

enum err worker_start(const char *database, const struct store_os *os, struct worker **ret_worker)
{
	struct worker *worker = mem_make(struct worker);
	enum err e = sql_checkpointer_open(database, &worker->checkpointer);

	if (e != OK) {
		free(worker);
		return e;
	}
	worker->os = os;
	worker->fd = -1;
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->wake, NULL);
	pthread_cond_init(&worker->idle, NULL);
	if (pthread_create(&worker->thread, NULL, run_worker, worker) != 0) {
		sql_checkpointer_close(&worker->checkpointer);
		free(worker);
		return ERR_NO_MEMORY;
	}
	*ret_worker = worker;
	return OK;
}

void worker_stop(struct worker **worker)
{
	struct worker *w = *worker;

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	if (w->fd >= 0) {
		close(w->fd);
		unlink(w->path);
	}
	sql_checkpointer_close(&w->checkpointer);
	pthread_cond_destroy(&w->wake);
	pthread_cond_destroy(&w->idle);
	pthread_mutex_destroy(&w->lock);
	free(w);
	*worker = NULL;
}

void worker_checkpoint(struct worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	if (!worker->checkpoint && !worker->checkpointing) {
		worker->checkpoint = true;
		pthread_cond_signal(&worker->wake);
		metric_add(METRIC_checkpoints, 1);
	}
	pthread_mutex_unlock(&worker->lock);
}

void worker_wait(struct worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	while (worker->checkpoint || worker->checkpointing)
		pthread_cond_wait(&worker->idle, &worker->lock);
	pthread_mutex_unlock(&worker->lock);
}

bool worker_is_idle(struct worker *worker)
{
	bool idle;

	pthread_mutex_lock(&worker->lock);
	idle = !worker->checkpoint && !worker->checkpointing;
	pthread_mutex_unlock(&worker->lock);
	return idle;
}

void worker_prepare(struct worker *worker, const char *path, uint64_t bytes)
{
	pthread_mutex_lock(&worker->lock);
	if (!worker->prepare && worker->fd < 0 && time_mono_ms() >= worker->not_before_ms) {
		snprintf(worker->path, sizeof(worker->path), "%s", path);
		worker->bytes = bytes;
		worker->prepare = true;
		pthread_cond_signal(&worker->wake);
	}
	pthread_mutex_unlock(&worker->lock);
}

int worker_take(struct worker *worker, char *ret_path)
{
	int fd = -1;

	pthread_mutex_lock(&worker->lock);
	if (!worker->prepare && worker->fd >= 0) {
		fd = worker->fd;
		worker->fd = -1;
		memcpy(ret_path, worker->path, sizeof(worker->path));
	}
	pthread_mutex_unlock(&worker->lock);
	return fd;
}

bool worker_has_file(struct worker *worker)
{
	bool has;

	pthread_mutex_lock(&worker->lock);
	has = !worker->prepare && worker->fd >= 0;
	pthread_mutex_unlock(&worker->lock);
	return has;
}
