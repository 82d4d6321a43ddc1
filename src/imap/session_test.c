/* SPDX-License-Identifier: ISC */
/*
 * Whole sessions in one process: edge, directory, store and inspect are hubs on one loop, the shard is a real one
 * in a temporary directory, clients speak over loopback TCP.
 */
#include "imap/prelogin.h"
#include "imap/session.h"
#include "ipc/recipients.h"
#include "message/structure.h"
#include "store/testing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCOUNT = 7, REPLY_MAX = 64 << 20, WAIT_MS = 20000 };

struct client {
	int fd;
	unsigned tag;
	struct buf in; /* not yet looked at */
	struct buf reply;
};

static struct loop *loop;
static struct conf *conf;
static struct shard shard;
static struct ipc_hub *edge, *directory, *storing, *inspecting;
static struct imap_sessions *sessions;
static struct imap_prelogin_server *prelogin;
static int listening;
static struct client a, b;
static bool refuse_inspect;

/* ---- the other roles ---- */

static void on_auth(void *role, struct ipc_request *request)
{
	const struct ipc_dir_auth *ask = request->body;
	struct ipc_dir_auth_reply reply = { .account = ACCOUNT, .address = ask->user, .device = 1 };

	if (!str_equal(ask->password, S("right")))
		reply = (struct ipc_dir_auth_reply){ .error = ERR_AUTH_FAILED, .delay_ms = 1 };
	ipc_reply(ipc_ticket_of(request), IPC_DIR_AUTH_REPLY, &reply, -1);
}

static void on_session(void *role, struct ipc_request *request)
{
	struct ipc_session_open_reply reply = { .error = OK };

	imap_session_open(sessions, request->fd, request->body, request->trace);
	request->fd = -1;
	ipc_reply(ipc_ticket_of(request), IPC_SESSION_OPEN_REPLY, &reply, -1);
}

static void on_inspect(void *role, struct ipc_request *request)
{
	const struct ipc_inspect *ask = request->body;
	struct ipc_inspect_reply reply = { .content_id = S("0123456789abcdef0123456789abcdef") };
	struct arena *arena = arena_new();
	struct buf content = { 0 }, blob = { 0 };

	if (refuse_inspect) {
		ipc_reply_error(ipc_ticket_of(request), ERR_UNAVAILABLE);
	} else {
		assert_ok(ipc_content_read(ask->content, ask->length, request->fd, 1 << 28, &content));
		assert_int_equal(ask->kind, INSPECT_APPEND);
		message_structure_build(buf_str(&content), &(struct message_structure_options){ 0 }, arena, &blob);
		reply.structure = buf_str(&blob);
		ipc_reply(ipc_ticket_of(request), IPC_INSPECT_REPLY, &reply, -1);
	}
	buf_done(&content);
	buf_done(&blob);
	arena_free(&arena);
}

static void join(struct ipc_hub *x, enum role_kind x_kind, struct ipc_hub *y, enum role_kind y_kind)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	ipc_add_peer(x, y_kind, 0, pair[0]);
	ipc_add_peer(y, x_kind, 0, pair[1]);
}

static void turn_end(void *arg)
{
	store_turn_end(shard.store);
}

static void wake(void *arg)
{
	loop_defer(loop, turn_end, &shard);
}

static void listen_here(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listening, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listening, 16), 0);
}

static int start(void **state)
{
	struct buf errors = { 0 };

	loop = loop_new();
	conf = conf_new();
	assert_ok(conf_set(conf, "clear_auth_on_loopback", "true", &errors));
	assert_ok(conf_set(conf, "imap_idle_keepalive", "50ms", &errors));
	assert_ok(conf_set(conf, "message_size_max", "3M", &errors));
	buf_done(&errors);
	refuse_inspect = false;
	shard.options = (struct store_options){ .wake = wake };
	shard_open(&shard);
	edge = ipc_hub_new(loop, ROLE_EDGE, 0, NULL);
	directory = ipc_hub_new(loop, ROLE_DIRECTORY, 0, NULL);
	storing = ipc_hub_new(loop, ROLE_STORE, 0, NULL);
	inspecting = ipc_hub_new(loop, ROLE_INSPECT, 0, NULL);
	ipc_handle(directory, IPC_DIR_AUTH, on_auth);
	ipc_handle(storing, IPC_SESSION_OPEN, on_session);
	ipc_handle(inspecting, IPC_INSPECT, on_inspect);
	join(edge, ROLE_EDGE, directory, ROLE_DIRECTORY);
	join(edge, ROLE_EDGE, storing, ROLE_STORE);
	join(storing, ROLE_STORE, inspecting, ROLE_INSPECT);
	sessions = imap_sessions_new(loop, shard.store, storing, conf, shard.dir);
	prelogin = imap_prelogin_new(loop, edge, NULL, conf);
	loop_at_turn_end(loop, turn_end, &shard);
	listen_here();
	return 0;
}

static void hang_up(struct client *c)
{
	if (c->fd > 0)
		close(c->fd);
	buf_done(&c->in);
	buf_done(&c->reply);
	*c = (struct client){ 0 };
}

