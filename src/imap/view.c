/* SPDX-License-Identifier: ISC */
#include "imap/view.h"

void imap_view_done(struct imap_view *view)
{
	vec_done(view);
	*view = (struct imap_view){ 0 };
}

static uint32_t run_length(const struct imap_view *view, size_t i)
{
	return (i + 1 < view->n ? view->v[i + 1].seq : view->count + 1) - view->v[i].seq;
}

static void append_one(struct imap_view *view, uint32_t uid)
{
	struct imap_view_run run = { uid, ++view->count };
	const struct imap_view_run *last = view->n ? &view->v[view->n - 1] : NULL;

	if (!last || uid - last->uid != run.seq - last->seq)
		vec_push(view, run);
}

void imap_view_append(struct imap_view *view, const uint32_t *uids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		append_one(view, uids[i]);
	if (n)
		view->last_uid = uids[n - 1];
}

/* The last run that begins at or before; by number or by UID, as both ascend. */
static size_t find_run(const struct imap_view *view, uint32_t value, bool by_uid)
{
	size_t low = 0, high = view->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if ((by_uid ? view->v[mid].uid : view->v[mid].seq) <= value)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

uint32_t imap_view_uid(const struct imap_view *view, uint32_t seq)
{
	size_t at = seq >= 1 && seq <= view->count ? find_run(view, seq, false) : 0;

	return at ? view->v[at - 1].uid + (seq - view->v[at - 1].seq) : 0;
}

uint32_t imap_view_seq(const struct imap_view *view, uint32_t uid)
{
	size_t at = find_run(view, uid, true);
	uint32_t within;

	if (at == 0)
		return 0;
	within = uid - view->v[at - 1].uid;
	return within < run_length(view, at - 1) ? view->v[at - 1].seq + within : 0;
}

static void add_seqs(const struct imap_view *view, struct uid_range range, struct uidset *uids)
{
	while (range.first <= range.last && range.first <= view->count) {
		size_t at = find_run(view, range.first, false) - 1;
		uint32_t within = range.first - view->v[at].seq, n = run_length(view, at) - within;
		uint32_t uid = view->v[at].uid + within;

		n = n > range.last - range.first + 1 ? range.last - range.first + 1 : n;
		uidset_add_range(uids, uid, uid + n - 1);
		range.first += n;
	}
}

void imap_view_uids(const struct imap_view *view, const struct uidset *seqs, struct uidset *uids)
{
	for (size_t i = 0; i < seqs->n; i++)
		add_seqs(view, seqs->v[i], uids);
}

uint32_t imap_view_expunge(struct imap_view *view, const uint32_t *uids, size_t n,
	void (*tell)(void *arg, uint32_t seq, uint32_t uid), void *arg)
{
	struct imap_view left = { .last_uid = view->last_uid, .modseq = view->modseq, .keywords = view->keywords };
	uint32_t before = view->count;
	size_t at = 0;

	for (size_t i = 0; i < view->n; i++)
		for (uint32_t k = 0; k < run_length(view, i); k++) {
			uint32_t uid = view->v[i].uid + k;

			while (at < n && uids[at] < uid)
				at++;
			if (at < n && uids[at] == uid)
				append_one(&left, uid);
			else
				tell(arg, left.count + 1, uid);
		}
	vec_done(view);
	*view = left;
	return before - left.count;
}
