/* SPDX-License-Identifier: ISC */
/* restante status, reload, stop: over the supervisor's socket. */
#include "main/main.h"

#include <jansson.h>
#include <stdio.h>

static int ask_supervisor(int argc, char **argv, struct str word, struct buf *ret_answer, bool *ret_json)
{
	struct main_options options;
	struct conf *conf;
	bool ok;

	if (!main_take_options(&argc, argv, &options) || argc) {
		fprintf(stderr, "usage: restante %.*s [--data DIR | -c FILE]\n", (int)word.n - 1, word.p);
		return 2;
	}
	conf = main_load_conf(&options);
	if (!conf)
		return 1;
	ok = main_ask(conf->data_dir, "status.sock", word, ret_answer);
	*ret_json = options.json;
	conf_free(&conf);
	return ok ? 0 : 1;
}

static void print_role(json_t *role)
{
	const char *name = "";
	int index = 0, pid = 0, ready = 0;
	json_int_t restarts = 0, sessions = 0;

	json_unpack(role, "{s:s,s:i,s:i,s:b,s:I,s:I}", "role", &name, "index", &index, "pid", &pid, "ready", &ready,
		"restarts", &restarts, "sessions", &sessions);
	printf("%-10s %3d  %-8s pid %-8d restarts %-4lld sessions %lld\n", name, index, ready ? "working" : "DOWN", pid,
		(long long)restarts, (long long)sessions);
}

static int print_status(struct buf *answer)
{
	json_t *root = json_loadb(answer->p, answer->n, 0, NULL), *role;
	json_int_t uptime = 0;
	int healthy = 0;
	size_t i;

	if (!root || json_unpack(root, "{s:b,s:I}", "healthy", &healthy, "uptime_ms", &uptime) != 0) {
		fprintf(stderr, "restante: the answer cannot be read\n");
		json_decref(root);
		return 1;
	}
	printf("%s, up for %lld s\n", healthy ? "healthy" : "NOT healthy", (long long)uptime / 1000);
	json_array_foreach(json_object_get(root, "roles"), i, role)
		print_role(role);
	json_decref(root);
	return healthy ? 0 : 1;
}

int main_status(int argc, char **argv)
{
	struct buf answer = { 0 };
	bool json = false;
	int status = ask_supervisor(argc, argv, S("status\n"), &answer, &json);

	if (status == 0 && json)
		fwrite(answer.p, 1, answer.n, stdout);
	else if (status == 0)
		status = print_status(&answer);
	buf_done(&answer);
	return status;
}

int main_reload(int argc, char **argv)
{
	struct buf answer = { 0 };
	bool json = false;
	int status = ask_supervisor(argc, argv, S("reload\n"), &answer, &json);

	buf_done(&answer);
	return status;
}

int main_stop(int argc, char **argv)
{
	struct buf answer = { 0 };
	bool json = false;
	int status = ask_supervisor(argc, argv, S("stop\n"), &answer, &json);

	buf_done(&answer);
	return status;
}