static void spin(int turns)
{
	for (int i = 0; i < turns; i++)
		loop_poll(loop);
}

static int end(void **state)
{
	hang_up(&a);
	hang_up(&b);
	spin(20);
	imap_sessions_stop(sessions);
	spin(20);
	imap_sessions_free(&sessions);
	imap_prelogin_free(&prelogin);
	ipc_hub_free(&edge);
	ipc_hub_free(&directory);
	ipc_hub_free(&storing);
	ipc_hub_free(&inspecting);
	store_turn_end(shard.store);
	shard_remove(&shard);
	close(listening);
	spin(3);
	loop_free(&loop);
	conf_free(&conf);
	return 0;
}

/* ---- clients ---- */

static void receive(struct client *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	char *room;
	ssize_t n;

	loop_poll(loop);
	if (poll(&p, 1, 0) <= 0) {
		usleep(200);
		return;
	}
	room = buf_reserve(&c->in, 1 << 16);
	n = recv(c->fd, room, 1 << 16, MSG_DONTWAIT);
	if (n > 0)
		buf_added(&c->in, (size_t)n);
}

/* Waits for text; what came up to and with its line is the reply. */
static struct str wait_for(struct client *c, const char *text)
{
	for (int i = 0; i < WAIT_MS * 5; i++) {
		ptrdiff_t at = str_find(buf_str(&c->in), str_of(text));
		ptrdiff_t lf = at < 0 ? -1 : str_index(str_from(buf_str(&c->in), (size_t)at + strlen(text) - 1), '\n');

		if (at >= 0 && lf >= 0) {
			size_t n = (size_t)at + strlen(text) - 1 + (size_t)lf + 1;

			buf_clear(&c->reply);
			buf_add(&c->reply, str_sub(buf_str(&c->in), 0, n));
			buf_consume(&c->in, n);
			return buf_str(&c->reply);
		}
		receive(c);
	}
	fail_msg("no \"%s\" in \"%.*s\"", text, STR_FMT(buf_str(&c->in)));
	return STR_NONE;
}

static void send_all(struct client *c, struct str s)
{
	while (s.n) {
		ssize_t n = send(c->fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			s = str_from(s, (size_t)n);
		else
			loop_poll(loop);
	}
}

static void say(struct client *c, const char *text)
{
	send_all(c, str_of(text));
}

/* One command; all replies up to its tagged one. */
static struct str talk(struct client *c, const char *command)
{
	char tag[16], end_line[24];

	snprintf(tag, sizeof(tag), "t%u", ++c->tag);
	snprintf(end_line, sizeof(end_line), "%s ", tag);
	say(c, tag);
	say(c, " ");
	say(c, command);
	say(c, "\r\n");
	return wait_for(c, end_line);
}

static void must_have(struct str reply, const char *text)
{
	if (str_find(reply, str_of(text)) < 0)
		fail_msg("no \"%s\" in \"%.*s\"", text, STR_FMT(reply));
}

static void must_lack(struct str reply, const char *text)
{
	if (str_find(reply, str_of(text)) >= 0)
		fail_msg("\"%s\" in \"%.*s\"", text, STR_FMT(reply));
}

#define OKAY(client, command) must_have(talk(client, command), " OK ")

static void dial(struct client *c)
{
	struct sockaddr_in at;
	socklen_t n = sizeof(at);

	getsockname(listening, (struct sockaddr *)&at, &n);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	imap_prelogin_accept(prelogin, accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), false);
	must_have(wait_for(c, "* OK "), "[CAPABILITY IMAP4rev1 ");
}

static void log_in(struct client *c)
{
	dial(c);
	must_have(talk(c, "LOGIN alice@example.test right"), "OK [CAPABILITY IMAP4rev1 ");
}

static void append(struct client *c, const char *mailbox, const char *flags, const char *message)
{
	char command[256];

	snprintf(command, sizeof(command), "t%u APPEND %s %s{%zu+}\r\n", ++c->tag, mailbox, flags, strlen(message));
	say(c, command);
	say(c, message);
	say(c, "\r\n");
	snprintf(command, sizeof(command), "t%u ", c->tag);
	must_have(wait_for(c, command), "OK [APPENDUID ");
}

#define MAIL "From: Alice <alice@example.test>\r\nTo: bob@example.test\r\nSubject: hello =?utf-8?q?caf=C3=A9?=\r\n" \
	"Date: Mon, 02 Mar 2026 10:00:00 +0100\r\nMessage-ID: <1@example.test>\r\n\r\nfirst line\r\nsecond line\r\n"
#define MULTI "Subject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" \
	"--b\r\nContent-Type: text/plain\r\n\r\npart one\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n" \
	"Content-Transfer-Encoding: base64\r\n\r\nc2VjcmV0IHdvcmQ=\r\n--b--\r\n"

/* ---- before login ---- */

