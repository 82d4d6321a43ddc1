/* SPDX-License-Identifier: ISC */
/*
 * struct buf: growable bytes with a named ceiling.  Writing past the ceiling writes nothing and sets `overflow`;
 * the owner looks at it once, at the end.  All zero with a max is a valid empty buffer.  One thread.
 * The binary forms (buf_u32, varint, ...) are little-endian; struct rd reads them back, bounds checked.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

#include <stdarg.h>

struct buf {
	char *p;
	size_t n, cap, max; /* max in bytes; 0 means no ceiling: only for sizes the program chose */
	bool overflow;
};

#define BUF_MAX(limit) ((struct buf){ .max = (limit) })

void buf_done(struct buf *buf);
/* Empty; keeps the memory. */
void buf_clear(struct buf *buf);
/* Empty; gives the memory back. */
void buf_release(struct buf *buf);
struct str buf_str(const struct buf *buf);
/* Room for n more bytes at the end, or NULL (and overflow).  Commit what was written with buf_added(). */
char *buf_reserve(struct buf *buf, size_t n);
void buf_added(struct buf *buf, size_t n);
void buf_add(struct buf *buf, struct str s);
void buf_adds(struct buf *buf, const char *cstr);
void buf_addc(struct buf *buf, char c);
void buf_addf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *buf, const char *format, va_list ap);
/* Decimal, without printf's price. */
void buf_add_u64(struct buf *buf, uint64_t v);
/* Drops n bytes from the front. */
void buf_consume(struct buf *buf, size_t n);
/* Cuts back to n bytes (n <= buf->n) and forgets an overflow. */
void buf_truncate(struct buf *buf, size_t n);

void buf_u8(struct buf *buf, uint8_t v);
void buf_u16(struct buf *buf, uint16_t v);
void buf_u32(struct buf *buf, uint32_t v);
void buf_u64(struct buf *buf, uint64_t v);
/* LEB128, 1 to 10 bytes. */
void buf_varint(struct buf *buf, uint64_t v);
/* varint length, then the bytes. */
void buf_blob(struct buf *buf, struct str s);

/* A reader.  After a read past the end every read gives 0 or empty and `bad` stays set. */
struct rd {
	const char *p, *end;
	bool bad;
};

struct rd rd_of(struct str s);
uint8_t rd_u8(struct rd *rd);
uint16_t rd_u16(struct rd *rd);
uint32_t rd_u32(struct rd *rd);
uint64_t rd_u64(struct rd *rd);
uint64_t rd_varint(struct rd *rd);
struct str rd_bytes(struct rd *rd, size_t n);
struct str rd_blob(struct rd *rd);
size_t rd_left(const struct rd *rd);

#endif
