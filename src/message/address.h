/* SPDX-License-Identifier: ISC */
/*
 * Addresses: SMTP paths (RFC 5321 4.1.2, RFC 6531 3.3) and the address lists of header fields
 * (RFC 5322 3.4, 4.4). Parts are unquoted: a local part or name holds its meaning, the writers
 * quote again where needed.
 */
#ifndef MESSAGE_ADDRESS_H
#define MESSAGE_ADDRESS_H

#include "base/arena.h"
#include "base/buf.h"

/* RFC 5321 4.5.3.1: octets. */
enum { MESSAGE_LOCAL_MAX = 64, MESSAGE_DOMAIN_MAX = 255, MESSAGE_ADDRESS_MAX = 254 };

enum message_path_flags {
	MESSAGE_PATH_LENIENT = 1, /* white space before the path; no angle brackets; both seen
				     from real clients */
	MESSAGE_PATH_UTF8 = 2,    /* SMTPUTF8: UTF-8 in local part and domain */
	MESSAGE_PATH_NULL = 4,    /* "<>" allowed: MAIL */
	MESSAGE_PATH_POSTMASTER = 8, /* "<Postmaster>" allowed: RCPT; its domain is empty */
};

struct message_path {
	struct str local;  /* unquoted; empty for the null path */
	struct str domain; /* as written: a domain, or "[192.0.2.1]"; empty for the null path
			      and <Postmaster> */
};

/*
 * Takes a path off the head of *rest (the text after "MAIL FROM:"), up to the space before
 * ESMTP parameters or the end.  A source route is read and ignored (RFC 5321 C).
 * ERR_BAD_ADDRESS leaves *rest.
 */
MUST_CHECK enum err message_path_parse(
	struct str *rest, unsigned flags, struct arena *arena, struct message_path *ret_path);
/* A bare address, the whole slice: "alice@example.test".  Flags: MESSAGE_PATH_UTF8. */
MUST_CHECK enum err message_mailbox_parse(
	struct str s, unsigned flags, struct arena *arena, struct message_path *ret_path);
/* Appends local@domain, the local part quoted where it must be; nothing for the null path. */
void message_path_write(const struct message_path *path, struct buf *out);
/* The same with the domain's ASCII letters in lower case.  The local part's case is the
 * directory's business. */
void message_path_write_canonical(const struct message_path *path, struct buf *out);
bool message_path_is_null(const struct message_path *path);
/*
 * True for a host name with at least one label: letters, digits, hyphens (not at an end),
 * underscores; with utf8 also valid UTF-8 outside ASCII.  Labels to 63 octets, 255 in all, no
 * final dot.
 */
bool message_domain_is_valid(struct str domain, bool utf8);
/* True for "[192.0.2.1]" and "[IPv6:2001:db8::1]" (RFC 5321 4.1.3). */
bool message_domain_is_literal(struct str domain);

enum message_address_kind { MESSAGE_MAILBOX, MESSAGE_GROUP_BEGIN, MESSAGE_GROUP_END };

struct message_address {
	enum message_address_kind kind;
	struct str name;  /* display name, else the comment after the address; group: its name.
			     Raw RFC 2047 */
	struct str route; /* obsolete source route "@a,@b" */
	struct str local; /* may be empty where the sender wrote nonsense */
	struct str domain; /* likewise */
};

struct message_addresses {
	struct message_address *v;
	size_t n;
	bool malformed; /* something was passed over, or there were more than max */
};

/* Reads a raw field value.  Cannot fail; at most max entries. */
void message_addresses_parse(struct str value, size_t max, struct arena *arena,
	struct message_addresses *ret_addresses);
/* Appends the list in RFC 5322 form, separated by ", ": reading it again gives the same list.
 */
void message_addresses_write(const struct message_addresses *addresses, struct buf *out);

#endif
