/* SPDX-License-Identifier: ISC */
/* restante store: tools that work on a shard's files. */
#include "main/main.h"
#include "os/file.h"
#include "store/check.h"
#include "store/compact.h"
#include "store/rebuild.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct tool {
	struct main_options options;
	struct conf *conf;
	bool content;
	json_t *shards; /* what is told as JSON */
	json_t *problems;
	uint32_t shard;
	bool is_running;
};

static void print_problem(void *arg, uint64_t account, uint64_t folder, struct str text)
{
	struct tool *tool = arg;

	if (tool->options.json)
		json_array_append_new(tool->problems, json_pack("{s:I,s:I,s:s%}", "account", (json_int_t)account, "folder",
			(json_int_t)folder, "problem", text.p, text.n));
	else
		printf("shard %u account %llu folder %llu: %.*s\n", tool->shard, (unsigned long long)account,
			(unsigned long long)folder, STR_FMT(text));
}

/* True: all is well. */
static bool check(struct tool *tool, const char *dir)
{
	struct store_checked found = { 0 };
	struct store_check how = { .dir = dir, .content = tool->content, .report = print_problem, .arg = tool };
	enum err e;

	tool->problems = json_array();
	e = store_check(&how, &found);
	if (tool->options.json)
		json_array_append_new(tool->shards, json_pack("{s:i,s:s,s:I,s:I,s:I,s:I,s:I,s:o}", "shard", (int)tool->shard,
			"result", e == OK ? "checked" : err_text(e), "accounts", (json_int_t)found.accounts, "folders",
			(json_int_t)found.folders, "messages", (json_int_t)found.messages, "bytes", (json_int_t)found.bytes,
			"problem_count", (json_int_t)found.problems, "problems", tool->problems));
	else
		printf("shard %u: %s: %llu accounts, %llu folders, %llu messages, %llu problems\n", tool->shard,
			e == OK ? "checked" : err_text(e), (unsigned long long)found.accounts,
			(unsigned long long)found.folders, (unsigned long long)found.messages,
			(unsigned long long)found.problems);
	if (!tool->options.json)
		json_decref(tool->problems);
	return e == OK && found.problems == 0;
}

static bool rebuild(struct tool *tool, const char *dir)
{
	struct store_rebuilt made = { 0 };
	enum err e = store_rebuild_index(dir, NULL, &made);
	const char *text = e == ERR_BUSY ? "in use; stop the server first" : e == OK ? "rebuilt" : err_text(e);

	if (tool->options.json)
		json_array_append_new(tool->shards, json_pack("{s:i,s:s,s:b,s:I,s:I,s:I,s:I,s:I}", "shard", (int)tool->shard,
			"result", text, "from_copy", (int)made.from_copy, "messages", (json_int_t)made.messages, "changes", (json_int_t)made.notes, "lost",
			(json_int_t)made.lost, "erased", (json_int_t)made.erased, "damaged", (json_int_t)made.damaged));
	else
		printf("shard %u: %s: %llu messages and %llu changes from %llu segments; %llu lost, %llu erased, %llu damaged\n",
			tool->shard, text, (unsigned long long)made.messages, (unsigned long long)made.notes,
			(unsigned long long)made.segments, (unsigned long long)made.lost, (unsigned long long)made.erased,
			(unsigned long long)made.damaged);
	return e == OK;
}

/* Of a shard that nobody has open; a running one does it itself (cmd_store.c). */
static bool compact(struct tool *tool, const char *dir)
{
	struct store_options options = { .segment_bytes = (uint64_t)tool->conf->segment_size };
	struct store_compacted done = { 0 };
	struct store *store = NULL;
	struct stat st;
	/* Opening would make one. */
	enum err e = stat(dir, &st) == 0 ? store_open(dir, &options, &store) : ERR_NO_FOLDER;

	if (e == ERR_BUSY)
		tool->is_running = true;
	if (e == OK) {
		store_compact_start(store, (uint32_t)tool->conf->compact_dead);
		while (store_compact_step(store))
			store_turn_end(store);
		done = store_compact_result(store);
		e = done.error == OK ? store_compact_sweep(store) : done.error;
		store_close(&store);
	}
	if (tool->options.json)
		json_array_append_new(tool->shards, json_pack("{s:i,s:s,s:I,s:I,s:I,s:I,s:I}", "shard", (int)tool->shard,
			"result", e == OK ? "compacted" : err_text(e), "segments", (json_int_t)done.looked_at, "removed",
			(json_int_t)done.removed, "kept", (json_int_t)done.kept, "messages", (json_int_t)done.records,
			"freed_bytes", (json_int_t)(done.freed - done.written)));
	else if (e != ERR_BUSY)
		printf("shard %u: %s: %llu of %llu segments removed, %llu kept, %llu messages moved\n", tool->shard,
			e == OK ? "compacted" : err_text(e), (unsigned long long)done.removed,
			(unsigned long long)done.looked_at, (unsigned long long)done.kept, (unsigned long long)done.records);
	return e == OK;
}

static const struct {
	const char *name;
	bool (*each)(struct tool *, const char *);
} tools[] = { { "check", check }, { "rebuild-index", rebuild }, { "compact", compact } };

static int usage(void)
{
	fprintf(stderr,
		"usage: restante store check | rebuild-index | compact [--shard N] [--content] [--json] [--data DIR | -c FILE]\n");
	return 2;
}

static bool run(struct tool *tool, bool (*each)(struct tool *, const char *), uint32_t first, uint32_t last)
{
	char dir[OS_PATH_MAX];
	bool well = true;

	tool->shards = json_array();
	for (tool->shard = first; tool->shard <= last && !tool->is_running; tool->shard++)
		well = each(tool, os_path(dir, "%s/shard-%u", tool->conf->data_dir, tool->shard)) && well;
	if (tool->options.json && !tool->is_running) {
		json_dumpf(tool->shards, stdout, JSON_INDENT(1));
		printf("\n");
	}
	json_decref(tool->shards);
	return well;
}

static int run_tool(int argc, char **argv, bool *ret_running)
{
	struct tool tool = { 0 };
	bool missing = false, well;
	uint32_t first = 0, last;
	const char *shard;
	size_t i = 0;

	tool.content = main_take_flag(&argc, argv, "--content");
	shard = main_take_value(&argc, argv, "--shard", &missing);
	if (missing || !main_take_options(&argc, argv, &tool.options) || argc != 1 ||
		(shard && str_to_u32(str_of(shard), &first) != OK))
		return usage();
	while (i < sizeof(tools) / sizeof(*tools) && strcmp(argv[0], tools[i].name) != 0)
		i++;
	if (i == sizeof(tools) / sizeof(*tools))
		return usage();
	tool.conf = main_load_conf(&tool.options);
	if (!tool.conf)
		return 1;
	last = shard ? first : (uint32_t)tool.conf->shards - 1;
	well = run(&tool, tools[i].each, first, last);
	conf_free(&tool.conf);
	*ret_running = tool.is_running;
	return well ? 0 : 1;
}

/* What needs a shard for itself is asked of the running program where there is one. */
int main_store(int argc, char **argv)
{
	char **words = mem_alloc(((size_t)argc + 1) * sizeof(*words)), store[] = "store";
	bool is_running = false;
	int status;

	words[0] = store;
	memcpy(words + 1, argv, (size_t)argc * sizeof(*words));
	status = run_tool(argc, argv, &is_running);
	if (is_running)
		status = main_directory(argc + 1, words);
	free(words);
	return status;
}
