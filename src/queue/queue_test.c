/* SPDX-License-Identifier: ISC */
#include "base/test.h"

#include "base/log.h"
#include "ipc/recipients.h"
#include "queue/queue.h"
#include "queue/schedule.h"
#include "queue/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static char dir[64];

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "queue-test-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static void remove_all(const char *path)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, NULL, NULL);

	for (int i = 0; i < n; i++) {
		char child[400];

		snprintf(child, sizeof(child), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && unlink(child) != 0)
			remove_all(child);
		free(names[i]);
	}
	free(names);
	rmdir(path);
}

static int remove_dir(void **state)
{
	remove_all(dir);
	return 0;
}

static size_t count_files(void)
{
	char path[128];
	struct dirent **names = NULL;
	int n;
	size_t files = 0;

	snprintf(path, sizeof(path), "%s/content", dir);
	n = scandir(path, &names, NULL, NULL);
	for (int i = 0; i < n; i++) {
		files += names[i]->d_name[0] != '.';
		free(names[i]);
	}
	free(names);
	return files;
}

static struct queue_options test_options(void)
{
	struct queue_options options = queue_options_default();

	options.dir = dir;
	options.retry_first = 1;
	options.retry_max = 4;
	return options;
}

static struct queue *open_queue(void)
{
	struct queue_options options = test_options();
	struct queue *queue = NULL;

	assert_ok(queue_open(&options, &queue));
	return queue;
}

/* Accounts 1 to n on shards 0 and 1 in turn. */
static void add_recipients(struct buf *out, unsigned n)
{
	for (unsigned i = 1; i <= n; i++) {
		struct ipc_recipient r = {
			.account = i, .shard = i % 2, .address = S("a@example.test")
		};

		ipc_recipient_add(out, &r);
	}
}

static struct ipc_queue_add test_message(struct buf *recipients, struct str content)
{
	return (struct ipc_queue_add){
		.delivery_id = S("0123456789abcdef"),
		.sender = S("s@example.test"),
		.trace_header = S("Received: x\r\n"),
		.recipients = buf_str(recipients),
		.structure = S("structure"),
		.content_id = S("01234567890123456789012345678901"),
		.received_s = 1234,
		.content = content,
		.length = content.n,
	};
}

static void put(struct queue *queue, unsigned recipients, struct str content)
{
	struct buf list = { 0 };
	struct ipc_queue_add m;

	add_recipients(&list, recipients);
	m = test_message(&list, content);
	assert_ok(queue_put(queue, &m, -1));
	assert_ok(queue_commit(queue));
	buf_done(&list);
}

static void assert_counts(
	struct queue *queue, uint64_t messages, uint64_t waiting, uint64_t held)
{
	struct queue_counts c;

	assert_ok(queue_count(queue, &c));
	assert_int_equal(c.messages, messages);
	assert_int_equal(c.waiting, waiting);
	assert_int_equal(c.held, held);
}

static void test_schedule(void **state)
{
	struct queue_schedule s = { 0 };
	struct queue_job *job;
	int64_t last = -1;

	for (int i = 0; i < 200; i++) {
		job = mem_make(struct queue_job);
		job->due_ms = (i * 7919) % 211;
		queue_schedule_add(&s, job);
	}
	assert_null(queue_schedule_take(&s, -1));
	for (int i = 0; i < 200; i++) {
		assert_int_equal(queue_schedule_first(&s)->due_ms, s.heap.v[0]->due_ms);
		job = queue_schedule_take(&s, 1000);
		assert_non_null(job);
		assert_true(job->due_ms >= last);
		last = job->due_ms;
		free(job);
	}
	assert_null(queue_schedule_take(&s, 1000));
	queue_schedule_done(&s);
}

static void test_backoff(void **state)
{
	for (uint32_t i = 1; i < 100; i++) {
		int64_t full = i < 9 ? 5000LL << (i - 1) : 900000, wait;

		full = full < 900000 ? full : 900000;
		wait = queue_backoff(i, 5000, 900000);
		assert_true(wait >= full * 3 / 4 && wait <= full * 5 / 4);
	}
}

