/* SPDX-License-Identifier: ISC */
#include "base/time.h"

#include <stdatomic.h>

static _Atomic int64_t wall_offset_ms;

static uint64_t read_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int64_t time_mono_ms(void)
{
	return (int64_t)(read_us(CLOCK_MONOTONIC) / 1000);
}

uint64_t time_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t time_wall_ms(void)
{
	return (int64_t)(read_us(CLOCK_REALTIME) / 1000) + wall_offset_ms;
}

int64_t time_wall_s(void)
{
	return time_wall_ms() / 1000;
}

void time_set_offset_ms(int64_t offset)
{
	wall_offset_ms = offset;
}

/* Eras of 400 years that start on 1 March, so that the leap day is the last day of its year. */
int64_t time_days_from_civil(int year, int month, int day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void time_civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*ret_day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*ret_month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*ret_year = (int)(yoe + era * 400 + (*ret_month <= 2));
}

void time_add_iso(struct buf *out, int64_t wall_ms)
{
	int64_t days = wall_ms / 86400000, ms = wall_ms % 86400000;
	int y, m, d;

	if (ms < 0) {
		ms += 86400000;
		days--;
	}
	time_civil_from_days(days, &y, &m, &d);
	buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", y, m, d, (int)(ms / 3600000), (int)(ms / 60000 % 60),
		(int)(ms / 1000 % 60), (int)(ms % 1000));
}
