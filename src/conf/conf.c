/* SPDX-License-Identifier: ISC */
#include "conf/conf.h"

#include "conf/value.h"

#include <confuse.h>
#include <stddef.h>
#include <stdlib.h>

enum option_type { STRING, BOOL, INT, SIZE, DURATION };
enum option_when { LIVE, START, INTERNAL };

struct row {
	const char *section; /* a heading; the rest is empty then */
	enum option_type type;
	const char *name, *def, *least, *most, *help;
	enum option_when when;
	size_t offset;
};

static const struct row rows[] = {
#define SECTION(title) { .section = title },
#define OPTION(type, name, def, least, most, when, help) \
	{ NULL, type, #name, def, least, most, help, when, offsetof(struct conf, name) },
#include "conf/options.def"
#undef OPTION
#undef SECTION
};

enum { ROWS = sizeof(rows) / sizeof(*rows) };

static enum err parse_number(enum option_type type, struct str s, int64_t *ret_value)
{
	uint64_t n;

	if (type == DURATION)
		return value_duration(s, ret_value);
	if (type == SIZE)
		return value_size(s, ret_value);
	if (str_to_u64(s, &n) != OK || n > INT64_MAX)
		return ERR_SYNTAX;
	*ret_value = (int64_t)n;
	return OK;
}

static enum err parse_bool(struct str s, bool *ret_value)
{
	bool yes = str_iequal(s, S("true")) || str_iequal(s, S("yes")) || str_iequal(s, S("on"));
	bool no = str_iequal(s, S("false")) || str_iequal(s, S("no")) || str_iequal(s, S("off"));

	if (!yes && !no)
		return ERR_SYNTAX;
	*ret_value = yes;
	return OK;
}

/* NULL when value suits the row, else what would. */
static const char *expected(const struct row *row, const char *value)
{
	static const char *const words[] = { "", "true or false", "a whole number", "a size such as 64K or 8M",
		"a duration such as 30s, 5m or 3d" };
	int64_t v, least = 0, most = INT64_MAX;
	bool b;

	if (row->type == STRING)
		return NULL;
	if (row->type == BOOL)
		return parse_bool(str_of(value), &b) == OK ? NULL : words[BOOL];
	if (parse_number(row->type, str_of(value), &v) != OK)
		return words[row->type];
	if (parse_number(row->type, str_of(row->least), &least) != OK ||
		parse_number(row->type, str_of(row->most), &most) != OK)
		abort();
	return v < least || v > most ? "within its bounds" : NULL;
}

static void store_value(struct conf *conf, const struct row *row, const char *value)
{
	void *field = (char *)conf + row->offset;

	if (row->type == STRING)
		*(const char **)field = arena_dup(conf->arena, str_of(value)).p;
	else if (row->type == BOOL ? parse_bool(str_of(value), field) : parse_number(row->type, str_of(value), field))
		abort(); /* expected() said it suits */
}

static const struct row *find_row(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].name && str_equal(str_of(rows[i].name), str_of(name)))
			return &rows[i];
	return NULL;
}

struct conf *conf_new(void)
{
	struct conf *conf = mem_make(struct conf);

	conf->arena = arena_new();
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].name)
			store_value(conf, &rows[i], rows[i].def);
	return conf;
}

void conf_free(struct conf **conf)
{
	if (!*conf)
		return;
	arena_free(&(*conf)->arena);
	free(*conf);
	*conf = NULL;
}

enum err conf_set(struct conf *conf, const char *name, const char *value, struct buf *errors)
{
	const struct row *row = find_row(name);
	const char *wanted;

	if (!row) {
		buf_addf(errors, "no option is called %s\n", name);
		return ERR_BAD_CONFIG;
	}
	wanted = expected(row, value);
	if (wanted) {
		buf_addf(errors, "%s = %s: must be %s", name, value, wanted);
		if (row->type != BOOL)
			buf_addf(errors, " (%s to %s)", row->least, row->most);
		buf_addc(errors, '\n');
		return ERR_BAD_CONFIG;
	}
	store_value(conf, row, value);
	return OK;
}

/* libConfuse's callbacks carry no argument: the one parse that runs. */
static struct buf *parse_errors;

static void collect_error(cfg_t *cfg, const char *format, va_list ap)
{
	buf_addf(parse_errors, "%s:%d: ", cfg && cfg->filename ? cfg->filename : "configuration", cfg ? cfg->line : 0);
	buf_vaddf(parse_errors, format, ap);
	buf_addc(parse_errors, '\n');
}

static int validate(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct row *row = find_row(opt->name);
	const char *value = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
	const char *wanted = row ? expected(row, value ? value : "") : "a known option";

	if (!wanted)
		return 0;
	cfg_error(cfg, "%s = %s: must be %s%s%s%s%s%s", opt->name, value, wanted, row && row->least[0] ? " (" : "",
		row ? row->least : "", row && row->least[0] ? " to " : "", row ? row->most : "",
		row && row->least[0] ? ")" : "");
	return -1;
}

