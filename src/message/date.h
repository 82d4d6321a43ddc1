/* SPDX-License-Identifier: ISC */
/* Dates: RFC 5322 3.3 and 4.3 (obsolete zones, two-digit years), IMAP date-time and date (RFC
 * 3501 9).  Pure. */
#ifndef MESSAGE_DATE_H
#define MESSAGE_DATE_H

#include "base/buf.h"

struct message_date {
	int64_t time_s;   /* since 1970-01-01 UTC */
	int32_t zone_min; /* of the writer, east of UTC, within a day */
};

/*
 * A Date field's value or the date of a Received field: day name and seconds may be missing,
 * comments and folds may stand anywhere, obsolete zones are known, unknown ones count as UTC
 * (RFC 5322 4.3).  Years 1900 to 9999. ERR_BAD_DATE.
 */
MUST_CHECK enum err message_date_parse(struct str s, struct message_date *ret_date);
/* "Thu, 01 Jan 1970 00:00:00 +0000" */
void message_date_write(struct message_date date, struct buf *out);
/* Without its quotes: "17-Jul-1996 02:44:25 -0700"; the day as "07", " 7" or (25 bytes) "7".
 * ERR_BAD_DATE. */
MUST_CHECK enum err message_date_parse_imap(struct str s, struct message_date *ret_date);
/* The day as two bytes, " 7-Jul-1996 ...": 26 bytes, no quotes. */
void message_date_write_imap(struct message_date date, struct buf *out);
/* IMAP date, "1-Feb-1994" or "01-Feb-1994", without its quotes: days since 1970-01-01.
 * ERR_BAD_DATE. */
MUST_CHECK enum err message_date_parse_imap_day(struct str s, int64_t *ret_days);
/* Days since 1970-01-01 of the date as its writer saw it: what SENTON compares (RFC
 * 3501 6.4.4). */
int64_t message_date_day(struct message_date date);

#endif
