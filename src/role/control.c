/* SPDX-License-Identifier: ISC */
/* The control socket: one JSON object a line, one answer a line. */
#include "role/directory_own.h"

#include "base/log.h"
#include "base/time.h"
#include "net/conn.h"
#include "net/listener.h"
#include "net/work.h"

#include <stdlib.h>
#include <sys/socket.h>

enum { LINE_MAX = 8 << 20, TIMEOUT_MS = 60000 };

struct control {
	struct directory_role *own;
	struct conn *conn; /* NULL: gone while its command is carried out */
	bool waits;
	struct directory_job *job; /* of the command under way */
	bool more;
};

static struct directory_change change_now(void)
{
	return (struct directory_change){ .actor = S("control"), .now_ms = time_wall_ms() };
}

static void write_json(struct control *control, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	if (control->conn) {
		conn_write(control->conn, str_of(text));
		conn_write(control->conn, S("\n"));
	}
	free(text);
	json_decref(object);
}

static void start_errand(struct control *control, struct directory_errand errand)
{
	control->waits = true;
	conn_set_timeout(control->conn, 0);
	if (errand.what == DIRECTORY_COMPACT)
		compact_shards(control->own, control, errand.shard);
	else if (errand.what == DIRECTORY_MOVE)
		move_account(control->own, control, &errand);
	else
		special_folders(control->own, control, &errand);
}

static void write_reply(struct control *control, enum err e, struct buf *reply)
{
	if (e != OK)
		LOG(LOG_INFO, "command_refused", F_ERR(e));
	buf_addc(reply, '\n');
	if (control->conn)
		conn_write(control->conn, buf_str(reply));
}

/* The next command may follow the end of one that was waited for: the one circle here. */
static void go_on(struct control *control);

static void work(void *arg)
{
	struct control *control = arg;

	control->more = directory_job_work(control->job);
}

/* One step at a time, so that logins that wait for a thread get theirs. */
static void worked(void *arg)
{
	struct control *control = arg;
	struct directory_change by = change_now();
	struct buf reply = { 0 };

	if (control->more) {
		loop_work(control->own->role->loop, work, worked, control);
		return;
	}
	write_reply(control, directory_command_end(control->own->directory, &control->job, &by, &reply), &reply);
	buf_done(&reply);
	go_on(control);
}

static void start_job(struct control *control)
{
	control->waits = true;
	conn_set_timeout(control->conn, 0);
	loop_work(control->own->role->loop, work, worked, control);
}

static void run_command(struct control *control, struct str line)
{
	struct directory_change by = change_now();
	struct buf reply = { 0 };
	enum err e = directory_command_begin(control->own->directory, &by, line, &reply, &control->job);
	struct directory_errand errand = directory_errand(control->own->directory);

	if (control->job)
		start_job(control);
	else if (e == OK && errand.what != DIRECTORY_NO_ERRAND)
		start_errand(control, errand);
	else
		write_reply(control, e, &reply);
	buf_done(&reply);
}

static void readable(struct conn *conn, void *arg)
{
	struct control *control = arg;
	struct buf line = { 0 };
	ptrdiff_t end;

	while (!control->waits && (end = str_index(conn_input(conn), '\n')) >= 0) {
		buf_clear(&line);
		buf_add(&line, str_sub(conn_input(conn), 0, (size_t)end));
		conn_consume(conn, (size_t)end + 1);
		run_command(control, buf_str(&line));
	}
	buf_done(&line);
}

static void ended(struct conn *conn, void *arg, enum err why)
{
	struct control *control = arg;

	conn_close(&control->conn, 1000);
	if (!control->waits)
		free(control);
}

/* The command that was waited for is answered. */
static void go_on(struct control *control)
{
	control->waits = false;
	if (!control->conn) {
		free(control);
		return;
	}
	conn_set_timeout(control->conn, TIMEOUT_MS);
	readable(control->conn, control);
}

static void answer(struct control *control, json_t *object)
{
	write_json(control, object);
	go_on(control);
}

void control_answer(struct control *control, json_t *reply)
{
	json_t *object = json_pack("{s:b}", "ok", 1);

	json_object_update(object, reply);
	json_decref(reply);
	answer(control, object);
}

void control_refuse(struct control *control, enum err e, const char *sentence)
{
	answer(control, json_pack("{s:b,s:s,s:s}", "ok", 0, "error", err_name(e), "message",
		sentence ? sentence : err_text(e)));
}

static void accept_control(void *arg, int fd, const struct sockaddr *peer)
{
	static const struct conn_events events = { .readable = readable, .ended = ended };
	static const struct conn_limits limits = { LINE_MAX, LINE_MAX };
	struct control *control = mem_make(struct control);

	control->own = arg;
	control->conn = conn_new(control->own->role->loop, fd, &limits, &events, control);
	conn_set_timeout(control->conn, TIMEOUT_MS);
}

void control_listen(struct directory_role *own)
{
	for (unsigned i = 0; i < own->role->listener_count; i++)
		own->control = listener_new(own->role->loop, own->role->listeners[i].fd, accept_control, own);
}
