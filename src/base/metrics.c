/* SPDX-License-Identifier: ISC */
#include "base/metrics.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

struct metrics metrics;

static const char *const counter_rows[][2] = {
#define COUNTER(name, help) { #name, help },
#define HISTOGRAM(name, help)
#include "base/metrics.def"
#undef COUNTER
#undef HISTOGRAM
};

static const char *const histogram_rows[][2] = {
#define COUNTER(name, help)
#define HISTOGRAM(name, help) { #name, help },
#include "base/metrics.def"
#undef COUNTER
#undef HISTOGRAM
};

void metric_add(enum metric_counter counter, uint64_t n)
{
	metrics.counters[counter] += n;
}

void metric_observe_us(enum metric_histogram histogram, uint64_t us)
{
	size_t b = us ? 64 - (size_t)__builtin_clzll(us) : 0;

	b = b < METRIC_BUCKETS ? b : METRIC_BUCKETS - 1;
	metrics.histograms[histogram].count++;
	metrics.histograms[histogram].sum_us += us;
	metrics.histograms[histogram].buckets[b]++;
}

void metrics_encode(const struct metrics *m, struct buf *out)
{
	const uint64_t *words = (const uint64_t *)m;

	for (size_t i = 0; i < sizeof(*m) / sizeof(*words); i++)
		buf_varint(out, words[i]);
}

enum err metrics_decode(struct str s, struct metrics *ret_metrics)
{
	struct metrics m;
	uint64_t *words = (uint64_t *)&m;
	struct rd rd = rd_of(s);

	for (size_t i = 0; i < sizeof(m) / sizeof(*words); i++)
		words[i] = rd_varint(&rd);
	if (rd.bad || rd_left(&rd))
		return ERR_PROTOCOL;
	*ret_metrics = m;
	return OK;
}

const char *metric_counter_name(enum metric_counter counter)
{
	return counter_rows[counter][0];
}

const char *metric_counter_help(enum metric_counter counter)
{
	return counter_rows[counter][1];
}

const char *metric_histogram_name(enum metric_histogram histogram)
{
	return histogram_rows[histogram][0];
}

const char *metric_histogram_help(enum metric_histogram histogram)
{
	return histogram_rows[histogram][1];
}

uint64_t metrics_quantile_us(const struct metrics *m, enum metric_histogram histogram, double share)
{
	double want = share * (double)m->histograms[histogram].count;
	uint64_t seen = 0;

	for (size_t b = 0; b < METRIC_BUCKETS; b++) {
		seen += m->histograms[histogram].buckets[b];
		if (seen && (double)seen >= want)
			return (uint64_t)1 << b;
	}
	return 0;
}

_Static_assert(COUNT_OF(counter_rows) == METRIC_COUNTERS, "a row a counter");
_Static_assert(COUNT_OF(histogram_rows) == METRIC_HISTOGRAMS, "a row a histogram");
_Static_assert(sizeof(struct metrics) % sizeof(uint64_t) == 0, "metrics are words");
