/* SPDX-License-Identifier: ISC */
/* Base subjects (RFC 5256 2.1).  Internal to message. */
#ifndef MESSAGE_SUBJECT_H
#define MESSAGE_SUBJECT_H

#include "base/str.h"

/*
 * The base of a decoded subject whose white space is collapsed to single spaces: a slice of
 * it.  *ret_is_reply: a reply or forward mark was removed.
 */
struct str message_subject_base(struct str subject, bool *ret_is_reply);

#endif
