/* SPDX-License-Identifier: ISC */
#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights of the first Landlock (Linux 5.13), those that only files have, and the later ones by version. */
#define READ_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ALL_V1 ((uint64_t)(LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define RIGHT_REFER ((uint64_t)1 << 13)    /* version 2 */
#define RIGHT_TRUNCATE ((uint64_t)1 << 14) /* version 3 */
#define NET_BIND_CONNECT ((uint64_t)3)     /* version 4 */

/* The kernel's struct since version 4; older kernels are told a shorter size. */
struct ruleset {
	uint64_t handled_fs, handled_net;
};

static const struct {
	unsigned right;
	int number;
} calls[] = {
#define CALL(right, name) { SANDBOX_##right, SCMP_SYS(name) },
#include "os/sandbox.def"
#undef CALL
};

static uint64_t file_rights(int version)
{
	uint64_t rights = ALL_V1;

	if (version >= 2)
		rights |= RIGHT_REFER;
	if (version >= 3)
		rights |= RIGHT_TRUNCATE;
	return rights;
}

static int add_path(int ruleset, const struct sandbox_path *path, int version)
{
	struct landlock_path_beneath_attr rule = { 0 };
	int ok;

	rule.allowed_access = path->writable ? file_rights(version) & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE : READ_RIGHTS;
	rule.parent_fd = open(path->path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return -1;
	ok = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return ok;
}

/* False when the kernel has no Landlock; -1 as error is told by errno of the caller's path. */
static enum err restrict_files(const struct sandbox_path *paths, unsigned count, bool *ret_landlock)
{
	int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset attr = { file_rights(version), version >= 4 ? NET_BIND_CONNECT : 0 };
	enum err e = OK;
	int fd;

	*ret_landlock = false;
	if (version < 1)
		return OK;
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, version >= 4 ? sizeof(attr) : sizeof(attr.handled_fs), 0);
	if (fd < 0)
		return ERR_NOT_ALLOWED;
	for (unsigned i = 0; i < count && e == OK; i++)
		if (add_path(fd, &paths[i], version) < 0)
			e = err_from_errno(errno);
	if (e == OK && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		e = ERR_NOT_ALLOWED;
	close(fd);
	*ret_landlock = e == OK;
	return e;
}

/* Threads yes, processes no: clone only with CLONE_THREAD; clone3, whose flags a filter cannot see, does not exist. */
static int allow_threads(scmp_filter_ctx filter)
{
	int e = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

	return e ? e : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

/* PR_SET_NAME for threads and what allocators and sanitizers ask; not the rest of prctl(2). */
static int allow_prctl(scmp_filter_ctx filter)
{
	static const int allowed[] = { PR_SET_NAME, PR_GET_NAME, PR_SET_VMA, PR_GET_DUMPABLE };
	int e = 0;

	for (unsigned i = 0; i < sizeof(allowed) / sizeof(*allowed) && !e; i++)
		e = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)allowed[i]));
	return e;
}

/* FIONREAD and FIONBIO, which libraries use on sockets; terminals and devices are out of reach. */
static int allow_ioctl(scmp_filter_ctx filter)
{
	int e = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, 0x541b));

	return e ? e : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, 0x5421));
}

/* fstat(3) of the C library is newfstatat(2) with this flag. */
static int allow_fstat(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
		SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
}

static int allow_limit_queries(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0));
}

static int add_rules(scmp_filter_ctx filter, unsigned rights)
{
	int e = 0;

	for (unsigned i = 0; i < sizeof(calls) / sizeof(*calls) && !e; i++)
		if ((calls[i].right & rights) && calls[i].number != SCMP_SYS(clone3))
			e = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i].number, 0);
	if (!e && (rights & SANDBOX_THREADS))
		e = allow_threads(filter);
	if (!e)
		e = allow_prctl(filter);
	if (!e)
		e = allow_ioctl(filter);
	if (!e)
		e = allow_fstat(filter);
	return e ? e : allow_limit_queries(filter);
}

static enum err restrict_calls(unsigned rights)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int e;

	if (!filter)
		return ERR_NO_MEMORY;
	e = add_rules(filter, rights);
	if (!e)
		e = seccomp_load(filter);
	seccomp_release(filter);
	return e ? ERR_NOT_ALLOWED : OK;
}

enum err os_sandbox(unsigned rights, const struct sandbox_path *paths, unsigned count, bool *ret_landlock)
{
	struct rlimit none = { 0, 0 };
	enum err e;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return ERR_NOT_ALLOWED;
	/* No core dumps with mail in them, no children even where clone should slip through. */
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return ERR_NOT_ALLOWED;
	e = restrict_files(paths, count, ret_landlock);
	return e == OK ? restrict_calls(rights) : e;
}
