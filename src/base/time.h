/* SPDX-License-Identifier: ISC */
/*
 * Clocks.  Durations are milliseconds in int64_t.  The wall clock can be moved by an offset (option clock_offset),
 * so that tests reach next month without waiting.  Any thread.
 */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include "base/buf.h"

#include <time.h>

/* Monotonic; never goes back; not a date. */
int64_t time_mono_ms(void);
uint64_t time_mono_us(void);
/* Wall clock, ms (s) since 1970 UTC, offset included. */
int64_t time_wall_ms(void);
int64_t time_wall_s(void);
void time_set_offset_ms(int64_t offset);
/* "2026-03-01T08:15:30.123Z" */
void time_add_iso(struct buf *out, int64_t wall_ms);
/* Days since 1970-01-01 of a proleptic Gregorian date; month 1-12, day 1-31. */
int64_t time_days_from_civil(int year, int month, int day);
/* The reverse. */
void time_civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day);

#endif
