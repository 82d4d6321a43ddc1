/* SPDX-License-Identifier: ISC */
#include "base/test.h"

#include "message/date.h"
#include "message/subject.h"
#include "message/submission.h"

static void check_date(const char *text, int64_t time_s, int zone_min)
{
	struct message_date date;

	if (message_date_parse(str_of(text), &date) != OK)
		fail_msg("refused: %s", text);
	if (date.time_s != time_s)
		fail_msg("%s: %lld", text, (long long)date.time_s);
	assert_int_equal(date.zone_min, zone_min);
}

static void test_dates(void **state)
{
	check_date("Thu, 01 Jan 1970 00:00:00 +0000", 0, 0);
	check_date(" Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360);
	check_date("21 Nov 97 09:55:06 GMT", 880106106, 0);
	check_date("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706, -360);
	check_date(
		"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32 -0330 (NST)",
		-27723480, -210);
	check_date("1 Jan 2000 00:00 EST", 946702800, -300);
	check_date("1 Jan 2000 00:00 PDT", 946710000, -420);
	check_date("1 Jan 2000 00:00 A", 946684800, 0);
	check_date("1 Jan 2000 00:00", 946684800, 0);
	check_date("1 January 100 00:00:00 Z", 946684800, 0);
	check_date("29 Feb 2000 23:59:60 +0000", 951868800, 0);
	check_date("Wed Nov 12 23:00:00 1997", 879375600, 0);
	check_date("Wed Nov 12 23:00:00 EST 1997", 879393600, -300);
	check_date("Sat, 24-Mar-2007 23:00:00 +02:00", 1174770000, 120);
	check_date("1 Jan 2000 00:00:00 -700", 946710000, -420);
	check_date("1 Jan 2000 00:00:00 +9999", 946684800, 0);
	check_date("1 Jan 2000 00:00:00 +", 946684800, 0);
}

static void test_bad_dates(void **state)
{
	static const char *const bad[] = {"", "x", "Fri,", "32 Jan 2000 00:00:00 +0000",
		"30 Feb 2000 00:00:00 +0000", "29 Feb 1900 00:00:00 +0000",
		"1 Foo 2000 00:00:00 +0000", "1 Jan 2000 24:00:00 +0000",
		"1 Jan 2000 00:60:00 +0000", "1 Jan 2000 00:00:61 +0000", "1 Jan 2000",
		"1 Jan 2000 00", "1 Jan 2000 00:00:", "1 Jan 1 00:00:00 +0000",
		"0 Jan 2000 00:00:00 +0000", "1 Jan 1899 00:00:00 +0000", "Jan 1 00:00:00",
		"(((((((", "1 Jan 2000 00:xx"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct message_date date = {7, 7};

		if (message_date_parse(str_of(bad[i]), &date) != ERR_BAD_DATE)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(date.time_s, 7);
	}
}

static void check_written(int64_t time_s, int zone, const char *want, const char *imap)
{
	struct message_date date = {time_s, zone}, again;
	struct buf out = BUF_MAX(100);

	message_date_write(date, &out);
	assert_str(buf_str(&out), want);
	assert_ok(message_date_parse(buf_str(&out), &again));
	assert_true(again.time_s == time_s && again.zone_min == zone);
	buf_clear(&out);
	message_date_write_imap(date, &out);
	assert_str(buf_str(&out), imap);
	assert_ok(message_date_parse_imap(buf_str(&out), &again));
	assert_true(again.time_s == time_s && again.zone_min == zone);
	buf_done(&out);
}

static void test_writing(void **state)
{
	check_written(0, 0, "Thu, 01 Jan 1970 00:00:00 +0000", " 1-Jan-1970 00:00:00 +0000");
	check_written(-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000", "31-Dec-1969 23:59:59 +0000");
	check_written(837596665, -420, "Wed, 17 Jul 1996 02:44:25 -0700",
		"17-Jul-1996 02:44:25 -0700");
	check_written(951782400, 330, "Tue, 29 Feb 2000 05:30:00 +0530",
		"29-Feb-2000 05:30:00 +0530");
}

static void test_imap(void **state)
{
	struct message_date date;
	int64_t days;
	static const char *const bad[] = {"", "17-Jul-1996 02:44:25 -070",
		"17-Jul-1996 02:44:25 0700", "17-Jul-96 02:44:25 -0700",
		"17-Foo-1996 02:44:25 -0700", "31-Jun-1996 02:44:25 -0700",
		"17-Jul-1996 2:44:25 -0700", "17-Jul-1996 02:44:25 -0760",
		"17-Jul-1996 02:44:25 -0700 ", "17-Jul-1996  02:44:25 -0700",
		"17-Jul-1996 02:44:25 ", "17-Jul-1996 25:44:25 -0700"};

	assert_ok(message_date_parse_imap(S("17-Jul-1996 02:44:25 -0700"), &date));
	assert_int_equal(date.time_s, 837596665);
	assert_int_equal(date.zone_min, -420);
	assert_int_equal(message_date_day(date), 9694);
	assert_ok(message_date_parse_imap(S(" 7-Jul-1996 02:44:25 +0000"), &date));
	assert_int_equal(date.time_s, 836707465);
	assert_ok(
		message_date_parse_imap(S("7-Jul-1996 02:44:25 +0000"), &date)); /* 25 bytes */
	assert_int_equal(date.time_s, 836707465);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (message_date_parse_imap(str_of(bad[i]), &date) != ERR_BAD_DATE)
			fail_msg("accepted: %s", bad[i]);
	assert_ok(message_date_parse_imap_day(S("1-Feb-1994"), &days));
	assert_int_equal(days, 8797);
	assert_ok(message_date_parse_imap_day(S("01-feb-1994"), &days));
	assert_int_equal(days, 8797);
	assert_err(message_date_parse_imap_day(S(" 1-Feb-1994"), &days), ERR_BAD_DATE);
	assert_err(message_date_parse_imap_day(S("1-Feb-1994 "), &days), ERR_BAD_DATE);
	assert_int_equal(message_date_day((struct message_date){-1, 0}), -1);
	assert_int_equal(message_date_day((struct message_date){86400 - 60, 2}), 1);
}

static void check_base(const char *subject, const char *want, bool want_reply)
{
	bool reply;

	assert_str(message_subject_base(str_of(subject), &reply), want);
	assert_int_equal(reply, want_reply);
}

static void test_base_subjects(void **state)
{
	check_base("hello", "hello", false);
	check_base("Re: hello", "hello", true);
	check_base("RE:FW: fwd : hello (fwd) ", "hello", true);
	check_base("[list] Re: [list] hello", "hello", true);
	check_base("[list] hello", "hello", false);
	check_base("[only]", "[only]", false);
	check_base("Re: [only]", "[only]", true);
	check_base("Re[2]: hello", "hello", true);
	check_base("[Fwd: Re: hello]", "hello", true);
	check_base("Regarding: x", "Regarding: x", false);
	check_base("", "", false);
	check_base("Re:", "", true);
	check_base("[fwd:]", "", true);
	check_base("[a", "[a", false);
	check_base("(fwd)", "", true);
}

static enum err fix(const char *header, struct buf *out, bool *changed)
{
	const struct message_submission_options options = {0, S("mx.example.test"), {1, 2}};

	return message_submission_fix(str_of(header), &options, out, changed);
}

static void check_fix(const char *header, const char *want, bool want_changed)
{
	struct buf out = BUF_MAX(10000);
	bool changed;

	assert_ok(fix(header, &out, &changed));
	assert_str(buf_str(&out), want);
	assert_int_equal(changed, want_changed);
	buf_done(&out);
}

#define ID "Message-ID: <00000000000000010000000000000002@mx.example.test>\r\n"
#define DATE "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"

static void test_submission(void **state)
{
	struct buf out = BUF_MAX(100);
	bool changed = true;

	check_fix("From: a@x.test\r\nDate: x\r\nmessage-id: <y>\r\n\r\n",
		"From: a@x.test\r\nDate: x\r\nmessage-id: <y>\r\n\r\n", false);
	check_fix("From: a@x.test\r\n\r\n", "From: a@x.test\r\n" DATE ID "\r\n", true);
	check_fix("From: a@x.test", "From: a@x.test\r\n" DATE ID, true);
	check_fix("BCC: s@x.test,\r\n t@x.test\r\nFrom: G: a@x.test;\r\nDate: "
		  "x\r\nResent-Bcc: u\r\nMessage-ID: "
		  "<y>\r\nBccx: z\r\n\r\n",
		"From: G: a@x.test;\r\nDate: x\r\nMessage-ID: <y>\r\nBccx: z\r\n\r\n", true);
	assert_err(fix("To: a@x.test\r\n\r\n", &out, &changed), ERR_CONTENT);
	assert_err(fix("From: \r\n\r\n", &out, &changed), ERR_CONTENT);
	assert_err(fix("From: <>\r\n\r\n", &out, &changed), ERR_CONTENT);
	assert_int_equal(out.n, 0);
}

static void check_strip(const char *content, const char *want)
{
	assert_str(str_from(str_of(content), message_trace_strip(str_of(content))), want);
}

static void test_trace(void **state)
{
	check_strip(
		"Return-Path: <>\r\nDelivered-To: x\r\nReceived: a\r\n\tb\r\nReceived: c\r\n"
		"ARC-Seal: i=1\r\nX-Spam-Flag: NO\r\nSubject: x\r\nReceived: d\r\n\r\ny",
		"Subject: x\r\nReceived: d\r\n\r\ny");
	check_strip("From a Thu Jan  1\r\nReceived: x\r\nFrom: y\r\n", "From: y\r\n");
	check_strip("Subject: x\r\n", "Subject: x\r\n");
	check_strip("Received: x\r\n\r\nReceived: body", "\r\nReceived: body");
	check_strip("", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_bad_dates),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_imap),
		cmocka_unit_test(test_base_subjects),
		cmocka_unit_test(test_submission),
		cmocka_unit_test(test_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
