/* SPDX-License-Identifier: ISC */
#include "role/role.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/time.h"
#include "os/file.h"
#include "os/process.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void (*const bodies[ROLE_KINDS])(struct role *role) = {
	[ROLE_EDGE] = role_edge,
	[ROLE_INSPECT] = role_inspect,
	[ROLE_DIRECTORY] = role_directory,
	[ROLE_STORE] = role_store,
	[ROLE_QUEUE] = role_queue,
	[ROLE_WEB] = role_web,
};

/* Handlers get the role's own state; before it is set, and for the supervisor's messages, this. */
static struct role *this_role;

_Noreturn void role_die(struct role *role, const char *event, enum err e, struct str detail)
{
	LOG(LOG_ERROR, event, F_ERR(e), F_STR("detail", detail));
	exit(1);
}

static void setup_log(struct role *role)
{
	enum log_level level = LOG_INFO;
	char name[32];

	if (log_level_parse(str_of(role->conf->log_level), &level) != OK)
		level = LOG_INFO;
	snprintf(name, sizeof(name), "%s/%u", role_name(role->kind), role->index);
	log_setup(name, 2, level);
}

static void take_config(void *own, struct ipc_request *request)
{
	const struct ipc_sup_config *config = request->body;
	struct role *role = this_role;
	struct buf errors = { 0 };

	if (conf_read_text(role->conf, config->text, &errors) != OK)
		role_die(role, "config_refused", ERR_BAD_CONFIG, buf_str(&errors));
	buf_add(&role->certificate, config->certificate);
	buf_add(&role->key, config->key);
	time_set_offset_ms(role->conf->clock_offset);
	setup_log(role);
	buf_done(&errors);
}

static void take_listener(void *own, struct ipc_request *request)
{
	const struct ipc_sup_listener *listener = request->body;
	struct role *role = this_role;
	struct role_listener *slot = &role->listeners[role->listener_count];

	if (request->fd < 0 || role->listener_count == ROLE_LISTENERS_MAX)
		return;
	snprintf(slot->service, sizeof(slot->service), "%.*s", STR_FMT(listener->service));
	slot->fd = request->fd;
	request->fd = -1;
	role->listener_count++;
}

static void take_peer(void *own, struct ipc_request *request)
{
	const struct ipc_sup_peer *peer = request->body;

	if (request->fd < 0 || peer->kind >= ROLE_KINDS)
		return;
	ipc_add_peer(this_role->hub, (enum role_kind)peer->kind, peer->index, request->fd);
	request->fd = -1;
}

static void take_start(void *own, struct ipc_request *request)
{
	const struct ipc_sup_start *start = request->body;

	this_role->shards = start->shards;
	this_role->inspects = start->inspects;
	this_role->edges = start->edges;
	loop_stop(this_role->loop);
}

static void take_reload(void *own, struct ipc_request *request)
{
	const struct ipc_sup_reload *reload = request->body;
	struct role *role = this_role;
	struct conf *fresh = conf_new();
	struct buf errors = { 0 }, pending = { 0 };

	if (conf_read_text(fresh, reload->text, &errors) == OK) {
		conf_reload(role->conf, fresh, &pending);
		buf_clear(&role->certificate);
		buf_add(&role->certificate, reload->certificate);
		buf_clear(&role->key);
		buf_add(&role->key, reload->key);
		setup_log(role);
		if (role->on_reload)
			role->on_reload(role);
	}
	conf_free(&fresh);
	buf_done(&errors);
	buf_done(&pending);
}

static void take_stop(void *own, struct ipc_request *request)
{
	if (this_role->on_stop)
		this_role->on_stop(this_role);
	else
		loop_stop(this_role->loop);
}

static void tell_metrics(void *own, struct ipc_request *request)
{
	struct buf text = { 0 };
	struct ipc_sup_metrics_reply reply;

	metrics_encode(&metrics, &text);
	reply.metrics = buf_str(&text);
	reply.sessions = this_role->sessions;
	ipc_reply(ipc_ticket_of(request), IPC_SUP_METRICS_REPLY, &reply, -1);
	buf_done(&text);
}

/* Without a supervisor nobody would restart or stop this process. */
static void on_gone(void *arg, enum role_kind kind, unsigned index)
{
	if (kind == ROLE_SUPERVISOR)
		_exit(0);
}

static void handle_supervisor(struct role *role)
{
	ipc_handle(role->hub, IPC_SUP_CONFIG, take_config);
	ipc_handle(role->hub, IPC_SUP_LISTENER, take_listener);
	ipc_handle(role->hub, IPC_SUP_PEER, take_peer);
	ipc_handle(role->hub, IPC_SUP_START, take_start);
	ipc_handle(role->hub, IPC_SUP_RELOAD, take_reload);
	ipc_handle(role->hub, IPC_SUP_STOP, take_stop);
	ipc_handle(role->hub, IPC_SUP_METRICS, tell_metrics);
	ipc_on_gone(role->hub, on_gone, role);
}

int role_main(enum role_kind kind, unsigned index, bool probe)
{
	struct role *role = mem_make(struct role);

	os_die_with_parent();
	os_raise_file_limit();
	signal(SIGPIPE, SIG_IGN);
	/* One thread does nearly all allocation; arenas of idle threads would only hold memory. */
	mallopt(M_ARENA_MAX, 1);
	this_role = role;
	role->kind = kind;
	role->index = index;
	role->probe = probe;
	role->conf = conf_new();
	setup_log(role);
	role->loop = loop_new();
	role->hub = ipc_hub_new(role->loop, kind, index, role);
	handle_supervisor(role);
	ipc_add_peer(role->hub, ROLE_SUPERVISOR, 0, OS_CONTROL_FD);
	loop_run(role->loop);
	bodies[kind](role);
	return 0;
}

static _Noreturn void probe_sandbox(struct role *role)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%s:", role_name(role->kind));
	bool ok = write(1, line, (size_t)n) == n && os_sandbox_probe("/etc/passwd", 1);

	_exit(write(1, "\n", 1) == 1 && ok ? 0 : 1);
}

void role_lock_in(struct role *role, unsigned rights, const struct sandbox_path *paths, unsigned count)
{
	bool landlock = false;
	enum err e;

	if (role->probe)
		os_sandbox_probe_prepare();
	e = os_sandbox(SANDBOX_COMPUTE | rights, paths, count, &landlock);
	if (e != OK)
		role_die(role, "sandbox_failed", e, STR_NONE);
	if (role->probe)
		probe_sandbox(role);
	if (!landlock)
		LOG(LOG_WARNING, "no_landlock", F_CSTR("effect", "files are kept apart by ownership only"));
}

void role_run(struct role *role)
{
	const struct ipc_sup_ready ready = { .pid = (uint32_t)getpid() };

	if (ipc_notify(role->hub, ROLE_SUPERVISOR, 0, IPC_SUP_READY, &ready, -1, 0) != OK)
		return;
	loop_run(role->loop);
}
