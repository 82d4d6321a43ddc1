/* SPDX-License-Identifier: ISC */
#include "imap/seqset.h"

#include <stdlib.h>

static enum err parse_number_or_star(struct imap_parser *ps, uint32_t *ret_number)
{
	enum err e;

	*ret_number = 0;
	if (imap_parse_take(ps, '*'))
		return OK;
	e = imap_parse_number(ps, ret_number);
	if (e == OK && *ret_number == 0)
		e = imap_parse_complain(ps, "message numbers begin at 1");
	return e;
}

static enum err parse_range(struct imap_parser *ps, struct imap_seq_range *ret_range)
{
	enum err e = parse_number_or_star(ps, &ret_range->first);

	ret_range->last = ret_range->first;
	if (e == OK && imap_parse_take(ps, ':'))
		e = parse_number_or_star(ps, &ret_range->last);
	return e;
}

static size_t count_ranges(const struct imap_parser *ps)
{
	size_t n = 1;

	for (const char *p = ps->p; p < ps->end && *p != ' '; p++)
		n += *p == ',';
	return n;
}

enum err imap_seqset_parse(struct imap_parser *ps, struct imap_seqset *ret_set)
{
	size_t max = count_ranges(ps), n = 0;
	struct imap_seq_range *v = arena_array(ps->arena, struct imap_seq_range, max);
	enum err e;

	do
		e = parse_range(ps, &v[n++]);
	while (e == OK && n < max && imap_parse_take(ps, ','));
	if (e == OK)
		*ret_set = (struct imap_seqset){ v, n };
	return e;
}

static void write_number(uint32_t number, struct buf *out)
{
	if (number)
		buf_add_u64(out, number);
	else
		buf_addc(out, '*');
}

void imap_seqset_write(const struct imap_seqset *set, struct buf *out)
{
	for (size_t i = 0; i < set->n; i++) {
		if (i)
			buf_addc(out, ',');
		write_number(set->v[i].first, out);
		if (set->v[i].first == set->v[i].last)
			continue;
		buf_addc(out, ':');
		write_number(set->v[i].last, out);
	}
}

static int compare_ranges(const void *a, const void *b)
{
	const struct imap_seq_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

void imap_seqset_resolve(
	const struct imap_seqset *set, uint32_t star, struct arena *arena, struct uidset *out)
{
	struct imap_seq_range *v = arena_array(arena, struct imap_seq_range, set->n);
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		uint32_t a = set->v[i].first ? set->v[i].first : star;
		uint32_t b = set->v[i].last ? set->v[i].last : star;

		/* RFC 3501 9: "2:4" and "4:2" are the same. */
		if (a && b)
			v[n++] = (struct imap_seq_range){ a < b ? a : b, a < b ? b : a };
	}
	/* Adding to a uidset is cheap in ascending order only. */
	qsort(v, n, sizeof(*v), compare_ranges);
	for (size_t i = 0; i < n; i++)
		uidset_add_range(out, v[i].first, v[i].last);
}

void imap_write_uidset(const struct uidset *set, struct buf *out)
{
	for (size_t i = 0; i < set->n; i++) {
		if (i)
			buf_addc(out, ',');
		buf_add_u64(out, set->v[i].first);
		if (set->v[i].first == set->v[i].last)
			continue;
		buf_addc(out, ':');
		buf_add_u64(out, set->v[i].last);
	}
}
