/* SPDX-License-Identifier: ISC */
/*
 * Addresses in the one form in which they are compared: local part without quotes,
 * case-folded, NFC; domain as lower-case A-labels (RFC 5890 2.3.2.1).  Pure.
 */
#ifndef DIRECTORY_NAME_H
#define DIRECTORY_NAME_H

#include "directory/directory.h"

struct directory_name {
	char local[DIRECTORY_LOCAL_MAX], domain[DIRECTORY_DOMAIN_MAX];
	size_t local_n, domain_n;
	char written[DIRECTORY_LOCAL_MAX]; /* the local part without quotes, not folded */
	size_t written_n;
};

static inline struct str directory_name_local(const struct directory_name *name)
{
	return str_make(name->local, name->local_n);
}
static inline struct str directory_name_domain(const struct directory_name *name)
{
	return str_make(name->domain, name->domain_n);
}

/* "local@domain" in any form a client may send.  ERR_BAD_ADDRESS. */
MUST_CHECK enum err directory_name_parse(struct str address, struct directory_name *ret_name);
/* The same, strict: an unquoted local part of letters, digits and . _ - & ' or UTF-8 letters,
 * a host name as domain. */
MUST_CHECK enum err directory_name_parse_new(
	struct str address, struct directory_name *ret_name);
/* A domain for comparison.  ret_bytes holds DIRECTORY_DOMAIN_MAX. */
MUST_CHECK enum err directory_domain_parse(struct str domain, char *ret_bytes, size_t *ret_n);
/* The same, and it must be a host name. */
MUST_CHECK enum err directory_domain_parse_new(
	struct str domain, char *ret_bytes, size_t *ret_n);
/* Folds a valid UTF-8 text; ERR_SYNTAX when it is none or grows over max bytes. */
MUST_CHECK enum err directory_fold(struct str s, char *ret_bytes, size_t max, size_t *ret_n);

#endif
