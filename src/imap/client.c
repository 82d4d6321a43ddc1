/* SPDX-License-Identifier: ISC */
#include "imap/client.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/time.h"
#include "imap/reply.h"

enum { MAGIC = 0x494d4150 };

static struct imap_client *client_of(void *arg)
{
	struct imap_client *client = arg;

	if (client->magic != MAGIC)
		abort();
	return client;
}

struct buf *imap_client_output(struct imap_client *client)
{
	static struct buf nowhere = { .max = 1 };

	if (client->conn)
		return conn_output(client->conn);
	buf_clear(&nowhere);
	return &nowhere;
}

bool imap_client_should_yield(const struct imap_client *client, uint64_t since_us)
{
	return !client->conn || conn_output_size(client->conn) > IMAP_OUTPUT_MARK ||
		time_mono_us() - since_us > IMAP_SLICE_US;
}

void imap_client_init(struct imap_client *client, struct loop *loop, struct conn *conn,
	const struct conf *conf, const struct imap_client_ops *ops)
{
	*client = (struct imap_client){
		.magic = MAGIC, .loop = loop, .conn = conn, .conf = conf, .ops = ops, .trace = random_u64() };
	imap_collect_init(&client->collect, IMAP_PREAUTH_TEXT_MAX, 0);
}

static void forget_command(struct imap_client *client)
{
	struct imap_cmd *cmd = client->cmd;

	client->cmd = NULL;
	client->waits_for_drain = client->runs_again = false;
	if (cmd)
		imap_cmd_release(cmd);
	imap_collect_next(&client->collect);
	arena_free(&client->arena);
	free(client->compact);
	client->compact = NULL;
}

/* The command's struct and tag in one small block. */
struct compact {
	struct imap_cmd cmd;
	char tag[];
};

struct imap_cmd *imap_client_compact(struct imap_client *client)
{
	struct imap_cmd *cmd = client->cmd;
	struct compact *small = mem_alloc(sizeof(*small) + cmd->tag.n);

	small->cmd = *cmd;
	memcpy(small->tag, cmd->tag.p, cmd->tag.n);
	small->cmd.tag.p = small->tag;
	small->cmd.arena = NULL;
	small->cmd.args = (struct imap_parser){ 0 };
	imap_cmd_release(cmd);
	small->cmd.things = NULL;
	arena_free(&client->arena);
	imap_collect_next(&client->collect);
	buf_release(&client->collect.text);
	conn_release_memory(client->conn);
	client->compact = small;
	client->cmd = &small->cmd;
	return client->cmd;
}

void imap_client_done(struct imap_client *client)
{
	loop_defer_cancel(client->loop, client);
	forget_command(client);
	imap_collect_done(&client->collect);
	buf_done(&client->early);
	free((char *)client->id.p);
	client->magic = 0;
}

static void tell_ended(void *arg)
{
	struct imap_client *client = client_of(arg);

	if (!client->is_held)
		client->ops->ended(client, client->end_why);
}

/* The owner is told later, as callers up the stack still hold the client. */
static void end_session(struct imap_client *client, enum err why)
{
	struct imap_cmd *cmd = client->cmd;

	if (client->is_closing)
		return;
	client->is_closing = true;
	client->end_why = why;
	if (cmd && cmd->on_end)
		cmd->on_end(cmd);
	conn_close(&client->conn, why == OK ? IMAP_LINGER_MS : 0);
	loop_defer(client->loop, tell_ended, client);
}

void imap_client_hold(struct imap_client *client)
{
	client->is_held = true;
}

void imap_client_release(struct imap_client *client)
{
	client->is_held = false;
	if (client->is_closing)
		loop_defer(client->loop, tell_ended, client);
}

void imap_client_bye(struct imap_client *client, const char *code, const char *text)
{
	if (client->is_closing)
		return;
	buf_addf(imap_client_output(client), "* BYE %s%s\r\n", code, text);
	end_session(client, OK);
}

static void finish_command(struct imap_client *client)
{
	struct imap_cmd *cmd = client->cmd;

	client->commands++;
	metric_add(METRIC_imap_commands, 1);
	metric_observe_us(METRIC_imap_command_latency, time_mono_us() - cmd->started_us);
	forget_command(client);
	if (client->conn)
		conn_pause(client->conn, false);
}

