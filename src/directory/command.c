/* SPDX-License-Identifier: ISC */
#include "directory/command.h"

#include "base/time.h"

#include <assert.h>
#include <sodium.h>

/* A file of DIRECTORY_IMPORT_TEXT_MAX, each byte of which may need six in JSON. */
enum { REQUEST_MAX = 7 << 20, LIMIT_DEFAULT = 1000, LIMIT_MAX = 10000 };

#define R DIRECTORY_REQUIRED
#define P DIRECTORY_POSITIONAL
#define SECRET DIRECTORY_SECRET
#define FILE_TEXT DIRECTORY_FILE
#define ARG(name, type, flags, help) {name, DIRECTORY_ARG_##type, flags, help},
#define NO_ARGS
#define COMMAND(x, name, help, ...)                                                           \
	static const struct directory_argument ARGS_##x[] = {                                 \
		__VA_ARGS__{NULL, DIRECTORY_ARG_TEXT, 0, NULL}};
#include "directory/commands.def"
#undef COMMAND

static const struct directory_command_row ROWS[] = {
#define COMMAND(x, name, help, ...)                                                           \
	{name, help, ARGS_##x, sizeof(ARGS_##x) / sizeof(ARGS_##x[0]) - 1},
#include "directory/commands.def"
#undef COMMAND
};
enum { COMMANDS = sizeof(ROWS) / sizeof(ROWS[0]) };

static enum err (*const HANDLERS[COMMANDS])(struct directory_call *call) = {
#define COMMAND(x, name, help, ...) directory_cmd_##x,
#include "directory/commands.def"
#undef COMMAND
};

const struct directory_command_row *directory_commands(size_t *ret_count)
{
	*ret_count = COMMANDS;
	return ROWS;
}

static json_t *argument(const struct directory_call *call, const char *name)
{
	const struct directory_argument *arg = call->row->arguments;

	while (arg->name != NULL && strcmp(arg->name, name) != 0)
		arg++;
	assert(arg->name != NULL);
	return json_object_get(call->arguments, name);
}

struct str directory_text(const struct directory_call *call, const char *name)
{
	json_t *value = argument(call, name);

	return value != NULL ? str_make(json_string_value(value), json_string_length(value))
			     : STR_NONE;
}

int64_t directory_number(const struct directory_call *call, const char *name, int64_t other)
{
	json_t *value = argument(call, name);

	return value != NULL ? json_integer_value(value) : other;
}

bool directory_flag(const struct directory_call *call, const char *name)
{
	return json_is_true(argument(call, name));
}

int64_t directory_limit(const struct directory_call *call)
{
	int64_t limit = directory_number(call, "limit", LIMIT_DEFAULT);

	return limit < 1 ? 1 : limit > LIMIT_MAX ? LIMIT_MAX : limit;
}

void directory_put_text(json_t *object, const char *key, struct str value)
{
	json_object_set_new(object, key, json_stringn(value.n > 0 ? value.p : "", value.n));
}

void directory_put_number(json_t *object, const char *key, int64_t value)
{
	json_object_set_new(object, key, json_integer(value));
}

void directory_put_time(json_t *object, const char *key, int64_t ms)
{
	struct buf text = BUF_MAX(64);

	time_add_iso(&text, ms);
	directory_put_text(object, key, buf_str(&text));
	buf_done(&text);
}

static const struct directory_argument *find_argument(
	const struct directory_command_row *row, const char *name)
{
	for (size_t i = 0; i < row->argument_count; i++)
		if (strcmp(row->arguments[i].name, name) == 0)
			return &row->arguments[i];
	return NULL;
}

static bool has_type(const json_t *value, enum directory_argument_type type)
{
	switch (type) {
	case DIRECTORY_ARG_TEXT:
		return json_is_string(value);
	case DIRECTORY_ARG_NUMBER:
		return json_is_integer(value);
	case DIRECTORY_ARG_FLAG:
		return json_is_boolean(value);
	}
	return false;
}

static enum err check_arguments(struct directory_call *call)
{
	static const char *const WANTED[] = {"a text", "a whole number", "true or false"};
	const struct directory_command_row *row = call->row;
	const char *name;
	json_t *value;

	json_object_foreach(call->arguments, name, value)
	{
		const struct directory_argument *arg = find_argument(row, name);

		if (arg == NULL)
			return directory_refuse(call->directory, ERR_SYNTAX,
				"%s has no argument %.100s", row->name, name);
		if (!has_type(value, arg->type))
			return directory_refuse(call->directory, ERR_SYNTAX, "%s of %s is %s",
				name, row->name, WANTED[arg->type]);
	}
	for (size_t i = 0; i < row->argument_count; i++)
		if ((row->arguments[i].flags & DIRECTORY_REQUIRED) &&
			json_object_get(call->arguments, row->arguments[i].name) == NULL)
			return directory_refuse(call->directory, ERR_SYNTAX, "%s needs %s: %s",
				row->name, row->arguments[i].name, row->arguments[i].help);
	return OK;
}

static enum err call_handler(struct directory_call *call, const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(ROWS[i].name, name) != 0)
			continue;
		call->row = &ROWS[i];
		enum err e = check_arguments(call);
		return e == OK ? HANDLERS[i](call) : e;
	}
	return directory_refuse(
		call->directory, ERR_UNKNOWN_COMMAND, "there is no command %.100s", name);
}

