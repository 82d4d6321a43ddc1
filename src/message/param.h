/* SPDX-License-Identifier: ISC */
/*
 * Values with parameters: Content-Type, Content-Disposition (RFC 2045 5.1, RFC 2183) and RFC
 * 2231 continuations. Lenient: comments, missing quotes and stray semicolons are passed over.
 * At most MESSAGE_PARAMS_MAX parameters.
 */
#ifndef MESSAGE_PARAM_H
#define MESSAGE_PARAM_H

#include "base/arena.h"
#include "base/buf.h"

enum { MESSAGE_PARAMS_MAX = 64 };

struct message_param {
	struct str name;  /* as written, without RFC 2231 section numbers and star */
	struct str value; /* unquoted, sections joined */
	bool extended;    /* value is charset'language'percent-encoded (RFC 2231 4) */
};

struct message_params {
	const struct message_param *v;
	size_t n;
};

/* Takes tokens, "/" and white space up to the first ";" as the value: "text/plain",
 * "attachment"; "" when absent. */
struct str message_params_parse(
	struct str raw, struct arena *arena, struct message_params *ret_params);
/* The parameter of this name (ASCII case ignored), the extended one first; NULL when absent.
 */
const struct message_param *message_params_find(
	const struct message_params *params, const char *name);
/* Appends the value as UTF-8: RFC 2231, or encoded words as many peers write them, or raw
 * bytes guessed. */
void message_param_decode(const struct message_param *param, struct buf *out);

#endif
