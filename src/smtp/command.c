/* SPDX-License-Identifier: ISC */
#include "smtp/command.h"

#include "smtp/handlers.h"

#define SMTP_COMMAND(verb, handler, phases, flags, syntax, reference) \
	{ S(#verb), handler, phases, flags, S(syntax) },
const struct smtp_command smtp_commands[] = {
#include "smtp/commands.def"
};
#undef SMTP_COMMAND
const size_t smtp_command_count = sizeof(smtp_commands) / sizeof(*smtp_commands);

enum smtp_cut smtp_line_cut(struct str input, size_t max, size_t *ret_n)
{
	struct str s = str_sub(input, 0, max);
	ptrdiff_t lf = str_index(s, '\n'), cr = str_index(s, '\r');

	if (cr < 0 && lf < 0)
		return input.n > max ? SMTP_CUT_LONG : SMTP_CUT_MORE;
	if (cr < 0 || (lf >= 0 && lf < cr))
		return SMTP_CUT_BARE;
	if ((size_t)cr + 1 == s.n)
		return input.n > max ? SMTP_CUT_LONG : SMTP_CUT_MORE;
	if (lf != cr + 1)
		return SMTP_CUT_BARE;
	*ret_n = (size_t)lf + 1;
	return SMTP_CUT_LINE;
}

size_t smtp_line_max(struct str input)
{
	return str_istarts(input, S("AUTH ")) ? SMTP_AUTH_LINE_MAX : SMTP_LINE_MAX;
}

const struct smtp_command *smtp_command_find(struct str line, struct str *ret_args)
{
	size_t n = 0;
	struct str verb;

	while (n < line.n && ascii_is_alpha(line.p[n]))
		n++;
	verb = str_sub(line, 0, n);
	if (n < line.n && line.p[n] != ' ' && line.p[n] != '\t')
		return NULL;
	for (size_t i = 0; i < smtp_command_count; i++) {
		if (!str_iequal(verb, smtp_commands[i].verb))
			continue;
		*ret_args = str_trim(str_from(line, verb.n));
		return &smtp_commands[i];
	}
	return NULL;
}

enum err smtp_path_take(struct str args, struct str prefix, unsigned path_flags,
	struct arena *arena, struct message_path *ret_path, struct str *ret_rest)
{
	struct str rest;
	enum err e;

	if (!str_istarts(args, prefix))
		return ERR_SYNTAX;
	rest = str_trim(str_from(args, prefix.n));
	e = message_path_parse(&rest, path_flags, arena, ret_path);
	if (e == OK)
		*ret_rest = rest;
	return e;
}

static enum err set_size(struct str value, struct smtp_mail_parameters *p)
{
	/* RFC 1870 4: 1 to 20 digits. */
	return value.n <= 20 ? str_to_u64(value, &p->size) : ERR_SYNTAX;
}

static enum err set_body(struct str value, struct smtp_mail_parameters *p)
{
	p->is_8bit = str_iequal(value, S("8BITMIME"));
	return p->is_8bit || str_iequal(value, S("7BIT")) ? OK : ERR_SYNTAX;
}

/* RFC 4954 5: a server that does not trust its client ignores it.  We trust none. */
static enum err set_auth(struct str value, struct smtp_mail_parameters *p)
{
	return value.n ? OK : ERR_SYNTAX;
}

static const struct parameter_row {
	struct str name;
	enum err (*set)(struct str value, struct smtp_mail_parameters *p);
} parameter_rows[] = {
	{ S("SIZE"), set_size },
	{ S("BODY"), set_body },
	{ S("AUTH"), set_auth },
};

static enum err set_parameter(
	struct str name, struct str value, struct smtp_mail_parameters *p)
{
	for (size_t i = 0; i < sizeof(parameter_rows) / sizeof(*parameter_rows); i++) {
		if (str_iequal(name, parameter_rows[i].name))
			return parameter_rows[i].set(value, p);
	}
	return ERR_CANNOT;
}

enum err smtp_mail_parameters_parse(
	struct str rest, struct smtp_mail_parameters *ret_parameters, struct str *ret_bad)
{
	struct smtp_mail_parameters p = { 0 };
	struct str word;

	while (str_next(&rest, ' ', &word)) {
		ptrdiff_t equals = str_index(word, '=');
		struct str name = equals < 0 ? word : str_sub(word, 0, (size_t)equals);
		enum err e;

		if (word.n == 0)
			continue;
		e = set_parameter(
			name, equals < 0 ? STR_NONE : str_from(word, name.n + 1), &p);
		if (e != OK) {
			*ret_bad = name;
			return e;
		}
	}
	*ret_parameters = p;
	return OK;
}

bool smtp_hello_is_valid(struct str name)
{
	return message_domain_is_literal(name) || message_domain_is_valid(name, false);
}
