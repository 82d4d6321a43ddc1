/* SPDX-License-Identifier: ISC */
#include "os/progress.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SUSPECTS = 32, DEATHS_MAX = 2, FORGET_S = 7 * 86400, TEXT_BYTES = 64 };
#define PROGRESS_MAGIC 0x3173736572676f72ull

struct suspect {
	uint64_t hash; /* 0: free */
	uint64_t deaths;
	int64_t at; /* s */
};

/* The file; only this program on this machine reads it. */
struct progress_page {
	uint64_t magic;
	uint64_t active; /* hash of the command at work, 0: none */
	uint64_t account;
	char what[TEXT_BYTES]; /* for people */
	struct suspect suspects[SUSPECTS];
};

struct progress {
	struct progress_page *page;
	bool any; /* suspects */
};

static uint64_t hash_command(uint64_t account, struct str what, struct str id)
{
	static const uint8_t key[16] = "progress record";
	struct buf bytes = BUF_MAX(0);
	uint64_t hash;

	buf_u64(&bytes, account);
	buf_blob(&bytes, what);
	buf_blob(&bytes, id);
	hash = hash_sip(key, buf_str(&bytes));
	buf_done(&bytes);
	return hash ? hash : 1;
}

static struct suspect *find_suspect(struct progress_page *page, uint64_t hash)
{
	for (int i = 0; i < SUSPECTS; i++)
		if (page->suspects[i].hash == hash)
			return &page->suspects[i];
	return NULL;
}

/* A free place, or the one that is longest ago. */
static struct suspect *choose_place(struct progress_page *page)
{
	struct suspect *oldest = &page->suspects[0];

	for (int i = 0; i < SUSPECTS; i++) {
		if (page->suspects[i].hash == 0)
			return &page->suspects[i];
		if (page->suspects[i].at < oldest->at)
			oldest = &page->suspects[i];
	}
	return oldest;
}

static void count_death(struct progress_page *page)
{
	struct suspect *s = find_suspect(page, page->active);

	if (!s) {
		s = choose_place(page);
		*s = (struct suspect){ .hash = page->active };
	}
	s->deaths++;
	s->at = time_wall_s();
	page->active = 0;
	LOG(LOG_ERROR, "died_at_work", F_CSTR("what", page->what), F_U64("account", page->account), F_U64("deaths", s->deaths),
		F_CSTR("then", s->deaths >= DEATHS_MAX ? "quarantined" : "tried again"));
}

static bool forget_old(struct progress_page *page)
{
	bool any = false;

	for (int i = 0; i < SUSPECTS; i++) {
		if (page->suspects[i].at + FORGET_S < time_wall_s())
			page->suspects[i] = (struct suspect){ 0 };
		any = any || page->suspects[i].hash != 0;
	}
	return any;
}

enum err progress_open(const char *path, struct progress **ret_progress)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct progress_page *page;
	struct progress *progress;

	if (fd < 0)
		return err_from_errno(errno);
	if (ftruncate(fd, sizeof(*page)) != 0) {
		close(fd);
		return ERR_NO_SPACE;
	}
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (page == MAP_FAILED)
		return ERR_NO_MEMORY;
	if (page->magic != PROGRESS_MAGIC)
		*page = (struct progress_page){ .magic = PROGRESS_MAGIC };
	if (page->active != 0)
		count_death(page);
	progress = mem_make(struct progress);
	progress->page = page;
	progress->any = forget_old(page);
	*ret_progress = progress;
	return OK;
}

void progress_close(struct progress **progress)
{
	if (!*progress)
		return;
	munmap((*progress)->page, sizeof(*(*progress)->page));
	free(*progress);
	*progress = NULL;
}

enum err progress_begin(struct progress *progress, uint64_t account, const char *what, struct str id)
{
	struct progress_page *page = progress->page;
	struct str text = str_sub(str_of(what), 0, TEXT_BYTES - 1);
	uint64_t hash = hash_command(account, text, id);
	struct suspect *s = progress->any ? find_suspect(page, hash) : NULL;

	if (s && s->deaths >= DEATHS_MAX)
		return ERR_QUARANTINED;
	page->account = account;
	memcpy(page->what, text.p, text.n);
	page->what[text.n] = '\0';
	__atomic_store_n(&page->active, hash, __ATOMIC_SEQ_CST);
	return OK;
}

void progress_end(struct progress *progress)
{
	__atomic_store_n(&progress->page->active, 0, __ATOMIC_SEQ_CST);
}
