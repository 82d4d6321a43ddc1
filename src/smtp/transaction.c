/* SPDX-License-Identifier: ISC */
#include "smtp/transaction.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/time.h"
#include "net/conn.h"
#include "smtp/trace.h"

#include <openssl/sha.h>
#include <stdio.h>

#define STEPS \
	STEP(INSPECT, ask_inspect) \
	STEP(VERDICT, weigh_verdict) \
	STEP(EDIT, edit_head) \
	STEP(DELIVER, deliver) \
	STEP(SETTLE, settle) \
	STEP(QUEUE, ask_queue) \
	STEP(ANSWER, answer)

enum step {
#define STEP(name, function) STEP_##name,
	STEPS
#undef STEP
};

enum progress { MORE, WAIT, ENDED };

enum {
	EDIT_SLICE = 1 << 20, /* bytes copied in one turn of the loop */
	DELIVERY_ID_SIZE = 16,
};

/* One request to one shard. */
struct part {
	struct smtp_transaction *transaction;
	uint32_t shard;
	struct buf recipients;
	VEC(size_t) indexes; /* of the envelope's recipients, in the order sent */
};

struct smtp_transaction {
	struct smtp_session *session;
	struct arena *arena; /* the envelope's */
	enum step step;
	uint64_t trace, started_us;
	int64_t received_s;
	uint8_t delivery_id[DELIVERY_ID_SIZE];
	struct str trace_header, structure, content_id, header, reason;
	uint64_t replace; /* bytes at the head that header replaces */
	uint64_t copied;  /* offset in the old body */
	struct smtp_body edited;
	bool is_editing;
	uint32_t hops;
	enum err error;    /* of the message as a whole */
	enum err *results; /* per recipient */
	VEC(struct part *) parts;
	size_t waiting;
	size_t queued, refused;
};

void smtp_delivery_id(
	struct str sender, struct str message_id, struct str content_id, uint8_t ret_id[16])
{
	struct buf text = { 0 };
	uint8_t digest[SHA256_DIGEST_LENGTH];

	buf_add(&text, sender);
	buf_addc(&text, '\0');
	buf_add(&text, message_id);
	buf_addc(&text, '\0');
	buf_add(&text, content_id);
	SHA256((const uint8_t *)text.p, text.n, digest);
	memcpy(ret_id, digest, DELIVERY_ID_SIZE);
	buf_done(&text);
}

static const struct smtp_options *options_of(const struct smtp_transaction *tx)
{
	return &tx->session->server->options;
}

static struct ipc_hub *hub_of(const struct smtp_transaction *tx)
{
	return tx->session->server->hub;
}

static struct smtp_envelope *envelope_of(const struct smtp_transaction *tx)
{
	return &tx->session->envelope;
}

static enum progress give_up(struct smtp_transaction *tx, enum err e)
{
	tx->error = e;
	tx->step = STEP_ANSWER;
	return MORE;
}

/* Steps end in requests whose replies run the machine: the one circle here, hence the one
 * forward declaration. */
static void run(struct smtp_transaction *tx);

static void take_verdict(struct smtp_transaction *tx, const struct ipc_inspect_reply *r)
{
	tx->error = r->error < ERR_COUNT ? (enum err)r->error : ERR_PROTOCOL;
	tx->reason = arena_dup(tx->arena, r->reason);
	tx->structure = arena_dup(tx->arena, r->structure);
	tx->content_id = arena_dup(tx->arena, r->content_id);
	tx->header = arena_dup(tx->arena, r->header);
	tx->replace = r->replace;
	tx->hops = r->hops;
	smtp_delivery_id(
		envelope_of(tx)->sender, r->message_id, r->content_id, tx->delivery_id);
}

static void inspected(void *arg, enum err e, const void *reply, int *fd)
{
	struct smtp_transaction *tx = arg;

	if (e == OK)
		take_verdict(tx, reply);
	else
		tx->error = ERR_UNAVAILABLE;
	run(tx);
}

/* The next of the inspect processes that is there. */
static unsigned choose_inspect(struct smtp_server *server)
{
	unsigned n = ipc_peer_count(server->hub, ROLE_INSPECT);

	for (unsigned i = 0; i < n; i++) {
		unsigned index = server->next_inspect++ % n;

		if (ipc_has_peer(server->hub, ROLE_INSPECT, index))
			return index;
	}
	return 0;
}

static enum progress ask_inspect(struct smtp_transaction *tx)
{
	struct smtp_session *s = tx->session;
	struct ipc_inspect request = {
		.kind = (uint8_t)s->policy->inspect,
		.hostname = options_of(tx)->hostname,
		.content = smtp_body_inline(&s->body),
		.length = s->body.size,
	};