static void test_prelogin(void **state)
{
	dial(&a);
	must_have(talk(&a, "CAPABILITY"), " AUTH=PLAIN AUTH=LOGIN ");
	must_lack(talk(&a, "CAPABILITY"), "LOGINDISABLED");
	OKAY(&a, "NOOP");
	must_have(talk(&a, "ID (\"name\" \"test\" \"version\" NIL)"), "* ID (\"name\" \"Restante\")");
	must_have(talk(&a, "SELECT INBOX"), " BAD log in first");
	must_have(talk(&a, "NONSENSE"), " BAD unknown command");
	must_have(talk(&a, "STARTTLS"), " NO [CANNOT]");
	must_have(talk(&a, "LOGIN alice"), " BAD ");
	must_have(talk(&a, "LOGIN alice@example.test wrong"), " NO [AUTHENTICATIONFAILED]");
	must_have(talk(&a, "AUTHENTICATE CRAM-MD5"), " NO [CANNOT]");
	must_have(talk(&a, "LOGOUT"), "* BYE ");
}

static void test_login_disabled_in_clear(void **state)
{
	struct buf errors = { 0 };

	assert_ok(conf_set(conf, "clear_auth_on_loopback", "false", &errors));
	dial(&a);
	must_have(talk(&a, "CAPABILITY"), "LOGINDISABLED");
	must_lack(talk(&a, "CAPABILITY"), "AUTH=");
	must_have(talk(&a, "LOGIN alice@example.test right"), " NO [PRIVACYREQUIRED]");
	buf_done(&errors);
}

static void test_authenticate(void **state)
{
	static const char *const ways[] = {
		"AUTHENTICATE PLAIN AGFsaWNlQGV4YW1wbGUudGVzdAByaWdodA==",
		"AUTHENTICATE LOGIN YWxpY2VAZXhhbXBsZS50ZXN0\r\ncmlnaHQ=",
		"AUTHENTICATE PLAIN\r\nAGFsaWNlQGV4YW1wbGUudGVzdAByaWdodA==",
		"AUTHENTICATE LOGIN\r\nYWxpY2VAZXhhbXBsZS50ZXN0\r\ncmlnaHQ=",
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		dial(&a);
		must_have(talk(&a, ways[i]), " OK [CAPABILITY ");
		hang_up(&a);
	}
	dial(&a);
	must_have(talk(&a, "AUTHENTICATE PLAIN\r\n*"), " BAD authentication cancelled");
	must_have(talk(&a, "AUTHENTICATE PLAIN\r\n!!"), " BAD not valid base 64");
	must_have(talk(&a, "AUTHENTICATE PLAIN ="), " BAD PLAIN wants");
	say(&a, "x AUTHENTICATE PLAIN\r\n");
	assert_str(wait_for(&a, "+ "), "+ \r\n");
	say(&a, "*\r\n");
	wait_for(&a, "x BAD");
	say(&a, "x AUTHENTICATE LOGIN\r\n");
	assert_str(wait_for(&a, "+ "), "+ VXNlcm5hbWU6\r\n");
	say(&a, "YWxpY2VAZXhhbXBsZS50ZXN0\r\n");
	assert_str(wait_for(&a, "+ "), "+ UGFzc3dvcmQ6\r\n");
	say(&a, "cmlnaHQ=\r\n");
	wait_for(&a, "x OK");
}

static void test_too_many_failures(void **state)
{
	dial(&a);
	for (int i = 0; i < 9; i++)
		must_have(talk(&a, "LOGIN alice@example.test wrong"), " NO ");
	say(&a, "x LOGIN a b\r\n");
	must_have(wait_for(&a, "* BYE"), "x NO ");
}

static void test_pipelined_login(void **state)
{
	struct str all;

	dial(&a);
	say(&a, "1 LOGIN {5+}\r\nalice {5}\r\n");
	wait_for(&a, "+ ");
	say(&a, "right\r\n2 SELECT INBOX\r\n3 NOOP\r\n4 LOGOUT\r\n");
	all = wait_for(&a, "4 OK");
	assert_true(str_find(all, S("1 OK")) < str_find(all, S("2 OK")));
	assert_true(str_find(all, S("2 OK")) < str_find(all, S("3 OK")));
	must_have(all, "* BYE ");
}

static void test_shard_dies(void **state)
{
	log_in(&a);
	assert_int_equal(imap_prelogin_sessions(prelogin), 1);
	imap_sessions_free(&sessions);
	must_have(wait_for(&a, "* BYE"), "try again");
	sessions = imap_sessions_new(loop, shard.store, storing, conf, shard.dir);
	spin(5);
	assert_int_equal(imap_prelogin_sessions(prelogin), 0);
}

/* ---- folders ---- */

