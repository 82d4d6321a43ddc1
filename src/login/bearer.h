/* SPDX-License-Identifier: ISC */
/*
 * The texts of SASL's OAUTHBEARER (RFC 7628) and XOAUTH2 (no RFC; Google's): a token and whose it is said to be.  What
 * the token is worth is directory's to say.  Pure; results are slices of text, or the arena's.
 */
#ifndef LOGIN_BEARER_H
#define LOGIN_BEARER_H

#include "base/arena.h"
#include "base/buf.h"

struct bearer {
	struct str user; /* empty: OAUTHBEARER named none */
	struct str token;
};

/* "n,a=user,^Ahost=...^Aport=...^Aauth=Bearer TOKEN^A^A".  ret_complaint (static text) says why it is ERR_SYNTAX. */
MUST_CHECK enum err bearer_parse_oauth(
	struct arena *arena, struct str text, struct bearer *ret_bearer, const char **ret_complaint);
/* "user=USER^Aauth=Bearer TOKEN^A^A" */
MUST_CHECK enum err bearer_parse_xoauth2(struct str text, struct bearer *ret_bearer, const char **ret_complaint);
/* Why a token was refused, in JSON (RFC 7628 3.2.2): "invalid_token", "insufficient_scope" (RFC 6750 3.1). */
void bearer_add_failure(const char *status, struct buf *out);

#endif
