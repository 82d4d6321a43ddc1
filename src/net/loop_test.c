/* SPDX-License-Identifier: ISC */
#include "net/loop.h"

#include "base/buf.h"
#include "base/test.h"
#include "base/time.h"

#include <sys/socket.h>
#include <unistd.h>

/* tell() reads it only. */
#define TEXT(literal) ((void *)(uintptr_t)(literal))

static struct loop *loop;
static struct buf story;
static struct loop_timer *timers[3];
static struct loop_fd *watches[3];
static int pairs[3][2];
static int calls, hook_calls;

static void tell(void *arg)
{
	buf_adds(&story, arg);
}

static void stop(void *arg)
{
	loop_stop(loop);
}

static void begin(void)
{
	loop = loop_new();
	buf_clear(&story);
	calls = hook_calls = 0;
}

static void end(void)
{
	loop_free(&loop);
	buf_release(&story);
}

static void timers_fire_in_order_once(void **state)
{
	int64_t began = time_mono_ms();

	begin();
	timers[0] = loop_timer_add(loop, tell, TEXT("b"));
	timers[1] = loop_timer_add(loop, tell, TEXT("a"));
	timers[2] = loop_timer_add(loop, stop, NULL);
	loop_timer_start(timers[0], 20);
	loop_timer_start(timers[1], 10);
	loop_timer_start(timers[2], 40);
	loop_run(loop);
	assert_str(buf_str(&story), "ab");
	assert_true(time_mono_ms() - began >= 40);
	loop_timer_start(timers[0], 1);
	loop_timer_stop(timers[0]);
	loop_timer_start(timers[2], 10);
	loop_run(loop);
	assert_str(buf_str(&story), "ab");
	end();
}

static void remove_all_timers(void *arg)
{
	calls++;
	for (int i = 0; i < 3; i++)
		loop_timer_remove(&timers[i]);
	stop(NULL);
}

static void timer_may_remove_itself_and_others(void **state)
{
	begin();
	for (int i = 0; i < 3; i++) {
		timers[i] = loop_timer_add(loop, remove_all_timers, NULL);
		loop_timer_start(timers[i], 1);
	}
	loop_run(loop);
	loop_poll(loop);
	assert_int_equal(calls, 1);
	end();
}

static void defer_c(void *arg)
{
	buf_adds(&story, "2");
	loop_defer(loop, tell, TEXT("c"));
	loop_defer(loop, stop, NULL);
}

static void defer_d(void *arg)
{
	buf_adds(&story, "E");
	if (hook_calls++ == 0)
		loop_defer(loop, defer_c, NULL);
}

/*
 * Deferred calls, then hooks, then the last ones; what is deferred there does not let the loop
 * block.
 */
static void turn_has_its_order(void **state)
{
	begin();
	loop_at_turn_last(loop, tell, TEXT("L"));
	loop_at_turn_end(loop, defer_d, NULL);
	loop_at_turn_end(loop, tell, TEXT("F"));
	loop_defer(loop, tell, TEXT("1"));
	loop_run(loop);
	assert_str(buf_str(&story), "1EFL2EFLcEFL");
	end();
}

static void deferred_calls_are_cancelled(void **state)
{
	static char gone[] = "gone", stays[] = "stays";

	begin();
	loop_defer(loop, tell, gone);
	loop_defer(loop, tell, stays);
	loop_defer_cancel(loop, gone);
	loop_poll(loop);
	assert_str(buf_str(&story), "stays");
	end();
}

static void *victim;

static void cancel_victim(void *arg)
{
	buf_adds(&story, "x");
	loop_defer_cancel(loop, victim);
}

static void deferred_call_cancels_a_later_one(void **state)
{
	static char gone[] = "gone";

	begin();
	victim = gone;
	loop_defer(loop, cancel_victim, NULL);
	loop_defer(loop, tell, gone);
	loop_poll(loop);
	loop_poll(loop);
	assert_str(buf_str(&story), "x");
	end();
}

static void remove_all_watches(void *arg, int events)
{
	calls++;
	assert_int_equal(events, LOOP_READ);
	for (int i = 0; i < 3; i++) {
		loop_fd_remove(&watches[i]);
		close(pairs[i][0]);
		close(pairs[i][1]);
	}
}

static void watch_may_remove_itself_and_others(void **state)
{
	begin();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
		assert_int_equal(write(pairs[i][1], "x", 1), 1);
		watches[i] = loop_fd_add(loop, pairs[i][0], remove_all_watches, NULL);
		loop_fd_watch(watches[i], LOOP_READ);
	}
	loop_poll(loop);
	loop_poll(loop);
	assert_int_equal(calls, 1);
	end();
}

static void count_events(void *arg, int events)
{
	calls++;
	*(int *)arg |= events;
}

static void watch_sees_what_it_asked_for(void **state)
{
	int seen = 0;

	begin();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[0]), 0);
	watches[0] = loop_fd_add(loop, pairs[0][0], count_events, &seen);
	loop_poll(loop);
	assert_int_equal(seen, 0);
	loop_fd_watch(watches[0], LOOP_READ | LOOP_WRITE);
	loop_poll(loop);
	assert_int_equal(seen, LOOP_WRITE);
	loop_fd_watch(watches[0], LOOP_READ);
	close(pairs[0][1]);
	seen = 0;
	loop_poll(loop);
	assert_int_equal(seen, LOOP_READ);
	loop_fd_watch(watches[0], 0);
	calls = 0;
	loop_poll(loop);
	assert_int_equal(calls, 0);
	loop_fd_remove(&watches[0]);
	close(pairs[0][0]);
	end();
}

static void quiet_turns_run_no_hook(void **state)
{
	begin();
	loop_at_turn_end(loop, tell, TEXT("E"));
	loop_poll(loop);
	assert_str(buf_str(&story), "");
	loop_defer(loop, tell, TEXT("d"));
	loop_poll(loop);
	assert_str(buf_str(&story), "dE");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order_once),
		cmocka_unit_test(timer_may_remove_itself_and_others),
		cmocka_unit_test(turn_has_its_order),
		cmocka_unit_test(deferred_calls_are_cancelled),
		cmocka_unit_test(deferred_call_cancels_a_later_one),
		cmocka_unit_test(watch_may_remove_itself_and_others),
		cmocka_unit_test(watch_sees_what_it_asked_for),
		cmocka_unit_test(quiet_turns_run_no_hook),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
