/* SPDX-License-Identifier: ISC */
/*
 * Preloaded into the server, is the bug that the quarantine is for: a process that copies exactly the text below dies
 * of it.  inspect does so with a Subject, store with the name of a mailbox.
 */
#include "shim.h"

#include <stdlib.h>
#include <string.h>

#define DEADLY "kill-this-process"

/* Volatile, lest the compiler see that memcpy would do as well. */
static void *(*volatile move)(void *, const void *, size_t) = memmove;

SHIM_PUBLIC void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	if (n == sizeof(DEADLY) - 1 && memcmp(from, DEADLY, n) == 0)
		abort();
	return move(to, from, n);
}