static enum err run(struct directory_call *call, struct str text)
{
	json_error_t where;
	json_t *request = text.n <= REQUEST_MAX ? json_loadb(text.n > 0 ? text.p : "", text.n,
							  JSON_REJECT_DUPLICATES, &where)
						: NULL;
	json_t *empty = json_object();
	const char *name = NULL;
	enum err e = ERR_SYNTAX;

	call->arguments = empty;
	if (request == NULL)
		directory_refuse(call->directory, e, "the request is not JSON");
	else if (json_unpack(request, "{s:s,s?o!}", "command", &name, "arguments",
			 &call->arguments) != 0 ||
		 !json_is_object(call->arguments))
		directory_refuse(call->directory, e,
			"a request is {\"command\":text,\"arguments\":object}");
	else
		e = call_handler(call, name);
	json_decref(empty);
	json_decref(request);
	return e;
}

static int append(const char *text, size_t n, void *out)
{
	buf_add(out, str_make(text, n));
	return 0;
}

static void answer(const struct directory_call *call, enum err e, struct buf *reply)
{
	const char *message = directory_message(call->directory);
	json_t *head = e == OK ? json_pack("{s:b}", "ok", 1)
			       : json_pack("{s:b,s:s}", "ok", 0, "error", err_name(e));

	if (e == OK)
		json_object_update(head, call->reply);
	else if (json_object_get(call->reply, "errors"))
		json_object_set(head, "errors", json_object_get(call->reply, "errors"));
	if (e != OK && json_object_set_new(head, "message",
			 json_string(message[0] ? message : err_text(e))) != 0)
		json_object_set_new(head, "message", json_string(err_text(e)));
	if (json_dump_callback(head, append, reply, JSON_COMPACT) != 0)
		buf_adds(reply, "{\"ok\":false,\"error\":\"ERR_INTERNAL\",\"message\":"
				"\"internal error\"}");
	json_decref(head);
}

struct directory_errand directory_errand(const struct directory *directory)
{
	return directory->errand;
}

static enum err finish(struct directory_call *call, enum err e, struct buf *reply)
{
	/* A sentence left by a step that was then done otherwise is no message of a success. */
	if (e == OK)
		call->directory->message[0] = '\0';
	answer(call, e, reply);
	json_decref(call->reply);
	return e;
}

enum err directory_command_begin(struct directory *directory, const struct directory_change *by,
	struct str request, struct buf *reply, struct directory_job **ret_job)
{
	struct directory_call call = {.directory = directory, .by = by, .reply = json_object()};

	directory->message[0] = '\0';
	directory->errand = (struct directory_errand){0};
	enum err e = run(&call, request);
	*ret_job = call.job;
	if (!call.job)
		return finish(&call, e, reply);
	json_decref(call.reply);
	return OK;
}

bool directory_job_work(struct directory_job *job)
{
	return job->work(job);
}

enum err directory_command_end(struct directory *directory, struct directory_job **job,
	const struct directory_change *by, struct buf *reply)
{
	struct directory_call call = {.directory = directory, .by = by, .reply = json_object()};

	directory->message[0] = '\0';
	enum err e = (*job)->end(*job, &call);
	(*job)->free(*job);
	*job = NULL;
	return finish(&call, e, reply);
}

enum err directory_command(struct directory *directory, const struct directory_change *by,
	struct str request, struct buf *reply)
{
	struct directory_job *job;
	enum err e = directory_command_begin(directory, by, request, reply, &job);

	if (!job)
		return e;
	while (directory_job_work(job))
		;
	return directory_command_end(directory, &job, by, reply);
}
