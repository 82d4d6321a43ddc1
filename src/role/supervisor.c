/* SPDX-License-Identifier: ISC */
#include "role/supervisor.h"

#include "base/log.h"
#include "base/time.h"
#include "net/listener.h"
#include "os/file.h"
#include "os/process.h"
#include "role/supervisor_own.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILL_AFTER_MS = 3000 };

static struct child *find_pid(struct supervisor *s, pid_t pid)
{
	for (size_t i = 0; i < s->children.n; i++)
		if (s->children.v[i]->pid == pid)
			return s->children.v[i];
	return NULL;
}

static unsigned count_alive(const struct supervisor *s, bool edges_only)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->children.n; i++)
		n += s->children.v[i]->pid && (!edges_only || s->children.v[i]->kind == ROLE_EDGE);
	return n;
}

static void tell_stop(struct supervisor *s, bool edges)
{
	struct ipc_sup_stop stop = { .grace_ms = (uint32_t)s->conf->stop_grace };

	for (size_t i = 0; i < s->children.n; i++) {
		struct child *c = s->children.v[i];

		if (c->pid && (c->kind == ROLE_EDGE) == edges &&
			ipc_notify(s->hub, c->kind, c->index, IPC_SUP_STOP, &stop, -1, 0) != OK)
			kill(c->pid, SIGKILL);
	}
}

/* Edges end first, so that what they accepted is answered; then those who answer. */
static void go_on_stopping(struct supervisor *s)
{
	if (count_alive(s, false) == 0) {
		loop_stop(s->loop);
	} else if (count_alive(s, true) == 0 && !s->killing) {
		s->killing = true;
		tell_stop(s, false);
		loop_timer_start(s->stop_timer, KILL_AFTER_MS);
	}
}

static void stop_late(void *arg)
{
	struct supervisor *s = arg;

	for (size_t i = 0; i < s->children.n; i++) {
		struct child *c = s->children.v[i];

		if (c->pid && (s->killing || c->kind == ROLE_EDGE)) {
			LOG(LOG_WARNING, "role_killed", F_CSTR("role", role_name(c->kind)), F_U64("index", c->index));
			kill(c->pid, SIGKILL);
		}
	}
}

void supervisor_stop(struct supervisor *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	LOG(LOG_INFO, "stopping", F_U64("roles", count_alive(s, false)));
	for (size_t i = 0; i < s->children.n; i++)
		loop_timer_stop(s->children.v[i]->timer);
	tell_stop(s, true);
	loop_timer_start(s->stop_timer, s->conf->stop_grace + KILL_AFTER_MS);
	go_on_stopping(s);
}

static void send_reload(struct supervisor *s)
{
	for (size_t i = 0; i < s->children.n; i++) {
		struct child *c = s->children.v[i];
		struct ipc_sup_reload reload = { .text = buf_str(&s->text) };

		if (c->kind == ROLE_EDGE) {
			reload.certificate = buf_str(&s->certificate);
			reload.key = buf_str(&s->key);
		}
		if (c->pid && ipc_notify(s->hub, c->kind, c->index, IPC_SUP_RELOAD, &reload, -1, 0) != OK)
			LOG(LOG_WARNING, "role_not_told", F_CSTR("role", role_name(c->kind)));
	}
}

void supervisor_reload(struct supervisor *s)
{
	struct conf *fresh = conf_new();
	struct buf errors = { 0 }, pending = { 0 };
	enum err e = s->events->reload ? s->events->reload(fresh, &errors, s->arg) : ERR_CANNOT;

	if (e == OK)
		e = supervisor_load_tls(s, fresh, &errors);
	if (e == OK) {
		conf_reload(s->conf, fresh, &pending);
		buf_clear(&s->text);
		conf_write(s->conf, &s->text);
		send_reload(s);
		LOG(LOG_INFO, "reloaded", F_STR("needs_restart", buf_str(&pending)));
	} else {
		LOG(LOG_ERROR, "reload_refused", F_ERR(e), F_STR("detail", buf_str(&errors)));
	}
	conf_free(&fresh);
	buf_done(&errors);
	buf_done(&pending);
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *child = find_pid(s, pid);

		if (child)
			child_ended(child, status);
	}
	if (s->stopping)
		go_on_stopping(s);
}

