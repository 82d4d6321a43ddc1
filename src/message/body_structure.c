/* SPDX-License-Identifier: ISC */
#include "message/body_structure.h"

#include "message/envelope.h"
#include "message/imap_string.h"

/* Bytes of a parameter's name and value that are shown. */
enum { PARAM_NAME_MAX = 256, PARAM_VALUE_MAX = 4096, LANGUAGES_MAX = 32 };

struct writer {
	struct str raw;
	struct buf *out;
	struct message_cuts *cuts;
	size_t start; /* of the whole text in out */
};

static void add_param(const struct message_param *param, struct buf *out)
{
	char name[PARAM_NAME_MAX + 1];
	size_t n = param->name.n < PARAM_NAME_MAX ? param->name.n : PARAM_NAME_MAX;

	memcpy(name, param->name.p, n);
	if (param->extended)
		name[n++] = '*'; /* the client decodes it, as it would in the header (RFC 2231
				    4) */
	message_imap_string(str_make(name, n), out);
	buf_addc(out, ' ');
	message_imap_string(str_sub(param->value, 0, PARAM_VALUE_MAX), out);
}

static void add_params(const struct message_params *params, struct buf *out)
{
	if (params->n == 0) {
		buf_adds(out, "NIL");
		return;
	}
	for (size_t i = 0; i < params->n; i++) {
		buf_addc(out, i ? ' ' : '(');
		add_param(&params->v[i], out);
	}
	buf_addc(out, ')');
}

static void add_disposition(const struct message_part *part, struct buf *out)
{
	if (part->disposition.n == 0) {
		buf_adds(out, "NIL");
		return;
	}
	buf_addc(out, '(');
	message_imap_string(part->disposition, out);
	buf_addc(out, ' ');
	add_params(&part->disposition_params, out);
	buf_addc(out, ')');
}

/* RFC 3282: a list, separated by commas; RFC 3501: one string, or a list of them. */
static void add_languages(struct str value, struct buf *out)
{
	struct str rest = value, language;
	size_t n = 0;

	if (str_index(value, ',') < 0) {
		message_imap_nstring(value, out);
		return;
	}
	while (n < LANGUAGES_MAX && str_next(&rest, ',', &language)) {
		language = str_trim(language);
		if (language.n == 0)
			continue;
		buf_addc(out, n++ ? ' ' : '(');
		message_imap_string(language, out);
	}
	buf_adds(out, n ? ")" : "NIL");
}

static void add_common_extension(const struct message_part *part, struct buf *out)
{
	buf_addc(out, ' ');
	add_disposition(part, out);
	buf_addc(out, ' ');
	add_languages(part->language, out);
	buf_addc(out, ' ');
	message_imap_nstring(part->location, out);
}

static void end_extension(struct writer *w, size_t from)
{
	struct message_cut cut = {from - w->start, w->out->n - from};

	vec_push(w->cuts, cut);
}

/* RFC 3501: text/plain without a charset is us-ascii (RFC 2045 5.2), and shown so. */
static void add_type(const struct message_part *part, struct buf *out)
{
	message_imap_string(part->type, out);
	buf_addc(out, ' ');
	message_imap_string(part->subtype, out);
	buf_addc(out, ' ');
	if (part->params.n == 0 && str_iequal(part->type, S("text")))
		buf_adds(out, "(\"charset\" \"us-ascii\")");
	else
		add_params(&part->params, out);
}

static void add_encoding(const struct message_part *part, struct buf *out)
{
	static const char *const names[] = {
		"7bit", "8bit", "binary", "quoted-printable", "base64"};

	if (part->encoding < MESSAGE_ENCODING_UNKNOWN) {
		buf_addc(out, '"');
		buf_adds(out, names[part->encoding]);
		buf_addc(out, '"');
	} else {
		message_imap_string(message_encoding_token(part->encoding_name), out);
	}
}

static void add_fields(const struct message_part *part, struct buf *out)
{
	add_type(part, out);
	buf_addc(out, ' ');
	message_imap_nstring(part->id, out);
	buf_addc(out, ' ');
	message_imap_nstring(part->description, out);
	buf_addc(out, ' ');
	add_encoding(part, out);
	buf_addc(out, ' ');
	buf_add_u64(out, part->body_size);
}

static void add_lines(const struct message_part *part, struct buf *out)
{
	buf_addc(out, ' ');
	buf_add_u64(out, part->body_lines);
}

static void add_single_extension(struct writer *w, const struct message_part *part)
{
	size_t from = w->out->n;

	buf_addc(w->out, ' ');
	message_imap_nstring(part->md5, w->out);
	add_common_extension(part, w->out);
	end_extension(w, from);
}

static void add_multipart_extension(struct writer *w, const struct message_part *part)
{
	size_t from = w->out->n;

	buf_addc(w->out, ' ');
	add_params(&part->params, w->out);
	add_common_extension(part, w->out);
	end_extension(w, from);
}

static void add_envelope_of(struct writer *w, const struct message_part *part)
{
	struct message_envelope envelope;
	struct arena *arena = arena_new(); /* its own: there may be thousands */

	message_envelope_read(
		str_sub(w->raw, part->header_offset, part->header_size), &envelope);
	message_envelope_add(&envelope, arena, w->out);
	arena_free(&arena);
}

/* What stands before the parts below this one. */
static void begin_part(struct writer *w, const struct message_part *part)
{
	buf_addc(w->out, '(');
	if (part->kind == MESSAGE_MULTIPART)
		return;
	add_fields(part, w->out);
	if (part->kind == MESSAGE_MESSAGE) {
		buf_addc(w->out, ' ');
		add_envelope_of(w, part->child);
		buf_addc(w->out, ' ');
		return;
	}
	if (str_iequal(part->type, S("text")))
		add_lines(part, w->out);
	add_single_extension(w, part);
	buf_addc(w->out, ')');
}

/* What stands behind them. */
static void end_part(struct writer *w, const struct message_part *part)
{
	if (part->kind == MESSAGE_MULTIPART) {
		buf_addc(w->out, ' ');
		message_imap_string(part->subtype, w->out);
		add_multipart_extension(w, part);
	} else {
		add_lines(part, w->out);
		add_single_extension(w, part);
	}
	buf_addc(w->out, ')');
}

void message_body_structure_add(const struct message_part *root, struct str raw,
	struct buf *out, struct message_cuts *cuts)
{
	struct writer w = {raw, out, cuts, out->n};
	const struct message_part *part = root;

	while (!out->overflow) {
		begin_part(&w, part);
		if (part->child) {
			part = part->child;
			continue;
		}
		while (part != root && !part->next) {
			part = part->parent;
			end_part(&w, part);
		}
		if (part == root)
			return;
		part = part->next;
	}
}
