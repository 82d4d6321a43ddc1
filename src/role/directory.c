/* SPDX-License-Identifier: ISC */
/* The directory role: who exists, whose password it is, and the control socket. */
#include "role/directory_own.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/time.h"
#include "base/vec.h"
#include "ipc/recipients.h"
#include "net/work.h"
#include "os/file.h"
#include "role/role.h"

#include <stdlib.h>

enum { TICK_MS = 1000, RULES_AT_ONCE = 1000, DELETE_TIMEOUT_MS = 60000, DELETIONS_MAX = 16 };

static void add_mailbox(void *ctx, const struct directory_target *target)
{
	const struct ipc_recipient to = { (uint64_t)target->account, target->shard, target->quota_bytes, target->address,
		target->detail };

	ipc_recipient_add(ctx, &to);
}

/* All mailboxes of a recipient: the first in the reply's own fields. */
static enum err route(struct directory_role *own, struct str address, struct buf *list, struct ipc_dir_lookup_reply *reply)
{
	enum err e = directory_route(own->directory, address, add_mailbox, list);
	struct rd rd = rd_of(buf_str(list));
	struct ipc_recipient first;

	if (e != OK)
		return e;
	if (!ipc_recipient_next(&rd, &first))
		return ERR_INTERNAL;
	*reply = (struct ipc_dir_lookup_reply){ first.account, first.shard, first.address, first.detail, first.quota,
		str_from(buf_str(list), list->n - rd_left(&rd)) };
	return OK;
}

/* A sender's address is never the catch-all's. */
static enum err find_sender(struct directory_role *own, struct str address, struct directory_target *target,
	struct ipc_dir_lookup_reply *reply)
{
	enum err e = directory_lookup(own->directory, address, DIRECTORY_FOR_SENDER, target);

	if (e == OK)
		*reply = (struct ipc_dir_lookup_reply){ .account = (uint64_t)target->account, .shard = target->shard,
			.address = target->address, .detail = target->detail, .quota = target->quota_bytes };
	return e;
}

static void take_lookup(void *arg, struct ipc_request *request)
{
	const struct ipc_dir_lookup *ask = request->body;
	struct directory_role *own = ((struct role *)arg)->own;
	struct directory_target target;
	struct ipc_dir_lookup_reply reply = { .account = 0 };
	struct buf list = { 0 };
	enum err e = ask->purpose == LOOKUP_SENDER ? find_sender(own, ask->address, &target, &reply)
						   : route(own, ask->address, &list, &reply);

	metric_add(METRIC_directory_lookups, 1);
	if (e == OK)
		ipc_reply(ipc_ticket_of(request), IPC_DIR_LOOKUP_REPLY, &reply, -1);
	else
		ipc_reply_error(ipc_ticket_of(request), e);
	buf_done(&list);
}

/* Where the account is now, of an address that may be disabled. */
static void take_account(void *arg, struct ipc_request *request)
{
	const struct ipc_dir_account *ask = request->body;
	struct directory_role *own = ((struct role *)arg)->own;
	struct directory_target target;
	struct ipc_dir_account_reply reply;

	reply.error = directory_lookup_account(own->directory, (int64_t)ask->account, &target);
	reply.shard = reply.error == OK ? target.shard : 0;
	ipc_reply(ipc_ticket_of(request), IPC_DIR_ACCOUNT_REPLY, &reply, -1);
}

/* What a login is for: some differ. */
enum login_purpose { FOR_MAILBOX, FOR_IMAP, FOR_SENDING };

/* A login whose password needs argon2id, computed beside the loop. */
struct login_work {
	struct directory_role *own;
	struct ipc_ticket ticket;
	struct directory_auth_job *job;
	uint64_t start_us;
	enum login_purpose purpose;
};

