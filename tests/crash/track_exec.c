/* SPDX-License-Identifier: ISC */
/* Roles are started with a clean environment: the shim's own variables are put back. */
#include "shim.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const kept_names[] = {
	"LD_PRELOAD", "CRASH_ROOT", "CRASH_LOG", "CRASH_FAULTS"};

#define KEPT (sizeof(kept_names) / sizeof(kept_names[0]))

static char kept[KEPT][4096 + 32];

void exec_init(void)
{
	for (size_t i = 0; i < KEPT; i++) {
		const char *value = getenv(kept_names[i]);

		if (value != NULL)
			snprintf(kept[i], sizeof(kept[i]), "%s=%s", kept_names[i], value);
	}
}

static bool is_kept(const char *entry)
{
	for (size_t i = 0; i < KEPT; i++) {
		size_t n = strlen(kept_names[i]);

		if (strncmp(entry, kept_names[i], n) == 0 && entry[n] == '=')
			return true;
	}
	return false;
}

/* A copy of env with the shim's variables; the caller frees it if exec fails. */
static char **with_shim(char *const *env)
{
	size_t n = 0, out = 0;
	char **copy;

	while (env != NULL && env[n] != NULL)
		n++;
	copy = calloc(n + KEPT + 1, sizeof(*copy));
	if (copy == NULL)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (!is_kept(env[i]))
			copy[out++] = env[i];
	}
	for (size_t i = 0; i < KEPT; i++) {
		if (kept[i][0] != '\0')
			copy[out++] = kept[i];
	}
	return copy;
}

SHIM_PUBLIC int execve(const char *path, char *const argv[], char *const env[])
{
	char **mine = with_shim(env);
	int ret = NEXT(execve)(path, argv, mine);

	free(mine);
	return ret;
}

SHIM_PUBLIC int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

SHIM_PUBLIC int execvpe(const char *file, char *const argv[], char *const env[])
{
	char **mine = with_shim(env);
	int ret = NEXT(execvpe)(file, argv, mine);

	free(mine);
	return ret;
}

SHIM_PUBLIC int execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

SHIM_PUBLIC int fexecve(int fd, char *const argv[], char *const env[])
{
	char **mine = with_shim(env);
	int ret = NEXT(fexecve)(fd, argv, mine);

	free(mine);
	return ret;
}

SHIM_PUBLIC int execveat(
	int fd, const char *path, char *const argv[], char *const env[], int flags)
{
	char **mine = with_shim(env);
	int ret = NEXT(execveat)(fd, path, argv, mine, flags);

	free(mine);
	return ret;
}

SHIM_PUBLIC int posix_spawn(pid_t *pid, const char *path,
	const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr,
	char *const argv[], char *const env[])
{
	char **mine = with_shim(env);
	int ret = NEXT(posix_spawn)(pid, path, actions, attr, argv, mine);

	free(mine);
	return ret;
}

SHIM_PUBLIC int posix_spawnp(pid_t *pid, const char *file,
	const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr,
	char *const argv[], char *const env[])
{
	char **mine = with_shim(env);
	int ret = NEXT(posix_spawnp)(pid, file, actions, attr, argv, mine);

	free(mine);
	return ret;
}