static void test_list(void **state)
{
	struct str all;

	log_in(&a);
	all = talk(&a, "LIST \"\" \"*\"");
	must_have(all, "* LIST (\\HasNoChildren) \"/\" INBOX\r\n");
	must_have(all, "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\r\n");
	must_have(all, "* LIST (\\HasNoChildren \\Junk) \"/\" Spam\r\n");
	must_have(talk(&a, "LIST \"\" \"\""), "* LIST (\\Noselect) \"/\" \"\"\r\n");
	must_have(talk(&a, "XLIST \"\" *"), "* XLIST (\\HasNoChildren \\Inbox) \"/\" INBOX\r\n");
	OKAY(&a, "CREATE abc/klm/xyz");
	all = talk(&a, "LIST \"\" *");
	must_have(all, "* LIST (\\NonExistent \\Noselect \\HasChildren) \"/\" abc\r\n");
	must_have(all, "* LIST (\\NonExistent \\Noselect \\HasChildren) \"/\" abc/klm\r\n");
	must_have(all, "* LIST (\\HasNoChildren) \"/\" abc/klm/xyz\r\n");
	must_have(talk(&a, "SELECT abc"), " NO [NONEXISTENT]");
	must_have(talk(&a, "DELETE abc"), " NO [HASCHILDREN]");
	OKAY(&a, "CREATE abc");
	OKAY(&a, "DELETE abc");
	must_have(talk(&a, "LIST abc/ %"), "abc/klm\r\n");
	OKAY(&a, "DELETE abc/klm/xyz");
	must_lack(talk(&a, "LIST \"\" *"), "abc");
	must_have(talk(&a, "DELETE abc/klm/xyz"), " NO [NONEXISTENT]");
	must_have(talk(&a, "DELETE INBOX"), " NO [CANNOT]");
	must_have(talk(&a, "CREATE Sent"), " NO [ALREADYEXISTS]");
}

static void test_names(void **state)
{
	log_in(&a);
	OKAY(&a, "CREATE \"&AMk-t&AOk- 1/\"");
	must_have(talk(&a, "LIST \"\" &AMk-*"), "\"/\" \"&AMk-t&AOk- 1\"\r\n");
	OKAY(&a, "SELECT \"&AMk-t&AOk- 1\"");
	must_have(talk(&a, "CREATE \"bad&name\""), " NO [CANNOT]");
	must_have(talk(&a, "CREATE \"a//b\""), " NO [CANNOT]");
	OKAY(&a, "RENAME \"&AMk-t&AOk- 1\" plain");
	must_have(talk(&a, "STATUS plain (MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT SIZE)"),
		"* STATUS plain (MESSAGES 0 RECENT 0 UIDNEXT 1 UIDVALIDITY ");
	must_have(talk(&a, "STATUS nothing (MESSAGES)"), " NO [NONEXISTENT]");
	must_have(talk(&a, "STATUS plain (NONSENSE)"), " BAD unknown STATUS item");
}

static void test_subscriptions(void **state)
{
	struct str all;

	log_in(&a);
	all = talk(&a, "LSUB \"\" *");
	must_have(all, "* LSUB (\\HasNoChildren) \"/\" INBOX\r\n");
	must_have(all, "\\Sent) \"/\" Sent\r\n");
	OKAY(&a, "CREATE x/y");
	must_lack(talk(&a, "LSUB \"\" *"), "x/y");
	OKAY(&a, "SUBSCRIBE x/y");
	must_have(talk(&a, "LSUB \"\" *"), "\"/\" x/y\r\n");
	all = talk(&a, "LSUB \"\" %");
	must_have(all, "\\Noselect");
	must_have(all, "\"/\" x\r\n");
	must_lack(all, "x/y");
	OKAY(&a, "UNSUBSCRIBE x/y");
	must_lack(talk(&a, "LSUB \"\" *"), "x/y");
}

