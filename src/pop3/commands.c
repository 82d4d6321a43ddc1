/* SPDX-License-Identifier: ISC */
/* The commands of the TRANSACTION state. */
#include "pop3/session_local.h"

#include "base/time.h"
#include "base/vec.h"

enum { CHUNK_BYTES = 64 << 10, SLICE_US = 5000 };

typedef void pop3_store_fn(struct pop3_session *s, struct str args);

static struct buf *out_of(struct pop3_session *s)
{
	return conn_output(s->conn);
}

static void refuse(struct pop3_session *s, const char *text)
{
	buf_addf(out_of(s), "-ERR %s\r\n", text);
	s->errors++;
}

static void okay(struct pop3_session *s, const char *text)
{
	buf_addf(out_of(s), "+OK %s\r\n", text);
	s->errors = 0;
}

/* NULL: refused already. */
static struct pop3_item *take_item(struct pop3_session *s, struct str *args)
{
	uint32_t n;

	if (!pop3_take_number(args, &n))
		refuse(s, "a message number is expected");
	else if (n < 1 || n > s->items.n)
		refuse(s, "no such message");
	else if (s->items.v[n - 1].deleted)
		refuse(s, "the message is deleted");
	else
		return &s->items.v[n - 1];
	return NULL;
}

static void count(const struct pop3_session *s, uint64_t *ret_n, uint64_t *ret_bytes)
{
	*ret_n = *ret_bytes = 0;
	for (size_t i = 0; i < s->items.n; i++)
		if (!s->items.v[i].deleted) {
			++*ret_n;
			*ret_bytes += s->items.v[i].size;
		}
}

static void stat(struct pop3_session *s, struct str args)
{
	uint64_t n, bytes;

	count(s, &n, &bytes);
	buf_addf(out_of(s), "+OK %llu %llu\r\n", (unsigned long long)n, (unsigned long long)bytes);
	s->errors = 0;
}

static void write_size(const struct pop3_session *s, const struct pop3_item *item, struct buf *out)
{
	buf_add_u64(out, item->size);
}

/* Of the account and of the message's own id: neither is ever given twice, and both outlive moves and renames. */
static void write_uidl(const struct pop3_session *s, const struct pop3_item *item, struct buf *out)
{
	buf_addf(out, "%llx.%llx", (unsigned long long)s->account, (unsigned long long)item->instance);
}

static void write_row(const struct pop3_session *s, const struct pop3_item *item,
	void (*write)(const struct pop3_session *, const struct pop3_item *, struct buf *), struct buf *out)
{
	buf_add_u64(out, (uint64_t)(item - s->items.v) + 1);
	buf_addc(out, ' ');
	write(s, item, out);
	buf_adds(out, "\r\n");
}

/* LIST and UIDL: one message, or all. */
static void tabulate(struct pop3_session *s, struct str args,
	void (*write)(const struct pop3_session *, const struct pop3_item *, struct buf *))
{
	struct buf *out = out_of(s);
	const struct pop3_item *item;

	if (str_trim(args).n) {
		item = take_item(s, &args);
		if (!item)
			return;
		buf_adds(out, "+OK ");
		write_row(s, item, write, out);
	} else {
		buf_adds(out, "+OK\r\n");
		for (size_t i = 0; i < s->items.n; i++)
			if (!s->items.v[i].deleted)
				write_row(s, &s->items.v[i], write, out);
		buf_adds(out, ".\r\n");
	}
	s->errors = 0;
}

static void list(struct pop3_session *s, struct str args)
{
	tabulate(s, args, write_size);
}

static void uidl(struct pop3_session *s, struct str args)
{
	tabulate(s, args, write_uidl);
}

static enum err open_message(struct pop3_session *s, const struct pop3_item *item)
{
	struct store_entry *entries;
	size_t n = 0;
	enum err e = store_folder_read(s->folder, item->uid, item->uid, s->arena, &entries, &n);

	/* Another session, by IMAP, may have removed it. */
	if (e == OK && n == 0)
		e = ERR_EXPUNGED;
	if (e == OK)
		e = store_message_open(s->all->store, s->account, entries, s->arena, &s->message);
	if (e == OK)
		s->size = s->message.prefix.n + s->message.content_length;
	return e;
}

