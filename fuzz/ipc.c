/* SPDX-License-Identifier: ISC */
/*
 * Bodies and recipients of messages between roles.  The first byte chooses the type, 0 the
 * list of recipients; what decodes must encode to the same bytes.
 */
#include "ipc/ipc.h"

#include "ipc/recipients.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buf again;

static void must_be_equal(struct str s)
{
	if (!str_equal(buf_str(&again), s))
		abort();
	buf_clear(&again);
}

static void try_type(enum ipc_type type, struct str s)
{
	union ipc_any_body body;

	if (ipc_decode(type, s, &body) != OK)
		return;
	ipc_encode(type, &body, &again);
	must_be_equal(s);
}

static void try_recipients(struct str s)
{
	struct ipc_recipient recipient;
	struct rd rd = rd_of(s);

	while (ipc_recipient_next(&rd, &recipient))
		ipc_recipient_add(&again, &recipient);
	must_be_equal(rd.bad ? str_sub(s, 0, again.n) : s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = size ? str_make(data + 1, size - 1) : STR_NONE;

	if (size == 0)
		return 0;
	if (data[0] % IPC_TYPES == IPC_NONE)
		try_recipients(s);
	else
		try_type(data[0] % IPC_TYPES, s);
	return 0;
}
