/* SPDX-License-Identifier: ISC */
/* Subcommands: each gets the arguments behind its name and returns the exit status (0, 1 failed, 2 wrong usage). */
#ifndef MAIN_MAIN_H
#define MAIN_MAIN_H

#include "conf/conf.h"

#define SUB(name, fn, arguments, help) int fn(int argc, char **argv);
#include "main/commands.def"
#undef SUB

/* `address add alice@example.test`: sends it over the control socket.  -1: no such command. */
int main_directory(int argc, char **argv);
void main_directory_help(void);

/* What most subcommands take. */
struct main_options {
	const char *config, *data;
	bool json;
};

/*
 * Takes -c FILE, --data DIR and --json out of argv; *argc is what is left.  False, with a message: a value is missing.
 */
bool main_take_options(int *argc, char **argv, struct main_options *ret_options);
/* The value behind `name` in argv, or of "--name=value", taken out with it; NULL when absent.  *ret_missing: there was no value. */
const char *main_take_value(int *argc, char **argv, const char *name, bool *ret_missing);
bool main_take_flag(int *argc, char **argv, const char *name);
/* The configuration of the options; NULL, with a message, when it cannot be had. */
struct conf *main_load_conf(const struct main_options *options);
/* Sends a line to a socket of the data directory and appends all it answers.  False, with a message. */
bool main_ask(const char *data_dir, const char *socket_name, struct str line, struct buf *ret_answer);

#endif
