/* SPDX-License-Identifier: ISC */
#include "pop3/reply.h"

#include "login/sasl.h"

struct str pop3_line_of(struct str input, size_t *ret_taken)
{
	ptrdiff_t lf = str_index(input, '\n');
	struct str line = str_sub(input, 0, lf < 0 ? 0 : (size_t)lf);

	*ret_taken = (size_t)(lf + 1);
	if (str_ends(line, S("\r")))
		line.n--;
	return line;
}

struct pop3_line pop3_line_split(struct str line)
{
	ptrdiff_t space = str_index(line, ' ');

	if (space < 0)
		return (struct pop3_line){ .verb = line };
	return (struct pop3_line){ str_sub(line, 0, (size_t)space), str_from(line, (size_t)space + 1) };
}

bool pop3_take_number(struct str *args, uint32_t *ret_number)
{
	struct str word;

	*args = str_trim(*args);
	if (!str_next(args, ' ', &word) || str_to_u32(word, ret_number) != OK)
		return false;
	*args = str_trim(*args);
	return true;
}

/* RFC 2449 8.1, RFC 3206 */
static const char *code_of(enum err e)
{
	switch (e) {
	case ERR_AUTH_FAILED:
	case ERR_ADDRESS_DISABLED:
	case ERR_AUTH_TOO_WEAK:
		return "[AUTH] ";
	case ERR_IN_USE:
		return "[IN-USE] ";
	case ERR_CORRUPT:
		return "[SYS/PERM] ";
	default:
		return err_is_temporary(e) ? "[SYS/TEMP] " : "";
	}
}

void pop3_write_error(enum err e, struct buf *out)
{
	buf_addf(out, "-ERR %s%s\r\n", code_of(e), err_text(e));
}

void pop3_write_capabilities(const struct pop3_offer *offer, struct buf *out)
{
	buf_adds(out, "+OK capabilities follow\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n"
		"EXPIRE NEVER\r\nUTF8\r\nIMPLEMENTATION Restante\r\n");
	if (offer->before_login && offer->stls)
		buf_adds(out, "STLS\r\n");
	if (offer->before_login && offer->auth) {
		buf_adds(out, "USER\r\nSASL");
		for (int i = 0; i < SASL_MECHANISMS; i++)
			if (sasl_is_offered((enum sasl_mechanism)i, offer->has_tls))
				buf_addf(out, " %s", sasl_mechanism_name((enum sasl_mechanism)i));
		buf_adds(out, "\r\n");
	}
	buf_adds(out, ".\r\n");
}