/* The first piece is read before +OK promises a message. */
static void begin_sending(struct pop3_session *s, const struct pop3_item *item, struct pop3_stuff stuff)
{
	char byte;
	size_t got;
	enum err e;

	s->arena = arena_new();
	s->at = 0;
	s->stuff = stuff;
	e = open_message(s, item);
	if (e == OK && s->size)
		e = store_message_read(s->all->store, &s->message, 0, 1, &byte, &got);
	if (e != OK) {
		arena_free(&s->arena);
		pop3_write_error(e, out_of(s));
		return;
	}
	buf_addf(out_of(s), "+OK %u octets\r\n", item->size);
	s->errors = 0;
	s->state = POP3_SENDING;
	pop3_session_send(s);
}

static void retr(struct pop3_session *s, struct str args)
{
	const struct pop3_item *item = take_item(s, &args);

	if (!item)
		return;
	s->retrieved++;
	begin_sending(s, item, (struct pop3_stuff){ .limited = false });
}

static void top(struct pop3_session *s, struct str args)
{
	const struct pop3_item *item = take_item(s, &args);
	uint32_t lines;

	if (!item)
		return;
	if (!pop3_take_number(&args, &lines))
		refuse(s, "a number of lines is expected");
	else
		begin_sending(s, item, (struct pop3_stuff){ .limited = true, .lines_left = lines });
}

static void dele(struct pop3_session *s, struct str args)
{
	struct pop3_item *item = take_item(s, &args);

	if (!item)
		return;
	item->deleted = true;
	okay(s, "marked");
}

static void rset(struct pop3_session *s, struct str args)
{
	for (size_t i = 0; i < s->items.n; i++)
		s->items.v[i].deleted = false;
	okay(s, "nothing is marked");
}

static void noop(struct pop3_session *s, struct str args)
{
	okay(s, "still here");
}

static void capa(struct pop3_session *s, struct str args)
{
	pop3_write_capabilities(&(struct pop3_offer){ .before_login = false }, out_of(s));
	s->errors = 0;
}

static void quit(struct pop3_session *s, struct str args)
{
	pop3_session_update(s);
}

static const struct {
	const char *verb;
	pop3_store_fn *handler;
} commands[] = {
#define POP3_EDGE(verb, handler, reference)
#define POP3_STORE(verb, handler, reference) { verb, handler },
#include "pop3/commands.def"
#undef POP3_EDGE
#undef POP3_STORE
};

void pop3_session_command(struct pop3_session *s, struct str text)
{
	struct pop3_line line = pop3_line_split(text);

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (str_iequal(line.verb, str_of(commands[i].verb))) {
			commands[i].handler(s, line.args);
			return;
		}
	refuse(s, "unknown command");
}

/* OK, ERR_NOT_FOUND: the end of what is wanted; or the store's error. */
static enum err send_piece(struct pop3_session *s)
{
	uint64_t left = s->size - s->at;
	size_t want = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES, got = 0;
	char bytes[CHUNK_BYTES];
	enum err e;

	if (!want)
		return ERR_NOT_FOUND;
	e = store_message_read(s->all->store, &s->message, s->at, want, bytes, &got);
	if (e == OK && got != want)
		e = ERR_CORRUPT;
	if (e != OK)
		return e;
	s->at += got;
	return pop3_stuff_add(&s->stuff, str_make(bytes, got), out_of(s)) ? OK : ERR_NOT_FOUND;
}

void pop3_session_send(struct pop3_session *s)
{
	uint64_t since = time_mono_us();
	enum err e = OK;

	while (e == OK && conn_output_size(s->conn) <= POP3_OUTPUT_MARK && time_mono_us() - since < SLICE_US)
		e = send_piece(s);
	if (e == OK) {
		/* Past the mark `drained` goes on. */
		if (conn_output_size(s->conn) <= POP3_OUTPUT_MARK)
			pop3_session_defer(s);
		return;
	}
	arena_free(&s->arena);
	s->state = POP3_READY;
	if (e == ERR_NOT_FOUND) {
		pop3_stuff_end(&s->stuff, out_of(s));
		return;
	}
	/* Half a message is out: only the end of the connection tells the client that it is none. */
	conn_close(&s->conn, 0);
	pop3_session_defer(s);
}