static void test_other_commands(void **state)
{
	log_in(&a);
	must_have(talk(&a, "NAMESPACE"), "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
	must_have(talk(&a, "ENABLE X-NOTHING"), "* ENABLED\r\n");
	must_have(talk(&a, "ENABLE"), " BAD ");
	must_have(talk(&a, "CHECK"), " BAD select a mailbox first");
	must_have(talk(&a, "LOGIN x y"), " BAD already logged in");
	must_have(talk(&a, "UID NOOP"), " BAD ");
	must_have(talk(&a, "UID"), " BAD ");
	OKAY(&a, "SELECT INBOX");
	OKAY(&a, "CHECK");
	OKAY(&a, "UNSELECT");
	must_have(talk(&a, "UNSELECT"), " BAD ");
	say(&a, "\r\n* hello\r\n");
	wait_for(&a, "* BAD ");
	for (int i = 0; i < 60; i++)
		say(&a, "x NONSENSE\r\n");
	wait_for(&a, "* BYE ");
}

/* ---- messages ---- */

static void test_append_and_fetch(void **state)
{
	struct str all;

	log_in(&a);
	append(&a, "INBOX", "(\\Flagged $Label) \" 2-Mar-2026 10:00:00 +0100\" ", MAIL);
	all = talk(&a, "SELECT INBOX");
	must_have(all, "* 1 EXISTS\r\n");
	must_have(all, "* 1 RECENT\r\n");
	must_have(all, "* OK [UNSEEN 1]");
	must_have(all, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Label)\r\n");
	must_have(all, " \\*)]");
	must_have(all, "OK [READ-WRITE]");
	all = talk(&a, "FETCH 1 (FLAGS UID INTERNALDATE RFC822.SIZE)");
	must_have(all, "* 1 FETCH (FLAGS (\\Flagged $Label \\Recent) UID 1 INTERNALDATE \" 2-Mar-2026 09:00:00 +0000\" "
		"RFC822.SIZE ");
	must_have(talk(&a, "FETCH 1 BODY.PEEK[]"), MAIL ")\r\n");
	must_have(talk(&a, "FETCH 1 (BODY.PEEK[TEXT]<6.4>)"), "BODY[TEXT]<6> {4}\r\nline)\r\n");
	must_have(talk(&a, "FETCH 1 (BODY.PEEK[TEXT]<600.4>)"), "BODY[TEXT]<600> {0}\r\n)\r\n");
	must_have(talk(&a, "FETCH 1 (BODY.PEEK[HEADER.FIELDS (Message-ID)])"),
		"BODY[HEADER.FIELDS (Message-ID)] {32}\r\nMessage-ID: <1@example.test>\r\n\r\n)\r\n");
	must_have(talk(&a, "FETCH 1 ENVELOPE"), "ENVELOPE (\"Mon, 02 Mar 2026 10:00:00 +0100\"");
	must_have(talk(&a, "FETCH 1 BODYSTRUCTURE"), "BODYSTRUCTURE (\"text\" \"plain\"");
	must_have(talk(&a, "FETCH 1 BODY.PEEK[5]"), "BODY[5] NIL)\r\n");
	must_have(talk(&a, "UID FETCH 1 FLAGS"), "* 1 FETCH (UID 1 FLAGS ");
	must_have(talk(&a, "FETCH 2 FLAGS"), " BAD no message has such a number");
	must_have(talk(&a, "UID FETCH 2:* FLAGS"), "* 1 FETCH ");
}

static void test_fetch_sets_seen(void **state)
{
	struct str all;

	log_in(&a);
	append(&a, "INBOX", "", MAIL);
	OKAY(&a, "EXAMINE INBOX");
	must_lack(talk(&a, "FETCH 1 BODY[TEXT]"), "\\Seen");
	must_have(talk(&a, "STORE 1 FLAGS \\Seen"), " NO [NOPERM]");
	OKAY(&a, "SELECT INBOX");
	must_lack(talk(&a, "FETCH 1 (BODY.PEEK[] RFC822.HEADER)"), "\\Seen");
	all = talk(&a, "FETCH 1 RFC822.TEXT");
	must_have(all, "RFC822.TEXT {25}\r\nfirst line");
	must_have(all, "* 1 FETCH (FLAGS (\\Seen \\Recent))\r\n");
	must_lack(talk(&a, "FETCH 1 RFC822"), "FLAGS");
}

static void test_multipart(void **state)
{
	struct str all;

	log_in(&a);
	append(&a, "INBOX", "", MULTI);
	OKAY(&a, "SELECT INBOX");
	all = talk(&a, "FETCH 1 (BODY.PEEK[1] BODY.PEEK[2.MIME])");
	must_have(all, "BODY[1] {8}\r\npart one BODY[2.MIME] {");
	must_have(all, "base64\r\n\r\n)\r\n");
	must_have(talk(&a, "FETCH 1 BODYSTRUCTURE"), "\"mixed\" (\"boundary\" \"b\")");
	must_have(talk(&a, "SEARCH BODY \"Secret Word\""), "* SEARCH 1\r\n");
	must_have(talk(&a, "SEARCH BODY absent"), "* SEARCH\r\n");
}

static void test_large_append(void **state)
{
	size_t n = 2500000;
	struct buf big = { 0 };
	struct str all;

	log_in(&a);
	buf_adds(&big, "Subject: big\r\n\r\n");
	while (big.n < n)
		buf_adds(&big, "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789\r\n");
	buf_truncate(&big, n);
	say(&a, "x APPEND INBOX {2500000}\r\n");
	wait_for(&a, "+ ");
	send_all(&a, buf_str(&big));
	say(&a, "\r\n");
	must_have(wait_for(&a, "x "), "x OK [APPENDUID");
	OKAY(&a, "SELECT INBOX");
	all = talk(&a, "FETCH 1 BODY.PEEK[]");
	assert_true(str_find(all, S("BODY[] {2500000}\r\n")) > 0);
	assert_true(all.n > n && str_find(all, str_make(big.p + n - 1000, 1000)) > 0);
	assert_memory_equal(all.p + str_index(all, '\n') + 1, big.p, n);
	must_have(talk(&a, "FETCH 1 BODY.PEEK[]<2499990.100>"), "{10}\r\n");
	say(&a, "y APPEND INBOX {3145729}\r\n");
	wait_for(&a, "y NO [TOOBIG]");
	say(&a, "z APPEND INBOX {99999");
	say(&a, "+}\r\n");
	send_all(&a, str_make(big.p, 99999));
	say(&a, "\r\n");
	wait_for(&a, "z OK [APPENDUID");
	buf_done(&big);
}

static void test_append_errors(void **state)
{
	log_in(&a);
	must_have(talk(&a, "APPEND Nowhere {3+}\r\nabc"), " NO [TRYCREATE]");
	must_have(talk(&a, "APPEND INBOX"), " BAD ");
	must_have(talk(&a, "APPEND INBOX \"text\""), " BAD ");
	must_have(talk(&a, "APPEND INBOX (\\Bogus) {3+}\r\nabc"), " BAD ");
	must_have(talk(&a, "APPEND INBOX {3+}\r\nabc {0+}\r\n"), " BAD ");
	must_have(talk(&a, "APPEND INBOX \"1-Jan-2020 00:00:00 +0000\" {3+}\r\nabc"), " OK [APPENDUID ");
	must_have(talk(&a, "APPEND INBOX {34+}\r\nFrom mbox Mon\r\nSubject: x\r\n\r\nbody\r"), " OK [APPENDUID ");
	refuse_inspect = true;
	must_have(talk(&a, "APPEND INBOX {3+}\r\nabc"), " NO [UNAVAILABLE]");
	refuse_inspect = false;
	must_have(talk(&a, "STATUS INBOX (MESSAGES)"), "(MESSAGES 2)");
}

static void test_store(void **state)
{
	struct str all;

	log_in(&a);
	log_in(&b);
	for (int i = 0; i < 4; i++)
		append(&a, "INBOX", "", MAIL);
	OKAY(&a, "SELECT INBOX");
	OKAY(&b, "SELECT INBOX");
	all = talk(&a, "STORE 1:3 FLAGS (\\Seen)");
	must_have(all, "* 1 FETCH (FLAGS (\\Seen \\Recent))");
	must_have(all, "* 3 FETCH (FLAGS (\\Seen \\Recent))");
	must_lack(all, "* 4 ");
	must_have(talk(&b, "NOOP"), "* 2 FETCH (FLAGS (\\Seen))");
	must_lack(talk(&a, "STORE 4 +FLAGS.SILENT (\\Deleted)"), "FETCH");
	must_have(talk(&a, "UID STORE 2,4 +FLAGS (hello World)"), "* 4 FETCH (UID 4 FLAGS (\\Deleted hello World ");
	all = talk(&b, "FETCH 1 UID");
	must_have(all, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft hello World)");
	must_have(all, "* 2 FETCH (FLAGS (\\Seen hello World))");
	must_have(talk(&b, "STORE 1 -FLAGS \\Seen"), "* 1 FETCH (FLAGS ())");
	must_lack(talk(&b, "STORE 1 -FLAGS.SILENT \\Seen"), "FETCH");
	must_have(talk(&b, "STORE 1 XFLAGS \\Seen"), " BAD ");
	must_have(talk(&b, "STORE 9 FLAGS \\Seen"), " BAD ");
}

static void test_expunge(void **state)
{
	struct str all;

	log_in(&a);
	log_in(&b);
	for (int i = 0; i < 6; i++)
		append(&a, "INBOX", "", MAIL);
	OKAY(&a, "SELECT INBOX");
	OKAY(&b, "SELECT INBOX");
	OKAY(&a, "STORE 1,3 +FLAGS.SILENT \\Deleted");
	all = talk(&a, "EXPUNGE");
	must_have(all, "* 1 EXPUNGE\r\n* 2 EXPUNGE\r\n");
	/* RFC 3501 7.4.1: no EXPUNGE while FETCH, STORE or SEARCH by number is answered. */
	all = talk(&b, "FETCH 1:4 UID");
	must_lack(all, "EXPUNGE\r\n");
	must_have(all, "* 2 FETCH (UID 2)");
	must_have(all, "* 4 FETCH (UID 4)");
	must_have(all, "OK [EXPUNGEISSUED]");
	must_lack(talk(&b, "SEARCH ALL"), "EXPUNGE\r\n");
	must_have(talk(&b, "COPY 1 Trash"), " NO [EXPUNGEISSUED]");
	must_have(talk(&b, "NOOP"), "OK done");
	must_have(talk(&b, "FETCH 1 UID"), "* 1 FETCH (UID 2)");
	OKAY(&a, "STORE 1:2 +FLAGS.SILENT \\Deleted");
	must_have(talk(&a, "UID EXPUNGE 4"), "* 2 EXPUNGE\r\n");
	must_lack(talk(&a, "CLOSE"), "EXPUNGE");
	must_have(talk(&a, "STATUS INBOX (MESSAGES)"), "(MESSAGES 2)");
	must_have(talk(&b, "NOOP"), "* 1 EXPUNGE");
}

static void test_copy_and_move(void **state)
{
	struct str all;

	log_in(&a);
	for (int i = 0; i < 5; i++)
		append(&a, "INBOX", i == 2 ? "(\\Answered Kept) " : "", MAIL);
	OKAY(&a, "SELECT INBOX");
	must_have(talk(&a, "COPY 1:3 Archive"), "OK [COPYUID ");
	must_have(talk(&a, "COPY 5 Archive"), " 5 4] copied");
	must_have(talk(&a, "COPY 1 Nowhere"), " NO [TRYCREATE]");
	must_have(talk(&a, "COPY 9 Archive"), " BAD ");
	all = talk(&a, "MOVE 2,4 Trash");
	must_have(all, "* OK [COPYUID ");
	must_have(all, " 2,4 1:2] moved\r\n");
	must_have(all, "* 2 EXPUNGE\r\n* 3 EXPUNGE\r\n");
	assert_true(str_find(all, S("COPYUID")) < str_find(all, S("EXPUNGE")));
	must_have(talk(&a, "UID MOVE 99 Trash"), "OK moved");
	must_have(talk(&a, "EXAMINE Archive"), "* 4 EXISTS");
	must_have(talk(&a, "FETCH 3 FLAGS"), "Kept");
	must_have(talk(&a, "MOVE 1 Trash"), " NO [NOPERM]");
	must_have(talk(&a, "COPY 1 Trash"), " OK [COPYUID ");
}

static void test_search(void **state)
{
	static const struct {
		const char *keys, *want;
	} cases[] = {
		{ "ALL", "1 2 3" },
		{ "SEEN", "2" },
		{ "UNSEEN FLAGGED", "3" },
		{ "KEYWORD red", "3" },
		{ "UNKEYWORD red", "1 2" },
		{ "KEYWORD nosuch", "" },
		{ "FROM alice", "1 2" },
		{ "SUBJECT {5+}\r\nCaf\u00e9", "1 2" },
		{ "HEADER Message-ID \"\"", "1 2" },
		{ "NOT FROM alice", "3" },
		{ "OR SEEN FLAGGED", "2 3" },
		{ "(SEEN) NOT (FLAGGED)", "2" },
		{ "BEFORE 1-Jan-2020", "1" },
		{ "ON 31-Dec-2019", "1" },
		{ "SINCE 1-Jan-2020", "2 3" },
		{ "SENTON 2-Mar-2026", "1 2" },
		{ "SENTBEFORE 2-Mar-2026", "" },
		{ "SENTSINCE 2-Mar-2026", "1 2" },
		{ "2:*", "2 3" },
		{ "UID 1,3", "1 3" },
		{ "UID 100:*", "3" },
		{ "TEXT \"second line\"", "1 2" },
		{ "BODY secret", "3" },
		{ "LARGER 1", "1 2 3" },
		{ "SMALLER 10", "" },
		{ "CHARSET UTF-8 TO bob", "1 2" },
		{ "RECENT", "1 2 3" },
		{ "NEW", "1 3" },
		{ "OLD", "" },
		{ "BODY secret UNSEEN LARGER 10 ALL", "3" },
	};

	log_in(&a);
	append(&a, "INBOX", "\"31-Dec-2019 12:00:00 +0000\" ", MAIL);
	append(&a, "INBOX", "(\\Seen) ", MAIL);
	append(&a, "INBOX", "(\\Flagged Red) ", MULTI);
	OKAY(&a, "SELECT INBOX");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char command[128], want[64];

		snprintf(command, sizeof(command), "SEARCH %s", cases[i].keys);
		snprintf(want, sizeof(want), "* SEARCH%s%s\r\n", *cases[i].want ? " " : "", cases[i].want);
		must_have(talk(&a, command), want);
	}
	must_have(talk(&a, "SEARCH CHARSET X-NONE ALL"), " NO [BADCHARSET]");
	must_have(talk(&a, "SEARCH 7"), " OK ");
	OKAY(&a, "STORE 1 +FLAGS.SILENT \\Deleted");
	OKAY(&a, "EXPUNGE");
	must_have(talk(&a, "UID SEARCH ALL"), "* SEARCH 2 3\r\n");
}

