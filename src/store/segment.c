/* SPDX-License-Identifier: ISC */
/*
 * Writing.  Pending records are gathered and given to the kernel in one call per turn; content is not copied.
 */
#include "store/segment_local.h"

#include "base/hash.h"
#include "base/metrics.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	PENDING_PARTS = 1024,
	CONTENT_IN_MEMORY = 1 << 20, /* of a descriptor; what is larger is copied by blocks */
	MARK_BYTES = 8 << 20,        /* how far recovery reads at most, but for one record */
	PREPARE_AFTER = 1 << 20,     /* bytes into a segment the next one is made ready */
};

static void add_row(struct segments *log, enum segment_state state, uint64_t used)
{
	struct segment_row row = { log->writer.number, log->writer.id, state, used };

	for (size_t i = 0; i < log->rows.n; i++) {
		if (log->rows.v[i].number == row.number) {
			log->rows.v[i] = row;
			return;
		}
	}
	vec_push(&log->rows, row);
}

static void drop_pending(struct segments *log)
{
	log->parts.n = 0;
	arena_reset(log->heads);
}

static void stop_writing(struct segments *log)
{
	if (log->writer.fd >= 0)
		close(log->writer.fd);
	log->writer.fd = -1;
	drop_pending(log);
}

/* Nothing refers to a file without a committed record: it goes, or each try on a full disk would leave one. */
static enum err fail_segment(struct segments *log, enum err e)
{
	char path[OS_PATH_MAX];
	struct segment_writer *w = &log->writer;

	stop_writing(log);
	if (w->committed > SEGMENT_HEADER_BYTES) {
		add_row(log, SEGMENT_SEALED, w->committed);
		return e;
	}
	unlink(segment_path(log, w->number, "seg", path));
	for (size_t i = 0; i < log->rows.n; i++)
		if (log->rows.v[i].number == w->number)
			log->rows.v[i--] = log->rows.v[--log->rows.n];
	return e;
}

static enum err flush_pending(struct segments *log)
{
	struct segment_writer *w = &log->writer;
	enum err e;

	if (log->parts.n == 0)
		return OK;
	e = store_os_write(log->os, w->fd, w->written, log->parts.v, log->parts.n);
	if (e != OK)
		return fail_segment(log, e);
	metric_add(METRIC_segment_bytes, w->end - w->written);
	w->written = w->end;
	w->dirty = true;
	drop_pending(log);
	return OK;
}

enum err segments_sync(struct segments *log, bool durable)
{
	struct segment_writer *w = &log->writer;
	enum err e = w->fd >= 0 ? flush_pending(log) : OK;

	if (e != OK || w->fd < 0)
		return e;
	if (durable && w->dirty && log->os->fdatasync(w->fd) != 0)
		return fail_segment(log, ERR_IO);
	w->dirty = w->dirty && !durable;
	if (w->end - w->marked > MARK_BYTES)
		add_row(log, SEGMENT_OPEN, w->end);
	return OK;
}

static enum err rotate(struct segments *log, uint64_t need)
{
	enum err e = segments_sync(log, true);

	if (e != OK)
		return e;
	if (log->writer.fd >= 0) {
		add_row(log, SEGMENT_SEALED, log->writer.end);
		stop_writing(log);
	}
	e = segment_create(log, need);
	if (e == OK)
		add_row(log, SEGMENT_OPEN, SEGMENT_HEADER_BYTES);
	return e;
}

/* The first segment is not prepared; it is left as soon as one is that syncs faster. */
static bool is_better_one_ready(struct segments *log)
{
	struct segment_writer *w = &log->writer;
	char path[OS_PATH_MAX];

	if (w->end < PREPARE_AFTER)
		return false;
	if (!worker_has_file(log->worker)) {
		worker_prepare(log->worker, segment_path(log, w->number + 1, "new", path), log->segment_bytes);
		return false;
	}
	return !w->zeroed;
}

static enum err make_room(struct segments *log, uint64_t need)
{
	if (log->writer.fd >= 0 && log->writer.end + need <= log->writer.size && !is_better_one_ready(log))
		return OK;
	return rotate(log, need);
}

static void add_part(struct segments *log, const void *p, size_t n)
{
	/* The kernel only reads what an iovec of a write points to. */
	struct iovec part = { (void *)(uintptr_t)p, n };

	if (n > 0)
		vec_push(&log->parts, part);
}

static void sum_blocks(struct str content, uint32_t *checksums)
{
	for (size_t at = 0; at < content.n; at += RECORD_BLOCK)
		*checksums++ = hash_crc32c(0, str_sub(content, at, RECORD_BLOCK));
}

/* Pads with zeros, so that the next record begins aligned. */
static void add_content(struct segments *log, struct str content)
{
	static const char zeros[RECORD_ALIGN];

	add_part(log, content.p, content.n);
	add_part(log, zeros, (size_t)(record_size(0, content.n) - content.n));
}

