/* SPDX-License-Identifier: ISC */
/* What all roles count, gathered: for `restante status`, /healthz and /metrics. */
#include "base/log.h"
#include "base/time.h"
#include "net/conn.h"
#include "net/listener.h"
#include "os/file.h"
#include "role/supervisor_own.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ASK_TIMEOUT_MS = 2000, LINE_MAX_BYTES = 256, OUTPUT_MAX_BYTES = 8 << 20, CONN_TIMEOUT_MS = 10000 };

struct answer {
	struct collection *collection;
	struct child *child;
	struct metrics metrics;
	uint64_t sessions;
	bool came;
};

struct collection {
	struct supervisor *s;
	struct answer *answers;
	size_t count, missing;
	bool prometheus;
	status_fn *fn;
	void *arg;
};

static bool is_healthy(const struct collection *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (!c->answers[i].child->ready || !c->answers[i].came)
			return false;
	return true;
}

/* ---- JSON ---- */

static json_t *counters_json(const struct metrics *m)
{
	json_t *all = json_object();

	for (int i = 0; i < METRIC_COUNTERS; i++)
		if (m->counters[i])
			json_object_set_new(all, metric_counter_name((enum metric_counter)i),
				json_integer((json_int_t)m->counters[i]));
	return all;
}

static json_t *histograms_json(const struct metrics *m)
{
	json_t *all = json_object();

	for (int i = 0; i < METRIC_HISTOGRAMS; i++) {
		enum metric_histogram h = (enum metric_histogram)i;
		uint64_t count = m->histograms[h].count;

		if (count)
			json_object_set_new(all, metric_histogram_name(h),
				json_pack("{s:I,s:I,s:I,s:I}", "count", (json_int_t)count, "mean_us",
					(json_int_t)(m->histograms[h].sum_us / count), "p50_us",
					(json_int_t)metrics_quantile_us(m, h, 0.5), "p99_us",
					(json_int_t)metrics_quantile_us(m, h, 0.99)));
	}
	return all;
}

static json_t *role_json(const struct answer *a)
{
	const struct child *c = a->child;

	return json_pack("{s:s,s:i,s:i,s:b,s:I,s:I,s:o,s:o}", "role", role_name(c->kind), "index", (int)c->index, "pid",
		(int)c->pid, "ready", c->ready && a->came, "restarts", (json_int_t)c->restarts, "sessions",
		(json_int_t)a->sessions, "counters", counters_json(&a->metrics), "latency", histograms_json(&a->metrics));
}

static void write_json(const struct collection *c, struct buf *out)
{
	json_t *roles = json_array();
	json_t *root;
	char *text;

	for (size_t i = 0; i < c->count; i++)
		json_array_append_new(roles, role_json(&c->answers[i]));
	root = json_pack("{s:b,s:i,s:I,s:o}", "healthy", is_healthy(c), "pid", (int)getpid(), "uptime_ms",
		(json_int_t)(time_mono_ms() - c->s->started_ms), "roles", roles);
	text = json_dumps(root, JSON_COMPACT);
	buf_adds(out, text ? text : "{}");
	free(text);
	json_decref(root);
}

/* ---- Prometheus text format 0.0.4 ---- */

static void write_counter(const struct collection *c, enum metric_counter m, struct buf *out)
{
	const char *name = metric_counter_name(m);

	buf_addf(out, "# HELP restante_%s_total %s\n# TYPE restante_%s_total counter\n", name, metric_counter_help(m), name);
	for (size_t i = 0; i < c->count; i++)
		buf_addf(out, "restante_%s_total{role=\"%s\",index=\"%u\"} %llu\n", name,
			role_name(c->answers[i].child->kind), c->answers[i].child->index,
			(unsigned long long)c->answers[i].metrics.counters[m]);
}

static void write_buckets(const struct answer *a, enum metric_histogram h, struct buf *out)
{
	const char *name = metric_histogram_name(h), *role = role_name(a->child->kind);
	uint64_t seen = 0;

	for (int b = 0; b < METRIC_BUCKETS; b++) {
		seen += a->metrics.histograms[h].buckets[b];
		if (b < METRIC_BUCKETS - 1)
			buf_addf(out, "restante_%s_seconds_bucket{role=\"%s\",index=\"%u\",le=\"%g\"} %llu\n", name, role,
				a->child->index, (double)(1 << b) / 1e6, (unsigned long long)seen);
	}
	buf_addf(out, "restante_%s_seconds_bucket{role=\"%s\",index=\"%u\",le=\"+Inf\"} %llu\n", name, role,
		a->child->index, (unsigned long long)seen);
	buf_addf(out, "restante_%s_seconds_sum{role=\"%s\",index=\"%u\"} %g\n", name, role, a->child->index,
		(double)a->metrics.histograms[h].sum_us / 1e6);
	buf_addf(out, "restante_%s_seconds_count{role=\"%s\",index=\"%u\"} %llu\n", name, role, a->child->index,
		(unsigned long long)seen);
}

static void write_histogram(const struct collection *c, enum metric_histogram h, struct buf *out)
{
	const char *name = metric_histogram_name(h);

	buf_addf(out, "# HELP restante_%s_seconds %s\n# TYPE restante_%s_seconds histogram\n", name,
		metric_histogram_help(h), name);
	for (size_t i = 0; i < c->count; i++)
		if (c->answers[i].metrics.histograms[h].count)
			write_buckets(&c->answers[i], h, out);
}