static void test_idle(void **state)
{
	log_in(&a);
	log_in(&b);
	OKAY(&a, "SELECT INBOX");
	say(&a, "i IDLE\r\n");
	assert_str(wait_for(&a, "+ "), "+ idling\r\n");
	append(&b, "INBOX", "", MAIL);
	must_have(wait_for(&a, "* 1 RECENT"), "* 1 EXISTS\r\n");
	wait_for(&a, "* OK Still here\r\n");
	OKAY(&b, "SELECT INBOX");
	OKAY(&b, "STORE 1 +FLAGS (\\Deleted)");
	wait_for(&a, "* 1 FETCH (FLAGS (\\Deleted \\Recent))");
	OKAY(&b, "EXPUNGE");
	wait_for(&a, "* 1 EXPUNGE");
	say(&a, "DONE\r\nj NOOP\r\nk IDLE\r\nDONE\r\nl NOOP\r\n");
	must_have(wait_for(&a, "l OK"), "i OK idled\r\nj OK done\r\n");
	say(&a, "m IDLE\r\nnonsense\r\n");
	wait_for(&a, "m BAD expected DONE");
	OKAY(&a, "UNSELECT");
	say(&a, "n IDLE\r\n");
	wait_for(&a, "+ ");
}

static void test_deleted_under_session(void **state)
{
	log_in(&a);
	log_in(&b);
	OKAY(&a, "CREATE x");
	OKAY(&a, "SELECT x");
	OKAY(&b, "SELECT x");
	OKAY(&a, "DELETE x");
	must_have(talk(&a, "CHECK"), " BAD select a mailbox first");
	say(&b, "q NOOP\r\n");
	must_have(wait_for(&b, "* BYE"), "deleted");
}