static cfg_t *new_parser(cfg_opt_t *opts, bool internal)
{
	size_t n = 0;
	cfg_t *cfg;

	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].name && (internal || rows[i].when != INTERNAL))
			opts[n++] = (cfg_opt_t)CFG_STR(rows[i].name, NULL, CFGF_NODEFAULT);
	opts[n] = (cfg_opt_t)CFG_END();
	cfg = cfg_init(opts, CFGF_NONE);
	if (!cfg)
		abort();
	cfg_set_error_function(cfg, collect_error);
	for (size_t i = 0; i < n; i++)
		cfg_set_validate_func(cfg, opts[i].name, validate);
	return cfg;
}

static void take_values(struct conf *conf, cfg_t *cfg)
{
	for (size_t i = 0; i < ROWS; i++) {
		cfg_opt_t *opt = rows[i].name ? cfg_getopt(cfg, rows[i].name) : NULL;

		if (opt && cfg_opt_size(opt))
			store_value(conf, &rows[i], cfg_opt_getnstr(opt, 0));
	}
}

static enum err read_with(struct conf *conf, const char *path, const char *text, struct buf *errors)
{
	cfg_opt_t opts[ROWS + 1];
	cfg_t *cfg = NULL;
	int result;

	parse_errors = errors;
	cfg = new_parser(opts, path == NULL);
	result = path ? cfg_parse(cfg, path) : cfg_parse_buf(cfg, text);
	if (result == CFG_FILE_ERROR)
		buf_addf(errors, "%s: cannot be read\n", path);
	if (result == CFG_SUCCESS)
		take_values(conf, cfg);
	cfg_free(cfg);
	parse_errors = NULL;
	return result == CFG_SUCCESS ? OK : ERR_BAD_CONFIG;
}

enum err conf_read_file(struct conf *conf, const char *path, struct buf *errors)
{
	return read_with(conf, path, NULL, errors);
}

enum err conf_read_text(struct conf *conf, struct str text, struct buf *errors)
{
	char *copy = mem_dup(text);
	enum err e = read_with(conf, NULL, copy, errors);

	free(copy);
	return e;
}

static void add_quoted(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\' || s.p[i] == '$')
			buf_addc(out, '\\');
		buf_addc(out, s.p[i]);
	}
	buf_addc(out, '"');
}

static void add_value(struct buf *out, const struct conf *conf, const struct row *row)
{
	const void *field = (const char *)conf + row->offset;

	switch (row->type) {
	case STRING:
		add_quoted(out, str_of(*(const char *const *)field));
		break;
	case BOOL:
		buf_adds(out, *(const bool *)field ? "true" : "false");
		break;
	case INT:
		buf_addf(out, "%lld", (long long)*(const int64_t *)field);
		break;
	case SIZE:
		value_add_size(out, *(const int64_t *)field);
		break;
	case DURATION:
		value_add_duration(out, *(const int64_t *)field);
		break;
	}
}

void conf_write(const struct conf *conf, struct buf *out)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (!rows[i].name)
			continue;
		buf_addf(out, "%s = ", rows[i].name);
		add_value(out, conf, &rows[i]);
		buf_addc(out, '\n');
	}
}

void conf_print_defaults(struct buf *out)
{
	struct conf *conf = conf_new();

	buf_adds(out, "# Configuration of Restante: every option with its default.\n");
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].section) {
			if (!str_equal(str_of(rows[i].section), S("Internal")))
				buf_addf(out, "\n## %s\n", rows[i].section);
			continue;
		}
		if (rows[i].when == INTERNAL)
			continue;
		buf_addf(out, "\n# %s", rows[i].help);
		if (rows[i].least[0])
			buf_addf(out, "  %s to %s.", rows[i].least, rows[i].most);
		buf_addf(out, "%s\n# %s = ", rows[i].when == START ? "  Needs a restart." : "", rows[i].name);
		add_value(out, conf, &rows[i]);
		buf_addc(out, '\n');
	}
	conf_free(&conf);
}

static bool same_value(const struct conf *a, const struct conf *b, const struct row *row)
{
	struct buf x = { 0 }, y = { 0 };
	bool same;

	add_value(&x, a, row);
	add_value(&y, b, row);
	same = str_equal(buf_str(&x), buf_str(&y));
	buf_done(&x);
	buf_done(&y);
	return same;
}

void conf_reload(struct conf *conf, const struct conf *fresh, struct buf *ret_pending)
{
	struct buf value = { 0 };

	for (size_t i = 0; i < ROWS; i++) {
		if (!rows[i].name || same_value(conf, fresh, &rows[i]))
			continue;
		if (rows[i].when == START)
			buf_addf(ret_pending, "%s%s", ret_pending->n ? " " : "", rows[i].name);
		if (rows[i].when != LIVE)
			continue;
		buf_clear(&value);
		if (rows[i].type == STRING) {
			store_value(conf, &rows[i], *(const char *const *)((const char *)fresh + rows[i].offset));
			continue;
		}
		add_value(&value, fresh, &rows[i]);
		buf_addc(&value, '\0');
		store_value(conf, &rows[i], value.p);
	}
	buf_done(&value);
}
