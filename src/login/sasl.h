/* SPDX-License-Identifier: ISC */
/*
 * The server's side of SASL exchanges (RFC 4422): PLAIN (RFC 4616) and LOGIN (no RFC), whatever the protocol that
 * carries them, which sends and takes base 64.  Pure; memory is the arena's.
 */
#ifndef LOGIN_SASL_H
#define LOGIN_SASL_H

#include "base/arena.h"
#include "base/buf.h"

enum { SASL_RESPONSE_MAX = 8192 }; /* bytes */

enum sasl_mechanism { SASL_PLAIN, SASL_LOGIN, SASL_MECHANISMS };

enum sasl_next {
	SASL_CHALLENGE,   /* send it, wait for a response */
	SASL_CREDENTIALS, /* authzid, user and password are known */
	SASL_REFUSED,     /* error and complaint say why */
};

struct sasl {
	enum sasl_mechanism mechanism;
	struct arena *arena;
	bool has_user;
	struct str authzid, user, password;
	enum err error;        /* ERR_AUTH_CANCELLED, ERR_SYNTAX */
	const char *complaint; /* a text for the client */
};

/* "PLAIN LOGIN": as capability lists have it. */
const char *sasl_mechanism_name(enum sasl_mechanism mechanism);
/* False: no such mechanism. */
bool sasl_begin(struct sasl *sasl, struct str name, struct arena *arena);
/* initial: STR_NONE: none was sent; "=": an empty one (RFC 4954 4).  Appends a challenge in base 64. */
enum sasl_next sasl_start(struct sasl *sasl, struct str initial, struct buf *challenge);
/* A line of the client without its end; "*" cancels. */
enum sasl_next sasl_take(struct sasl *sasl, struct str line, struct buf *challenge);

#endif