static void on_signal(void *arg, int events)
{
	struct supervisor *s = arg;

	for (int sig = os_signal_next(s->signals); sig; sig = os_signal_next(s->signals)) {
		if (sig == SIGCHLD)
			reap(s);
		else if (sig == SIGHUP)
			supervisor_reload(s);
		else
			supervisor_stop(s);
	}
}

static void take_ready(void *own, struct ipc_request *request)
{
	const struct ipc_sup_ready *ready = request->body;
	struct supervisor *s = own;
	struct child *child = find_pid(s, (pid_t)ready->pid);
	unsigned missing = 0;

	if (!child)
		return;
	child->ready = true;
	LOG(LOG_INFO, "role_ready", F_CSTR("role", role_name(child->kind)), F_U64("index", child->index),
		F_U64("pid", ready->pid), F_I64("ms", time_mono_ms() - child->started_ms));
	for (size_t i = 0; i < s->children.n; i++)
		missing += !s->children.v[i]->ready;
	if (missing == 0 && !s->announced) {
		s->announced = true;
		LOG(LOG_INFO, "ready", F_I64("ms", time_mono_ms() - s->started_ms));
		if (s->events->ready)
			s->events->ready(s, s->arg);
	}
}

struct web_status {
	struct ipc_ticket ticket;
};

static void tell_web(void *arg, bool healthy, struct str text)
{
	struct web_status *web = arg;
	struct ipc_sup_status_reply reply = { .healthy = healthy, .text = text };

	ipc_reply(web->ticket, IPC_SUP_STATUS_REPLY, &reply, -1);
	free(web);
}

static void take_status(void *own, struct ipc_request *request)
{
	const struct ipc_sup_status *status = request->body;
	struct web_status *web = mem_make(struct web_status);

	web->ticket = ipc_ticket_of(request);
	status_collect(own, status->format == 1, tell_web, web);
}

static enum err check_user(const struct supervisor *s, struct buf *errors)
{
	if (geteuid() != 0 || !s->conf->user[0] || getpwnam(s->conf->user))
		return OK;
	buf_addf(errors, "user = %s: there is no such account; make it, or set user = \"\" to run everything as root\n",
		s->conf->user);
	return ERR_BAD_CONFIG;
}

static enum err make_directories(struct supervisor *s, struct buf *errors)
{
	static const char *const fixed[] = { "run", "directory", "queue", "tmp" };
	const struct passwd *pw = geteuid() == 0 && s->conf->user[0] ? getpwnam(s->conf->user) : NULL;
	char path[OS_PATH_MAX];
	enum err e = OK;

	for (size_t i = 0; i < 4 + (size_t)s->conf->shards && e == OK; i++) {
		if (i < 4)
			os_path(path, "%s/%s", s->conf->data_dir, fixed[i]);
		else
			os_path(path, "%s/shard-%zu", s->conf->data_dir, i - 4);
		e = os_make_dirs(path, i ? 0700 : 0755);
		if (e == OK && pw && i && chown(path, pw->pw_uid, pw->pw_gid) < 0)
			e = ERR_NOT_ALLOWED;
	}
	if (e != OK)
		buf_addf(errors, "%s: %s\n", path, err_text(e));
	return e;
}

