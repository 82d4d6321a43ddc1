/* SPDX-License-Identifier: ISC */
/*
 * A small store with the same way of making things durable as the real one (segment data
 * synced, then the index committed, then the answer), to prove the harness itself.
 *
 *   sample_store DIR SOCKET
 *   PUT name size\n<bytes>  ->  OK name\n
 *   ALL\n                   ->  ITEM name size\n<bytes> ... END\n
 *
 * SAMPLE_WITHOUT=segment|directory|commit|order takes one of its promises out.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 32
#define SEGMENT_SIZE (256 * 1024)
#define PUT_MAX (1024 * 1024)

struct client {
	int fd;
	char *in;
	size_t len;
	char reply[128]; /* sent when the turn is durable */
};

struct store {
	char dir[PATH_MAX - 64];
	sqlite3 *db;
	int segment_fd;
	int segment;
	long offset;
	bool dirty;
	bool made_segment;
};

static struct client clients[CLIENTS_MAX];

static bool is_without(const char *what)
{
	const char *without = getenv("SAMPLE_WITHOUT");

	return without != NULL && strcmp(without, what) == 0;
}

static void check(bool ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

static void run_sql(struct store *st, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(st->db, sql, NULL, NULL, &message) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", sql, message);
		exit(1);
	}
}

static void sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	check(fd >= 0 && fsync(fd) == 0, path);
	close(fd);
}

static void segment_path(struct store *st, int segment, char *ret_path, size_t size)
{
	snprintf(ret_path, size, "%s/segments/%04d.seg", st->dir, segment);
}

static void open_segment(struct store *st, int segment)
{
	char path[PATH_MAX];

	segment_path(st, segment, path, sizeof(path));
	if (st->segment_fd >= 0)
		close(st->segment_fd);
	st->segment_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	check(st->segment_fd >= 0, path);
	st->segment = segment;
	st->made_segment = true;
}

static void sync_segment(struct store *st)
{
	if (!is_without("segment"))
		check(fdatasync(st->segment_fd) == 0, "fdatasync");
	st->dirty = false;
}

static void sync_names(struct store *st)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/segments", st->dir);
	if (!is_without("directory"))
		sync_dir(path);
	st->made_segment = false;
}

static sqlite3_stmt *prepare(struct store *st, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	check(sqlite3_prepare_v2(st->db, sql, -1, &stmt, NULL) == SQLITE_OK, sql);
	return stmt;
}

static void put_row(struct store *st, const char *name, size_t len)
{
	sqlite3_stmt *stmt =
		prepare(st, "INSERT OR IGNORE INTO item(name,segment,at,len) VALUES(?,?,?,?)");

	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int(stmt, 2, st->segment);
	sqlite3_bind_int64(stmt, 3, st->offset);
	sqlite3_bind_int64(stmt, 4, (sqlite3_int64)len);
	check(sqlite3_step(stmt) == SQLITE_DONE, "insert");
	sqlite3_finalize(stmt);
}

static void put_item(struct store *st, const char *name, const char *bytes, size_t len)
{
	if (st->offset >= SEGMENT_SIZE) {
		if (st->dirty)
			sync_segment(st);
		open_segment(st, st->segment + 1);
		st->offset = 0;
	}
	check(pwrite(st->segment_fd, bytes, len, st->offset) == (ssize_t)len, "pwrite");
	put_row(st, name, len);
	st->offset += (long)len;
	st->dirty = true;
}

static void commit_turn(struct store *st)
{
	if (st->dirty)
		sync_segment(st);
	if (st->made_segment)
		sync_names(st);
	run_sql(st, "COMMIT");
}

static void send_item(struct store *st, int fd, sqlite3_stmt *stmt)
{
	long len = (long)sqlite3_column_int64(stmt, 3);
	char path[PATH_MAX], *bytes = calloc(1, (size_t)len + 1);
	int in;

	segment_path(st, sqlite3_column_int(stmt, 1), path, sizeof(path));
	in = open(path, O_RDONLY | O_CLOEXEC);
	if (in < 0 || pread(in, bytes, (size_t)len, sqlite3_column_int64(stmt, 2)) != len)
		len = 0;
	dprintf(fd, "ITEM %s %ld\n", sqlite3_column_text(stmt, 0), len);
	for (long at = 0; at < len;) {
		ssize_t n = send(fd, bytes + at, (size_t)(len - at), MSG_NOSIGNAL);

		check(n > 0, "send");
		at += n;
	}
	if (in >= 0)
		close(in);
	free(bytes);
}

static void send_all(struct store *st, int fd)
{
	sqlite3_stmt *stmt = prepare(st, "SELECT name,segment,at,len FROM item ORDER BY name");

	while (sqlite3_step(stmt) == SQLITE_ROW)
		send_item(st, fd, stmt);
	sqlite3_finalize(stmt);
	dprintf(fd, "END\n");
}

