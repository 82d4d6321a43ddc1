/* SPDX-License-Identifier: ISC */
#include "base/err.h"

#include <errno.h>
#include <stddef.h>

struct err_row {
	const char *name, *text, *smtp, *imap;
	int http;
};

static const struct err_row rows[ERR_COUNT] = {
	[OK] = { "OK", "ok", "250 2.0.0", "OK", 200 },
#define ERR(name, text, smtp, imap, http) [name] = { #name, text, smtp, imap, http },
#include "base/errors.def"
#undef ERR
};

static const struct err_row *row_of(enum err e)
{
	return (unsigned)e < ERR_COUNT ? &rows[e] : &rows[ERR_INTERNAL];
}

const char *err_text(enum err e)
{
	return row_of(e)->text;
}

const char *err_name(enum err e)
{
	return row_of(e)->name;
}

const char *err_smtp(enum err e)
{
	return row_of(e)->smtp;
}

const char *err_imap(enum err e)
{
	return row_of(e)->imap;
}

int err_http(enum err e)
{
	return row_of(e)->http;
}

int err_is_temporary(enum err e)
{
	return row_of(e)->smtp[0] == '4';
}

enum err err_from_errno(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_NO_SPACE;
	case ENOMEM:
		return ERR_NO_MEMORY;
	case ENOENT:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_EXISTS;
	case EACCES:
	case EPERM:
		return ERR_NOT_ALLOWED;
	case EAGAIN:
	case EMFILE:
	case ENFILE:
		return ERR_UNAVAILABLE;
	case EPIPE:
	case ECONNRESET:
		return ERR_CLOSED;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	default:
		return ERR_IO;
	}
}
