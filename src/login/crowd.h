/* SPDX-License-Identifier: ISC */
/* How many connections there are, in all and from each IP address.  One thread. */
#ifndef LOGIN_CROWD_H
#define LOGIN_CROWD_H

#include "base/str.h"
#include "conf/conf.h"

struct crowd;

struct crowd *crowd_new(void);
void crowd_free(struct crowd **crowd);
/* False: one more would be above connections_max or connections_per_ip. */
bool crowd_enter(struct crowd *crowd, const struct conf *conf, struct str ip);
/* One that entered is gone. */
void crowd_leave(struct crowd *crowd, struct str ip);
size_t crowd_count(const struct crowd *crowd);

#endif
