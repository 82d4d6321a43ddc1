/* SPDX-License-Identifier: ISC */
/* One connection, inside this module.  Role edge, one thread. */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include "base/vec.h"
#include "ipc/recipients.h"
#include "message/address.h"
#include "smtp/body.h"
#include "smtp/command.h"
#include "smtp/data.h"
#include "smtp/policy.h"
#include "smtp/reply.h"
#include "smtp/server.h"

/* The session's trace id, where a message's own stands beside it. */
#define F_TRACE_SESSION(s) \
	((struct log_field){ "session", LOG_FIELD_HEX, STR_NONE, (s)->trace })

struct login;     /* login/login.h */
struct smtp_peer; /* server.c: the connections of one network */
struct smtp_transaction;

struct smtp_recipient {
	struct ipc_recipient to;
	struct str path; /* as the client wrote it, "local@domain" */
};

/* What a RCPT is answered after DATA: the results of its mailboxes. */
struct smtp_answer {
	struct str path;
	size_t first, count; /* of the envelope's places */
};

/* Between MAIL and its end; strs live in arena. */
struct smtp_envelope {
	struct arena *arena;
	struct str sender; /* "" is the null sender */
	uint64_t size;     /* announced, 0: not */
	bool is_8bit;
	uint64_t accepted;                     /* RCPT commands answered 250 */
	VEC(struct smtp_recipient) recipients; /* one an account */
	VEC(struct smtp_answer) answers;       /* LMTP: one for each RCPT accepted */
	VEC(size_t) places;                    /* among the recipients, of each answer */
};

/* The reader of a session: who gets its input. */
enum smtp_mode {
	SMTP_MODE_COMMAND,
	SMTP_MODE_AUTH,
	SMTP_MODE_DATA,
	SMTP_MODE_PARKED,    /* waiting for another role: nobody */
	SMTP_MODE_HANDSHAKE, /* until TLS is up, or the greeting is due: nobody */
};

/* The AUTH command under way. */
struct smtp_auth {
	struct login *login; /* NULL: none */
	uint64_t started_us;
};

struct smtp_session {
	struct smtp_server *server;
	struct smtp_session *prev, *next; /* server->sessions */
	const struct smtp_policy_row *policy;
	struct conn *conn;
	struct smtp_peer *peer;
	struct loop_timer *timer; /* delays an answer; NULL until needed */
	uint64_t trace;           /* its low 16 bits are 0: messages count there */

	enum smtp_phase phase;
	enum smtp_mode mode;
	int64_t since_ms; /* when the unfinished line, or DATA, began; 0: no unfinished line */
	uint64_t data_bytes; /* taken since DATA, refused ones too */
	bool is_greeted;
	bool is_esmtp;    /* EHLO, not HELO */
	struct buf hello; /* its argument */
	struct buf login; /* canonical address of who logged in; empty: nobody */
	uint64_t login_account;

	struct smtp_auth auth;
	struct smtp_envelope envelope;
	struct smtp_data data;
	struct smtp_body body;
	struct smtp_transaction *transaction;
	struct str lookup_path; /* of the RCPT under way, in the envelope's arena */
	uint64_t lookup_started_us;

	uint64_t commands, junk, errors, messages, refused, bytes, auth_failures;
};

/* What a handler gets. */
struct smtp_cmd {
	struct smtp_session *session;
	const struct smtp_command *row;
	struct str args; /* trimmed; valid until the handler returns */
};

/* Takes fd over; owned by the server, which is told by smtp_server_forget(). */
struct smtp_session *smtp_session_new(struct smtp_server *server, int fd,
	const struct smtp_policy_row *policy, bool implicit_tls);
/* why stands in the log; what was written is still sent. */
void smtp_session_end(struct smtp_session *session, const char *why);
/* 421 4.3.2 now, or when the message under way is answered. */
void smtp_session_stop(struct smtp_session *session);

/* Replies of 5xx count as errors of the session. */
void smtp_session_reply(struct smtp_session *session, enum smtp_reply reply);
void smtp_session_reply_with(
	struct smtp_session *session, enum smtp_reply reply, struct str arg);
void smtp_session_reply_error(struct smtp_session *session, enum err e, struct str about);
void smtp_session_reply_too_big(struct smtp_session *session);
void smtp_session_reply_text(struct smtp_session *session, const char *code, struct str text);

/* What follows the input of a command is read by another. */
void smtp_session_set_mode(struct smtp_session *session, enum smtp_mode mode);
/* A parked command is answered: the next line may come. */
void smtp_session_resume(struct smtp_session *session, enum smtp_result result);
/* Forgets sender, recipients and content; phase READY unless before EHLO. */
void smtp_session_reset(struct smtp_session *session);
/* AUTH is possible: TLS, or clear text from loopback where that is allowed. */
bool smtp_session_may_login(const struct smtp_session *session);
bool smtp_session_is_logged_in(const struct smtp_session *session);
/* The trace id of the message that is under way or comes next. */
uint64_t smtp_session_message_trace(const struct smtp_session *session);
/* The address as the log has it. */
struct str smtp_session_ip(const struct smtp_session *session);

/* server.c, for sessions. */
struct smtp_server {
	struct loop *loop;
	struct ipc_hub *hub;
	struct tls_context *tls;
	struct smtp_options options;
	struct smtp_body_pool pool;
	struct smtp_session *sessions;
	size_t session_count;
	struct map *peers[SMTP_POLICIES];
	bool is_stopping;
	unsigned next_inspect;
	struct buf line; /* the command being handled: its input is consumed by then */
};
void smtp_server_forget(struct smtp_server *server, struct smtp_session *session);

#endif
