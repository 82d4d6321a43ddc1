/* SPDX-License-Identifier: ISC */
/* The shared log of the recorder; see reclog.h. */
#include "reclog.h"
#include "shim.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct reclog_head *head;
static uint32_t own_pid;

static void note_pid(void)
{
	own_pid = (uint32_t)getpid();
}

void reclog_init(void)
{
	const char *path = getenv("CRASH_LOG");
	struct reclog_head first;
	void *map;
	int fd;

	if (path == NULL)
		return;
	fd = NEXT(open64)(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || NEXT(read)(fd, &first, sizeof(first)) != (ssize_t)sizeof(first) ||
		first.magic != RECLOG_MAGIC)
		abort();
	map = mmap(
		NULL, first.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (map == MAP_FAILED)
		abort();
	NEXT(close)(fd);
	note_pid();
	pthread_atfork(NULL, NULL, note_pid);
	head = map;
}

uint64_t reclog_new_handle(void)
{
	return head == NULL ? 0 : __atomic_add_fetch(&head->handle, 1, __ATOMIC_SEQ_CST);
}

static struct reclog_rec *take_room(size_t size)
{
	uint64_t at = __atomic_fetch_add(&head->tail, size, __ATOMIC_SEQ_CST);

	if (at + size > head->size) {
		__atomic_store_n(&head->overflow, 1, __ATOMIC_SEQ_CST);
		return NULL;
	}
	return (struct reclog_rec *)((char *)head + at);
}

static char *put(char *at, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(at, bytes, len);
	return at + len;
}

struct reclog_rec *reclog_begin(
	enum reclog_type type, const struct reclog_body *body, void **ret_data)
{
	size_t path_len = body->path == NULL ? 0 : strlen(body->path);
	size_t path2_len = body->path2 == NULL ? 0 : strlen(body->path2);
	size_t frames_len = body->nframes * sizeof(void *);
	size_t size =
		sizeof(struct reclog_rec) + frames_len + path_len + path2_len + body->data_len;
	struct reclog_rec *rec;
	char *at;

	if (head == NULL)
		return NULL;
	size = (size + 15) & ~(size_t)15;
	rec = take_room(size);
	if (rec == NULL)
		return NULL;
	rec->type = (uint16_t)type;
	rec->nframes = (uint16_t)body->nframes;
	rec->pid = own_pid;
	rec->size = (uint32_t)size;
	rec->path_len = (uint32_t)path_len;
	rec->path2_len = (uint32_t)path2_len;
	rec->data_len = body->data_len;
	at = put((char *)(rec + 1), body->frames, frames_len);
	at = put(at, body->path, path_len);
	at = put(at, body->path2, path2_len);
	if (ret_data != NULL)
		*ret_data = at;
	rec->start = __atomic_fetch_add(&head->seq, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&rec->magic, RECLOG_RECORD, __ATOMIC_RELEASE);
	return rec;
}

void reclog_end(struct reclog_rec *rec, int64_t result)
{
	if (rec == NULL)
		return;
	rec->result = result;
	__atomic_store_n(&rec->end, __atomic_fetch_add(&head->seq, 1, __ATOMIC_SEQ_CST),
		__ATOMIC_RELEASE);
}
