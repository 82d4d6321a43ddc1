/* SPDX-License-Identifier: ISC */
/*
 * The recording: one file, mapped by every process, made by the harness (crash_log.py).
 *
 * Room is taken by adding to `tail`, moments by adding to `seq`; so the order is global and a
 * record costs no system call.  A record whose end is 0 was cut off by the death of its
 * process.
 */
#ifndef CRASH_RECLOG_H
#define CRASH_RECLOG_H

#include <stdint.h>
#include <sys/types.h>

#define RECLOG_MAGIC 0x474f4c4853415243ULL /* "CRASHLOG" */
#define RECLOG_RECORD 0x31434552U          /* "REC1" */

enum reclog_type {
	REC_MODULE = 1,   /* path: object file, a: where it is loaded */
	REC_OPEN = 2,     /* a: flags, b: mode */
	REC_WRITE = 3,    /* a: offset, b: enum reclog_write */
	REC_SEEK = 4,     /* result: new offset */
	REC_READ = 5,     /* result: bytes the offset moved */
	REC_TRUNCATE = 6, /* a: size; by handle, or by path if handle is 0 */
	REC_ALLOCATE = 7, /* a: offset, b: length, c: mode */
	REC_RENAME = 8,   /* path to path2, c: flags */
	REC_LINK = 9,     /* handle or path to path2 */
	REC_UNLINK = 10,
	REC_MKDIR = 11, /* b: mode */
	REC_RMDIR = 12,
	REC_SYNC = 13, /* c: 1 data only; frames: who asked */
	REC_SYNC_ALL = 14,
	REC_RANGE = 15,   /* sync_file_range: promises nothing */
	REC_SEND = 16,    /* what went out to a client; data: first and last bytes */
	REC_UNSEEN = 17,  /* a change the recorder cannot follow; path says which */
	REC_SYMLINK = 18, /* path2: the target */
};

enum reclog_write {
	WRITE_AT = 1,   /* the offset is given */
	WRITE_ZERO = 2, /* c bytes of zero, not stored */
	WRITE_SYNC = 4, /* durable on return */
};

struct reclog_head {
	uint64_t magic;
	uint64_t size;
	uint64_t tail;
	uint64_t seq;
	uint64_t handle;
	uint64_t overflow;
};

struct reclog_rec {
	uint32_t magic;
	uint16_t type;
	uint16_t nframes;
	uint64_t start;
	uint64_t end;
	int64_t result;
	uint64_t handle;
	uint64_t a;
	uint64_t b;
	uint64_t c;
	uint32_t pid;
	uint32_t size; /* of the whole record, a multiple of 16 */
	uint32_t path_len;
	uint32_t path2_len;
	uint64_t data_len;
	uint64_t reserved;
	/* frames, path, path2, data */
};

/* What a record carries behind its head; unused parts are NULL or 0. */
struct reclog_body {
	void *const *frames;
	unsigned nframes;
	const char *path;
	const char *path2;
	size_t data_len;
};

/* Maps the file named by CRASH_LOG; without one nothing is recorded. */
void reclog_init(void);
uint64_t reclog_new_handle(void);
/* A record with its start set, or NULL.  ret_data, if given, is where data_len bytes belong.
 */
struct reclog_rec *reclog_begin(
	enum reclog_type type, const struct reclog_body *body, void **ret_data);
/* rec may be NULL.  Leaves errno as it is. */
void reclog_end(struct reclog_rec *rec, int64_t result);

#endif
