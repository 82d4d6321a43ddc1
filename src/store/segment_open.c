/* SPDX-License-Identifier: ISC */
/*
 * Files of the log: making, finding and leaving them.
 */
#include "store/segment_local.h"

#include "base/random.h"
#include "base/time.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *segment_path(const struct segments *log, uint32_t number, const char *suffix, char *out)
{
	return os_path(out, "%s/%08u.%s", log->dir, number, suffix);
}

/* Without room for all of it rather fail now than in the middle; a file system that cannot reserve need not. */
static enum err reserve_plain(const struct segments *log, int fd, uint64_t size)
{
	if (log->os->fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size) == 0)
		return OK;
	if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)
		return OK;
	return err_from_errno(errno);
}

static enum err make_plain(struct segments *log, const char *path, uint64_t size, int *ret_fd)
{
	int fd = log->os->open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	enum err e;

	if (fd < 0)
		return err_from_errno(errno);
	e = reserve_plain(log, fd, size);
	if (e != OK) {
		close(fd);
		unlink(path);
		return e;
	}
	*ret_fd = fd;
	return OK;
}

/* The file the worker has made ready, or a plain one. */
static enum err make_file(struct segments *log, const char *path, uint64_t size, int *ret_fd, bool *ret_zeroed)
{
	char ready[OS_PATH_MAX];
	int fd = size <= log->segment_bytes ? worker_take(log->worker, ready) : -1;

	*ret_zeroed = fd >= 0;
	if (fd < 0)
		return make_plain(log, path, size, ret_fd);
	if (rename(ready, path) != 0) {
		close(fd);
		unlink(ready);
		return ERR_IO;
	}
	*ret_fd = fd;
	return OK;
}

static enum err sync_dir(const struct segments *log)
{
	int fd = log->os->open(log->dir, O_RDONLY | O_DIRECTORY, 0);
	int failed = fd < 0 || log->os->fsync(fd) != 0;

	if (fd >= 0)
		close(fd);
	return failed ? ERR_IO : OK;
}

static enum err write_header(const struct segments *log, int fd, const struct segment_header *header)
{
	char bytes[SEGMENT_HEADER_BYTES];
	struct iovec part = { bytes, sizeof(bytes) };

	segment_encode_header(header, bytes);
	return store_os_write(log->os, fd, 0, &part, 1);
}

enum err segment_create(struct segments *log, uint64_t need)
{
	uint64_t size = SEGMENT_HEADER_BYTES + need;
	struct segment_header header = { log->last_number + 1, random_u64(), time_wall_s() };
	struct segment_writer *w = &log->writer;
	char path[OS_PATH_MAX];
	enum err e;
	int fd = -1;

	size = size < log->segment_bytes ? log->segment_bytes : size;
	segment_path(log, header.number, "seg", path);
	e = make_file(log, path, size, &fd, &w->zeroed);
	if (e != OK)
		return e;
	e = write_header(log, fd, &header);
	if (e == OK)
		e = sync_dir(log);
	if (e != OK) {
		close(fd);
		unlink(path);
		return e;
	}
	log->last_number = header.number;
	w->fd = fd;
	w->number = header.number;
	w->id = header.id;
	w->size = size;
	w->end = w->written = w->committed = w->marked = SEGMENT_HEADER_BYTES;
	w->dirty = true; /* its header is synced with the first records, before the turn is committed */
	return OK;
}

uint64_t segment_scan(const struct store_os *os, int fd, uint64_t id, uint64_t from)
{
	char bytes[RECORD_HEADER_BYTES];
	struct record_header header;
	uint64_t size;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return from;
	for (size = (uint64_t)st.st_size; from + sizeof(bytes) <= size; from += header.length)
		if (store_os_read(os, fd, from, bytes, sizeof(bytes)) != OK ||
			record_decode_header(str_make(bytes, sizeof(bytes)), &header) != OK ||
			header.segment_id != id || header.offset != from || header.length > size - from)
			break;
	return from;
}

