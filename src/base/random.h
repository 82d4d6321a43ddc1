/* SPDX-License-Identifier: ISC */
/* Random bytes from the kernel (getrandom); cannot fail.  Any thread. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *p, size_t n);
uint64_t random_u64(void);
/* Even over 0 .. limit-1; limit > 0. */
uint32_t random_below(uint32_t limit);

#endif
