/* SPDX-License-Identifier: ISC */
#include "message/mime.h"

#include "base/utf8.h"
#include "message/header.h"

enum { BOUNDARY_MAX = 1000 }; /* RFC 2046 5.1.1 says 70; a line may not be longer than this */

/* A multipart whose delimiters are looked for. */
struct level {
	struct message_part *part;
	struct str boundary;
};

struct scan {
	struct str raw;
	struct arena *arena;
	struct message_mime *mime;
	size_t max_parts;
	struct level levels[MESSAGE_DEPTH_MAX];
	size_t open;                  /* levels */
	uint64_t lengths;             /* bit n % 64: an open boundary may have n bytes */
	struct message_part *current; /* the innermost part that has not ended */
	bool in_header;               /* of the current part */
	size_t at;                    /* offset of the line at hand */
	uint64_t line;                /* line feeds before it */
	bool full;                    /* no more parts: the current one has the rest */
};

static struct message_part *new_part(
	struct scan *scan, struct message_part *parent, size_t offset)
{
	struct message_part *part = arena_make(scan->arena, struct message_part);

	part->parent = parent;
	part->header_offset = offset;
	part->depth = parent ? parent->depth + 1 : 0;
	if (parent && parent->last_child)
		parent->last_child->next = part;
	else if (parent)
		parent->child = part;
	if (parent)
		parent->last_child = part;
	scan->current = part;
	scan->in_header = true;
	if (++scan->mime->parts >= scan->max_parts)
		scan->full = scan->mime->is_cut = true;
	return part;
}

static void set_type(struct message_part *part, const char *type, const char *subtype)
{
	part->type = str_of(type);
	part->subtype = str_of(subtype);
}

static bool is_type(const struct message_part *part, const char *type, const char *subtype)
{
	return str_iequal(part->type, str_of(type)) &&
	       str_iequal(part->subtype, str_of(subtype));
}

/* RFC 2046 5.1.5: within a digest it is a message. */
static void set_default_type(struct message_part *part)
{
	part->params = (struct message_params){0};
	if (part->parent && part->parent->kind == MESSAGE_MULTIPART &&
		str_iequal(part->parent->subtype, S("digest")))
		set_type(part, "message", "rfc822");
	else
		set_type(part, "text", "plain");
}

/* RFC 2045 5.2: without a type that can be read it is text/plain. */
static void parse_type(struct scan *scan, struct message_part *part, struct str raw)
{
	struct str value = message_params_parse(raw, scan->arena, &part->params);
	ptrdiff_t slash = str_index(value, '/');

	if (slash < 0) {
		set_default_type(part);
		return;
	}
	part->type = str_trim(str_sub(value, 0, (size_t)slash));
	part->subtype = str_trim(str_from(value, (size_t)slash + 1));
	if (part->type.n == 0 || part->subtype.n == 0)
		set_default_type(part);
}

/* The fields kept as they stand. */
static struct str *plain_field(struct message_part *part, struct str name)
{
	const struct {
		struct str name;
		struct str *to;
	} fields[] = {
		{S("language"), &part->language},
		{S("location"), &part->location},
		{S("id"), &part->id},
		{S("description"), &part->description},
		{S("transfer-encoding"), &part->encoding_name},
		{S("md5"), &part->md5},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (str_iequal(name, fields[i].name))
			return fields[i].to;
	return NULL;
}

/* A Content- field; the first of a name counts. */
static void parse_field(
	struct scan *scan, struct message_part *part, struct str name, struct str value)
{
	struct str *to;