static void reply_login(struct directory_role *own, struct ipc_ticket ticket, enum err e, const struct directory_identity *identity, int64_t delay_ms,
	uint64_t start_us, struct str signature, enum login_purpose purpose)
{
	struct ipc_dir_auth_reply reply = { .delay_ms = (uint32_t)delay_ms };
	struct buf disabled = { 0 };

	if (e == OK && identity->send_only && purpose != FOR_SENDING)
		e = ERR_NOT_ALLOWED;
	if (e == OK && purpose != FOR_SENDING && directory_in_maintenance(own->directory, identity->target.service))
		e = ERR_MAINTENANCE;
	reply.error = e;
	reply.signature = e == OK ? signature : STR_NONE;
	reply.generation = own->generation;
	if (e == OK && purpose == FOR_IMAP && directory_imap_disabled(own->directory, &identity->target, &disabled) != OK)
		LOG(LOG_WARNING, "settings_not_read", F_STR("address", identity->target.address));
	reply.disabled = buf_str(&disabled);
	if (e == OK) {
		reply.account = (uint64_t)identity->target.account;
		reply.shard = identity->target.shard;
		reply.device = (uint64_t)identity->device;
		reply.address = identity->target.address;
		reply.quota = identity->target.quota_bytes;
	}
	metric_add(e == OK ? METRIC_auth_succeeded : METRIC_auth_failed, 1);
	metric_observe_us(METRIC_auth_latency, time_mono_us() - start_us);
	ipc_reply(ticket, IPC_DIR_AUTH_REPLY, &reply, -1);
	buf_done(&disabled);
}

static void work(void *arg)
{
	struct login_work *login = arg;

	directory_auth_work(login->job);
}

static void end_work(void *arg)
{
	struct login_work *login = arg;
	struct directory_identity identity;
	int64_t delay_ms = 0;
	enum err e = directory_auth_end(login->own->directory, &login->job, time_wall_ms(), &identity, &delay_ms);

	reply_login(login->own, login->ticket, e, &identity, delay_ms, login->start_us, STR_NONE,
		login->purpose);
	free(login);
}

static enum login_purpose purpose_of(const struct ipc_dir_auth *ask)
{
	if (str_equal(ask->protocol, S("imap")))
		return FOR_IMAP;
	return str_equal(ask->protocol, S("submission")) ? FOR_SENDING : FOR_MAILBOX;
}

static bool is_for_self(const struct ipc_dir_auth *ask)
{
	return ask->authzid.n == 0 || str_iequal(str_trim(ask->authzid), str_trim(ask->user));
}

static void take_proof(struct directory_role *own, struct ipc_request *request, const struct directory_login *login,
	uint64_t start_us)
{
	const struct ipc_dir_auth *ask = request->body;
	struct directory_identity identity;
	uint8_t signature[DIRECTORY_SCRAM_BYTES];
	int64_t delay_ms = 0;
	enum err e = ERR_NOT_ALLOWED;

	if (is_for_self(ask))
		e = directory_auth_scram(own->directory, ask->user, ask->password, ask->message, login, &identity, signature,
			&delay_ms);
	reply_login(own, ipc_ticket_of(request), e, &identity, delay_ms, start_us,
		str_make(signature, sizeof(signature)), purpose_of(ask));
}

static void take_bearer(struct directory_role *own, struct ipc_request *request, const struct directory_login *login,
	uint64_t start_us)
{
	const struct ipc_dir_auth *ask = request->body;
	struct directory_identity identity;
	int64_t delay_ms = 0;
	enum err e = directory_auth_bearer(own->directory, ask->user, ask->password, login, &identity, &delay_ms);

	reply_login(own, ipc_ticket_of(request), e, &identity, delay_ms, start_us, STR_NONE, purpose_of(ask));
}

static void take_scram(void *arg, struct ipc_request *request)
{
	const struct ipc_dir_scram *ask = request->body;
	struct directory_role *own = ((struct role *)arg)->own;
	struct ipc_dir_scram_reply reply = { .iterations = 0 };
	struct buf salt = { 0 };
	enum err e = directory_scram_salt(own->directory, ask->user, &salt, &reply.iterations);

	reply.salt = buf_str(&salt);
	if (e == OK)
		ipc_reply(ipc_ticket_of(request), IPC_DIR_SCRAM_REPLY, &reply, -1);
	else
		ipc_reply_error(ipc_ticket_of(request), e);
	buf_done(&salt);
}

