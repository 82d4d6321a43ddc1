/* SPDX-License-Identifier: ISC */
#include "smtp/policy.h"

#include "message/address.h"

const struct smtp_policy_row smtp_policies[SMTP_POLICIES] = {
	[SMTP_MX] =
		{
			.policy = SMTP_MX,
			.name = "smtp",
			.needs_login = false,
			.delays_greeting = true,
			.takes_any_hello = false,
			.path_flags = 0,
			.purpose = LOOKUP_INBOUND,
			.inspect = INSPECT_INBOUND,
			.not_local = SMTP_REPLY_NO_RELAY,
		},
	[SMTP_SUBMISSION] =
		{
			.policy = SMTP_SUBMISSION,
			.name = "submission",
			.needs_login = true,
			.delays_greeting = false,
			.takes_any_hello = true,
			.path_flags = MESSAGE_PATH_LENIENT,
			.purpose = LOOKUP_SUBMISSION,
			.inspect = INSPECT_SUBMISSION,
			.not_local = SMTP_REPLY_NO_REMOTE,
		},
	[SMTP_LMTP] =
		{
			.policy = SMTP_LMTP,
			.name = "lmtp",
			.needs_login = false,
			.delays_greeting = false,
			.takes_any_hello = true,
			.is_lmtp = true,
			.path_flags = MESSAGE_PATH_LENIENT,
			.purpose = LOOKUP_INBOUND,
			.inspect = INSPECT_INBOUND,
			.not_local = SMTP_REPLY_NO_RELAY,
		},
};
