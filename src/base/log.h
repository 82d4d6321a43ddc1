/* SPDX-License-Identifier: ISC */
/*
 * Structured logs: one line an event, `time level role event key=value ...`, values quoted when they need it.
 * Libraries do not log; roles and protocol edges log each event once.  Never a password.  One write(2) a line.
 *
 *   LOG(LOG_INFO, "delivered", F_TRACE(trace), F_U64("account", id), F_STR("from", sender));
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/buf.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

struct log_field {
	const char *key;
	enum { LOG_FIELD_STR, LOG_FIELD_U64, LOG_FIELD_I64, LOG_FIELD_HEX } kind;
	struct str str;
	uint64_t number;
};

#define F_STR(k, v) ((struct log_field){ k, LOG_FIELD_STR, v, 0 })
#define F_CSTR(k, v) ((struct log_field){ k, LOG_FIELD_STR, str_of(v), 0 })
#define F_U64(k, v) ((struct log_field){ k, LOG_FIELD_U64, STR_NONE, (uint64_t)(v) })
#define F_I64(k, v) ((struct log_field){ k, LOG_FIELD_I64, STR_NONE, (uint64_t)(int64_t)(v) })
#define F_TRACE(v) ((struct log_field){ "trace", LOG_FIELD_HEX, STR_NONE, (v) })
#define F_ERR(e) ((struct log_field){ "error", LOG_FIELD_STR, str_of(err_text(e)), 0 })

#define LOG(level, event, ...) \
	log_event((level), (event), (const struct log_field[]){ __VA_ARGS__ }, \
		sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field))

void log_event(enum log_level level, const char *event, const struct log_field *fields, size_t count);
/* role stands in every line; fd is where lines go (2 at start); below min nothing is written. */
void log_setup(const char *role, int fd, enum log_level min);
/* "debug" ... "error"; ERR_SYNTAX for others. */
MUST_CHECK enum err log_level_parse(struct str s, enum log_level *ret_level);

#endif
