/* SPDX-License-Identifier: ISC */
/*
 * Reading: a few descriptors are kept open, the one unused for longest makes room.
 */
#include "store/segment_local.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct segment_reader *find_reader(struct segments *log, uint32_t number)
{
	struct segment_reader *oldest = &log->readers[0];

	for (size_t i = 0; i < SEGMENT_READERS; i++) {
		struct segment_reader *r = &log->readers[i];

		if (r->fd >= 0 && r->number == number)
			return r;
		if (r->fd < 0 || (oldest->fd >= 0 && r->used_at < oldest->used_at))
			oldest = r;
	}
	if (oldest->fd >= 0)
		close(oldest->fd);
	oldest->fd = -1;
	return oldest;
}

static enum err open_reader(struct segments *log, uint32_t number, struct segment_reader *r)
{
	char path[OS_PATH_MAX], bytes[SEGMENT_HEADER_BYTES];
	int fd = log->os->open(segment_path(log, number, "seg", path), O_RDONLY, 0);
	struct segment_header header;
	enum err e;

	if (fd < 0)
		return errno == ENOENT ? ERR_CORRUPT : err_from_errno(errno);
	e = store_os_read(log->os, fd, 0, bytes, sizeof(bytes));
	if (e == OK)
		e = segment_decode_header(str_make(bytes, sizeof(bytes)), &header);
	if (e == OK && header.number != number)
		e = ERR_CORRUPT;
	if (e != OK) {
		close(fd);
		return e;
	}
	*r = (struct segment_reader){ .fd = fd, .number = number, .id = header.id };
	return OK;
}

static enum err get_reader(struct segments *log, uint32_t number, struct segment_reader **ret_reader)
{
	struct segment_reader *r = find_reader(log, number);
	enum err e = r->fd >= 0 ? OK : open_reader(log, number, r);

	if (e != OK)
		return e;
	r->used_at = ++log->reads;
	*ret_reader = r;
	return OK;
}

enum err segments_read(struct segments *log, uint32_t number, uint64_t offset, void *p, size_t n)
{
	struct segment_reader *r = NULL;
	enum err e = get_reader(log, number, &r);

	return e == OK ? store_os_read(log->os, r->fd, offset, p, n) : e;
}

enum err segments_id(struct segments *log, uint32_t number, uint64_t *ret_id)
{
	struct segment_reader *r = NULL;
	enum err e = get_reader(log, number, &r);

	if (e == OK)
		*ret_id = r->id;
	return e;
}

enum err segments_descriptor(struct segments *log, uint32_t number, int *ret_fd)
{
	struct segment_reader *r = NULL;
	enum err e = get_reader(log, number, &r);

	if (e == OK)
		*ret_fd = r->fd;
	return e;
}

enum err segments_remove(struct segments *log, uint32_t number)
{
	char path[OS_PATH_MAX];

	for (size_t i = 0; i < SEGMENT_READERS; i++)
		if (log->readers[i].fd >= 0 && log->readers[i].number == number) {
			close(log->readers[i].fd);
			log->readers[i].fd = -1;
		}
	if (unlink(segment_path(log, number, "seg", path)) != 0 && errno != ENOENT)
		return err_from_errno(errno);
	return OK;
}

uint32_t segments_open_number(const struct segments *log)
{
	return log->writer.fd >= 0 ? log->writer.number : 0;
}

/* A hole gives the room back; where the file system has none the bytes are overwritten. */
static enum err make_hole(const struct store_os *os, int fd, uint64_t offset, uint64_t n)
{
	static const char zeros[64 << 10];
	enum err e = OK;

	if (os->fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)n) == 0)
		return OK;
	while (e == OK && n) {
		size_t part = n < sizeof(zeros) ? (size_t)n : sizeof(zeros);
		struct iovec iov = { (void *)(uintptr_t)zeros, part };

		e = store_os_write(os, fd, offset, &iov, 1);
		offset += part;
		n -= part;
	}
	return e;
}

static enum err erase_in(struct segments *log, int fd, const struct store_extent *extent)
{
	char bytes[RECORD_HEADER_BYTES];
	struct record_header header;
	enum err e = store_os_read(log->os, fd, extent->offset, bytes, sizeof(bytes));

	if (e == OK)
		e = record_decode_header(str_make(bytes, sizeof(bytes)), &header);
	if (e != OK || header.recipients != 1 || header.offset != extent->offset || header.length != extent->length ||
		header.length <= RECORD_HEADER_BYTES)
		return e;
	return make_hole(log->os, fd, extent->offset + RECORD_HEADER_BYTES, extent->length - RECORD_HEADER_BYTES);
}

enum err segments_erase(struct segments *log, const struct store_extent *extent)
{
	char path[OS_PATH_MAX];
	int fd = log->os->open(segment_path(log, extent->segment, "seg", path), O_RDWR | O_CLOEXEC, 0);
	enum err e;

	/* A segment that is gone holds nothing any more. */
	if (fd < 0)
		return errno == ENOENT ? OK : err_from_errno(errno);
	e = erase_in(log, fd, extent);
	close(fd);
	return e;
}