static void take_auth(void *arg, struct ipc_request *request)
{
	const struct ipc_dir_auth *ask = request->body;
	struct role *role = arg;
	struct directory_role *own = role->own;
	struct directory_login login = { .protocol = ask->protocol, .ip = ask->ip, .tls = ask->tls,
		.now_ms = time_wall_ms() };
	struct directory_identity identity;
	struct directory_auth_job *job = NULL;
	struct login_work *later;
	uint64_t start_us = time_mono_us();
	int64_t delay_ms = 0;
	enum err e = ERR_NOT_ALLOWED;

	if (str_equal(ask->mechanism, S("SCRAM-SHA-256"))) {
		take_proof(own, request, &login, start_us);
		return;
	}
	if (str_equal(ask->mechanism, S("BEARER"))) {
		take_bearer(own, request, &login, start_us);
		return;
	}
	/* Nobody logs in for another address: a shared mailbox is a share, not a proxy login. */
	if (is_for_self(ask))
		e = directory_auth_begin(own->directory, ask->user, ask->password, &login, &identity, &delay_ms, &job);
	if (!job) {
		reply_login(own, ipc_ticket_of(request), e, &identity, delay_ms, start_us, STR_NONE, purpose_of(ask));
		return;
	}
	later = mem_make(struct login_work);
	*later = (struct login_work){ own, ipc_ticket_of(request), job, start_us, purpose_of(ask) };
	loop_work(role->loop, work, end_work, later);
}

/* ---- what the stores must know ---- */

static void take_retention(void *arg, struct ipc_request *request)
{
	const struct ipc_dir_retention *ask = request->body;
	struct directory_role *own = ((struct role *)arg)->own;
	struct directory_retention_rule rules[RULES_AT_ONCE];
	struct buf list = { 0 };
	int64_t after = ask->after > INT64_MAX ? INT64_MAX : (int64_t)ask->after, until;
	size_t n = directory_retention_rules(own->directory, after, rules, RULES_AT_ONCE, &until);
	struct ipc_dir_retention_reply reply = { .until = until == INT64_MAX ? UINT64_MAX : (uint64_t)until };

	for (size_t i = 0; i < n; i++) {
		buf_u64(&list, (uint64_t)rules[i].account);
		buf_u32(&list, (uint32_t)rules[i].trash_days);
		buf_u32(&list, (uint32_t)rules[i].spam_days);
	}
	reply.rules = buf_str(&list);
	ipc_reply(ipc_ticket_of(request), IPC_DIR_RETENTION_REPLY, &reply, -1);
	buf_done(&list);
}

static void end_service(struct directory_role *own, struct str domain)
{
	struct ipc_service_end end = { .domain = domain, .generation = ++own->generation };

	for (uint32_t shard = 0; shard < own->role->shards; shard++) {
		enum err e = ipc_notify(own->role->hub, ROLE_STORE, shard, IPC_SERVICE_END, &end, -1, 0);

		if (e != OK)
			LOG(LOG_WARNING, "store_not_told", F_STR("domain", domain), F_ERR(e));
	}
}

static void on_event(void *arg, const struct directory_event *event)
{
	struct directory_role *own = arg;

	if (event->what == DIRECTORY_MAINTENANCE) {
		end_service(own, event->domain);
		return;
	}
	struct ipc_account_end end = { .account = (uint64_t)event->account, .device = (uint64_t)event->device,
		.generation = ++own->generation };

	enum err e = ipc_notify(own->role->hub, ROLE_STORE, event->shard, IPC_ACCOUNT_END, &end, -1, 0);

	/* A store that is not there has no sessions either. */
	if (e != OK)
		LOG(LOG_WARNING, "store_not_told", F_I64("account", event->account), F_ERR(e));
}

/* A deletion under way at a shard. */
struct deletion {
	struct directory_role *own;
	uint32_t shard;
	int64_t account;
};

