/* SPDX-License-Identifier: ISC */
#ifndef BENCH_STORE_MEASURE_H
#define BENCH_STORE_MEASURE_H

#include "format.h"

enum metric {
#define METRIC(name, heading, decimals) METRIC_##name,
#include "metrics.def"
#undef METRIC
	METRICS
};

struct workload {
	const char *dir;
	unsigned accounts;
	unsigned deliveries; /* in groups of 50; a fifth of it in groups of 1 */
	uint32_t big;        /* messages of the folder that is stored, copied, expunged */
	uint32_t huge;       /* messages of the folder that is only loaded */
	uint64_t seed;
};

struct result {
	double value[METRICS];
};

/* Runs all operations on a fresh database; ends the program when any content is wrong. */
void measure_format(const struct workload *workload, const struct format *format,
    struct result *ret_result);

#endif
