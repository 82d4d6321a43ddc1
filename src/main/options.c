/* SPDX-License-Identifier: ISC */
#include "main/main.h"

#include "os/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MAX_BYTES = 64 << 20 };

static void take_out(int *argc, char **argv, int at, int count)
{
	for (int i = at; i + count < *argc; i++)
		argv[i] = argv[i + count];
	*argc -= count;
}

bool main_take_flag(int *argc, char **argv, const char *name)
{
	for (int i = 0; i < *argc; i++) {
		if (strcmp(argv[i], name) == 0) {
			take_out(argc, argv, i, 1);
			return true;
		}
	}
	return false;
}

/* The value of "--name=value", or NULL. */
static const char *after_equals(const char *word, const char *name)
{
	size_t n = strlen(name);

	return n > 2 && strncmp(word, name, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

const char *main_take_value(int *argc, char **argv, const char *name, bool *ret_missing)
{
	for (int i = 0; i < *argc; i++) {
		const char *value = after_equals(argv[i], name);

		if (value) {
			take_out(argc, argv, i, 1);
			return value;
		}
		if (strcmp(argv[i], name) != 0)
			continue;
		if (i + 1 == *argc) {
			fprintf(stderr, "restante: %s needs a value\n", name);
			*ret_missing = true;
			return NULL;
		}
		value = argv[i + 1];
		take_out(argc, argv, i, 2);
		return value;
	}
	return NULL;
}

bool main_take_options(int *argc, char **argv, struct main_options *ret_options)
{
	bool missing = false;

	ret_options->config = main_take_value(argc, argv, "-c", &missing);
	ret_options->data = main_take_value(argc, argv, "--data", &missing);
	ret_options->json = main_take_flag(argc, argv, "--json");
	if (!ret_options->data && !ret_options->config)
		ret_options->data = getenv("RESTANTE_DATA");
	return !missing;
}

struct conf *main_load_conf(const struct main_options *options)
{
	struct conf *conf = conf_new();
	struct buf errors = { 0 };
	enum err e = OK;

	if (options->config)
		e = conf_read_file(conf, options->config, &errors);
	if (e == OK && options->data)
		e = conf_set(conf, "data_dir", options->data, &errors);
	if (e != OK) {
		fprintf(stderr, "%.*s", STR_FMT(buf_str(&errors)));
		conf_free(&conf);
	}
	buf_done(&errors);
	return conf;
}

static int connect_to(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (snprintf(to.sun_path, sizeof(to.sun_path), "%s", path) >= (int)sizeof(to.sun_path) ||
		connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool exchange(int fd, struct str line, struct buf *ret_answer)
{
	char chunk[65536];
	ssize_t n;

	while (line.n) {
		n = send(fd, line.p, line.n, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		line = str_from(line, (size_t)n);
	}
	ret_answer->max = ANSWER_MAX_BYTES;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		buf_add(ret_answer, str_make(chunk, (size_t)n));
		if (chunk[n - 1] == '\n')
			break; /* one line is the whole answer; Prometheus text ends with the connection */
	}
	return ret_answer->n > 0 && !ret_answer->overflow;
}

bool main_ask(const char *data_dir, const char *socket_name, struct str line, struct buf *ret_answer)
{
	char path[OS_PATH_MAX];
	int fd = connect_to(os_path(path, "%s/run/%s", data_dir, socket_name));
	bool ok;

	if (fd < 0) {
		fprintf(stderr, "restante: nothing answers at %s: %s\n(name the data directory with --data DIR or -c FILE)\n",
			path, strerror(errno));
		return false;
	}
	ok = exchange(fd, line, ret_answer);
	close(fd);
	if (!ok)
		fprintf(stderr, "restante: %s closed without an answer\n", path);
	return ok;
}
