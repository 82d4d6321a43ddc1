/* SPDX-License-Identifier: ISC */
/* restante address add ...: the directory's table as command line; the running directory role does the work. */
#include "directory/directory.h"

#include "base/utf8.h"
#include "main/main.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The row whose words argv begins with, the longest; *ret_words: how many. */
static const struct directory_command_row *find_row(int argc, char **argv, int *ret_words)
{
	size_t count;
	const struct directory_command_row *rows = directory_commands(&count), *best = NULL;

	*ret_words = 0;
	for (size_t i = 0; i < count; i++) {
		struct str rest = str_of(rows[i].name), word;
		int n = 0;

		while (n < argc && str_next(&rest, ' ', &word) && str_equal(word, str_of(argv[n])))
			n++;
		if (!rest.p && n > *ret_words && str_iends(str_of(rows[i].name), str_of(argv[n - 1]))) {
			best = &rows[i];
			*ret_words = n;
		}
	}
	return best;
}

static void print_usage(FILE *to, const struct directory_command_row *row)
{
	fprintf(to, "  restante %s", row->name);
	for (size_t i = 0; i < row->argument_count; i++) {
		const struct directory_argument *a = &row->arguments[i];
		bool required = a->flags & DIRECTORY_REQUIRED;

		fprintf(to, required ? " " : " [");
		if (a->flags & DIRECTORY_POSITIONAL)
			fprintf(to, "%s", a->name);
		else
			fprintf(to, a->type == DIRECTORY_ARG_FLAG ? "--%s" : "--%s VALUE", a->name);
		fprintf(to, required ? "" : "]");
	}
	fprintf(to, "\n      %s\n", row->help);
}

void main_directory_help(void)
{
	size_t count;
	const struct directory_command_row *rows = directory_commands(&count);

	printf("\nWith [--json] [--data DIR | -c FILE], to the running program:\n\n");
	for (size_t i = 0; i < count; i++)
		print_usage(stdout, &rows[i]);
}

enum { FILE_MAX = 1 << 20 };

