/* SPDX-License-Identifier: ISC */
/*
 * restante demo: a complete host with the organisation "Example" on loopback ports, for trying out, tests and
 * benchmarks.  The JSON file tells programs what the printed page tells people.
 */
#include "base/log.h"
#include "base/time.h"
#include "base/vec.h"
#include "directory/directory.h"
#include "main/main.h"
#include "os/file.h"
#include "role/supervisor.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PORTS_MAX = 16, USERS_FILE_MAX = 1 << 20, ACCOUNTS_MAX = 1000000 };

struct demo {
	const char *data, *password, *json_file, *port_base, *dns;
	uint32_t accounts, base;
	bool clear;
	VEC(const char *) settings;
	struct conf *conf;
	struct buf errors;
	json_t *users; /* [{"address","password"}] */
	char alice[64], bob[64];
};

/* The standard port of each listener; --port-base is added. */
static const struct {
	const char *service, *option;
	unsigned port;
} ports[] = {
	{ "smtp", "listen_smtp", 25 },
	{ "submission", "listen_submission", 587 },
	{ "submissions", "listen_submissions", 465 },
	{ "lmtp", "listen_lmtp", 24 },
	{ "imap", "listen_imap", 143 },
	{ "imaps", "listen_imaps", 993 },
	{ "pop3", "listen_pop3", 110 },
	{ "pop3s", "listen_pop3s", 995 },
	{ "http", "listen_http", 80 },
	{ "https", "listen_https", 443 },
};

static bool take_settings(struct demo *demo, int *argc, char **argv)
{
	bool missing = false;
	const char *setting;

	while ((setting = main_take_value(argc, argv, "--set", &missing)))
		vec_push(&demo->settings, setting);
	return !missing;
}

static bool take_number(const char *name, const char *value, uint32_t most, uint32_t *ret_value)
{
	if (!value)
		return true;
	if (str_to_u32(str_of(value), ret_value) == OK && *ret_value <= most)
		return true;
	fprintf(stderr, "restante demo: %s must be a number up to %u\n", name, most);
	return false;
}

static bool take_arguments(struct demo *demo, int argc, char **argv)
{
	bool missing = false;
	const char *accounts;

	demo->data = main_take_value(&argc, argv, "--data", &missing);
	accounts = main_take_value(&argc, argv, "--accounts", &missing);
	demo->password = main_take_value(&argc, argv, "--password", &missing);
	demo->json_file = main_take_value(&argc, argv, "--json", &missing);
	demo->port_base = main_take_value(&argc, argv, "--port-base", &missing);
	demo->dns = main_take_value(&argc, argv, "--dns", &missing);
	demo->clear = main_take_flag(&argc, argv, "--allow-plaintext-loopback");
	if (!take_settings(demo, &argc, argv) || missing)
		return false;
	if (argc) {
		fprintf(stderr, "restante demo: %s is not an option; see: restante help demo\n", argv[0]);
		return false;
	}
	return take_number("--accounts", accounts, ACCOUNTS_MAX, &demo->accounts) &&
		take_number("--port-base", demo->port_base, 65535 - 995, &demo->base);
}

static enum err set(struct demo *demo, const char *name, const char *value)
{
	return conf_set(demo->conf, name, value, &demo->errors);
}

static enum err apply_setting(struct demo *demo, const char *setting)
{
	struct arena *scratch = arena_new();
	struct str rest = str_of(setting), name;
	enum err e = ERR_BAD_CONFIG;

	if (str_next(&rest, '=', &name) && rest.p)
		e = set(demo, arena_dup(scratch, name).p, arena_dup(scratch, rest).p);
	else
		buf_addf(&demo->errors, "--set %s: must be OPTION=VALUE\n", setting);
	arena_free(&scratch);
	return e;
}

static enum err configure(struct demo *demo)
{
	char value[64];
	enum err e = set(demo, "hostname", "mail.example.test");

	if (e == OK)
		e = set(demo, "data_dir", demo->data);
	if (e == OK)
		e = set(demo, "user", "");
	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports) && e == OK; i++) {
		snprintf(value, sizeof(value), "127.0.0.1:%u", demo->base ? demo->base + ports[i].port : 0);
		e = set(demo, ports[i].option, value);
	}
	if (e == OK && demo->clear)
		e = set(demo, "clear_auth_on_loopback", "true");
	for (size_t i = 0; i < demo->settings.n && e == OK; i++)
		e = apply_setting(demo, demo->settings.v[i]);
	return e;
}

/* ---- accounts ---- */