/* Highest number there is; removes what the worker had not finished. */
static enum err look_around(struct segments *log, uint32_t *ret_highest)
{
	DIR *dir = opendir(log->dir);
	char path[OS_PATH_MAX];
	uint32_t highest = 0;
	struct dirent *entry;

	if (!dir)
		return err_from_errno(errno);
	while ((entry = readdir(dir)) != NULL) {
		struct str name = str_of(entry->d_name);
		uint32_t number;

		if (name.n != 12 || str_to_u32(str_sub(name, 0, 8), &number) != OK)
			continue;
		if (str_ends(name, S(".new")))
			unlink(os_path(path, "%s/%s", log->dir, entry->d_name));
		else if (str_ends(name, S(".seg")) && number > highest)
			highest = number;
	}
	closedir(dir);
	*ret_highest = highest;
	return OK;
}

static bool open_writer(struct segments *log, const struct segment_row *row)
{
	struct segment_writer *w = &log->writer;
	struct segment_header header;
	char path[OS_PATH_MAX], bytes[SEGMENT_HEADER_BYTES];
	int fd = log->os->open(segment_path(log, row->number, "seg", path), O_RDWR, 0);
	struct stat st;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) != 0 || (uint64_t)st.st_size < row->used ||
		store_os_read(log->os, fd, 0, bytes, sizeof(bytes)) != OK ||
		segment_decode_header(str_make(bytes, sizeof(bytes)), &header) != OK || header.id != row->id) {
		close(fd);
		return false;
	}
	*w = (struct segment_writer){ .fd = fd, .number = row->number, .id = row->id, .size = log->segment_bytes,
		.zeroed = (uint64_t)st.st_size >= log->segment_bytes, .end = row->used, .written = row->used,
		.committed = row->used, .marked = row->used };
	return true;
}

/*
 * Only a clean end says for sure where nothing was ever written.  After another the records are counted, for those
 * who walk the log, and a new segment is begun.
 */
static void resume(struct segments *log, const struct segment_row *last)
{
	struct segment_row row = *last;

	if (last->state == SEGMENT_SEALED || !open_writer(log, last))
		return;
	row.state = SEGMENT_OPEN;
	if (last->state == SEGMENT_OPEN || last->number != log->last_number) {
		row.state = SEGMENT_SEALED;
		row.used = segment_scan(log->os, log->writer.fd, last->id, last->used);
		close(log->writer.fd);
		log->writer.fd = -1;
	}
	vec_push(&log->rows, row);
}

enum err segments_open(const char *dir, uint64_t segment_bytes, const struct store_os *os, struct worker *worker,
	const struct segment_row *last, struct segments **ret_log)
{
	struct segments *log = mem_make(struct segments);
	enum err e;

	snprintf(log->dir, sizeof(log->dir), "%s", dir);
	log->os = os;
	log->segment_bytes = segment_bytes;
	log->worker = worker;
	log->heads = arena_new();
	log->writer.fd = -1;
	for (size_t i = 0; i < SEGMENT_READERS; i++)
		log->readers[i].fd = -1;
	e = look_around(log, &log->last_number);
	if (e != OK) {
		segments_close(&log);
		return e;
	}
	if (last && last->number > log->last_number)
		log->last_number = last->number;
	if (last)
		resume(log, last);
	*ret_log = log;
	return OK;
}

void segments_close(struct segments **log)
{
	struct segments *l = *log;

	if (!l)
		return;
	if (l->writer.fd >= 0)
		close(l->writer.fd);
	for (size_t i = 0; i < SEGMENT_READERS; i++)
		if (l->readers[i].fd >= 0)
			close(l->readers[i].fd);
	vec_done(&l->parts);
	vec_done(&l->rows);
	arena_free(&l->heads);
	free(l);
	*log = NULL;
}