/* path "-": standard input. */
static bool read_text(const char *path, struct buf *ret_text)
{
	bool is_input = strcmp(path, "-") == 0, ok;
	FILE *file = is_input ? stdin : fopen(path, "rb");
	char chunk[65536];
	size_t n;

	if (!file) {
		fprintf(stderr, "restante: %s: %s\n", path, strerror(errno));
		return false;
	}
	while (ret_text->n <= FILE_MAX && (n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_add(ret_text, str_make(chunk, n));
	ok = !ferror(file) && ret_text->n <= FILE_MAX;
	if (!is_input)
		fclose(file);
	if (!ok)
		fprintf(stderr, "restante: %s cannot be read, or is larger than %d bytes\n", path, FILE_MAX);
	return ok;
}

/* Every line that is none is named. */
static bool is_text(const char *path, struct str text)
{
	struct str rest = text, line;
	bool ok = true;

	for (size_t number = 1; str_next(&rest, '\n', &line); number++) {
		if (utf8_is_valid(line) && str_index(line, '\0') < 0)
			continue;
		fprintf(stderr, "restante: %s, line %zu is not UTF-8 text\n", path, number);
		ok = false;
	}
	return ok;
}

static bool set_file(json_t *arguments, const struct directory_argument *a, const char *path)
{
	struct buf text = { 0 };
	bool ok = read_text(path, &text) && is_text(path, buf_str(&text)) &&
		json_object_set_new(arguments, a->name, json_stringn(text.n ? text.p : "", text.n)) == 0;

	buf_done(&text);
	return ok;
}

static bool set_argument(json_t *arguments, const struct directory_argument *a, const char *value)
{
	bool negative = value[0] == '-';
	uint64_t number;

	if (a->flags & DIRECTORY_FILE)
		return set_file(arguments, a, value);
	if (a->type == DIRECTORY_ARG_TEXT)
		return json_object_set_new(arguments, a->name, json_string(value)) == 0;
	if (str_to_u64(str_of(value + negative), &number) != OK || number > INT64_MAX) {
		fprintf(stderr, "restante: %s must be a whole number\n", a->name);
		return false;
	}
	return json_object_set_new(arguments, a->name, json_integer(negative ? -(json_int_t)number : (json_int_t)number)) == 0;
}

static bool take_named(const struct directory_command_row *row, int *argc, char **argv, json_t *arguments)
{
	char name[64];
	bool missing = false;

	for (size_t i = 0; i < row->argument_count; i++) {
		const struct directory_argument *a = &row->arguments[i];
		const char *value;

		snprintf(name, sizeof(name), "--%s", a->name);
		if (a->type == DIRECTORY_ARG_FLAG) {
			if (main_take_flag(argc, argv, name))
				json_object_set_new(arguments, a->name, json_true());
			continue;
		}
		value = main_take_value(argc, argv, name, &missing);
		if (missing || (value && !set_argument(arguments, a, value)))
			return false;
	}
	return true;
}

static bool take_positional(const struct directory_command_row *row, int *argc, char **argv, json_t *arguments)
{
	int used = 0;

	for (size_t i = 0; i < row->argument_count; i++) {
		const struct directory_argument *a = &row->arguments[i];

		if (!(a->flags & DIRECTORY_POSITIONAL) || json_object_get(arguments, a->name))
			continue;
		if (used < *argc && !set_argument(arguments, a, argv[used++]))
			return false;
	}
	if (used < *argc) {
		fprintf(stderr, "restante: %s is one argument too many\n", argv[used]);
		return false;
	}
	for (size_t i = 0; i < row->argument_count; i++) {
		if ((row->arguments[i].flags & DIRECTORY_REQUIRED) && !json_object_get(arguments, row->arguments[i].name)) {
			fprintf(stderr, "restante: %s is missing\n", row->arguments[i].name);
			return false;
		}
	}
	return true;
}

static void print_value(const char *key, json_t *value, int depth)
{
	const char *name;
	json_t *inner;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		json_object_foreach(value, name, inner)
			print_value(name, inner, depth);
		break;
	case JSON_ARRAY:
		json_array_foreach(value, i, inner) {
			printf(i ? "\n" : "");
			print_value(key, inner, depth + 1);
		}
		break;
	case JSON_STRING:
		printf("%*s%s: %s\n", depth * 2, "", key, json_string_value(value));
		break;
	case JSON_INTEGER:
		printf("%*s%s: %lld\n", depth * 2, "", key, (long long)json_integer_value(value));
		break;
	default:
		printf("%*s%s: %s\n", depth * 2, "", key, json_is_true(value) ? "yes" : "no");
	}
}

static void print_errors(json_t *errors)
{
	const char *column, *cause;
	json_t *error;
	json_int_t line;
	size_t i;

	json_array_foreach(errors, i, error) {
		if (json_unpack(error, "{s:I,s:s,s:s}", "line", &line, "column", &column, "cause", &cause) == 0)
			fprintf(stderr, "line %lld%s%s: %s\n", (long long)line, column[0] ? ", " : "", column, cause);
	}
}

static int print_answer(struct buf *answer, bool as_json)
{
	json_t *root = json_loadb(answer->p, answer->n, 0, NULL);
	bool ok = json_is_true(json_object_get(root, "ok"));
	const char *message = json_string_value(json_object_get(root, "message"));

	if (as_json) {
		fwrite(answer->p, 1, answer->n, stdout);
	} else if (ok) {
		json_object_del(root, "ok");
		print_value("", root, 0);
	} else {
		print_errors(json_object_get(root, "errors"));
		fprintf(stderr, "restante: %s\n", message ? message : "the answer cannot be read");
	}
	json_decref(root);
	return ok ? 0 : 1;
}

static int run_row(const struct directory_command_row *row, const struct main_options *options, json_t *arguments)
{
	json_t *request = json_pack("{s:s,s:O}", "command", row->name, "arguments", arguments);
	char *text = json_dumps(request, JSON_COMPACT);
	struct conf *conf = main_load_conf(options);
	struct buf line = { 0 }, answer = { 0 };
	int status = 1;

	buf_addf(&line, "%s\n", text);
	if (conf && main_ask(conf->data_dir, "control.sock", buf_str(&line), &answer))
		status = print_answer(&answer, options->json);
	conf_free(&conf);
	buf_done(&line);
	buf_done(&answer);
	free(text);
	json_decref(request);
	return status;
}

int main_directory(int argc, char **argv)
{
	int words = 0, left, status = 2;
	const struct directory_command_row *row = find_row(argc, argv, &words);
	struct main_options options;
	json_t *arguments;

	if (!row)
		return -1;
	left = argc - words;
	argv += words;
	arguments = json_object();
	if (main_take_options(&left, argv, &options) && take_named(row, &left, argv, arguments) &&
		take_positional(row, &left, argv, arguments))
		status = run_row(row, &options, arguments);
	else
		print_usage(stderr, row);
	json_decref(arguments);
	return status;
}
