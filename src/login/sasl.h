/* SPDX-License-Identifier: ISC */
/*
 * The server's side of SASL exchanges (RFC 4422), whatever the protocol that carries them, which sends and takes base 64:
 * SCRAM-SHA-256 and -PLUS (RFC 7677), PLAIN (RFC 4616) and LOGIN (no RFC), and with a token instead of a password
 * OAUTHBEARER (RFC 7628) and XOAUTH2 (no RFC).  Pure; memory is the arena's.
 */
#ifndef LOGIN_SASL_H
#define LOGIN_SASL_H

#include "login/scram.h"

enum { SASL_RESPONSE_MAX = 8192 }; /* bytes */

/* In the order in which they are offered. */
enum sasl_mechanism {
	SASL_SCRAM_PLUS,
	SASL_SCRAM,
	SASL_PLAIN,
	SASL_LOGIN,
	SASL_OAUTHBEARER,
	SASL_XOAUTH2,
	SASL_MECHANISMS
};

enum sasl_next {
	SASL_CHALLENGE,   /* send it, wait for a response */
	SASL_LOOKUP,      /* sasl_salt() with those of scram.user */
	SASL_CREDENTIALS, /* authzid, user and password (or the token; user may be empty then) are known; of SCRAM
			     scram.proof and .message, then sasl_proven() */
	SASL_ENDED,       /* SCRAM: the client has seen our proof */
	SASL_REFUSED,     /* error and complaint say why */
};

struct sasl {
	enum sasl_mechanism mechanism;
	struct arena *arena;
	bool has_user, has_first, is_proven, is_failed;
	struct str authzid, user, password;
	struct scram scram;
	enum err error;        /* ERR_AUTH_CANCELLED, ERR_SYNTAX, or that of sasl_failed() */
	const char *complaint; /* a text for the client */
};

/* "PLAIN": as capability lists have it. */
const char *sasl_mechanism_name(enum sasl_mechanism mechanism);
/* -PLUS needs TLS. */
bool sasl_is_offered(enum sasl_mechanism mechanism, bool has_tls);
bool sasl_is_scram(enum sasl_mechanism mechanism);
bool sasl_is_bearer(enum sasl_mechanism mechanism);
/* binding: NULL without TLS.  False: no such mechanism is offered. */
bool sasl_begin(struct sasl *sasl, struct str name, const struct scram_binding *binding, struct arena *arena);
/* initial: STR_NONE: none was sent; "=": an empty one (RFC 4954 4).  Appends a challenge in base 64. */
enum sasl_next sasl_start(struct sasl *sasl, struct str initial, struct buf *challenge);
/* A line of the client without its end; "*" cancels. */
enum sasl_next sasl_take(struct sasl *sasl, struct str line, struct buf *challenge);
enum sasl_next sasl_salt(struct sasl *sasl, struct str salt, uint32_t iterations, struct buf *challenge);
enum sasl_next sasl_proven(struct sasl *sasl, struct str signature, struct buf *challenge);
/*
 * The credentials were refused with e.  SASL_CHALLENGE: say why first, whatever the client answers is refused with e then
 * (RFC 7628 3.2.2 and 3.2.3); SASL_REFUSED: the mechanism has no words for it.
 */
enum sasl_next sasl_failed(struct sasl *sasl, enum err e, struct buf *challenge);

#endif