static enum err read_content(struct segments *log, const struct store_content *content, uint64_t at, char *p,
	size_t n)
{
	enum err e = store_os_read(log->os, content->fd, content->at + at, p, n);

	/* A file shorter than it was said to be is the caller's fault, not damage in the store. */
	return e == ERR_CORRUPT ? ERR_IO : e;
}

/* Block by block from one file to the other, around the pending buffer. */
static enum err copy_content(struct segments *log, const struct store_content *content, uint64_t to,
	uint32_t *checksums)
{
	char *block = mem_alloc(RECORD_BLOCK);
	enum err e = OK;

	for (uint64_t at = 0; e == OK && at < content->length; at += RECORD_BLOCK) {
		size_t n = content->length - at < RECORD_BLOCK ? (size_t)(content->length - at) : RECORD_BLOCK;
		struct iovec part = { block, n };

		e = read_content(log, content, at, block, n);
		if (e != OK)
			break;
		*checksums++ = hash_crc32c(0, str_make(block, n));
		e = store_os_write(log->os, log->writer.fd, to + at, &part, 1);
		if (e != OK)
			e = fail_segment(log, e);
	}
	free(block);
	return e;
}

static enum err take_content(struct segments *log, const struct store_content *content, uint64_t to,
	uint32_t *checksums, struct str *ret_content)
{
	struct str s = content->bytes;
	enum err e = OK;

	if (!s.p && content->length > CONTENT_IN_MEMORY) {
		*ret_content = STR_NONE;
		return copy_content(log, content, to, checksums);
	}
	if (!s.p && content->length > 0) {
		char *p = arena_bytes(log->heads, (size_t)content->length);

		e = read_content(log, content, 0, p, (size_t)content->length);
		s = str_make(p, (size_t)content->length);
	}
	if (e == OK)
		sum_blocks(s, checksums);
	*ret_content = s;
	return e;
}

/* What was copied around the pending buffer has its place already: the padding alone may be missing. */
static enum err skip_content(struct segments *log, uint64_t length)
{
	static const char zeros[RECORD_ALIGN];
	enum err e = flush_pending(log);

	if (e != OK)
		return e;
	log->writer.written = log->writer.end - (record_size(0, length) - length);
	add_part(log, zeros, (size_t)(log->writer.end - log->writer.written));
	e = flush_pending(log);
	log->writer.written = log->writer.end;
	return e;
}

static enum err add_record(struct segments *log, struct record_head *head, const struct store_content *content)
{
	struct buf bytes = BUF_MAX(0);
	uint64_t to = log->writer.end + record_head_size(head);
	struct str s;
	enum err e = take_content(log, content, to, (uint32_t *)(uintptr_t)head->checksums, &s);
	struct str copy;

	if (e != OK)
		return e;
	record_encode_head(head, &bytes);
	copy = arena_dup(log->heads, buf_str(&bytes));
	buf_done(&bytes);
	add_part(log, copy.p, copy.n);
	log->writer.end = record_size((size_t)to, content->length);
	if (s.n < content->length)
		return skip_content(log, content->length);
	add_content(log, s);
	return log->parts.n > PENDING_PARTS ? flush_pending(log) : OK;
}

enum err segments_append(struct segments *log, struct record_head *head, const struct store_content *content,
	struct store_extent *ret_extent)
{
	uint64_t size, offset;
	enum err e;

	head->header.content = content->length;
	size = record_size(record_head_size(head), content->length);
	if (content->length > STORE_CONTENT_MAX || size > UINT32_MAX)
		return ERR_TOO_BIG;
	e = make_room(log, size);
	if (e != OK)
		return e;
	/* A record around the pending buffer must find all before it written. */
	if (!content->bytes.p && content->length > CONTENT_IN_MEMORY)
		e = flush_pending(log);
	if (e != OK)
		return e;
	offset = log->writer.end;
	head->header.segment_id = log->writer.id;
	head->header.offset = offset;
	head->checksums = arena_array(log->heads, uint32_t, record_blocks(content->length));
	e = add_record(log, head, content);
	if (e == OK)
		*ret_extent = (struct store_extent){ log->writer.number, offset, (uint32_t)size, 0 };
	return e;
}

const struct segment_row *segments_rows(struct segments *log, size_t *ret_n)
{
	*ret_n = log->rows.n;
	return log->rows.v;
}

void segments_committed(struct segments *log)
{
	for (size_t i = 0; i < log->rows.n; i++)
		if (log->rows.v[i].number == log->writer.number)
			log->writer.marked = log->rows.v[i].used;
	log->rows.n = 0;
	assert(log->writer.fd < 0 || log->writer.written == log->writer.end);
	log->writer.committed = log->writer.end;
}

/* Bytes the kernel has stay where they are: whoever reads the log knows aborted records (decision 0003). */
void segments_abort(struct segments *log)
{
	drop_pending(log);
	log->writer.end = log->writer.written;
}

bool segments_finish(struct segments *log, struct segment_row *ret_row)
{
	if (log->writer.fd < 0 || segments_sync(log, true) != OK)
		return false;
	*ret_row = (struct segment_row){ log->writer.number, log->writer.id, SEGMENT_CLEAN, log->writer.end };
	return true;
}