/* Takes one whole command from the client's input; false if there is none. */
static bool take_command(struct store *st, struct client *cl)
{
	char *end = memchr(cl->in, '\n', cl->len), name[64];
	size_t head, len = 0;

	if (end == NULL)
		return false;
	head = (size_t)(end - cl->in) + 1;
	if (sscanf(cl->in, "PUT %63s %zu\n", name, &len) == 2) {
		check(len <= PUT_MAX, "size");
		if (cl->len < head + len)
			return false;
		put_item(st, name, end + 1, len);
		snprintf(cl->reply, sizeof(cl->reply), "OK %s\n", name);
	} else {
		send_all(st, cl->fd);
	}
	cl->len -= head + len;
	memmove(cl->in, cl->in + head + len, cl->len);
	return true;
}

static void hang_up(struct client *cl)
{
	close(cl->fd);
	cl->fd = -1;
	cl->len = 0;
}

static void answer(void)
{
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *cl = &clients[i];

		if (cl->reply[0] != '\0' && cl->fd >= 0 &&
			send(cl->fd, cl->reply, strlen(cl->reply), MSG_NOSIGNAL) < 0)
			hang_up(cl);
		cl->reply[0] = '\0';
	}
}

static void read_client(struct store *st, struct client *cl, bool *begun)
{
	ssize_t n = recv(cl->fd, cl->in + cl->len, PUT_MAX + 4096 - cl->len, 0);

	if (n <= 0) {
		hang_up(cl);
		return;
	}
	cl->len += (size_t)n;
	if (!*begun)
		run_sql(st, "BEGIN IMMEDIATE");
	*begun = true;
	take_command(st, cl);
}

static void accept_client(int listener)
{
	int fd = accept(listener, NULL, NULL);

	for (int i = 0; fd >= 0 && i < CLIENTS_MAX; i++) {
		if (clients[i].fd < 0) {
			clients[i].fd = fd;
			return;
		}
	}
	if (fd >= 0)
		close(fd);
}

/* One turn of the loop: run what is ready, make it durable together, answer. */
static void turn(struct store *st, int listener)
{
	struct pollfd fds[CLIENTS_MAX + 1];
	bool begun = false;

	for (int i = 0; i < CLIENTS_MAX; i++)
		fds[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
	fds[CLIENTS_MAX] = (struct pollfd){.fd = listener, .events = POLLIN};
	check(poll(fds, CLIENTS_MAX + 1, -1) > 0, "poll");
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (fds[i].fd >= 0 && fds[i].revents != 0)
			read_client(st, &clients[i], &begun);
	}
	if (is_without("order"))
		answer();
	if (begun)
		commit_turn(st);
	answer();
	if (fds[CLIENTS_MAX].revents != 0)
		accept_client(listener);
}

static void find_end(struct store *st)
{
	sqlite3_stmt *stmt = prepare(
		st, "SELECT segment,at+len FROM item ORDER BY segment DESC,at DESC LIMIT 1");

	st->segment = 1;
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		st->segment = sqlite3_column_int(stmt, 0);
		st->offset = (long)sqlite3_column_int64(stmt, 1);
	}
	sqlite3_finalize(stmt);
}

static void open_store(struct store *st, const char *dir)
{
	char path[PATH_MAX];

	snprintf(st->dir, sizeof(st->dir), "%s", dir);
	snprintf(path, sizeof(path), "%s/segments", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/index.db", dir);
	check(sqlite3_open(path, &st->db) == SQLITE_OK, path);
	run_sql(st, "PRAGMA journal_mode=WAL");
	run_sql(st,
		is_without("commit") ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=FULL");
	run_sql(st, "PRAGMA wal_autocheckpoint=50");
	run_sql(st, "CREATE TABLE IF NOT EXISTS item(name TEXT PRIMARY KEY,"
		    "segment INTEGER,at INTEGER,len INTEGER)");
	sync_dir(dir);
	find_end(st);
	st->segment_fd = -1;
	open_segment(st, st->segment);
}

static int listen_at(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	unlink(path);
	check(bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0, path);
	check(listen(fd, 16) == 0, path);
	return fd;
}

int main(int argc, char **argv)
{
	static struct store st;
	int listener;

	if (argc != 3)
		return 2;
	for (int i = 0; i < CLIENTS_MAX; i++) {
		clients[i].fd = -1;
		clients[i].in = malloc(PUT_MAX + 4096);
		check(clients[i].in != NULL, "malloc");
	}
	open_store(&st, argv[1]);
	listener = listen_at(argv[2]);
	for (;;)
		turn(&st, listener);
}
