/* SPDX-License-Identifier: ISC */
/* For the tests of this module: a directory in a temporary folder, with the service
 * example.test. */
#ifndef DIRECTORY_FIXTURE_H
#define DIRECTORY_FIXTURE_H

#include "base/test.h"
#include "directory/directory.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
	char base[64], path[100];
	struct directory_options options;
	struct directory *directory;
	struct directory_change by;
	struct directory_login login;
};

static void fixture_open(struct fixture *f)
{
	struct buf detail = BUF_MAX(1000);

	if (directory_open(&f->options, &f->directory, &detail) != OK)
		fail_msg("%.*s", STR_FMT(buf_str(&detail)));
	buf_done(&detail);
}

static inline void fixture_reopen(struct fixture *f)
{
	directory_close(&f->directory);
	fixture_open(f);
}

static int fixture_set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int64_t organisation, service;

	snprintf(f->base, sizeof(f->base), "/tmp/directory-test-XXXXXX");
	assert_non_null(mkdtemp(f->base));
	snprintf(f->path, sizeof(f->path), "%s/directory", f->base);
	f->options = directory_defaults();
	f->options.path = f->path;
	f->options.shards = 2;
	f->options.argon2_ops = 1;
	f->options.argon2_bytes = 1 << 20;
	f->by = (struct directory_change){.actor = S("test"), .now_ms = 1000};
	f->login = (struct directory_login){
		.protocol = S("imap"), .ip = S("127.0.0.1"), .tls = true, .now_ms = 5000};
	fixture_open(f);
	assert_ok(
		directory_organisation_add(f->directory, &f->by, S("Example"), &organisation));
	assert_ok(directory_service_add(f->directory, &f->by, organisation, S("example.test"),
		S("premium"), &service));
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int fixture_tear_down(void **state)
{
	struct fixture *f = *state;

	directory_close(&f->directory);
	nftw(f->base, remove_one, 10, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static inline int64_t fixture_address(struct fixture *f, const char *address)
{
	struct directory_target target;

	assert_ok(directory_address_add(f->directory, &f->by, str_of(address), &target));
	return target.account;
}

#define FIXTURE_TEST(test)                                                                    \
	cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

#endif
