/* SPDX-License-Identifier: ISC */
/* restante completion, man: made from the tables of commands. */
#include "directory/directory.h"
#include "main/main.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *arguments, *help;
} subs[] = {
#define SUB(name, fn, arguments, help) { name, arguments, help },
#include "main/commands.def"
#undef SUB
};

enum { SUBS = sizeof(subs) / sizeof(*subs) };

static void print_options(const struct directory_command_row *row)
{
	for (size_t i = 0; i < row->argument_count; i++)
		if (!(row->arguments[i].flags & DIRECTORY_POSITIONAL))
			printf(" --%s", row->arguments[i].name);
}

/* The words that begin with --, of a usage line. */
static void print_usage_options(const char *arguments)
{
	struct str rest = str_of(arguments), word;

	while (str_next(&rest, ' ', &word)) {
		size_t n = 2;

		if (str_starts(word, S("[")))
			word = str_from(word, 1);
		if (!str_starts(word, S("--")))
			continue;
		while (n < word.n && (ascii_is_alpha(word.p[n]) || word.p[n] == '-'))
			n++;
		printf(" %.*s", (int)n, word.p);
	}
}

static size_t first_word(const char *name)
{
	return strcspn(name, " ");
}

/* Rows with the same first word stand together. */
static bool is_first_of_word(const struct directory_command_row *rows, size_t i)
{
	return i == 0 || strncmp(rows[i].name, rows[i - 1].name, first_word(rows[i].name) + 1) != 0;
}

/* "store" is both: some of its words need no running program. */
static bool is_subcommand(const char *name)
{
	for (size_t i = 0; i < SUBS; i++)
		if (strlen(subs[i].name) == first_word(name) && strncmp(subs[i].name, name, first_word(name)) == 0)
			return true;
	return false;
}

int main_completion(int argc, char **argv)
{
	size_t count;
	const struct directory_command_row *rows = directory_commands(&count);

	if (argc != 1 || strcmp(argv[0], "bash") != 0) {
		fprintf(stderr, "usage: restante completion bash\n");
		return 2;
	}
	printf("_restante() {\n\tlocal before=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\" words\n\tcase \"$before\" in\n\t\"\") words=\"");
	for (size_t i = 0; i < SUBS; i++)
		if (strcmp(subs[i].name, "role") != 0)
			printf("%s ", subs[i].name);
	for (size_t i = 0; i < count; i++)
		if (is_first_of_word(rows, i) && !is_subcommand(rows[i].name))
			printf("%.*s ", (int)first_word(rows[i].name), rows[i].name);
	printf("\" ;;\n");
	for (size_t i = 0; i < count; i++) {
		printf("\t\"%s\"*) words=\"--json --data -c", rows[i].name);
		print_options(&rows[i]);
		printf("\" ;;\n");
	}
	for (size_t i = 0; i < SUBS; i++) {
		printf("\t\"%s\"*) words=\"", subs[i].name);
		print_usage_options(subs[i].arguments);
		printf("%s\" ;;\n", strcmp(subs[i].name, "store") == 0 ? " check rebuild-index compact" : "");
	}
	/* The second words of one first word. */
	for (size_t i = 0; i < count; i++) {
		size_t n = first_word(rows[i].name);

		if (!is_first_of_word(rows, i))
			continue;
		printf("\t\"%.*s\") words=\"", (int)n, rows[i].name);
		for (size_t k = 0; k < count; k++)
			if (strncmp(rows[k].name, rows[i].name, n + 1) == 0)
				printf("%s ", rows[k].name + n + 1);
		printf("\" ;;\n");
	}
	printf("\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
	       "complete -o default -F _restante restante\n");
	return 0;
}

/* Hyphens that are to be typed, and no line that roff takes for a request. */
static void print_roff(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p == '-')
			fputs("\\-", stdout);
		else if (*p == '\\')
			fputs("\\e", stdout);
		else
			putchar(*p);
}

static void print_entry(const char *name, const char *arguments, const char *help)
{
	printf(".TP\n.B ");
	print_roff(name);
	printf("\n");
	if (arguments[0]) {
		print_roff(arguments);
		printf("\n.br\n");
	}
	print_roff(help);
	printf("\n");
}

static void print_arguments(const struct directory_command_row *row)
{
	for (size_t i = 0; i < row->argument_count; i++) {
		const struct directory_argument *a = &row->arguments[i];

		printf(".br\n.I ");
		print_roff(a->flags & DIRECTORY_POSITIONAL ? "" : "--");
		print_roff(a->name);
		printf("\n");
		print_roff(a->help);
		printf(a->flags & DIRECTORY_REQUIRED ? "\n" : " (may be left out)\n");
	}
}

int main_man(int argc, char **argv)
{
	size_t count;
	const struct directory_command_row *rows = directory_commands(&count);

	printf(".TH RESTANTE 8 \"\" \"restante %s\"\n.SH NAME\nrestante \\- a complete mail host\n.SH SYNOPSIS\n.B restante\n"
	       ".I COMMAND\n[\n.I ARGUMENTS\n]\n.SH COMMANDS\n", RESTANTE_VERSION);
	for (size_t i = 0; i < SUBS; i++)
		print_entry(subs[i].name, subs[i].arguments, subs[i].help);
	printf(".SH CHANGES TO THE DIRECTORY\nThey go to the running program, with\n.I \\-\\-json\nfor an answer in JSON and\n"
	       ".I \\-\\-data DIR\nor\n.I \\-c FILE\nto say which one.\n");
	for (size_t i = 0; i < count; i++) {
		print_entry(rows[i].name, "", rows[i].help);
		print_arguments(&rows[i]);
	}
	return 0;
}