static void add_user(struct demo *demo, const char *address, const char *password)
{
	json_array_append_new(demo->users, json_pack("{s:s,s:s}", "address", address, "password", password));
}

static bool exists(struct directory *directory, struct str address)
{
	struct directory_target target;

	return directory_lookup(directory, address, DIRECTORY_FOR_LOGIN, &target) == OK;
}

/* Generated once, kept beside the data so that a second start prints the same. */
static enum err make_person(struct demo *demo, struct directory *directory, const struct directory_change *by,
	const char *name, char *ret_password, size_t size)
{
	struct directory_device device = { .name = S("demo"), .icon = S("computer") };
	char path[OS_PATH_MAX], address[64];
	struct directory_target target;
	struct buf password = BUF_MAX(200);
	int64_t id;
	enum err e = OK;

	snprintf(address, sizeof(address), "%s@example.test", name);
	os_path(path, "%s/demo-password-%s", demo->data, name);
	if (os_read_file(path, &password) != OK) {
		if (!exists(directory, str_of(address)))
			e = directory_address_add(directory, by, str_of(address), &target);
		if (e == OK)
			e = directory_device_add(directory, by, str_of(address), &device, &id, &password);
		if (e == OK)
			e = os_write_file(path, buf_str(&password), 0600);
	}
	snprintf(ret_password, size, "%.*s", STR_FMT(buf_str(&password)));
	add_user(demo, address, ret_password);
	buf_done(&password);
	return e;
}

static enum err make_accounts(struct demo *demo, struct directory *directory, const struct directory_change *by)
{
	const char *password = demo->password ? demo->password : "demonstration-only";
	uint32_t have = 0;
	char address[64];
	enum err e = OK;

	for (;; have++) {
		snprintf(address, sizeof(address), "user%u@example.test", have + 1);
		if (have == demo->accounts || !exists(directory, str_of(address)))
			break;
	}
	if (have < demo->accounts)
		e = directory_bulk_add(directory, by, demo->accounts - have, have + 1, S("user%@example.test"),
			str_of(password));
	for (uint32_t i = 1; i <= demo->accounts; i++) {
		snprintf(address, sizeof(address), "user%u@example.test", i);
		add_user(demo, address, password);
	}
	return e;
}

static enum err fill_directory(struct demo *demo, struct directory *directory)
{
	struct directory_change by = { .actor = S("demo"), .now_ms = time_wall_ms() };
	int64_t organisation, service;
	enum err e = OK;

	if (!directory_has_domain(directory, S("example.test"))) {
		e = directory_organisation_add(directory, &by, S("Example"), &organisation);
		if (e == OK)
			e = directory_service_add(directory, &by, organisation, S("example.test"), S("premium"), &service);
	}
	if (e == OK)
		e = make_person(demo, directory, &by, "alice", demo->alice, sizeof(demo->alice));
	if (e == OK)
		e = make_person(demo, directory, &by, "bob", demo->bob, sizeof(demo->bob));
	if (e == OK)
		e = make_accounts(demo, directory, &by);
	if (e != OK)
		buf_addf(&demo->errors, "%s: %s\n", err_text(e), directory_message(directory));
	return e;
}

static enum err provision(struct demo *demo)
{
	struct directory_options options = directory_defaults();
	struct directory *directory = NULL;
	char dir[OS_PATH_MAX];
	enum err e;

	options.path = os_path(dir, "%s/directory", demo->data);
	options.shards = (uint32_t)demo->conf->shards;
	e = os_make_dirs(dir, 0700);
	if (e == OK)
		e = directory_open(&options, &directory, &demo->errors);
	if (e == OK)
		e = fill_directory(demo, directory);
	directory_close(&directory);
	return e;
}

/* ---- what it says when it is ready ---- */

static unsigned port_of(const struct supervisor_port *open, unsigned n, const char *service)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(open[i].service, service) == 0)
			return open[i].port;
	return 0;
}

static enum err write_json(struct demo *demo, const struct supervisor_port *open, unsigned n)
{
	json_t *all = json_object(), *root;
	char ca[OS_PATH_MAX];
	enum err e;
	char *text;

	for (unsigned i = 0; i < n; i++)
		json_object_set_new(all, open[i].service, json_integer(open[i].port));
	root = json_pack("{s:i,s:s,s:o,s:O,s:s,s:s}", "pid", (int)getpid(), "host", "127.0.0.1", "ports", all, "users",
		demo->users, "ca_file", os_path(ca, "%s/tls/certificate.pem", demo->data), "data", demo->data);
	text = json_dumps(root, JSON_INDENT(1));
	e = os_write_file(demo->json_file, str_of(text), 0600);
	free(text);
	json_decref(root);
	return e;
}

