/* SPDX-License-Identifier: ISC */
/*
 * The SMTP server: mail from other servers (MX), from users (submission) and from another mail
 * server on this host (LMTP), policies on one core.  Runs in edge: it asks directory, inspect, store and queue over the hub and opens
 * nothing itself.  One loop, one thread. 250 after DATA means that every recipient's copy is
 * on disk, in its mailbox or in the queue. Each session, message and refused recipient is one
 * log line with a trace id.
 */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include "ipc/ipc.h"
#include "net/conn.h"

enum smtp_policy {
	SMTP_MX,         /* port 25: local recipients only, no login */
	SMTP_SUBMISSION, /* 587 and 465: after login; RFC 6409 */
	SMTP_LMTP,       /* RFC 2033, from a mail server beside us: a reply for each recipient */
	SMTP_POLICIES
};

/* Durations are milliseconds; 0 is no limit except where said.  smtp_options_default() fills
 * all in. */
struct smtp_options {
	struct str hostname; /* greeting, Received; must outlive the server */
	uint64_t max_message_size;
	uint64_t max_recipients[SMTP_POLICIES];              /* beyond: 452 */
	uint64_t max_connections;                            /* of the server */
	uint64_t max_connections_per_network[SMTP_POLICIES]; /* an IPv4 address, an IPv6 /64 */
	uint64_t max_messages; /* of one connection: each of these four ends it with 421 */
	uint64_t max_commands;
	uint64_t max_session_bytes;
	uint64_t max_errors; /* replies of 5xx */
	uint64_t
		max_junk_commands; /* between two messages; each one more counts as an error */
	uint64_t max_auth_failures;
	uint64_t max_hops;        /* Received fields (RFC 5321 6.3) */
	uint64_t max_spool_bytes; /* content under way outside the heap */
	int64_t greeting_delay;   /* on MX, 0: none.  Who speaks before the greeting is no mail
				     server: refused */
	int64_t command_timeout;  /* RFC 5321 4.5.3.2.7: at least 5 min */
	int64_t auth_timeout;     /* for an answer within AUTH */
	int64_t data_timeout;     /* for the next bytes of DATA */
	int64_t data_total_timeout; /* for all of DATA */
	int64_t lookup_timeout, inspect_timeout, deliver_timeout,
		queue_timeout; /* other roles */
	bool allow_clear_auth; /* AUTH without TLS from loopback: the demo */
	/* Opens an unlinked file for large content; NULL: memfds. */
	enum err (*open_file)(void *arg, int *ret_fd);
	void *open_arg;
};

struct smtp_options smtp_options_default(void);

struct smtp_server;

/* tls NULL: STARTTLS is not offered.  options is copied. */
struct smtp_server *smtp_server_new(struct loop *loop, struct ipc_hub *hub,
	struct tls_context *tls, const struct smtp_options *options);
/* Ends every session at once. */
void smtp_server_free(struct smtp_server **server);
/* Reload: for the commands that come from now on. */
void smtp_server_set_options(struct smtp_server *server, const struct smtp_options *options);
void smtp_server_set_tls(struct smtp_server *server, struct tls_context *tls);
/* Takes fd over.  implicit_tls (465): the handshake comes before the greeting. */
void smtp_server_accept(
	struct smtp_server *server, int fd, enum smtp_policy policy, bool implicit_tls);
size_t smtp_server_sessions(const struct smtp_server *server);
/*
 * Graceful end: sessions without a message under way get 421 4.3.2 now, the others after it.
 * The role watches smtp_server_sessions() fall to 0 and calls smtp_server_free() when its
 * patience ends.
 */
void smtp_server_stop(struct smtp_server *server);

#endif
