/* SPDX-License-Identifier: ISC */
/*
 * The server's texts of SCRAM (RFC 5802, with SHA-256: RFC 7677): what the client sends is taken apart, what it is sent
 * is put together.  Keys and proofs are directory's.  Pure; memory is the arena's.
 */
#ifndef LOGIN_SCRAM_H
#define LOGIN_SCRAM_H

#include "base/arena.h"
#include "base/buf.h"

enum { SCRAM_PROOF_BYTES = 32, SCRAM_NONCE_MAX = 512 };

/* What this connection can be bound to; all empty: nothing (no TLS). */
struct scram_binding {
	struct str exporter;  /* tls-exporter (RFC 9266) */
	struct str end_point; /* tls-server-end-point (RFC 5929 4) */
};

struct scram {
	struct arena *arena;
	struct scram_binding binding;
	bool is_plus; /* the mechanism's name ended in -PLUS */
	struct str gs2, bare, server_first, nonce, bound; /* bound: data that the client says it is bound to */
	struct str authzid, user;
	struct str message; /* what the proof is of */
	uint8_t proof[SCRAM_PROOF_BYTES];
};

/* "=2C" is a comma, "=3D" an equals sign (RFC 5802 5.1); false: another "=". */
bool scram_decode_name(struct arena *arena, struct str text, struct str *ret_name);
/* ret_complaint (static text) says why it is ERR_SYNTAX. */
MUST_CHECK enum err scram_client_first(struct scram *scram, struct str text, const char **ret_complaint);
/* server_nonce: printable, without commas. */
void scram_server_first(struct scram *scram, struct str salt, uint32_t iterations, struct str server_nonce, struct buf *out);
/* Checks nonce and binding; proof and message are set. */
MUST_CHECK enum err scram_client_final(struct scram *scram, struct str text, const char **ret_complaint);
void scram_server_final(struct str signature, struct buf *out);

#endif
