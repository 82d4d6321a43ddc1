/* SPDX-License-Identifier: ISC */
#include "smtp/trace.h"

#include "message/date.h"

enum { HELLO_SHOWN = 255 };

/* What a stranger said must not end the line, nor look like one of our comments. */
static void add_harmless(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n && i < HELLO_SHOWN; i++) {
		char c = s.p[i];
		bool harmless =
			ascii_is_alpha(c) || ascii_is_digit(c) || (c && strchr("-._:[]", c));

		buf_addc(out, harmless ? c : '?');
	}
}

static void add_ip(struct buf *out, struct str ip)
{
	if (ip.n == 0)
		return;
	buf_adds(out, str_index(ip, ':') < 0 ? " ([" : " ([IPv6:");
	buf_add(out, ip);
	buf_adds(out, "])");
}

/* RFC 3848 */
static const char *protocol(const struct smtp_received *r)
{
	if (r->is_lmtp)
		return r->tls.n ? "LMTPS" : "LMTP";
	if (!r->is_esmtp && !r->tls.n && !r->is_authenticated)
		return "SMTP";
	if (r->is_authenticated)
		return r->tls.n ? "ESMTPSA" : "ESMTPA";
	return r->tls.n ? "ESMTPS" : "ESMTP";
}

void smtp_received_add(struct buf *out, const struct smtp_received *r)
{
	buf_adds(out, "Received: from ");
	add_harmless(out, r->hello);
	add_ip(out, r->ip);
	buf_adds(out, "\r\n\tby ");
	buf_add(out, r->hostname);
	buf_addf(out, " with %s id %016llx", protocol(r), (unsigned long long)r->trace);
	if (r->tls.n)
		buf_addf(out, "\r\n\t(%.*s)", STR_FMT(r->tls));
	/* A path longer than a header line is left out. */
	if (r->only_recipient.n && r->only_recipient.n < 900)
		buf_addf(out, "\r\n\tfor <%.*s>", STR_FMT(r->only_recipient));
	buf_adds(out, ";\r\n\t");
	message_date_write((struct message_date){ .time_s = r->time_s }, out);
	buf_adds(out, "\r\n");
}
