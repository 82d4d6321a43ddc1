/* SPDX-License-Identifier: ISC */
#include "base/log.h"

#include "base/time.h"

#include <unistd.h>

enum { LINE_MAX_BYTES = 4000, VALUE_MAX_BYTES = 500 };

static const char *const level_names[] = { "debug", "info", "warning", "error" };
static char role_name[32] = "restante";
static int log_fd = 2;
static enum log_level log_min = LOG_INFO;

void log_setup(const char *role, int fd, enum log_level min)
{
	struct str s = str_sub(str_of(role), 0, sizeof(role_name) - 1);

	memcpy(role_name, s.p, s.n);
	role_name[s.n] = '\0';
	log_fd = fd;
	log_min = min;
}

enum err log_level_parse(struct str s, enum log_level *ret_level)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(*level_names); i++) {
		if (str_iequal(s, str_of(level_names[i]))) {
			*ret_level = (enum log_level)i;
			return OK;
		}
	}
	return ERR_SYNTAX;
}

static bool needs_quotes(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];

		if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
			return true;
	}
	return s.n == 0;
}

/* Text comes from strangers: what is not printable ASCII becomes \xNN, so a line stays one line. */
static void add_value(struct buf *line, struct str s)
{
	s = str_sub(s, 0, VALUE_MAX_BYTES);
	if (!needs_quotes(s)) {
		buf_add(line, s);
		return;
	}
	buf_addc(line, '"');
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];

		if (c == '"' || c == '\\')
			buf_addf(line, "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			buf_addf(line, "\\x%02x", c);
		else
			buf_addc(line, (char)c);
	}
	buf_addc(line, '"');
}

static void add_field(struct buf *line, const struct log_field *f)
{
	buf_addf(line, " %s=", f->key);
	switch (f->kind) {
	case LOG_FIELD_STR:
		add_value(line, f->str);
		break;
	case LOG_FIELD_U64:
		buf_add_u64(line, f->number);
		break;
	case LOG_FIELD_I64:
		buf_addf(line, "%lld", (long long)f->number);
		break;
	case LOG_FIELD_HEX:
		buf_addf(line, "%016llx", (unsigned long long)f->number);
		break;
	}
}

void log_event(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
	struct buf line = { 0 };

	if (level < log_min)
		return;
	buf_reserve(&line, 512);
	time_add_iso(&line, time_wall_ms());
	buf_addf(&line, " %s %s event=%s", level_names[level], role_name, event);
	for (size_t i = 0; i < count && line.n < LINE_MAX_BYTES; i++)
		add_field(&line, &fields[i]);
	buf_addc(&line, '\n');
	/* A full log disk must not stop the mail. */
	if (write(log_fd, line.p, line.n) < 0) {
	}
	buf_done(&line);
}