static void test_survives_restart(void **state)
{
	struct queue *queue = open_queue();
	char stray[128];
	int fd;

	put(queue, 3, S("hello\r\n"));
	assert_counts(queue, 1, 3, 0);
	queue_close(&queue);
	snprintf(stray, sizeof(stray), "%s/content/00000000000000ff", dir);
	fd = open(stray, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(count_files(), 2);
	queue = open_queue();
	assert_int_equal(count_files(), 1);
	assert_counts(queue, 1, 3, 0);
	queue_close(&queue);
}

static void test_refuses_nonsense(void **state)
{
	struct queue *queue = open_queue();
	struct buf list = { 0 };
	struct ipc_queue_add m = test_message(&list, S("x"));

	assert_err(queue_put(queue, &m, -1), ERR_PROTOCOL);
	add_recipients(&list, 2);
	list.n--;
	m = test_message(&list, S("x"));
	assert_err(queue_put(queue, &m, -1), ERR_PROTOCOL);
	list.n++;
	m = test_message(&list, S("x"));
	m.length = 2;
	assert_err(queue_put(queue, &m, -1), ERR_PROTOCOL);
	m.length = UINT64_MAX;
	assert_err(queue_put(queue, &m, -1), ERR_PROTOCOL);
	assert_ok(queue_commit(queue));
	assert_counts(queue, 0, 0, 0);
	assert_int_equal(count_files(), 0);
	buf_done(&list);
	queue_close(&queue);
}

/* Shards 0 and 1, edge, and the queue, in one process. */
struct world {
	struct loop *loop;
	struct ipc_hub *queue_hub, *store_hub[2], *edge_hub;
	struct queue *queue;
	unsigned deliveries; /* requests that stores saw */
	struct str content;  /* what they must hold */
	enum err answers[8]; /* per account */
	enum err fail_first; /* the first so many requests fail as a whole */
	unsigned fails_left;
	int added; /* replies that edge got */
	enum err added_error;
};

static void store_deliver(void *role, struct ipc_request *request)
{
	struct world *w = role;
	const struct ipc_deliver *m = request->body;
	struct buf got = { 0 }, results = { 0 };
	struct rd rd = rd_of(m->recipients);
	struct ipc_recipient r;

	w->deliveries++;
	if (w->fails_left > 0) {
		w->fails_left--;
		ipc_reply_error(ipc_ticket_of(request), w->fail_first);
		return;
	}
	assert_ok(ipc_content_read(m->content, m->length, request->fd, 1 << 24, &got));
	assert_true(str_equal(buf_str(&got), w->content));
	assert_str(m->delivery_id, "0123456789abcdef");
	assert_int_equal(m->received_s, 1234);
	while (ipc_recipient_next(&rd, &r))
		buf_u32(&results, w->answers[r.account]);
	ipc_reply(ipc_ticket_of(request), IPC_DELIVER_REPLY,
		&(struct ipc_deliver_reply){ .results = buf_str(&results) }, -1);
	buf_done(&got);
	buf_done(&results);
}

static void role_add(void *role, struct ipc_request *request)
{
	queue_handle_add(((struct world *)role)->queue, request);
}

static void connect_hubs(struct ipc_hub *a, enum role_kind a_kind, unsigned a_index,
	struct ipc_hub *b, enum role_kind b_kind, unsigned b_index)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	ipc_add_peer(a, b_kind, b_index, fds[0]);
	ipc_add_peer(b, a_kind, a_index, fds[1]);
}

static void begin(struct world *w)
{
	w->loop = loop_new();
	w->queue_hub = ipc_hub_new(w->loop, ROLE_QUEUE, 0, w);
	ipc_handle(w->queue_hub, IPC_QUEUE_ADD, role_add);
	w->edge_hub = ipc_hub_new(w->loop, ROLE_EDGE, 0, w);
	connect_hubs(w->edge_hub, ROLE_EDGE, 0, w->queue_hub, ROLE_QUEUE, 0);
	for (unsigned i = 0; i < 2; i++) {
		w->store_hub[i] = ipc_hub_new(w->loop, ROLE_STORE, i, w);
		ipc_handle(w->store_hub[i], IPC_DELIVER, store_deliver);
		connect_hubs(w->queue_hub, ROLE_QUEUE, 0, w->store_hub[i], ROLE_STORE, i);
	}
	w->queue = open_queue();
	queue_start(w->queue, w->loop, w->queue_hub);
}