/* One program for one data directory: two would write the same files. */
static enum err lock_data(struct supervisor *s, struct buf *errors)
{
	char path[OS_PATH_MAX];
	int fd = open(os_path(path, "%s/run/lock", s->conf->data_dir), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return OK; /* held until the process ends */
	buf_addf(errors, "%s: another restante runs on this data directory\n", s->conf->data_dir);
	return ERR_BUSY;
}

enum err supervisor_open(struct conf *conf, const struct supervisor_events *events, void *arg,
	struct supervisor **ret_supervisor, struct buf *errors)
{
	struct supervisor *s = mem_make(struct supervisor);
	enum err e;

	s->conf = conf;
	s->events = events;
	s->arg = arg;
	s->started_ms = time_mono_ms();
	s->signals = os_signal_fd();
	os_raise_file_limit();
	umask(077); /* what is made here is the owner's alone */
	conf_write(conf, &s->text);
	e = check_user(s, errors);
	if (e == OK)
		e = make_directories(s, errors);
	if (e == OK)
		e = lock_data(s, errors);
	if (e == OK)
		e = supervisor_load_tls(s, conf, errors);
	if (e == OK)
		e = supervisor_listen(s, errors);
	if (e != OK) {
		supervisor_close(&s);
		return e;
	}
	*ret_supervisor = s;
	return OK;
}

unsigned supervisor_ports(const struct supervisor *supervisor, struct supervisor_port *ret_ports, unsigned max)
{
	unsigned n = 0;

	for (size_t i = 0; i < supervisor->sockets.n && n < max; i++)
		if (supervisor->sockets.v[i].port)
			ret_ports[n++] = (struct supervisor_port){ supervisor->sockets.v[i].service,
				supervisor->sockets.v[i].port };
	return n;
}

int supervisor_run(struct supervisor *s)
{
	s->loop = loop_new();
	s->hub = ipc_hub_new(s->loop, ROLE_SUPERVISOR, 0, s);
	ipc_handle(s->hub, IPC_SUP_READY, take_ready);
	ipc_handle(s->hub, IPC_SUP_STATUS, take_status);
	s->stop_timer = loop_timer_add(s->loop, stop_late, s);
	s->signal_watch = loop_fd_add(s->loop, s->signals, on_signal, s);
	loop_fd_watch(s->signal_watch, LOOP_READ);
	if (status_open(s, &s->status) != OK)
		return 1;
	children_make(s);
	for (size_t i = 0; i < s->children.n; i++)
		child_start(s->children.v[i]);
	loop_run(s->loop);
	LOG(LOG_INFO, "stopped", F_I64("ms", time_mono_ms() - s->started_ms));
	return 0;
}

static int probe_child(struct supervisor *s, struct child *child)
{
	int status = 0;

	child_start(child);
	while (child->pid && waitpid(child->pid, &status, WNOHANG) == 0) {
		loop_poll(s->loop);
		usleep(1000);
	}
	child->pid = 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

int supervisor_probe(struct supervisor *s)
{
	int failed = 0;

	s->loop = loop_new();
	s->hub = ipc_hub_new(s->loop, ROLE_SUPERVISOR, 0, s);
	s->probing = true;
	children_make(s);
	for (size_t i = 0; i < s->children.n; i++)
		failed |= probe_child(s, s->children.v[i]);
	return failed;
}

void supervisor_close(struct supervisor **supervisor)
{
	struct supervisor *s = *supervisor;

	if (!s)
		return;
	status_close(&s->status);
	for (size_t i = 0; i < s->sockets.n; i++)
		close(s->sockets.v[i].fd);
	for (size_t i = 0; i < s->children.n; i++) {
		loop_timer_remove(&s->children.v[i]->timer);
		free(s->children.v[i]);
	}
	if (s->signal_watch)
		loop_fd_remove(&s->signal_watch);
	if (s->stop_timer)
		loop_timer_remove(&s->stop_timer);
	ipc_hub_free(&s->hub);
	loop_free(&s->loop);
	vec_done(&s->sockets);
	vec_done(&s->children);
	buf_done(&s->certificate);
	buf_done(&s->key);
	buf_done(&s->text);
	free(s);
	*supervisor = NULL;
}