static void test_recent(void **state)
{
	log_in(&a);
	log_in(&b);
	append(&a, "INBOX", "", MAIL);
	append(&a, "INBOX", "", MAIL);
	must_have(talk(&b, "STATUS INBOX (RECENT)"), "(RECENT 2)");
	must_have(talk(&a, "EXAMINE INBOX"), "* 2 RECENT");
	must_have(talk(&b, "STATUS INBOX (RECENT)"), "(RECENT 2)");
	must_have(talk(&a, "SELECT INBOX"), "* 2 RECENT");
	must_have(talk(&b, "STATUS INBOX (RECENT)"), "(RECENT 0)");
	must_have(talk(&b, "SELECT INBOX"), "* 0 RECENT");
	append(&a, "INBOX", "", MAIL);
	must_lack(talk(&b, "FETCH 3 FLAGS"), "Recent");
	OKAY(&a, "CLOSE");
	OKAY(&b, "CLOSE");
	must_have(talk(&a, "SELECT INBOX"), "* 0 RECENT");
}

static void test_many_messages(void **state)
{
	struct buf all = { 0 };
	struct str reply;

	log_in(&a);
	for (int i = 0; i < 1500; i++)
		buf_addf(&all, "p APPEND INBOX {12+}\r\nSubject: %02d\n\r\n", i % 100);
	buf_adds(&all, "e NOOP\r\n");
	send_all(&a, buf_str(&all));
	must_have(wait_for(&a, "e OK"), "APPENDUID");
	OKAY(&a, "SELECT INBOX");
	reply = talk(&a, "FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[])");
	must_have(reply, "* 1500 FETCH (UID 1500 ");
	must_have(reply, "Subject: 99");
	must_have(talk(&a, "FETCH 1:* FLAGS"), "* 1500 FETCH (FLAGS (\\Recent))");
	must_have(talk(&a, "SEARCH SUBJECT 77 LARGER 1"), "* SEARCH 78 178 ");
	buf_clear(&all);
	buf_adds(&all, "u UID FETCH 1");
	for (int i = 2; all.n < 1900000; i += 2)
		buf_addf(&all, ",%d", i);
	buf_adds(&all, " FLAGS\r\n");
	send_all(&a, buf_str(&all));
	must_have(wait_for(&a, "u OK"), "* 1500 FETCH (UID 1500 ");
	must_have(talk(&a, "STORE 1:* +FLAGS.SILENT \\Deleted"), " OK ");
	must_have(talk(&a, "EXPUNGE"), "* 1 EXPUNGE");
	must_have(talk(&a, "FETCH 1:* FLAGS"), " OK ");
	buf_done(&all);
}

