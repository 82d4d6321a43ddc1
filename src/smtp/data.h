/* SPDX-License-Identifier: ISC */
/*
 * The bytes after DATA (RFC 5321 4.1.1.4, 4.5.2): finds the end, takes stuffed dots out. Pure.
 *
 * Only CR LF . CR LF ends the data, whatever stands before it.  A CR or LF alone makes the
 * whole message refusable but ends nothing: what a lenient peer takes for the end of one
 * message and the beginning of another stays inside the one that is refused.
 */
#ifndef SMTP_DATA_H
#define SMTP_DATA_H

#include "base/str.h"

struct smtp_data {
	enum {
		SMTP_DATA_LINE, /* at the start of a line */
		SMTP_DATA_TEXT,
		SMTP_DATA_CR,
		SMTP_DATA_DOT, /* a dot at the start of a line, held back */
		SMTP_DATA_DOT_CR,
		SMTP_DATA_END,
	} state;
	bool has_bare; /* once set nothing more goes to the sink */
};

typedef void smtp_data_sink(void *arg, struct str piece);

/* All zero is the start.  Returns how many bytes were taken: all of them, or up to the end of
 * the data. */
size_t smtp_data_scan(struct smtp_data *data, struct str in, smtp_data_sink *sink, void *arg);

#endif