static void deleted(void *arg, enum err e, const void *body, int *fd)
{
	struct deletion *d = arg;
	const struct ipc_account_delete_reply *reply = body;

	if (e == OK && reply->error == OK)
		e = directory_removal_done(d->own->directory, d->shard, d->account);
	/* What failed is asked for again by a later tick. */
	if (e != OK)
		LOG(LOG_WARNING, "account_not_deleted", F_I64("account", d->account), F_ERR(e));
	d->own->deletions--;
	free(d);
}

static void delete_of_shard(struct directory_role *own, uint32_t shard)
{
	int64_t accounts[DELETIONS_MAX];
	size_t n = 0;
	enum err e = directory_removals(own->directory, shard, accounts, DELETIONS_MAX, &n);

	for (size_t i = 0; e == OK && i < n; i++) {
		struct ipc_account_delete ask = { .account = (uint64_t)accounts[i] };
		struct deletion *d = mem_make(struct deletion);

		*d = (struct deletion){ own, shard, accounts[i] };
		own->deletions++;
		ipc_call(own->role->hub, ROLE_STORE, shard, IPC_ACCOUNT_DELETE, &ask, -1, 0, DELETE_TIMEOUT_MS, deleted, d);
	}
}

/* One round at a time. */
static void delete_accounts(struct directory_role *own)
{
	for (uint32_t shard = 0; own->deletions == 0 && shard < own->role->shards; shard++)
		delete_of_shard(own, shard);
}

static void tick(void *arg)
{
	struct directory_role *own = arg;
	enum err e = directory_tick(own->directory, time_wall_ms());

	if (e != OK)
		LOG(LOG_WARNING, "directory_tick_failed", F_ERR(e), F_CSTR("detail", directory_message(own->directory)));
	delete_accounts(own);
	move_settle_left(own);
	loop_timer_start(own->tick, TICK_MS);
}

static struct directory_options options_of(const struct role *role, const char *dir)
{
	const struct conf *conf = role->conf;
	struct directory_options options = directory_defaults();

	options.path = dir;
	options.shards = role->shards;
	options.message_bytes = (uint64_t)conf->message_size_max;
	options.import_per_day = (uint64_t)conf->import_per_day;
	options.auth_pair_failures = (uint32_t)conf->auth_failures_max;
	options.auth_lock = conf->auth_lock;
	options.auth_delay = conf->auth_delay;
	options.auth_delay_max = conf->auth_delay * 8;
	return options;
}

static void reload(struct role *role)
{
	struct directory_role *own = role->own;
	struct directory_options options = options_of(role, NULL);

	directory_set_options(own->directory, &options);
}

void role_directory(struct role *role)
{
	struct directory_role *own = mem_make(struct directory_role);
	char dir[OS_PATH_MAX];
	struct sandbox_path paths[] = { { os_path(dir, "%s/directory", role->conf->data_dir), true } };
	struct directory_options options = options_of(role, dir);
	struct buf detail = { 0 };
	enum err e;

	own->role = role;
	role->own = own;
	role->on_reload = reload;
	loop_work_start(role->loop);
	role_lock_in(role, SANDBOX_FILES | SANDBOX_CLIENTS | SANDBOX_THREADS, paths, 1);
	e = directory_open(&options, &own->directory, &detail);
	if (e != OK)
		role_die(role, "directory_not_opened", e, buf_str(&detail));
	/* Above that of any process before. */
	own->generation = (uint64_t)time_wall_ms() << 20;
	directory_listen(own->directory, on_event, own);
	own->moves = map_new();
	own->tick = loop_timer_add(role->loop, tick, own);
	loop_timer_start(own->tick, TICK_MS);
	control_listen(own);
	ipc_handle(role->hub, IPC_DIR_LOOKUP, take_lookup);
	ipc_handle(role->hub, IPC_DIR_AUTH, take_auth);
	ipc_handle(role->hub, IPC_DIR_SCRAM, take_scram);
	ipc_handle(role->hub, IPC_DIR_RETENTION, take_retention);
	ipc_handle(role->hub, IPC_DIR_ACCOUNT, take_account);
	role_run(role);
	directory_close(&own->directory);
	map_free(&own->moves);
	buf_done(&detail);
}