static void test_client_leaves(void **state)
{
	log_in(&a);
	append(&a, "INBOX", "", MAIL);
	OKAY(&a, "SELECT INBOX");
	say(&a, "1 STORE 1 FLAGS \\Seen\r\n2 COPY 1 Trash\r\n3 IDLE\r\n");
	hang_up(&a);
	for (int i = 0; i < 1000 && imap_sessions_count(sessions); i++) {
		loop_poll(loop);
		usleep(1000);
	}
	assert_int_equal(imap_sessions_count(sessions), 0);
	log_in(&a);
	say(&a, "1 APPEND INBOX {100}\r\nhalf");
	wait_for(&a, "+ ");
	hang_up(&a);
	for (int i = 0; i < 1000 && imap_sessions_count(sessions); i++) {
		loop_poll(loop);
		usleep(1000);
	}
	assert_int_equal(imap_sessions_count(sessions), 0);
	log_in(&a);
	must_have(talk(&a, "STATUS INBOX (MESSAGES)"), "(MESSAGES 1)");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, start, end)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { TEST(test_prelogin), TEST(test_login_disabled_in_clear),
		TEST(test_authenticate), TEST(test_too_many_failures), TEST(test_pipelined_login),
		TEST(test_shard_dies), TEST(test_list), TEST(test_names), TEST(test_subscriptions),
		TEST(test_other_commands), TEST(test_append_and_fetch), TEST(test_fetch_sets_seen),
		TEST(test_multipart), TEST(test_large_append), TEST(test_append_errors), TEST(test_store),
		TEST(test_expunge), TEST(test_copy_and_move), TEST(test_search), TEST(test_idle),
		TEST(test_deleted_under_session), TEST(test_recent), TEST(test_many_messages),
		TEST(test_client_leaves) };

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
