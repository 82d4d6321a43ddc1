/* SPDX-License-Identifier: ISC */
#include "imap/spool.h"

#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

void imap_spool_init(struct imap_spool *spool)
{
	*spool = (struct imap_spool){ .fd = -1 };
}

void imap_spool_done(struct imap_spool *spool)
{
	buf_done(&spool->memory);
	if (spool->fd >= 0)
		close(spool->fd);
	imap_spool_init(spool);
}

enum err imap_spool_begin(struct imap_spool *spool, uint64_t size, uint64_t share, const char *dir)
{
	imap_spool_done(spool);
	spool->size = size;
	spool->memory.max = IMAP_SPOOL_MEMORY_MAX;
	if (size <= IMAP_SPOOL_SMALL || (size <= IMAP_SPOOL_MEMORY_MAX && size <= share))
		return OK;
	spool->is_memfd = !dir || (size <= IMAP_SPOOL_MEMFD_MAX && size <= share);
	if (spool->is_memfd)
		spool->fd = memfd_create("append", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	else
		spool->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return spool->fd >= 0 ? OK : err_from_errno(errno);
}

enum err imap_spool_add(struct imap_spool *spool, struct str s)
{
	if (s.n > spool->size - spool->n)
		return ERR_TOO_BIG;
	spool->n += s.n;
	if (spool->fd < 0) {
		buf_add(&spool->memory, s);
		return spool->memory.overflow ? ERR_TOO_BIG : OK;
	}
	while (s.n) {
		ssize_t n = write(spool->fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_from_errno(errno) : ERR_IO;
		s = str_from(s, (size_t)n);
	}
	return OK;
}

enum err imap_spool_end(struct imap_spool *spool)
{
	if (spool->n != spool->size)
		return ERR_PROTOCOL;
	if (!spool->is_memfd)
		return OK;
	if (fcntl(spool->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return err_from_errno(errno);
	return OK;
}

struct imap_spool *imap_spools_add(struct imap_spools *spools)
{
	struct imap_spool spool;

	imap_spool_init(&spool);
	vec_push(spools, spool);
	return &spools->v[spools->n - 1];
}

void imap_spools_done(struct imap_spools *spools)
{
	for (size_t i = 0; i < spools->n; i++)
		imap_spool_done(&spools->v[i]);
	vec_done(spools);
}

uint64_t imap_spools_size(const struct imap_spools *spools)
{
	uint64_t size = 0;

	for (size_t i = 0; i < spools->n; i++)
		size += spools->v[i].size;
	return size;
}

uint64_t imap_spools_memory(const struct imap_spools *spools)
{
	uint64_t size = 0;

	for (size_t i = 0; i < spools->n; i++)
		if (spools->v[i].size > IMAP_SPOOL_SMALL && (spools->v[i].fd < 0 || spools->v[i].is_memfd))
			size += spools->v[i].size;
	return size;
}