static void print_page(const struct demo *demo, const struct supervisor_port *open, unsigned n)
{
	unsigned smtps = port_of(open, n, "submissions"), imaps = port_of(open, n, "imaps");

	printf("\nRestante is ready.  Everything below is on this machine only (127.0.0.1).\n\n");
	printf("  organisation   Example, mail service example.test\n");
	printf("  user           alice@example.test   password %s\n", demo->alice);
	printf("  user           bob@example.test     password %s\n", demo->bob);
	if (demo->accounts)
		printf("  users          user1@example.test to user%u@example.test, password %s\n", demo->accounts,
			demo->password ? demo->password : "demonstration-only");
	printf("  data           %s\n  certificate    %s/tls/certificate.pem\n\n", demo->data, demo->data);
	for (unsigned i = 0; i < n; i++)
		printf("  %-14s 127.0.0.1 port %u\n", open[i].service, open[i].port);
	printf("\nThunderbird: account alice@example.test; IMAP server 127.0.0.1 port %u, SSL/TLS, normal password;\n"
	       "  SMTP server 127.0.0.1 port %u, SSL/TLS, normal password; user name alice@example.test; accept the certificate.\n",
		imaps, smtps);
	printf("\nSend with swaks:\n  swaks --server 127.0.0.1:%u --tls-on-connect --auth PLAIN --auth-user alice@example.test"
	       " --auth-password '%s' --from alice@example.test --to bob@example.test\n", smtps, demo->alice);
	printf("\nRead with curl:\n  curl --cacert %s/tls/certificate.pem --user 'bob@example.test:%s'"
	       " 'imaps://127.0.0.1:%u/INBOX;MAILINDEX=1'\n", demo->data, demo->bob, imaps);
	printf("\nStatus: restante status --data %s    Metrics: http://127.0.0.1:%u/metrics    Stop: Ctrl-C\n\n", demo->data,
		port_of(open, n, "http"));
	fflush(stdout);
}

static void ready(struct supervisor *supervisor, void *arg)
{
	struct supervisor_port open[PORTS_MAX];
	unsigned n = supervisor_ports(supervisor, open, PORTS_MAX);
	struct demo *demo = arg;

	if (demo->json_file && write_json(demo, open, n) != OK)
		LOG(LOG_ERROR, "json_not_written", F_CSTR("file", demo->json_file));
	print_page(demo, open, n);
}

static enum err reload(struct conf *fresh, struct buf *errors, void *arg)
{
	struct demo *demo = arg;
	struct buf text = { 0 };
	enum err e;

	conf_write(demo->conf, &text);
	e = conf_read_text(fresh, buf_str(&text), errors);
	buf_done(&text);
	return e;
}

static const struct supervisor_events events = { .ready = ready, .reload = reload };

static int run(struct demo *demo)
{
	struct supervisor *supervisor = NULL;
	int status = 1;
	enum err e = configure(demo);

	if (e == OK)
		e = os_make_dirs(demo->data, 0755);
	if (e == OK)
		e = supervisor_open(demo->conf, &events, demo, &supervisor, &demo->errors);
	if (e == OK)
		e = provision(demo);
	if (e == OK)
		status = supervisor_run(supervisor);
	else
		fprintf(stderr, "restante demo: %s\n%.*s", err_text(e), STR_FMT(buf_str(&demo->errors)));
	supervisor_close(&supervisor);
	return status;
}

int main_demo(int argc, char **argv)
{
	char own_dir[] = "/tmp/restante-demo-XXXXXX", data[OS_PATH_MAX];
	struct demo demo = { 0 };
	int status = 2;

	log_setup("supervisor", 2, LOG_INFO);
	demo.conf = conf_new();
	demo.users = json_array();
	if (take_arguments(&demo, argc, argv)) {
		if (!demo.data)
			demo.data = mkdtemp(own_dir);
		/* Roles and printed lines need a path that does not depend on the current directory. */
		if (demo.data && os_make_dirs(demo.data, 0755) == OK && realpath(demo.data, data))
			demo.data = data;
		status = run(&demo);
	}
	if (demo.json_file && status == 0)
		unlink(demo.json_file);
	vec_done(&demo.settings);
	buf_done(&demo.errors);
	json_decref(demo.users);
	conf_free(&demo.conf);
	return status;
}
