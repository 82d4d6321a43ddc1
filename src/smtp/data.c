/* SPDX-License-Identifier: ISC */
#include "smtp/data.h"

enum { BLOCK = 256 };

/*
 * True when the BLOCK bytes at p, looked at with the one behind them, hold no line that begins
 * with a dot and no CR or LF without the other.  One pass without branches, which compilers
 * turn into vector code.
 */
static bool is_plain_block(const uint8_t *p)
{
	uint8_t odd = 0;

	for (size_t i = 0; i < BLOCK; i++) {
		uint8_t lf = p[i] == '\n', next_lf = p[i + 1] == '\n';
		uint8_t cr = p[i] == '\r', next_dot = p[i + 1] == '.';

		odd |= (uint8_t)((cr ^ next_lf) | (lf & next_dot));
	}
	return odd == 0;
}

/* How many bytes of p can be passed over in blocks; the byte before p is text. */
static size_t plain_blocks(const char *p, size_t n)
{
	size_t done = 0;

	/* A block may not begin with LF: that CR would be before p, and the state says it is
	 * not. */
	while (n - done > BLOCK && (done > 0 || p[0] != '\n') &&
		is_plain_block((const uint8_t *)p + done))
		done += BLOCK;
	return done;
}

/* Looks at whole blocks ahead; the state is TEXT before and what the last byte makes it after.
 */
static const char *pass_blocks(struct smtp_data *data, const char *p, const char *end)
{
	size_t n = plain_blocks(p, (size_t)(end - p));

	if (n > 0)
		data->state = p[n - 1] == '\r'   ? SMTP_DATA_CR
			      : p[n - 1] == '\n' ? SMTP_DATA_LINE
						 : SMTP_DATA_TEXT;
	return p + n;
}

struct run {
	struct smtp_data *data;
	const char *begin; /* what was taken but not given to the sink yet */
	smtp_data_sink *sink;
	void *arg;
};

static void flush(struct run *run, const char *end)
{
	if (end > run->begin && !run->data->has_bare)
		run->sink(run->arg, str_make(run->begin, (size_t)(end - run->begin)));
	run->begin = end;
}

/* A dot that was held back is not content, nor is what has been taken with it. */
static void text_after_dot(struct run *run, const char *p)
{
	/* The CR of a held ". CR" was taken too; as a bare one it is never given on. */
	run->begin = p;
}

/* One byte, in the state it meets. */
static void take(struct run *run, const char *p)
{
	struct smtp_data *d = run->data;
	char c = *p;

	switch (d->state) {
	case SMTP_DATA_LINE:
		if (c == '.') {
			flush(run, p);
			d->state = SMTP_DATA_DOT;
			return;
		}
		break;
	case SMTP_DATA_DOT:
		if (c == '\r') {
			d->state = SMTP_DATA_DOT_CR;
			return;
		}
		text_after_dot(run, p);
		break;
	case SMTP_DATA_CR:
		if (c == '\n') {
			d->state = SMTP_DATA_LINE;
			return;
		}
		d->has_bare = true;
		break;
	case SMTP_DATA_DOT_CR:
		if (c == '\n') {
			d->state = SMTP_DATA_END;
			return;
		}
		d->has_bare = true;
		break;
	case SMTP_DATA_TEXT:
	case SMTP_DATA_END:
		break;
	}
	d->has_bare |= c == '\n';
	d->state = c == '\r' ? SMTP_DATA_CR : SMTP_DATA_TEXT;
}

size_t smtp_data_scan(struct smtp_data *data, struct str in, smtp_data_sink *sink, void *arg)
{
	const char *p = in.p, *end = in.p + in.n, *careful_until = in.p;
	struct run run = { data, p, sink, arg };

	while (p < end && data->state != SMTP_DATA_END) {
		if (data->state != SMTP_DATA_TEXT || p < careful_until || end - p <= BLOCK) {
			take(&run, p++);
			continue;
		}
		p = pass_blocks(data, p, end);
		/* What stopped the blocks is near: do not look at the same bytes again and
		 * again. */
		careful_until = p + BLOCK;
	}
	if (data->state != SMTP_DATA_DOT && data->state != SMTP_DATA_DOT_CR &&
		data->state != SMTP_DATA_END)
		flush(&run, p);
	return (size_t)(p - in.p);
}
