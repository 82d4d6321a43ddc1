/* SPDX-License-Identifier: ISC */
/*
 * The configuration: one struct field for each row of options.def.  SIZE in bytes, DURATION in milliseconds.
 * Files are read by libConfuse; errors carry file, line and cause.  Before lock-in only.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/arena.h"
#include "base/buf.h"

struct conf {
#define CONF_C_STRING const char *
#define CONF_C_BOOL bool
#define CONF_C_INT int64_t
#define CONF_C_SIZE int64_t
#define CONF_C_DURATION int64_t
#define SECTION(title)
#define OPTION(type, name, def, least, most, when, help) CONF_C_##type name;
#include "conf/options.def"
#undef OPTION
#undef SECTION
	struct arena *arena; /* holds the strings */
};

/* All defaults. */
struct conf *conf_new(void);
void conf_free(struct conf **conf);
/* Sets options from a file, or from text as conf_write() makes it.  ERR_BAD_CONFIG: errors says why, a line each. */
MUST_CHECK enum err conf_read_file(struct conf *conf, const char *path, struct buf *errors);
MUST_CHECK enum err conf_read_text(struct conf *conf, struct str text, struct buf *errors);
/* One option; INTERNAL ones too. */
MUST_CHECK enum err conf_set(struct conf *conf, const char *name, const char *value, struct buf *errors);
/* `name = value` lines of everything, INTERNAL ones too. */
void conf_write(const struct conf *conf, struct buf *out);
/* The commented file that `restante config --defaults` prints. */
void conf_print_defaults(struct buf *out);
/* Copies the LIVE options; names of changed START options are appended to ret_pending, separated by spaces. */
void conf_reload(struct conf *conf, const struct conf *fresh, struct buf *ret_pending);

#endif
