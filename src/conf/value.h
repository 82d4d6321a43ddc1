/* SPDX-License-Identifier: ISC */
/* Text forms of option values.  Pure. */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "base/buf.h"

/* "250ms", "30s", "5m", "4h", "3d": milliseconds. */
MUST_CHECK enum err value_duration(struct str s, int64_t *ret_ms);
/* "4096", "64K", "8M", "2G": bytes. */
MUST_CHECK enum err value_size(struct str s, int64_t *ret_bytes);
/* The shortest exact form. */
void value_add_duration(struct buf *out, int64_t ms);
void value_add_size(struct buf *out, int64_t bytes);

#endif