	tx->step = STEP_VERDICT;
	ipc_call(hub_of(tx), ROLE_INSPECT, choose_inspect(s->server), IPC_INSPECT, &request,
		s->body.fd, tx->trace, options_of(tx)->inspect_timeout, inspected, tx);
	return WAIT;
}

static enum progress weigh_verdict(struct smtp_transaction *tx)
{
	if (tx->error != OK)
		return give_up(tx, tx->error);
	if (tx->hops > options_of(tx)->max_hops)
		return give_up(tx, ERR_LOOP);
	if (tx->replace > tx->session->body.size)
		return give_up(tx, ERR_PROTOCOL);
	tx->step = tx->replace > 0 ? STEP_EDIT : STEP_DELIVER;
	return MORE;
}

static void go_on(void *arg)
{
	run(arg);
}

static enum progress finish_edit(struct smtp_transaction *tx)
{
	enum err e = smtp_body_finish(&tx->edited);

	if (e != OK)
		return give_up(tx, e);
	smtp_body_done(&tx->session->body);
	tx->session->body = tx->edited;
	tx->is_editing = false;
	tx->step = STEP_DELIVER;
	return MORE;
}

/* Large messages are copied in slices, so that others get their turn. */
static enum progress edit_head(struct smtp_transaction *tx)
{
	struct smtp_body *old = &tx->session->body;
	enum err e;

	if (!tx->is_editing) {
		/* What is added here is not the sender's fault: no ceiling but the
		 * arithmetic's. */
		smtp_body_init(&tx->edited, old->pool, old->max + tx->header.n);
		tx->is_editing = true;
		tx->copied = tx->replace;
		smtp_body_add(&tx->edited, tx->header);
	}
	e = smtp_body_copy(&tx->edited, old, &tx->copied, EDIT_SLICE);
	if (e != OK)
		return give_up(tx, e);
	if (tx->copied == old->size)
		return finish_edit(tx);
	loop_defer(tx->session->server->loop, go_on, tx);
	return WAIT;
}

static void make_trace_header(struct smtp_transaction *tx)
{
	struct smtp_session *s = tx->session;
	const struct smtp_envelope *envelope = envelope_of(tx);
	struct buf out = BUF_MAX(8192);

	smtp_received_add(
		&out, &(struct smtp_received){
			      .hello = buf_str(&s->hello),
			      .ip = str_of(conn_peer_ip(s->conn)),
			      .hostname = options_of(tx)->hostname,
			      .tls = str_of(conn_tls_text(s->conn)),
			      .only_recipient = envelope->recipients.n == 1
							? envelope->recipients.v[0].path
							: STR_NONE,
			      .is_esmtp = s->is_esmtp,
			      .is_lmtp = s->policy->is_lmtp,
			      .is_authenticated = smtp_session_is_logged_in(s),
			      .trace = tx->trace,
			      .time_s = tx->received_s,
		      });
	tx->trace_header = arena_dup(tx->arena, buf_str(&out));
	buf_done(&out);
}

static struct part *part_of(struct smtp_transaction *tx, uint32_t shard)
{
	struct part *part;

	for (size_t i = 0; i < tx->parts.n; i++) {
		if (tx->parts.v[i]->shard == shard)
			return tx->parts.v[i];
	}
	part = arena_make(tx->arena, struct part);
	part->transaction = tx;
	part->shard = shard;
	vec_push(&tx->parts, part);
	return part;
}

static void group_by_shard(struct smtp_transaction *tx)
{
	const struct smtp_envelope *envelope = envelope_of(tx);

	tx->results = arena_array(tx->arena, enum err, envelope->recipients.n);
	for (size_t i = 0; i < envelope->recipients.n; i++) {
		struct part *part = part_of(tx, envelope->recipients.v[i].to.shard);

		ipc_recipient_add(&part->recipients, &envelope->recipients.v[i].to);
		vec_push(&part->indexes, i);
	}
}

/* Other roles that fail are no verdict on the recipient. */
static enum err result_of(uint32_t wire)
{
	if (wire >= ERR_COUNT)
		return ERR_UNAVAILABLE;
	return wire != OK && err_is_temporary((enum err)wire) ? ERR_UNAVAILABLE
							      : (enum err)wire;
}

static void delivered(void *arg, enum err e, const void *reply, int *fd)
{
	struct part *part = arg;
	struct smtp_transaction *tx = part->transaction;
	const struct ipc_deliver_reply *r = reply;
	struct rd results = rd_of(e == OK ? r->results : STR_NONE);
	bool is_whole = e == OK && r->results.n == part->indexes.n * sizeof(uint32_t);

	for (size_t i = 0; i < part->indexes.n; i++)
		tx->results[part->indexes.v[i]] =
			is_whole ? result_of(rd_u32(&results)) : ERR_UNAVAILABLE;
	if (--tx->waiting == 0)
		run(tx);
}