/* True: the next command may come. */
static bool take_result(struct imap_client *client, enum imap_result result)
{
	if (client->is_closing)
		return false;
	switch (result) {
	case IMAP_DONE:
		finish_command(client);
		if (client->bad_in_row <= (unsigned)client->conf->imap_errors_max)
			return true;
		imap_client_bye(client, "", err_text(ERR_TOO_MANY_ERRORS));
		return false;
	case IMAP_MORE:
		conn_pause(client->conn, true);
		client->runs_again = true;
		client->waits_for_drain = conn_output_size(client->conn) > IMAP_OUTPUT_MARK;
		return false;
	case IMAP_PARK:
		/* Lines still come in when somebody waits for them. */
		conn_pause(client->conn, client->cmd->on_line == NULL);
		return client->cmd->on_line != NULL;
	case IMAP_CLOSE:
		finish_command(client);
		end_session(client, OK);
		return false;
	}
	return false;
}

static struct imap_cmd *begin_command(struct imap_client *client)
{
	struct imap_cmd *cmd;

	if (!client->arena)
		client->arena = arena_new();
	cmd = arena_make(client->arena, struct imap_cmd);
	cmd->client = client;
	cmd->arena = client->arena;
	cmd->started_us = time_mono_us();
	cmd->args = imap_parser_of(buf_str(&client->collect.text), client->arena);
	cmd->messages = &client->collect.messages;
	client->cmd = cmd;
	return cmd;
}

static enum err parse_verb(struct imap_cmd *cmd)
{
	struct str verb;
	enum err e = imap_parse_atom(&cmd->args, &verb);

	if (e == OK && str_iequal(verb, S("UID"))) {
		cmd->is_uid = true;
		e = imap_parse_space(&cmd->args);
		if (e == OK)
			e = imap_parse_atom(&cmd->args, &verb);
	}
	if (e != OK)
		return e;
	cmd->row = imap_command_find(verb);
	if (!cmd->row || (cmd->is_uid && !(cmd->row->flags & IMAP_HAS_UID)))
		return ERR_UNKNOWN_COMMAND;
	return OK;
}

static enum err check_command(struct imap_client *client, const struct imap_command *row)
{
	if (!(row->states & client->state) || !(row->flags & client->here))
		return ERR_SEQUENCE;
	return client->ops->check ? client->ops->check(client, row) : OK;
}

static enum imap_result refuse_command(struct imap_cmd *cmd, enum err e)
{
	static const char *const where[] = { [IMAP_PREAUTH] = "log in first",
		[IMAP_AUTH] = "select a mailbox first", [IMAP_SELECTED] = "already logged in" };

	if (e != ERR_SEQUENCE)
		return imap_reply_error(cmd, e);
	if (cmd->row->states == IMAP_PREAUTH)
		return imap_reply_bad(cmd, where[IMAP_SELECTED]);
	return imap_reply_bad(cmd, where[cmd->client->state]);
}

static enum imap_result call_handler(struct imap_cmd *cmd)
{
	struct imap_client *client = cmd->client;
	enum err e = client->ops->enter ? client->ops->enter(cmd) : OK;
	enum imap_result result;

	if (e != OK)
		return imap_reply_error(cmd, e);
	result = cmd->row->handler(cmd);
	if (client->ops->leave)
		client->ops->leave(client);
	return result;
}

static enum imap_result dispatch(struct imap_client *client)
{
	struct imap_cmd *cmd = begin_command(client);
	enum err e = imap_parse_tag(&cmd->args, &cmd->tag);

	if (e == OK)
		e = imap_parse_space(&cmd->args);
	cmd->text = str_make(cmd->args.p, (size_t)(cmd->args.end - cmd->args.p));
	if (e == OK)
		e = parse_verb(cmd);
	if (e == OK)
		e = check_command(client, cmd->row);
	if (e != OK)
		return refuse_command(cmd, e);
	if (!imap_parse_at_end(&cmd->args) && imap_parse_space(&cmd->args) != OK)
		return imap_reply_error(cmd, ERR_SYNTAX);
	return call_handler(cmd);
}

static enum imap_result refuse_input(struct imap_client *client)
{
	struct imap_cmd *cmd = begin_command(client);

	if (imap_parse_tag(&cmd->args, &cmd->tag) != OK)
		cmd->tag = STR_NONE;
	cmd->args.complaint = NULL;
	return imap_reply_error(cmd, client->collect.error);
}

