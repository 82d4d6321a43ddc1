/* SPDX-License-Identifier: ISC */
/*
 * Messages (RFC 5322, 2045-2049, 2231, 6532): headers, addresses, dates, character sets, the
 * MIME tree and the serialised structure kept with every message.  Pure: bytes in, structs
 * out; layer 2, above base only. All input is hostile: any byte may stand anywhere, time is
 * linear, depth and counts are bounded. Slices returned point into the input or into the arena
 * passed.  One thread (message/charset.h keeps converters). Public headers: this one and those
 * it includes.
 */
#ifndef MESSAGE_MESSAGE_H
#define MESSAGE_MESSAGE_H

#include "message/address.h"
#include "message/charset.h"
#include "message/date.h"
#include "message/header.h"
#include "message/mime.h"
#include "message/param.h"
#include "message/structure.h"
#include "message/submission.h"
#include "message/transfer.h"

#endif
