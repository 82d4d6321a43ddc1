/* SPDX-License-Identifier: ISC */
/* The inside of a session after login: for its handlers only. */
#ifndef IMAP_SESSION_LOCAL_H
#define IMAP_SESSION_LOCAL_H

#include "imap/reply.h"
#include "imap/seqset.h"
#include "imap/session.h"
#include "imap/view.h"

struct map;

struct imap_sessions {
	struct loop *loop;
	struct store *store;
	struct ipc_hub *hub;
	const struct conf *conf;
	const char *spool_dir;
	struct imap_session *first;
	struct map *claims; /* struct imap_claim by folder handle */
	size_t count;
	unsigned next_inspect;
	bool is_stopped;
};

/* Which messages of a folder some session has already shown as \Recent (RFC 3501 2.3.2). */
struct imap_claim {
	uint32_t next_uid; /* messages from here on are nobody's yet */
	uint32_t kept_uid; /* what the store knows */
	unsigned sessions;
};

struct imap_session {
	struct imap_client client; /* first */
	struct imap_sessions *all;
	struct imap_session *prev, *next;
	struct store *store;
	uint64_t account, device, quota;
	char *address, *login_tag; /* heap */
	char *disabled;            /* heap: capabilities this account does without, blanks between them */
	int64_t opened_ms;

	struct store_folder *folder; /* NULL: none selected */
	bool read_only, is_idling;
	bool condstore, qresync; /* RFC 7162: enabled */
	struct imap_claim *claim;
	struct imap_view view;
	struct uidset recent;
	struct store_watch watch;
	struct loop_timer *keepalive; /* while idling */

	unsigned jobs; /* with the store: the session outlives them */
	uint64_t appended, fetched, expunged;
};

struct imap_session *imap_session_of(struct imap_client *client);
static inline struct imap_session *imap_session(struct imap_cmd *cmd)
{
	return imap_session_of(cmd->client);
}

/* The account has this capability, a word of CAPABILITY. */
bool imap_session_has(const struct imap_session *s, struct str capability);

/* ---- mailbox.c: the selected folder ---- */

MUST_CHECK enum err imap_mailbox_open(struct imap_session *s, struct str name, bool read_only);
void imap_mailbox_close(struct imap_session *s);
/* \Recent messages from now on are this session's, unless it only examines. */
void imap_mailbox_claim_recent(struct imap_session *s, const struct store_index *index);
/* Messages of a folder that no session has shown as \Recent yet. */
MUST_CHECK enum err imap_mailbox_count_recent(
	struct imap_session *s, const struct store_status *status, uint32_t *ret_count);
/* "(\Seen $Junk)" */
void imap_write_flags(
	const struct store_index *index, uint64_t flags, bool is_recent, struct buf *out);
/* "* FLAGS" and PERMANENTFLAGS. */
void imap_write_flag_names(struct imap_session *s, const struct store_index *index);

struct imap_sync {
	bool may_expunge, with_uid;
	const struct uidset *quiet;  /* flags of these the client knows, at most their MODSEQ is told; NULL: none */
	const struct uidset *forced; /* flags of these are told whether they changed or not; NULL: none */
};
/* What a FETCH reply of sync.c has in it; MODSEQ is added where the client asked for it. */
struct imap_tell {
	bool uid, flags;
};
/* "* seq FETCH (UID 7 FLAGS (\Seen) MODSEQ (12))" of message i of the index. */
void imap_tell_flags(struct imap_session *s, const struct store_index *index, uint32_t i, uint32_t seq,
	const struct imap_tell *what);
/*
 * Tells the client what changed: EXPUNGE or VANISHED (if allowed), EXISTS, RECENT, FETCH FLAGS (RFC 3501 5.2, 7.4.1).
 * A folder that is gone ends the session.
 */
void imap_mailbox_sync(struct imap_session *s, const struct imap_sync *how);

/*
 * The messages a command names, as UIDs: by number or, in the UID form, by UID; none above what the client was told
 * of.  ERR_SYNTAX for a number that no message has.
 */
MUST_CHECK enum err imap_resolve(struct imap_cmd *cmd, const struct imap_seqset *set, struct uidset *uids);
/* The same with the form given.  ERR_NOT_FOUND: no message has one of the numbers; uids are those of the others. */
MUST_CHECK enum err imap_resolve_as(
	struct imap_cmd *cmd, const struct imap_seqset *set, bool by_uid, struct uidset *uids);
/* True when each of uids is still in the folder. */
bool imap_all_exist(const struct store_index *index, const struct uidset *uids);

/* ---- job.c: writes ---- */

/*
 * A write of a command: run() as in store_job; done() replies, and may submit another and return IMAP_PARK.  Lives
 * in the command's arena, as the first member of the handler's own struct.
 */
struct imap_job {
	struct store_job job;
	struct imap_cmd *cmd;
	struct imap_session *session;
	enum err (*run)(struct imap_job *job, struct store_tx *tx);
	enum imap_result (*done)(struct imap_cmd *cmd, struct imap_job *job, enum err e);
};
/* IMAP_PARK */
enum imap_result imap_job_submit(struct imap_cmd *cmd, struct imap_job *job,
	enum err (*run)(struct imap_job *job, struct store_tx *tx),
	enum imap_result (*done)(struct imap_cmd *cmd, struct imap_job *job, enum err e));

/* Parses one mailbox name as the last argument. */
MUST_CHECK enum err imap_parse_only_mailbox(struct imap_cmd *cmd, struct str *ret_name);

#endif
