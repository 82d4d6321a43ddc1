/* SPDX-License-Identifier: ISC */
#include "main/main.h"

#include "role/role.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments, *help;
} commands[] = {
#define SUB(name, fn, arguments, help) { name, fn, arguments, help },
#include "main/commands.def"
#undef SUB
};

int main_version(int argc, char **argv)
{
	printf("restante %s\n", RESTANTE_VERSION);
	return 0;
}

int main_help(int argc, char **argv)
{
	printf("usage: restante COMMAND [ARGUMENTS]\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (argc == 0 || strcmp(argv[0], commands[i].name) == 0)
			printf("  restante %s %s\n      %s\n", commands[i].name, commands[i].arguments, commands[i].help);
	if (argc == 0)
		main_directory_help();
	return 0;
}

/* restante role NAME INDEX [--probe] */
int main_role(int argc, char **argv)
{
	bool probe = main_take_flag(&argc, argv, "--probe");
	enum role_kind kind;
	uint32_t index;

	if (argc != 2 || role_parse(str_of(argv[0]), &kind) != OK || kind == ROLE_SUPERVISOR ||
		str_to_u32(str_of(argv[1]), &index) != OK) {
		fprintf(stderr, "restante role: started by the supervisor only\n");
		return 2;
	}
	return role_main(kind, index, probe);
}

int main(int argc, char **argv)
{
	int status;

	if (argc < 2) {
		main_help(0, NULL);
		return 2;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	status = main_directory(argc - 1, argv + 1);
	if (status >= 0)
		return status;
	fprintf(stderr, "restante: no command is called %s; see: restante help\n", argv[1]);
	return 2;
}
