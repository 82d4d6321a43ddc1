/* SPDX-License-Identifier: ISC */
/*
 * LIST's arguments in the form of RFC 3501 6.3.8 and in the extended one of RFC 5258: which names are chosen, and
 * what is told of them.
 */
#ifndef IMAP_LIST_OPTIONS_H
#define IMAP_LIST_OPTIONS_H

#include "imap/status_items.h"

enum { IMAP_LIST_PATTERNS_MAX = 100, IMAP_LIST_PATTERN_MAX = 2 * STORE_NAME_MAX };

struct imap_list_options {
	bool is_extended;
	bool only_subscribed, only_special, recursive; /* selection; REMOTE changes nothing here */
	bool tells_subscribed, tells_status;           /* return; children and special uses are always told */
	struct imap_status_items status;
	struct str *patterns; /* UTF-8, with the reference before each */
	size_t n;
	bool asks_separator;  /* the plain form with an empty name */
};

/* The arguments up to the end.  basic: the plain form only (LSUB, XLIST). */
MUST_CHECK enum err imap_list_options_parse(
	struct imap_cmd *cmd, bool basic, struct imap_list_options *ret_options);
/* Any of the patterns. */
bool imap_list_options_match(const struct imap_list_options *options, struct str name);

#endif
