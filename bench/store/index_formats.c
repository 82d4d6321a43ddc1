/* SPDX-License-Identifier: ISC */
/*
 * Measures candidate formats of the folder index and prints medians as a Markdown table.
 */
#include "measure.h"

#include <err.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPEATS_MAX 15

#define ROWS(name, page, email, rowid, modseq_index)                                              \
	{ name, &format_rows, COLS_ALL | (email), page, rowid, modseq_index, false, { { 0 } } },
#define ONE(name, page, email, rowid, joins, codec, capacity, max_bytes)                          \
	{ name, &format_chunks, COLS_ALL | (email), page, rowid, false, joins,                    \
	    { { &(codec), COLS_ALL | (email), capacity, max_bytes } } },
#define TWO(name, page, email, rowid, codec, hot, cold)                                           \
	{ name, &format_chunks, COLS_ALL | (email), page, rowid, false, false,                    \
	    { { &(codec), COLS_HOT, hot, 0 }, { &(codec), COLS_COLD | (email), cold, 0 } } },
#define NUMBER COL_BIT(COL_EMAIL_NUMBER)
static const struct format formats[] = {
#include "formats.def"
};
#define FORMATS (sizeof(formats) / sizeof(*formats))

static const struct {
	const char *heading;
	int decimals;
} columns[METRICS] = {
#define METRIC(name, heading, decimals) { heading, decimals },
#include "metrics.def"
#undef METRIC
};

static struct result results[FORMATS][REPEATS_MAX];

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double find_median(size_t format, size_t metric, unsigned repeats)
{
	double sorted[REPEATS_MAX];

	for (unsigned i = 0; i < repeats; i++)
		sorted[i] = results[format][i].value[metric];
	qsort(sorted, repeats, sizeof(*sorted), compare_doubles);
	return repeats % 2 ? sorted[repeats / 2] :
			     (sorted[repeats / 2 - 1] + sorted[repeats / 2]) / 2;
}

static void print_table(const char *pattern, unsigned repeats)
{
	printf("| format |");
	for (size_t m = 0; m < METRICS; m++)
		printf(" %s |", columns[m].heading);
	printf("\n|---|");
	for (size_t m = 0; m < METRICS; m++)
		printf("---:|");
	for (size_t f = 0; f < FORMATS; f++) {
		if (fnmatch(pattern, formats[f].name, FNM_EXTMATCH) != 0)
			continue;
		printf("\n| %s |", formats[f].name);
		for (size_t m = 0; m < METRICS; m++)
			printf(" %.*f |", columns[m].decimals, find_median(f, m, repeats));
	}
	printf("\n");
}

static void usage(void)
{
	fprintf(stderr, "usage: bench-index-formats [-d directory] [-f pattern] [-n repeats]\n"
			"       [-a accounts] [-m deliveries] [-b big] [-h huge]\n");
	exit(2);
}

static void parse_options(int argc, char **argv, struct workload *workload,
    const char **pattern, unsigned *repeats)
{
	for (int option; (option = getopt(argc, argv, "a:b:d:f:h:m:n:")) != -1;) {
		if (option == 'a')
			workload->accounts = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'b')
			workload->big = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'd')
			workload->dir = optarg;
		else if (option == 'f')
			*pattern = optarg;
		else if (option == 'h')
			workload->huge = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'm')
			workload->deliveries = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'n')
			*repeats = (unsigned)strtoul(optarg, NULL, 10);
		else
			usage();
	}
	if (!workload->accounts || !workload->big || !workload->huge ||
	    workload->deliveries < 50 || !*repeats || *repeats > REPEATS_MAX)
		usage();
}

int main(int argc, char **argv)
{
	struct workload workload = { ".", 1000, 10000, 100000, 1000000, 0 };
	const char *pattern = "*";
	unsigned repeats = 3;

	parse_options(argc, argv, &workload, &pattern, &repeats);
	/*
	 * Repeats outside, formats inside, each repeat begun at another format: a slow minute of
	 * the machine must not always meet the same ones.
	 */
	for (unsigned i = 0; i < repeats; i++)
		for (size_t turn = 0; turn < FORMATS; turn++) {
			size_t f = (turn + i * 7) % FORMATS;

			if (fnmatch(pattern, formats[f].name, FNM_EXTMATCH) != 0)
				continue;
			fprintf(stderr, "run %u: %s\n", i + 1, formats[f].name);
			workload.seed = i + 1;
			measure_format(&workload, &formats[f], &results[f][i]);
		}
	print_table(pattern, repeats);
	return 0;
}