static enum progress deliver(struct smtp_transaction *tx)
{
	struct smtp_body *body = &tx->session->body;
	struct ipc_deliver request = {
		.delivery_id = str_make(tx->delivery_id, DELIVERY_ID_SIZE),
		.sender = envelope_of(tx)->sender,
		.structure = tx->structure,
		.content_id = tx->content_id,
		.received_s = tx->received_s,
		.content = smtp_body_inline(body),
		.length = body->size,
	};

	make_trace_header(tx);
	group_by_shard(tx);
	request.trace_header = tx->trace_header;
	tx->step = STEP_SETTLE;
	tx->waiting = tx->parts.n;
	for (size_t i = 0; i < tx->parts.n; i++) {
		request.recipients = buf_str(&tx->parts.v[i]->recipients);
		ipc_call(hub_of(tx), ROLE_STORE, tx->parts.v[i]->shard, IPC_DELIVER, &request,
			body->fd, tx->trace, options_of(tx)->deliver_timeout, delivered,
			tx->parts.v[i]);
	}
	return WAIT;
}

static void log_refused(struct smtp_transaction *tx, size_t i)
{
	LOG(LOG_WARNING, "smtp_recipient_not_served", F_TRACE(tx->trace),
		F_TRACE_SESSION(tx->session), F_STR("from", envelope_of(tx)->sender),
		F_STR("to", envelope_of(tx)->recipients.v[i].path), F_ERR(tx->results[i]));
}

static enum progress settle(struct smtp_transaction *tx)
{
	size_t n = envelope_of(tx)->recipients.n;
	enum err refusal = OK;

	for (size_t i = 0; i < n; i++) {
		if (tx->results[i] == OK)
			continue;
		if (tx->results[i] == ERR_UNAVAILABLE && !tx->session->policy->is_lmtp) {
			tx->queued++;
			continue;
		}
		refusal = refusal == OK ? tx->results[i] : refusal;
		tx->refused++;
		log_refused(tx, i);
	}
	if (tx->refused == n && !tx->session->policy->is_lmtp)
		return give_up(tx, refusal);
	tx->step = tx->queued ? STEP_QUEUE : STEP_ANSWER;
	return MORE;
}

static void queued(void *arg, enum err e, const void *reply, int *fd)
{
	struct smtp_transaction *tx = arg;
	const struct ipc_queue_add_reply *r = reply;

	if (e != OK || r->error != OK) {
		/* What it was that failed is the queue's to log; for the client it is one
		 * thing. */
		tx->error = ERR_UNAVAILABLE;
		tx->queued = 0;
	}
	run(tx);
}

static enum progress ask_queue(struct smtp_transaction *tx)
{
	struct smtp_body *body = &tx->session->body;
	const struct smtp_envelope *envelope = envelope_of(tx);
	struct buf recipients = { 0 };
	struct ipc_queue_add request = {
		.delivery_id = str_make(tx->delivery_id, DELIVERY_ID_SIZE),
		.sender = envelope->sender,
		.trace_header = tx->trace_header,
		.structure = tx->structure,
		.content_id = tx->content_id,
		.received_s = tx->received_s,
		.content = smtp_body_inline(body),
		.length = body->size,
	};

	for (size_t i = 0; i < envelope->recipients.n; i++) {
		if (tx->results[i] == ERR_UNAVAILABLE)
			ipc_recipient_add(&recipients, &envelope->recipients.v[i].to);
	}
	request.recipients = buf_str(&recipients);
	tx->step = STEP_ANSWER;
	ipc_call(hub_of(tx), ROLE_QUEUE, 0, IPC_QUEUE_ADD, &request, body->fd, tx->trace,
		options_of(tx)->queue_timeout, queued, tx);
	buf_done(&recipients);
	return WAIT;
}

static void reply_accepted(struct smtp_transaction *tx)
{
	char id[17];

	snprintf(id, sizeof(id), "%016llx", (unsigned long long)tx->trace);
	smtp_session_reply_with(tx->session, SMTP_REPLY_ACCEPTED, str_of(id));
}

static void reply_refused(struct smtp_transaction *tx)
{
	struct smtp_session *s = tx->session;

	if (tx->error == ERR_TOO_BIG)
		smtp_session_reply_too_big(s);
	else if (tx->error == ERR_BARE_NEWLINE)
		smtp_session_reply(s, SMTP_REPLY_BARE_IN_DATA);
	else if (tx->reason.n)
		smtp_session_reply_text(s, err_smtp(tx->error), tx->reason);
	else
		smtp_session_reply_error(s, tx->error, STR_NONE);
}

