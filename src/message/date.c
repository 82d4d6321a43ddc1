/* SPDX-License-Identifier: ISC */
#include "message/date.h"

#include "base/time.h"

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char weekdays[] = "SunMonTueWedThuFriSat";

/* Zones of RFC 5322 4.3 that are not UTC. */
static const struct {
	char name[4];
	int hours;
} zones[] = {
	{"EST", -5},
	{"EDT", -4},
	{"CST", -6},
	{"CDT", -5},
	{"MST", -7},
	{"MDT", -6},
	{"PST", -8},
	{"PDT", -7},
};

enum { ZONES = sizeof(zones) / sizeof(zones[0]), DAY_S = 86400 };

struct fields {
	int year, month, day, hour, minute, second, zone_min;
};

/* 1 to 12; 0 for what is no month. */
static int month_of(struct str s)
{
	for (int m = 0; s.n >= 3 && m < 12; m++)
		if (str_iequal(str_sub(s, 0, 3), str_make(months + 3 * m, 3)))
			return m + 1;
	return 0;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool is_possible(const struct fields *f)
{
	return f->year >= 1900 && f->year <= 9999 && f->month >= 1 && f->month <= 12 &&
	       f->day >= 1 && f->day <= days_in_month(f->year, f->month) && f->hour < 24 &&
	       f->minute < 60 && f->second <= 60 && f->zone_min > -24 * 60 &&
	       f->zone_min < 24 * 60;
}

static struct message_date date_of(const struct fields *f)
{
	int64_t days = time_days_from_civil(f->year, f->month, f->day);
	int64_t local = days * DAY_S + f->hour * 3600 + f->minute * 60 + f->second;

	return (struct message_date){local - f->zone_min * 60, f->zone_min};
}

/* A reader of words, numbers and single characters; white space, commas and comments between.
 */
struct reader {
	struct str s;
};

static void skip_comment(struct reader *r)
{
	size_t depth = 0, i;

	for (i = 0; i < r->s.n; i++) {
		if (r->s.p[i] == '\\')
			i++;
		else if (r->s.p[i] == '(')
			depth++;
		else if (r->s.p[i] == ')' && --depth == 0)
			break;
	}
	r->s = str_from(r->s, i + 1);
}

static char peek(struct reader *r)
{
	while (r->s.n && strchr(" \t\r\n,(", r->s.p[0]) && r->s.p[0]) {
		if (r->s.p[0] == '(')
			skip_comment(r);
		else
			r->s = str_from(r->s, 1);
	}
	return r->s.n ? r->s.p[0] : '\0';
}

static bool take(struct reader *r, char c)
{
	if (peek(r) != c)
		return false;
	r->s = str_from(r->s, 1);
	return true;
}

static struct str take_word(struct reader *r)
{
	struct str word;
	size_t n = 0;

	peek(r);
	while (n < r->s.n && ascii_is_alpha(r->s.p[n]))
		n++;
	word = str_sub(r->s, 0, n);
	r->s = str_from(r->s, n);
	return word;
}

/* Up to 4 digits; the number of digits, 0 when there is none. */
static size_t take_number(struct reader *r, int *ret_value)
{
	size_t n = 0;

	peek(r);
	*ret_value = 0;
	for (; n < r->s.n && n < 4 && ascii_is_digit(r->s.p[n]); n++)
		*ret_value = *ret_value * 10 + (r->s.p[n] - '0');
	r->s = str_from(r->s, n);
	return n;
}

static bool take_year(struct reader *r, int *ret_year)
{
	size_t digits = take_number(r, ret_year);

	if (digits == 2) /* RFC 5322 4.3 */
		*ret_year += *ret_year < 50 ? 2000 : 1900;
	else if (digits == 3)
		*ret_year += 1900;
	return digits >= 2;
}

static bool take_time(struct reader *r, struct fields *f)
{
	if (!take_number(r, &f->hour) || !(take(r, ':') || take(r, '.')) ||
		!take_number(r, &f->minute))
		return false;
	return (!take(r, ':') && !take(r, '.')) || take_number(r, &f->second) > 0;
}

static int zone_of_name(struct str name)
{
	for (size_t i = 0; i < ZONES; i++)
		if (str_iequal(name, str_of(zones[i].name)))
			return zones[i].hours * 60;
	return 0;
}

/* Minutes east of UTC; 0 for what cannot be read. */
static int take_zone(struct reader *r)
{
	char sign = peek(r);
	int hours, minutes = 0;
	size_t digits;

	if (sign != '+' && sign != '-')
		return zone_of_name(take_word(r));
	take(r, sign);
	digits = take_number(r, &hours);
	if (digits >= 3) {
		minutes = hours % 100;
		hours /= 100;
	} else if (take(r, ':')) {
		take_number(r, &minutes);
	}
	if (digits == 0 || hours >= 24 || minutes >= 60)
		return 0;
	return (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
}

static bool take_month(struct reader *r, int *ret_month)
{
	take(r, '-'); /* "17-Jul-1996", seen in old mail */
	*ret_month = month_of(take_word(r));
	take(r, '-');
	return *ret_month > 0;
}

/* "Wed Nov 12 23:00:00 1997" (asctime), behind the day's name. */
static bool parse_asctime(struct reader *r, struct fields *f)
{
	if (!take_month(r, &f->month) || !take_number(r, &f->day) || !take_time(r, f))
		return false;
	if (ascii_is_alpha(peek(r)))
		f->zone_min = zone_of_name(take_word(r));
	return take_year(r, &f->year);
}

static bool parse_fields(struct reader *r, struct fields *f)
{
	if (ascii_is_alpha(peek(r)) && !month_of(r->s)) {
		take_word(r);
		take(r, '.');
	}
	if (ascii_is_alpha(peek(r)))
		return parse_asctime(r, f);
	if (!take_number(r, &f->day) || !take_month(r, &f->month) || !take_year(r, &f->year) ||
		!take_time(r, f))
		return false;
	f->zone_min = take_zone(r);
	return true;
}

enum err message_date_parse(struct str s, struct message_date *ret_date)
{
	struct reader r = {s};
	struct fields f = {0};

	if (!parse_fields(&r, &f) || !is_possible(&f))
		return ERR_BAD_DATE;
	*ret_date = date_of(&f);
	return OK;
}

static void split_date(struct message_date date, struct fields *ret, int *ret_weekday)
{
	int64_t local = date.time_s + (int64_t)date.zone_min * 60;
	int64_t days = message_date_day(date);
	int in_day = (int)(local - days * DAY_S);

	time_civil_from_days(days, &ret->year, &ret->month, &ret->day);
	ret->hour = in_day / 3600;
	ret->minute = in_day / 60 % 60;
	ret->second = in_day % 60;
	ret->zone_min = date.zone_min;
	*ret_weekday = (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

static void add_time_and_zone(const struct fields *f, struct buf *out)
{
	int zone = f->zone_min < 0 ? -f->zone_min : f->zone_min;

	buf_addf(out, " %02d:%02d:%02d %c%02d%02d", f->hour, f->minute, f->second,
		f->zone_min < 0 ? '-' : '+', zone / 60, zone % 60);
}

void message_date_write(struct message_date date, struct buf *out)
{
	struct fields f;
	int weekday;

	split_date(date, &f, &weekday);
	buf_addf(out, "%.3s, %02d %.3s %04d", weekdays + 3 * weekday, f.day,
		months + 3 * (f.month - 1), f.year);
	add_time_and_zone(&f, out);
}

void message_date_write_imap(struct message_date date, struct buf *out)
{
	struct fields f;
	int weekday;

	split_date(date, &f, &weekday);
	buf_addf(out, "%2d-%.3s-%04d", f.day, months + 3 * (f.month - 1), f.year);
	add_time_and_zone(&f, out);
}

/* Exactly n digits. */
static bool take_digits(struct str *s, size_t n, int *ret_value)
{
	uint32_t v;

	if (s->n < n || str_to_u32(str_sub(*s, 0, n), &v) != OK)
		return false;
	*ret_value = (int)v;
	*s = str_from(*s, n);
	return true;
}

static bool take_char(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = str_from(*s, 1);
	return true;
}

/* "17-Jul-1996" with a day of one or two digits. */
static bool take_imap_day(struct str *s, struct fields *f)
{
	size_t digits = s->n > 1 && s->p[1] == '-' ? 1 : 2;

	if (!take_digits(s, digits, &f->day) || !take_char(s, '-'))
		return false;
	f->month = month_of(*s);
	*s = str_from(*s, 3);
	return f->month && take_char(s, '-') && take_digits(s, 4, &f->year);
}

enum err message_date_parse_imap(struct str s, struct message_date *ret_date)
{
	struct fields f = {0};
	int hours, minutes, sign;

	if (s.n == 26)
		take_char(&s, ' ');
	if (!take_imap_day(&s, &f) || !take_char(&s, ' ') || !take_digits(&s, 2, &f.hour) ||
		!take_char(&s, ':') || !take_digits(&s, 2, &f.minute) || !take_char(&s, ':') ||
		!take_digits(&s, 2, &f.second) || !take_char(&s, ' ') || s.n == 0)
		return ERR_BAD_DATE;
	sign = s.p[0] == '-' ? -1 : 1;
	if (!(take_char(&s, '-') || take_char(&s, '+')) || !take_digits(&s, 2, &hours) ||
		!take_digits(&s, 2, &minutes) || s.n || minutes >= 60)
		return ERR_BAD_DATE;
	f.zone_min = sign * (hours * 60 + minutes);
	if (!is_possible(&f))
		return ERR_BAD_DATE;
	*ret_date = date_of(&f);
	return OK;
}

enum err message_date_parse_imap_day(struct str s, int64_t *ret_days)
{
	struct fields f = {0};

	if (!take_imap_day(&s, &f) || s.n || !is_possible(&f))
		return ERR_BAD_DATE;
	*ret_days = time_days_from_civil(f.year, f.month, f.day);
	return OK;
}

int64_t message_date_day(struct message_date date)
{
	int64_t local = date.time_s + (int64_t)date.zone_min * 60;

	return (local - ((local % DAY_S) + DAY_S) % DAY_S) / DAY_S;
}
