/* SPDX-License-Identifier: ISC */
#include "base/hash.h"

#include <endian.h>
#include <pthread.h>

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ROTL(v[1], 13) ^ v[0];
	v[0] = ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = ROTL(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTL(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTL(v[1], 17) ^ v[2];
	v[2] = ROTL(v[2], 32);
}

static uint64_t load64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static void sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
}

uint64_t hash_sip(const uint8_t key[16], struct str s)
{
	uint64_t k0 = load64(key), k1 = load64(key + 8);
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
		k1 ^ 0x7465646279746573 };
	uint64_t last = (uint64_t)s.n << 56;
	size_t i;

	for (i = 0; i + 8 <= s.n; i += 8)
		sip_word(v, load64(s.p + i));
	for (size_t j = 0; i + j < s.n; j++)
		last |= (uint64_t)(uint8_t)s.p[i + j] << (8 * j);
	sip_word(v, last);
	v[2] ^= 0xff;
	for (int r = 0; r < 4; r++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Slicing by eight; about one byte a cycle, enough beside a disk. */
static uint32_t crc_table[8][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void make_crc_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? (c >> 1) ^ 0x82f63b78 : c >> 1;
		crc_table[0][i] = c;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int t = 1; t < 8; t++)
			crc_table[t][i] = (crc_table[t - 1][i] >> 8) ^ crc_table[0][crc_table[t - 1][i] & 0xff];
}

/* Eight bytes a step through tables: on any processor. */
static uint32_t crc_by_table(uint32_t crc, const uint8_t *p, size_t n)
{
	pthread_once(&crc_once, make_crc_table);
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t w = load64(p) ^ crc;

		crc = 0;
		for (int t = 0; t < 8; t++)
			crc ^= crc_table[7 - t][(w >> (8 * t)) & 0xff];
	}
	for (; n; n--, p++)
		crc = (crc >> 8) ^ crc_table[0][(crc ^ *p) & 0xff];
	return crc;
}

#if defined(__x86_64__)
/* The processor's own instruction for this polynomial (SSE 4.2). */
__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(uint32_t crc, const uint8_t *p, size_t n)
{
	uint64_t wide = crc;

	for (; n >= 8; n -= 8, p += 8)
		wide = __builtin_ia32_crc32di(wide, load64(p));
	crc = (uint32_t)wide;
	for (; n; n--, p++)
		crc = __builtin_ia32_crc32qi(crc, *p);
	return crc;
}

static bool has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#else
static uint32_t crc_by_instruction(uint32_t crc, const uint8_t *p, size_t n)
{
	return crc_by_table(crc, p, n);
}

static bool has_instruction(void)
{
	return false;
}
#endif

uint32_t hash_crc32c(uint32_t crc, struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	return ~(has_instruction() ? crc_by_instruction(~crc, p, s.n) : crc_by_table(~crc, p, s.n));
}

uint32_t hash_crc32c_portable(uint32_t crc, struct str s)
{
	return ~crc_by_table(~crc, (const uint8_t *)s.p, s.n);
}
