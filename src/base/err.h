/* SPDX-License-Identifier: ISC */
/*
 * The one error type.  Every fallible function returns enum err; OK is 0.
 * errors.def says for each what the log, SMTP, IMAP and HTTP say.  Any role, any thread.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))

enum err {
	OK = 0,
#define ERR(name, text, smtp, imap, http) name,
#include "base/errors.def"
#undef ERR
	ERR_COUNT
};

/* Text for logs and people: lower case, no full stop. */
const char *err_text(enum err e);
/* "ERR_OVER_QUOTA": for machines. */
const char *err_name(enum err e);
/* SMTP reply code with enhanced status code (RFC 3463), for example "552 5.2.2". */
const char *err_smtp(enum err e);
/* IMAP condition and response code, for example "NO [OVERQUOTA]". */
const char *err_imap(enum err e);
/* HTTP status. */
int err_http(enum err e);
/* True when trying again later can help (SMTP 4xx). */
int err_is_temporary(enum err e);
/* The nearest enum err for an errno value; never OK. */
enum err err_from_errno(int errnum);

#endif
