/* SPDX-License-Identifier: ISC */
#include "base/buf.h"

#include "base/arena.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 256 };

void buf_release(struct buf *buf)
{
	free(buf->p);
	buf->p = NULL;
	buf->n = buf->cap = 0;
	buf->overflow = false;
}

void buf_done(struct buf *buf)
{
	buf_release(buf);
}

void buf_clear(struct buf *buf)
{
	buf->n = 0;
	buf->overflow = false;
}

struct str buf_str(const struct buf *buf)
{
	return (struct str){ buf->p, buf->n };
}

char *buf_reserve(struct buf *buf, size_t n)
{
	size_t want, cap;

	if (buf->overflow || __builtin_add_overflow(buf->n, n, &want) || (buf->max && want > buf->max)) {
		buf->overflow = true;
		return NULL;
	}
	if (want <= buf->cap && buf->p)
		return buf->p + buf->n;
	cap = buf->cap ? buf->cap * 2 : FIRST_CAPACITY;
	cap = cap < want ? want : cap;
	cap = buf->max && cap > buf->max ? buf->max : cap;
	buf->p = mem_grow(buf->p, cap);
	buf->cap = cap;
	return buf->p + buf->n;
}

void buf_added(struct buf *buf, size_t n)
{
	buf->n += n;
}

void buf_add(struct buf *buf, struct str s)
{
	char *p = s.n ? buf_reserve(buf, s.n) : NULL;

	if (!p)
		return;
	memcpy(p, s.p, s.n);
	buf->n += s.n;
}

void buf_adds(struct buf *buf, const char *cstr)
{
	buf_add(buf, str_of(cstr));
}

void buf_addc(struct buf *buf, char c)
{
	char *p = buf_reserve(buf, 1);

	if (p) {
		*p = c;
		buf->n++;
	}
}

void buf_vaddf(struct buf *buf, const char *format, va_list ap)
{
	va_list again;
	int n;
	char *p;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	/* vsnprintf wants room for its NUL; the ceiling is for content, so lift it by one. */
	if (n < 0 || (buf->max && buf->n + (size_t)n > buf->max)) {
		buf->overflow = true;
		return;
	}
	if (buf->max)
		buf->max++;
	p = buf_reserve(buf, (size_t)n + 1);
	if (buf->max)
		buf->max--;
	if (p) {
		vsnprintf(p, (size_t)n + 1, format, ap);
		buf->n += (size_t)n;
	}
}

void buf_addf(struct buf *buf, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	buf_vaddf(buf, format, ap);
	va_end(ap);
}

void buf_add_u64(struct buf *buf, uint64_t v)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_add(buf, str_make(digits + i, sizeof(digits) - i));
}

void buf_consume(struct buf *buf, size_t n)
{
	buf->n -= n;
	if (buf->n)
		memmove(buf->p, buf->p + n, buf->n);
}

void buf_truncate(struct buf *buf, size_t n)
{
	buf->n = n < buf->n ? n : buf->n;
	buf->overflow = false;
}

void buf_u8(struct buf *buf, uint8_t v)
{
	buf_addc(buf, (char)v);
}

void buf_u16(struct buf *buf, uint16_t v)
{
	v = htole16(v);
	buf_add(buf, str_make(&v, sizeof(v)));
}

void buf_u32(struct buf *buf, uint32_t v)
{
	v = htole32(v);
	buf_add(buf, str_make(&v, sizeof(v)));
}

void buf_u64(struct buf *buf, uint64_t v)
{
	v = htole64(v);
	buf_add(buf, str_make(&v, sizeof(v)));
}

void buf_varint(struct buf *buf, uint64_t v)
{
	char bytes[10];
	size_t n = 0;

	while (v >= 0x80) {
		bytes[n++] = (char)(v | 0x80);
		v >>= 7;
	}
	bytes[n++] = (char)v;
	buf_add(buf, str_make(bytes, n));
}

void buf_blob(struct buf *buf, struct str s)
{
	buf_varint(buf, s.n);
	buf_add(buf, s);
}

struct rd rd_of(struct str s)
{
	return (struct rd){ s.p, s.p ? s.p + s.n : NULL, false };
}

size_t rd_left(const struct rd *rd)
{
	return rd->p ? (size_t)(rd->end - rd->p) : 0;
}

struct str rd_bytes(struct rd *rd, size_t n)
{
	struct str s = STR_NONE;

	if (rd->bad || rd_left(rd) < n) {
		rd->bad = true;
		return s;
	}
	s = str_make(rd->p, n);
	if (n)
		rd->p += n;
	return s;
}

uint8_t rd_u8(struct rd *rd)
{
	if (rd->bad || rd->p == rd->end) {
		rd->bad = true;
		return 0;
	}
	return (uint8_t)*rd->p++;
}

uint16_t rd_u16(struct rd *rd)
{
	struct str s = rd_bytes(rd, 2);
	uint16_t v = 0;

	if (s.n)
		memcpy(&v, s.p, sizeof(v));
	return le16toh(v);
}

uint32_t rd_u32(struct rd *rd)
{
	struct str s = rd_bytes(rd, 4);
	uint32_t v = 0;

	if (s.n)
		memcpy(&v, s.p, sizeof(v));
	return le32toh(v);
}

uint64_t rd_u64(struct rd *rd)
{
	struct str s = rd_bytes(rd, 8);
	uint64_t v = 0;

	if (s.n)
		memcpy(&v, s.p, sizeof(v));
	return le64toh(v);
}

uint64_t rd_varint(struct rd *rd)
{
	uint64_t v = 0;

	/* Most are small. */
	if (!rd->bad && rd->p != rd->end && !(*rd->p & 0x80))
		return (uint8_t)*rd->p++;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b = rd_u8(rd);

		/* The tenth byte has room for one bit only. */
		if (rd->bad || (shift == 63 && b > 1))
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	rd->bad = true;
	return 0;
}

struct str rd_blob(struct rd *rd)
{
	uint64_t n = rd_varint(rd);

	if (rd->bad || n > rd_left(rd)) {
		rd->bad = true;
		return STR_NONE;
	}
	return rd_bytes(rd, (size_t)n);
}
