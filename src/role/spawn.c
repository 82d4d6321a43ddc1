/* SPDX-License-Identifier: ISC */
/* One child: its process, its connections to the others, its restarts. */
#include "base/log.h"
#include "base/time.h"
#include "os/process.h"
#include "role/supervisor_own.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEADY_MS = 60000 };

static bool may_talk(enum role_kind a, enum role_kind b)
{
	for (int t = IPC_NONE + 1; t < IPC_TYPES; t++)
		if (ipc_may_send(a, b, (enum ipc_type)t) || ipc_may_send(b, a, (enum ipc_type)t))
			return true;
	return false;
}

static void tell(struct child *child, enum ipc_type type, const void *body, int fd)
{
	enum err e = ipc_notify(child->supervisor->hub, child->kind, child->index, type, body, fd, 0);

	if (e != OK)
		LOG(LOG_WARNING, "role_not_told", F_CSTR("role", role_name(child->kind)), F_ERR(e));
}

static void introduce(struct child *a, struct child *b)
{
	struct ipc_sup_peer to_a = { .kind = (uint8_t)b->kind, .index = b->index };
	struct ipc_sup_peer to_b = { .kind = (uint8_t)a->kind, .index = a->index };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
		LOG(LOG_ERROR, "socketpair_failed", F_CSTR("role", role_name(a->kind)));
		return;
	}
	tell(a, IPC_SUP_PEER, &to_a, pair[0]);
	tell(b, IPC_SUP_PEER, &to_b, pair[1]);
	close(pair[0]);
	close(pair[1]);
}

static void send_config(struct child *child)
{
	struct supervisor *s = child->supervisor;
	struct ipc_sup_config config = { .text = buf_str(&s->text) };

	if (child->kind == ROLE_EDGE) {
		config.certificate = buf_str(&s->certificate);
		config.key = buf_str(&s->key);
	}
	tell(child, IPC_SUP_CONFIG, &config, -1);
}

static void send_listeners(struct child *child)
{
	struct supervisor *s = child->supervisor;

	for (size_t i = 0; i < s->sockets.n; i++) {
		struct ipc_sup_listener listener = { .service = str_of(s->sockets.v[i].service) };

		if (s->sockets.v[i].role == child->kind)
			tell(child, IPC_SUP_LISTENER, &listener, s->sockets.v[i].fd);
	}
}

static void send_peers(struct child *child)
{
	struct supervisor *s = child->supervisor;

	for (size_t i = 0; i < s->children.n; i++) {
		struct child *other = s->children.v[i];

		if (other != child && other->pid && may_talk(child->kind, other->kind))
			introduce(child, other);
	}
}

static void send_all(struct child *child)
{
	struct conf *conf = child->supervisor->conf;
	struct ipc_sup_start start = { .edges = (uint32_t)conf->edge_processes,
		.inspects = (uint32_t)conf->inspect_processes, .shards = (uint32_t)conf->shards };

	send_config(child);
	send_listeners(child);
	send_peers(child);
	tell(child, IPC_SUP_START, &start, -1);
}

void child_start(struct child *child)
{
	struct supervisor *s = child->supervisor;
	char role[16], index[16], name[] = "restante", word[] = "role", probe[] = "--probe";
	char *const argv[] = { name, word, role, index, s->probing ? probe : NULL, NULL };
	int pair[2];
	enum err e;

	snprintf(role, sizeof(role), "%s", role_name(child->kind));
	snprintf(index, sizeof(index), "%u", child->index);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
		loop_timer_start(child->timer, s->conf->restart_delay_max);
		return;
	}
	e = os_spawn_self(argv, pair[1], geteuid() == 0 && s->conf->user[0] ? s->conf->user : NULL, &child->pid);
	close(pair[1]);
	if (e != OK) {
		close(pair[0]);
		child->pid = 0;
		loop_timer_start(child->timer, s->conf->restart_delay_max);
		return;
	}
	child->ready = false;
	child->started_ms = time_mono_ms();
	ipc_add_peer(s->hub, child->kind, child->index, pair[0]);
	send_all(child);
}

static void restart(void *arg)
{
	struct child *child = arg;

	if (!child->supervisor->stopping)
		child_start(child);
}

static int64_t next_delay(struct child *child)
{
	const struct conf *conf = child->supervisor->conf;
	int64_t delay = child->delay_ms ? child->delay_ms * 2 : conf->restart_delay;

	if (time_mono_ms() - child->started_ms > STEADY_MS)
		delay = conf->restart_delay;
	return delay < conf->restart_delay_max ? delay : conf->restart_delay_max;
}

void child_ended(struct child *child, int status)
{
	LOG(child->supervisor->stopping ? LOG_INFO : LOG_ERROR, "role_ended", F_CSTR("role", role_name(child->kind)),
		F_U64("index", child->index), F_I64("pid", child->pid),
		F_I64("exit", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
		F_I64("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0));
	child->pid = 0;
	child->ready = false;
	if (child->supervisor->stopping)
		return;
	child->restarts++;
	metric_add(METRIC_role_restarts, 1);
	child->delay_ms = next_delay(child);
	loop_timer_start(child->timer, child->delay_ms);
}

static void make_kind(struct supervisor *s, enum role_kind kind, int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		struct child *child = mem_make(struct child);

		child->supervisor = s;
		child->kind = kind;
		child->index = (unsigned)i;
		child->timer = loop_timer_add(s->loop, restart, child);
		vec_push(&s->children, child);
	}
}

void children_make(struct supervisor *s)
{
	make_kind(s, ROLE_DIRECTORY, 1);
	make_kind(s, ROLE_INSPECT, s->conf->inspect_processes);
	make_kind(s, ROLE_STORE, s->conf->shards);
	make_kind(s, ROLE_QUEUE, 1);
	make_kind(s, ROLE_WEB, 1);
	make_kind(s, ROLE_EDGE, s->conf->edge_processes);
}
