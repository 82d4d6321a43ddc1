/* SPDX-License-Identifier: ISC */
/* Hashes for tables and checksums.  Cryptographic digests of content are OpenSSL's business.  Pure. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/str.h"

/* SipHash-2-4 (Aumasson and Bernstein 2012). */
uint64_t hash_sip(const uint8_t key[16], struct str s);
/* CRC-32C (Castagnoli, RFC 3720 B.4); pass 0 to begin, the previous value to go on. */
uint32_t hash_crc32c(uint32_t crc, struct str s);
/* The same without the processor's instruction for it: what tests compare with. */
uint32_t hash_crc32c_portable(uint32_t crc, struct str s);

#endif