static void end(struct world *w)
{
	queue_close(&w->queue);
	ipc_hub_free(&w->queue_hub);
	ipc_hub_free(&w->edge_hub);
	ipc_hub_free(&w->store_hub[0]);
	ipc_hub_free(&w->store_hub[1]);
	loop_free(&w->loop);
}

static void turn(struct world *w, int times)
{
	for (int i = 0; i < times; i++) {
		loop_poll(w->loop);
		usleep(500);
	}
}

static void added(void *arg, enum err e, const void *reply, int *fd)
{
	struct world *w = arg;
	const struct ipc_queue_add_reply *r = reply;

	w->added++;
	w->added_error = e == OK ? (enum err)r->error : e;
}

static void add_by_ipc(struct world *w, unsigned recipients)
{
	struct buf list = { 0 };
	struct ipc_queue_add m;
	int fd = -1;

	add_recipients(&list, recipients);
	assert_ok(ipc_content_write(w->content, &fd));
	m = test_message(&list, fd < 0 ? w->content : STR_NONE);
	m.length = w->content.n;
	ipc_call(w->edge_hub, ROLE_QUEUE, 0, IPC_QUEUE_ADD, &m, fd, 1, 0, added, w);
	if (fd >= 0)
		close(fd);
	buf_done(&list);
}

static void test_delivers(void **state)
{
	struct world w = { .content = S("hello\r\n") };

	begin(&w);
	add_by_ipc(&w, 3);
	add_by_ipc(&w, 1);
	turn(&w, 60);
	assert_int_equal(w.added, 2);
	assert_int_equal(w.added_error, OK);
	assert_int_equal(w.deliveries, 3);
	assert_counts(w.queue, 0, 0, 0);
	assert_int_equal(count_files(), 0);
	end(&w);
}

static void test_big_content(void **state)
{
	struct buf big = { 0 };
	struct world w = { 0 };

	for (int i = 0; i < 300000; i++)
		buf_addf(&big, "%d\r\n", i);
	w.content = buf_str(&big);
	begin(&w);
	add_by_ipc(&w, 2);
	turn(&w, 60);
	assert_int_equal(w.deliveries, 2);
	assert_counts(w.queue, 0, 0, 0);
	end(&w);
	buf_done(&big);
}

static void test_retries(void **state)
{
	struct world w = { .content = S("x"), .fails_left = 5, .fail_first = ERR_UNAVAILABLE };

	begin(&w);
	add_by_ipc(&w, 2);
	turn(&w, 150);
	assert_int_equal(w.deliveries, 7);
	assert_counts(w.queue, 0, 0, 0);
	end(&w);
}

/* One delivered, one refused for good, one over quota until there is room. */
static void test_partial(void **state)
{
	struct world w = { .content = S("x"),
		.answers = { [2] = ERR_OVER_QUOTA, [4] = ERR_UNKNOWN_USER } };

	begin(&w);
	add_by_ipc(&w, 4);
	turn(&w, 60);
	assert_counts(w.queue, 1, 1, 1);
	w.answers[2] = OK;
	turn(&w, 60);
	assert_counts(w.queue, 1, 0, 1);
	assert_int_equal(count_files(), 1);
	end(&w);
}

static void test_drains_after_restart(void **state)
{
	struct queue *queue = open_queue();
	struct world w = { .content = S("left over") };

	put(queue, 4, w.content);
	put(queue, 1, w.content);
	queue_close(&queue);
	begin(&w);
	turn(&w, 60);
	assert_int_equal(w.deliveries, 3);
	assert_counts(w.queue, 0, 0, 0);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schedule),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test_setup_teardown(test_survives_restart, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_refuses_nonsense, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_delivers, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_big_content, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_retries, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_partial, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_drains_after_restart, make_dir, remove_dir),
	};

	log_setup("queue", 2, LOG_ERROR + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