static void log_outcome(const struct smtp_transaction *tx, uint64_t us)
{
	const struct smtp_session *s = tx->session;

	LOG(LOG_INFO, tx->error == OK ? "smtp_message_accepted" : "smtp_message_refused",
		F_TRACE(tx->trace), F_TRACE_SESSION(s), F_STR("from", envelope_of(tx)->sender),
		F_U64("recipients", envelope_of(tx)->recipients.n),
		F_U64("queued", tx->queued), F_U64("refused", tx->refused),
		F_U64("bytes", s->body.size), F_U64("us", us), F_STR("ip", smtp_session_ip(s)),
		F_STR("user", buf_str(&s->login)), F_ERR(tx->error));
}

/* Of all mailboxes of a RCPT: one that may succeed later asks for another try, which doubles nothing; else one that
 * has it is enough. */
static enum err result_of_answer(const struct smtp_transaction *tx, const struct smtp_answer *answer)
{
	const size_t *places = envelope_of(tx)->places.v + answer->first;
	enum err result = tx->results[places[0]];

	for (size_t i = 1; i < answer->count; i++) {
		enum err e = tx->results[places[i]];

		if (result != OK && err_is_temporary(result))
			break;
		if (e == OK || err_is_temporary(e))
			result = e;
	}
	return result;
}

/* RFC 2033 4.2: a reply for each RCPT that was accepted, in order. */
static void reply_each(struct smtp_transaction *tx)
{
	const struct smtp_envelope *envelope = envelope_of(tx);

	for (size_t i = 0; i < envelope->answers.n; i++) {
		struct str path = envelope->answers.v[i].path;
		enum err e = tx->error == OK ? result_of_answer(tx, &envelope->answers.v[i]) : tx->error;

		if (tx->error != OK)
			reply_refused(tx);
		else if (e != OK)
			smtp_session_reply_error(tx->session, e, path);
		else
			smtp_session_reply_with(tx->session, SMTP_REPLY_RECIPIENT_STORED, path);
	}
}

static enum progress answer(struct smtp_transaction *tx)
{
	uint64_t us = time_mono_us() - tx->started_us;

	metric_observe_us(METRIC_smtp_data_latency, us);
	metric_add(
		tx->error == OK ? METRIC_smtp_messages_accepted : METRIC_smtp_messages_refused,
		1);
	log_outcome(tx, us);
	if (tx->session->policy->is_lmtp)
		reply_each(tx);
	else if (tx->error == OK)
		reply_accepted(tx);
	else
		reply_refused(tx);
	return ENDED;
}

static const struct {
	const char *name;
	enum progress (*function)(struct smtp_transaction *tx);
} steps[] = {
#define STEP(name, function) [STEP_##name] = { #name, function },
	STEPS
#undef STEP
};

static void run(struct smtp_transaction *tx)
{
	enum progress progress = MORE;

	while (progress == MORE) {
		LOG(LOG_DEBUG, "smtp_step", F_TRACE(tx->trace),
			F_CSTR("step", steps[tx->step].name));
		progress = steps[tx->step].function(tx);
	}
	if (progress == ENDED) {
		struct smtp_session *s = tx->session;

		smtp_transaction_free(&s->transaction);
		s->messages++;
		s->junk = 0;
		smtp_session_reset(s);
		smtp_session_resume(s, SMTP_DONE);
	}
}

void smtp_transaction_begin(struct smtp_session *s)
{
	struct smtp_transaction *tx = mem_make(struct smtp_transaction);

	s->transaction = tx;
	tx->session = s;
	tx->arena = s->envelope.arena;
	tx->trace = smtp_session_message_trace(s);
	tx->started_us = time_mono_us();
	tx->received_s = time_wall_s();
	tx->error = s->data.has_bare ? ERR_BARE_NEWLINE : smtp_body_finish(&s->body);
	tx->step = tx->error == OK ? STEP_INSPECT : STEP_ANSWER;
	run(tx);
}

void smtp_transaction_free(struct smtp_transaction **transaction)
{
	struct smtp_transaction *tx = *transaction;

	if (!tx)
		return;
	*transaction = NULL;
	ipc_cancel(hub_of(tx), tx);
	loop_defer_cancel(tx->session->server->loop, tx);
	for (size_t i = 0; i < tx->parts.n; i++) {
		ipc_cancel(hub_of(tx), tx->parts.v[i]);
		buf_done(&tx->parts.v[i]->recipients);
		vec_done(&tx->parts.v[i]->indexes);
	}
	vec_done(&tx->parts);
	if (tx->is_editing)
		smtp_body_done(&tx->edited);
	free(tx);
}