static bool take_command(struct imap_client *client, enum imap_collected collected)
{
	/* Empty lines between commands are passed over, as some clients send them after literals. */
	if (collected == IMAP_COLLECT_COMMAND && client->collect.text.n == 0) {
		imap_collect_next(&client->collect);
		return true;
	}
	return take_result(client,
		collected == IMAP_COLLECT_COMMAND ? dispatch(client) : refuse_input(client));
}

/* What came before the connection's own bytes goes first; the two are joined, as a line may span both. */
static struct str input_of(struct imap_client *client)
{
	if (!client->early.n)
		return conn_input(client->conn);
	buf_add(&client->early, conn_input(client->conn));
	conn_consume(client->conn, conn_input(client->conn).n);
	return buf_str(&client->early);
}

static void consume(struct imap_client *client, size_t n)
{
	if (!client->early.n) {
		conn_consume(client->conn, n);
		return;
	}
	buf_consume(&client->early, n);
	if (!client->early.n)
		buf_release(&client->early);
}

/* Feeds what is not for a parked command; false: stop reading for now. */
static bool feed(struct imap_client *client, struct str input)
{
	size_t taken;
	enum imap_collected collected = imap_collect_feed(&client->collect, input, &taken);

	/* Before a handler runs: STARTTLS and the login count on what is left. */
	consume(client, taken);
	if (collected == IMAP_COLLECT_CONTINUE)
		buf_adds(imap_client_output(client), "+ go ahead\r\n");
	if (collected == IMAP_COLLECT_COMMAND || collected == IMAP_COLLECT_REFUSED)
		return take_command(client, collected);
	return true;
}

static bool feed_line(struct imap_client *client, struct str input)
{
	ptrdiff_t lf = str_index(input, '\n');
	struct str line;

	if (lf < 0 && input.n < IMAP_RAW_LINE_MAX)
		return false;
	if (lf < 0 || lf >= IMAP_RAW_LINE_MAX) {
		imap_client_bye(client, "", err_text(ERR_LINE_TOO_LONG));
		return false;
	}
	if (!client->arena)
		client->arena = client->cmd->arena = arena_new();
	line = arena_dup(client->arena, str_sub(input, 0, (size_t)lf));
	consume(client, (size_t)lf + 1);
	if (str_ends(line, S("\r")))
		line.n--;
	return take_result(client, client->cmd->on_line(client->cmd, line));
}

static bool take_input(struct imap_client *client)
{
	struct str input;

	if (client->cmd && !client->cmd->on_line)
		return false;
	input = input_of(client);
	if (!input.n)
		return false;
	return client->cmd ? feed_line(client, input) : feed(client, input);
}

static bool call_again(struct imap_client *client)
{
	client->runs_again = false;
	return take_result(client, call_handler(client->cmd));
}

static void advance(void *arg)
{
	struct imap_client *client = client_of(arg);
	bool goes_on = true;

	client->is_deferred = false;
	while (goes_on && !client->is_closing && !client->waits_for_drain)
		goes_on = client->runs_again ? call_again(client) : take_input(client);
	if (client->runs_again && !client->waits_for_drain && !client->is_closing) {
		client->is_deferred = true;
		loop_defer(client->loop, advance, client);
	}
}

void imap_client_feed(struct imap_client *client, struct str bytes)
{
	buf_add(&client->early, bytes);
	advance(client);
}

static void on_readable(struct conn *conn, void *arg)
{
	advance(arg);
}

static void on_drained(struct conn *conn, void *arg)
{
	struct imap_client *client = client_of(arg);

	if (!client->waits_for_drain)
		return;
	client->waits_for_drain = false;
	advance(client);
}

static void on_ended(struct conn *conn, void *arg, enum err why)
{
	struct imap_client *client = client_of(arg);

	if (why == ERR_TIMEOUT && !client->is_closing)
		buf_adds(imap_client_output(client), "* BYE idle for too long\r\n");
	end_session(client, why == ERR_TIMEOUT ? OK : why);
}

const struct conn_events imap_client_events = {
	.readable = on_readable,
	.ended = on_ended,
	.drained = on_drained,
};

void imap_client_resume(struct imap_client *client, enum imap_result result)
{
	if (client->cmd && take_result(client, result))
		advance(client);
	else if (client->runs_again)
		advance(client);
}
