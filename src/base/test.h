/* SPDX-License-Identifier: ISC */
/* What every cmocka unit test includes; test programs only. */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

#define assert_ok(expr) assert_int_equal((expr), OK)
#define assert_err(expr, want) assert_int_equal((expr), (want))
#define assert_str(s, literal) \
	do { \
		struct str got_ = (s), want_ = str_of(literal); \
		if (!str_equal(got_, want_)) \
			fail_msg("got \"%.*s\", want \"%.*s\"", STR_FMT(got_), STR_FMT(want_)); \
	} while (0)

#endif
