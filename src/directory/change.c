/* SPDX-License-Identifier: ISC */
#include "directory/own.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

enum err directory_refuse(struct directory *directory, enum err e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(directory->message, sizeof(directory->message), format, ap);
	va_end(ap);
	return e;
}

const char *directory_message(const struct directory *directory)
{
	return directory->message;
}

static enum err explain(struct directory *directory, enum err e)
{
	return directory_refuse(
		directory, e, "%s: %s", err_text(e), sql_last_error(directory->sql));
}

enum err directory_change_begin(struct directory *directory)
{
	directory->message[0] = '\0';
	enum err e = sql_begin(directory->sql);
	return e == OK ? OK : explain(directory, e);
}

enum err directory_change_end(struct directory *directory, enum err e)
{
	e = sql_end(directory->sql, e);
	if (e != OK && directory->message[0] == '\0')
		return explain(directory, e);
	return e;
}

enum err directory_take_ids(
	struct directory *directory, const char *counter, int64_t n, int64_t *ret_first)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_COUNTER_TAKE];
	enum err e;

	SQL_BIND(st, SQL_TEXT(str_of(counter)), SQL_I64(n));
	e = sql_first(st);
	if (e != OK)
		return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
	*ret_first = sql_column_i64(st, 0) - n + 1;
	sql_reset(st);
	return OK;
}

static struct sql_value take_json(json_t *json, char **ret_text)
{
	*ret_text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	return *ret_text != NULL ? SQL_TEXT(str_of(*ret_text)) : SQL_NULL;
}

enum err directory_audit(struct directory *directory, const struct directory_change *by,
	int64_t organisation, const char *action, struct str subject, json_t *before,
	json_t *after)
{
	struct sql_statement *st = directory->st[DIRECTORY_SQL_AUDIT_ADD];
	char *before_text, *after_text;
	struct sql_value before_value = take_json(before, &before_text),
			 after_value = take_json(after, &after_text);
	int64_t id;
	enum err e = directory_take_ids(directory, "audit", 1, &id);

	if (e == OK) {
		SQL_BIND(st, SQL_I64(organisation), SQL_I64(id), SQL_I64(by->now_ms),
			SQL_TEXT(by->actor), SQL_TEXT(str_of(action)), SQL_TEXT(subject),
			before_value, after_value);
		e = sql_run(st);
	}
	free(before_text);
	free(after_text);
	return e;
}

void directory_listen(struct directory *directory,
	void (*listener)(void *ctx, const struct directory_event *event), void *ctx)
{
	directory->listener = listener;
	directory->listener_ctx = ctx;
}

void directory_tell(struct directory *directory, const struct directory_event *event)
{
	if (directory->listener != NULL)
		directory->listener(directory->listener_ctx, event);
}

enum err directory_check_name(struct directory *directory, const char *what, struct str s)
{
	bool fine = s.n > 0 && s.n <= DIRECTORY_NAME_MAX && utf8_is_valid(s);

	for (size_t i = 0; i < s.n && fine; i++)
		fine = (unsigned char)s.p[i] >= 0x20 && s.p[i] != 0x7f;
	if (fine)
		return OK;
	return directory_refuse(directory, ERR_SYNTAX,
		"%s is 1 to %d bytes of UTF-8 without control characters", what,
		DIRECTORY_NAME_MAX);
}
