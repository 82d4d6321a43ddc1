/* SPDX-License-Identifier: ISC */
#include "base/test.h"

#include "os/file.h"
#include "os/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/restante-os-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static void test_files(void **state)
{
	char path[OS_PATH_MAX], temporary[OS_PATH_MAX];
	struct buf b = BUF_MAX(100);
	struct stat st;

	assert_ok(os_make_dirs(os_path(path, "%s/a/b/c", dir), 0700));
	assert_ok(os_make_dirs(path, 0700));
	os_path(path, "%s/a/b/c/file", dir);
	assert_err(os_read_file(path, &b), ERR_NOT_FOUND);
	assert_ok(os_write_file(path, S("one"), 0600));
	assert_ok(os_write_file(path, S("two two"), 0600));
	assert_ok(os_read_file(path, &b));
	assert_str(buf_str(&b), "two two");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_false(os_exists(os_path(temporary, "%s.new", path)));
	b.max = 10;
	assert_err(os_read_file(path, &b), ERR_TOO_BIG);
	assert_err(os_make_dirs(path, 0700), ERR_EXISTS);
	buf_done(&b);
}

/* In a child, as lock-in lasts: 0 when all was refused and the allowed directory still works. */
static int locked_child(unsigned rights)
{
	struct sandbox_path paths[] = { { dir, true } };
	char own[OS_PATH_MAX];
	struct stat st;
	bool landlock;

	os_path(own, "%s/own", dir);
	os_sandbox_probe_prepare();
	if (os_sandbox(rights, paths, rights & SANDBOX_FILES ? 1 : 0, &landlock) != OK)
		return 3;
	if (!os_sandbox_probe("/etc/passwd", 2))
		return 1;
	if (fstat(2, &st) != 0)
		return 4;
	if ((rights & SANDBOX_FILES) && os_write_file(own, S("x"), 0600) != OK)
		return 2;
	return 0;
}

static void check_rights(unsigned rights)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(locked_child(rights));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_sandbox(void **state)
{
	check_rights(SANDBOX_COMPUTE);
	check_rights(SANDBOX_COMPUTE | SANDBOX_CLIENTS | SANDBOX_MEMFD);
	check_rights(SANDBOX_COMPUTE | SANDBOX_FILES | SANDBOX_THREADS | SANDBOX_MEMFD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_sandbox),
	};

	return cmocka_run_group_tests(tests, make_dir, NULL);
}