static void write_prometheus(const struct collection *c, struct buf *out)
{
	for (int i = 0; i < METRIC_COUNTERS; i++)
		write_counter(c, (enum metric_counter)i, out);
	for (int i = 0; i < METRIC_HISTOGRAMS; i++)
		write_histogram(c, (enum metric_histogram)i, out);
	buf_addf(out, "# HELP restante_sessions Client sessions alive.\n# TYPE restante_sessions gauge\n");
	for (size_t i = 0; i < c->count; i++)
		buf_addf(out, "restante_sessions{role=\"%s\",index=\"%u\"} %llu\n", role_name(c->answers[i].child->kind),
			c->answers[i].child->index, (unsigned long long)c->answers[i].sessions);
}

/* ---- gathering ---- */

static void finish(struct collection *c)
{
	struct buf text = { 0 };

	if (c->prometheus)
		write_prometheus(c, &text);
	else
		write_json(c, &text);
	c->fn(c->arg, is_healthy(c), buf_str(&text));
	buf_done(&text);
	free(c->answers);
	free(c);
}

static void take_answer(void *arg, enum err e, const void *body, int *fd)
{
	const struct ipc_sup_metrics_reply *reply = body;
	struct answer *a = arg;

	a->came = e == OK && metrics_decode(reply->metrics, &a->metrics) == OK;
	if (a->came)
		a->sessions = reply->sessions;
	if (--a->collection->missing == 0)
		finish(a->collection);
}

void status_collect(struct supervisor *s, bool prometheus, status_fn *fn, void *arg)
{
	struct collection *c = mem_make(struct collection);
	const struct ipc_sup_metrics ask = { 0 };

	*c = (struct collection){ s, mem_alloc(s->children.n * sizeof(struct answer)), s->children.n, s->children.n,
		prometheus, fn, arg };
	for (size_t i = 0; i < c->count; i++) {
		struct answer *a = &c->answers[i];

		a->collection = c;
		a->child = s->children.v[i];
		ipc_call(s->hub, a->child->kind, a->child->index, IPC_SUP_METRICS, &ask, -1, 0, ASK_TIMEOUT_MS, take_answer, a);
	}
}

/* ---- DATA/run/status.sock ---- */

struct status_server {
	struct supervisor *s;
	struct listener *listener;
	char path[OS_PATH_MAX];
};

/* Lives until its answer is given and its connection has ended. */
struct asker {
	struct supervisor *s;
	struct conn *conn;
	bool waiting;
};

static void free_asker(struct asker *asker)
{
	if (!asker->conn && !asker->waiting)
		free(asker);
}

static void answer_asker(void *arg, bool healthy, struct str text)
{
	struct asker *asker = arg;

	asker->waiting = false;
	if (asker->conn) {
		conn_write(asker->conn, text);
		conn_write(asker->conn, S("\n"));
		conn_close(&asker->conn, 1000);
	}
	free_asker(asker);
}

static void obey(struct asker *asker, struct str word)
{
	if (str_equal(word, S("status")) || str_equal(word, S("metrics"))) {
		asker->waiting = true;
		status_collect(asker->s, str_equal(word, S("metrics")), answer_asker, asker);
		return;
	}
	conn_writef(asker->conn, "%s\n", str_equal(word, S("reload")) || str_equal(word, S("stop")) ? "ok" : "unknown");
	conn_close(&asker->conn, 1000);
	if (str_equal(word, S("reload")))
		supervisor_reload(asker->s);
	else if (str_equal(word, S("stop")))
		supervisor_stop(asker->s);
	free_asker(asker);
}

static void asker_readable(struct conn *conn, void *arg)
{
	struct asker *asker = arg;
	struct str input = conn_input(conn), line;

	if (asker->waiting || str_index(input, '\n') < 0)
		return;
	str_next(&input, '\n', &line);
	obey(asker, str_trim(line));
}

static void asker_ended(struct conn *conn, void *arg, enum err why)
{
	struct asker *asker = arg;

	conn_close(&asker->conn, 0);
	free_asker(asker);
}

static void accept_asker(void *arg, int fd, const struct sockaddr *peer)
{
	static const struct conn_events events = { .readable = asker_readable, .ended = asker_ended };
	static const struct conn_limits limits = { LINE_MAX_BYTES, OUTPUT_MAX_BYTES };
	struct status_server *server = arg;
	struct asker *asker = mem_make(struct asker);

	asker->s = server->s;
	asker->conn = conn_new(server->s->loop, fd, &limits, &events, asker);
	conn_set_timeout(asker->conn, CONN_TIMEOUT_MS);
}

enum err status_open(struct supervisor *s, struct status_server **ret_server)
{
	struct status_server *server = mem_make(struct status_server);
	int fd;
	enum err e;

	server->s = s;
	e = net_listen_unix(os_path(server->path, "%s/run/status.sock", s->conf->data_dir), 16, &fd);
	if (e != OK) {
		free(server);
		return e;
	}
	server->listener = listener_new(s->loop, fd, accept_asker, server);
	*ret_server = server;
	return OK;
}

void status_close(struct status_server **server)
{
	if (!*server)
		return;
	listener_free(&(*server)->listener);
	unlink((*server)->path);
	free(*server);
	*server = NULL;
}