	if (str_iequal(name, S("type"))) {
		if (!part->type.p)
			parse_type(scan, part, value);
	} else if (str_iequal(name, S("disposition"))) {
		if (!part->disposition.p)
			part->disposition = message_params_parse(
				value, scan->arena, &part->disposition_params);
	} else {
		to = plain_field(part, name);
		if (to && to->n == 0)
			*to = str_trim(value);
	}
}

static void parse_header(struct scan *scan, struct message_part *part)
{
	struct str header = str_sub(scan->raw, part->header_offset, part->header_size);
	struct message_field field;

	while (message_header_next(&header, &field))
		if (field.name.n > 8 && field.name.p[7] == '-' &&
			str_istarts(field.name, S("Content-")))
			parse_field(scan, part, str_from(field.name, 8), field.value);
	if (!part->type.p)
		set_default_type(part);
	part->encoding = message_encoding_of(part->encoding_name);
}

static struct str trim_end(struct str s)
{
	while (s.n && strchr(" \t\r\n", s.p[s.n - 1]) && s.p[s.n - 1])
		s.n--;
	return s;
}

static void open_level(struct scan *scan, struct message_part *part)
{
	const struct message_param *param = message_params_find(&part->params, "boundary");
	/* RFC 2046 5.1.1: white space at its end is not part of a boundary. */
	struct str boundary = param ? trim_end(param->value) : STR_NONE;

	if (boundary.n == 0 || boundary.n > BOUNDARY_MAX)
		return;
	part->kind = MESSAGE_MULTIPART;
	scan->levels[scan->open++] = (struct level){part, boundary};
	scan->lengths |= (uint64_t)1 << boundary.n % 64;
}

static bool is_identity(enum message_encoding encoding)
{
	return encoding == MESSAGE_7BIT || encoding == MESSAGE_8BIT ||
	       encoding == MESSAGE_BINARY;
}

static bool is_message_type(const struct message_part *part)
{
	return is_type(part, "message", "rfc822") || is_type(part, "message", "global");
}

/* The header of the current part ends before scan->at: what it is decides what follows. */
static void end_header(struct scan *scan)
{
	struct message_part *part = scan->current;
	bool may_have_parts;

	part->header_size = scan->at - part->header_offset;
	part->body_offset = scan->at;
	parse_header(scan, part);
	scan->in_header = false;
	part->body_lines = scan->line; /* so far: the count at its beginning */
	may_have_parts = part->depth + 1 < MESSAGE_DEPTH_MAX && !scan->full;
	if (str_iequal(part->type, S("multipart"))) {
		if (may_have_parts)
			open_level(scan, part);
		scan->mime->is_cut |= !may_have_parts;
	} else if (is_message_type(part) && is_identity(part->encoding)) {
		if (may_have_parts) {
			part->kind = MESSAGE_MESSAGE;
			new_part(scan, part, scan->at);
		}
		scan->mime->is_cut |= !may_have_parts;
	}
}

/* What could not be opened is shown as what a reader can use. */
static void settle_kind(struct message_part *part)
{
	if (part->kind == MESSAGE_MULTIPART && !part->child)
		part->kind = MESSAGE_LEAF;
	if (part->kind != MESSAGE_LEAF)
		return;
	if (str_iequal(part->type, S("multipart"))) {
		set_type(part, "text", "plain");
		part->params = (struct message_params){0};
	} else if (is_message_type(part)) {
		set_type(part, "application", "octet-stream");
	}
}

/* A place and the line feeds before it. */
struct place {
	size_t offset;
	uint64_t lines;
};

/* The current part ends there, or later when a delimiter follows its header: so do its
 * parents. */
static void end_part(struct scan *scan, struct place *end)
{
	struct message_part *part = scan->current;

	if (end->offset < part->body_offset)
		*end = (struct place){part->body_offset, part->body_lines};
	part->body_size = end->offset - part->body_offset;
	part->body_lines = end->lines - part->body_lines;
	settle_kind(part);
	scan->current = part->parent;
}

/* Ends every part below `keep` (all when NULL); a header that never ended does so here. */
static void end_parts(struct scan *scan, const struct message_part *keep, struct place end)
{
	while (scan->in_header)
		end_header(scan);
	while (scan->current != keep)
		end_part(scan, &end);
}

/* False for most lines that begin with two hyphens, as many as they may be. */
static bool may_be_boundary(const struct scan *scan, struct str text)
{
	return text.n && (scan->lengths >> text.n % 64 & 1);
}

/* The innermost level whose delimiter or close delimiter this line is, or -1. */
static ptrdiff_t find_level(const struct scan *scan, struct str line, bool *ret_closes)
{
	struct str text = str_from(trim_end(line), 2), bare = text;

	if (str_ends(text, S("--")))
		bare.n -= 2;
	else
		bare = STR_NONE;
	if (!may_be_boundary(scan, text) && !may_be_boundary(scan, bare))
		return -1;
	for (size_t i = scan->open; i-- > 0;) {
		struct str boundary = scan->levels[i].boundary;

		*ret_closes = bare.p && str_equal(bare, boundary);
		if (*ret_closes || str_equal(text, boundary))
			return (ptrdiff_t)i;
	}
	return -1;
}

/* Bytes of the line ending before `at`, which belongs to the delimiter (RFC 2046 5.1.1). */
static size_t newline_before(struct str raw, size_t at)
{
	if (at == 0 || raw.p[at - 1] != '\n')
		return 0;
	return at > 1 && raw.p[at - 2] == '\r' ? 2 : 1;
}

/* True when the line is a delimiter, which has then done its work. */
static bool take_delimiter(struct scan *scan, size_t end)
{
	bool closes;
	ptrdiff_t level =
		find_level(scan, str_sub(scan->raw, scan->at, end - scan->at), &closes);
	size_t newline;

	if (level < 0)
		return false;
	newline = newline_before(scan->raw, scan->at);
	end_parts(scan, scan->levels[level].part,
		(struct place){scan->at - newline, scan->line - (newline > 0)});
	scan->open = (size_t)level + !closes;
	if (!closes)
		new_part(scan, scan->levels[level].part, end);
	return true;
}

static bool is_empty_line(struct str raw, size_t at, size_t end)
{
	return end - at == 1 ? raw.p[at] == '\n'
			     : end - at == 2 && raw.p[at] == '\r' && raw.p[at + 1] == '\n';
}

/* A CR alone, or an LF alone, in the line. */
static bool has_bare_newline(struct str line)
{
	const char *cr = memchr(line.p, '\r', line.n);
	bool lf = line.p[line.n - 1] == '\n';

	if (!cr)
		return lf;
	return !lf || cr != line.p + line.n - 2;
}

static void take_line(struct scan *scan, size_t end)
{
	struct str raw = scan->raw;
	size_t at = scan->at;
	bool has_lf = raw.p[end - 1] == '\n';
	bool delimiter = scan->open && !scan->full && end - at > 2 && raw.p[at] == '-' &&
			 raw.p[at + 1] == '-' && take_delimiter(scan, end);
	bool header_ends = !delimiter && scan->in_header && is_empty_line(raw, at, end);

	if (!scan->mime->has_bare_newline)
		scan->mime->has_bare_newline = has_bare_newline(str_sub(raw, at, end - at));
	scan->line += has_lf;
	scan->at = end;
	if (header_ends)
		end_header(scan);
}

void message_mime_parse_max(
	struct str raw, size_t max_parts, struct arena *arena, struct message_mime *ret_mime)
{
	struct scan scan = {
		.raw = raw, .arena = arena, .mime = ret_mime, .max_parts = max_parts};

