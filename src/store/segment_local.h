/* SPDX-License-Identifier: ISC */
/* Inside of the segment log. */
#ifndef STORE_SEGMENT_LOCAL_H
#define STORE_SEGMENT_LOCAL_H

#include "os/file.h"
#include "store/segment.h"
#include "store/worker.h"

enum { SEGMENT_READERS = 64 };

/* The segment being written.  header <= committed <= written <= end. */
struct segment_writer {
	int fd; /* -1: none; the next append makes one */
	uint32_t number;
	uint64_t id, size;
	bool zeroed;    /* its blocks were written before: overwriting syncs in 2/3 of the time */
	uint64_t end;       /* next record */
	uint64_t written;   /* given to the kernel */
	uint64_t committed; /* referred to by the index, perhaps */
	uint64_t marked;    /* what its row says */
	bool dirty;         /* written since the last sync */
};

struct segment_reader {
	int fd; /* -1: free */
	uint32_t number;
	uint64_t id, used_at;
};

struct segments {
	char dir[OS_PATH_MAX];
	const struct store_os *os;
	uint64_t segment_bytes;
	struct worker *worker;
	uint32_t last_number; /* highest given to a file */
	struct segment_writer writer;
	struct arena *heads; /* of pending records */
	VEC(struct iovec) parts;
	VEC(struct segment_row) rows;
	struct segment_reader readers[SEGMENT_READERS];
	uint64_t reads;
};

/* Path of segment `number`; out has OS_PATH_MAX bytes. */
const char *segment_path(const struct segments *log, uint32_t number, const char *suffix, char *out);
/* Makes the next file the writer's, with room for a record of `need` bytes; durable when it returns. */
MUST_CHECK enum err segment_create(struct segments *log, uint64_t need);
/* Where the records of a segment end, from a place on where one begins. */
uint64_t segment_scan(const struct store_os *os, int fd, uint64_t id, uint64_t from);

#endif
