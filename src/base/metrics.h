/* SPDX-License-Identifier: ISC */
/*
 * Counters and latency histograms of one process, one row each in metrics.def.  Histograms have 24 buckets:
 * bucket i counts durations below 2^i microseconds (the last: all others).  One thread a process counts.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/buf.h"

enum metric_counter {
#define COUNTER(name, help) METRIC_##name,
#define HISTOGRAM(name, help)
#include "base/metrics.def"
#undef COUNTER
#undef HISTOGRAM
	METRIC_COUNTERS
};

enum metric_histogram {
#define COUNTER(name, help)
#define HISTOGRAM(name, help) METRIC_##name,
#include "base/metrics.def"
#undef COUNTER
#undef HISTOGRAM
	METRIC_HISTOGRAMS
};

enum { METRIC_BUCKETS = 24 };

struct metrics {
	uint64_t counters[METRIC_COUNTERS];
	struct {
		uint64_t count, sum_us, buckets[METRIC_BUCKETS];
	} histograms[METRIC_HISTOGRAMS];
};

/* This process's own. */
extern struct metrics metrics;

void metric_add(enum metric_counter counter, uint64_t n);
void metric_observe_us(enum metric_histogram histogram, uint64_t us);
/* Wire form for another role; reading back is ERR_PROTOCOL on anything malformed. */
void metrics_encode(const struct metrics *m, struct buf *out);
MUST_CHECK enum err metrics_decode(struct str s, struct metrics *ret_metrics);
/* Prometheus text format; role and index become labels.  with_help: the # lines, once per scrape. */
const char *metric_counter_name(enum metric_counter counter);
const char *metric_counter_help(enum metric_counter counter);
const char *metric_histogram_name(enum metric_histogram histogram);
const char *metric_histogram_help(enum metric_histogram histogram);
/* Upper bound in microseconds of the bucket in which the given share (0 to 1) of observations is reached. */
uint64_t metrics_quantile_us(const struct metrics *m, enum metric_histogram histogram, double share);

#endif