	*ret_mime = (struct message_mime){0};
	ret_mime->root = new_part(&scan, NULL, 0);
	while (scan.at < raw.n) {
		const char *p = memchr(raw.p + scan.at, '\n', raw.n - scan.at);

		take_line(&scan, p ? (size_t)(p - raw.p) + 1 : raw.n);
	}
	end_parts(&scan, NULL, (struct place){raw.n, scan.line});
	ret_mime->has_nul = raw.n && memchr(raw.p, '\0', raw.n);
	ret_mime->has_8bit_header =
		!utf8_is_ascii(str_sub(raw, 0, ret_mime->root->header_size));
}

void message_mime_parse(struct str raw, struct arena *arena, struct message_mime *ret_mime)
{
	message_mime_parse_max(raw, MESSAGE_PARTS_MAX, arena, ret_mime);
}

struct message_part *message_part_next(
	const struct message_part *root, const struct message_part *part)
{
	if (part->child)
		return part->child;
	while (part != root && !part->next)
		part = part->parent;
	return part == root ? NULL : part->next;
}

static bool is_signature(const struct message_part *part)
{
	return is_type(part, "application", "pgp-signature") ||
	       is_type(part, "application", "pkcs7-signature") ||
	       is_type(part, "application", "x-pkcs7-signature");
}

static bool is_in_report(const struct message_part *part)
{
	return part->parent && is_type(part->parent, "multipart", "report");
}

bool message_part_is_attachment(const struct message_part *part)
{
	bool named = message_params_find(&part->disposition_params, "filename") ||
		     message_params_find(&part->params, "name");
	bool text = str_iequal(part->type, S("text"));

	if (part->kind == MESSAGE_MULTIPART || is_signature(part))
		return false;
	if (str_iequal(part->disposition, S("attachment")))
		return true;
	if (part->id.n || is_in_report(part))
		return false; /* shown within the text; part of a machine's report */
	if (text)
		return named && part->parent && !str_iequal(part->disposition, S("inline"));
	if (str_iequal(part->disposition, S("inline")))
		return named && !str_iequal(part->type, S("image"));
	return !str_iequal(part->type, S("message")) || part->kind == MESSAGE_MESSAGE;
}
