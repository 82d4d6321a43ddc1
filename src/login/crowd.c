/* SPDX-License-Identifier: ISC */
#include "login/crowd.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/metrics.h"

#include <stdlib.h>

struct crowd {
	struct map *per_ip; /* the number, as a pointer */
	size_t count;
};

struct crowd *crowd_new(void)
{
	struct crowd *crowd = mem_make(struct crowd);

	crowd->per_ip = map_new();
	return crowd;
}

void crowd_free(struct crowd **crowd)
{
	if (!*crowd)
		return;
	map_free(&(*crowd)->per_ip);
	free(*crowd);
	*crowd = NULL;
}

bool crowd_enter(struct crowd *crowd, const struct conf *conf, struct str ip)
{
	uintptr_t n = (uintptr_t)map_get(crowd->per_ip, ip);

	if (crowd->count >= (size_t)conf->connections_max || n >= (uintptr_t)conf->connections_per_ip) {
		metric_add(METRIC_connections_refused, 1);
		return false;
	}
	map_put(crowd->per_ip, ip, (void *)(n + 1));
	crowd->count++;
	return true;
}

void crowd_leave(struct crowd *crowd, struct str ip)
{
	uintptr_t n = (uintptr_t)map_get(crowd->per_ip, ip);

	crowd->count--;
	metric_add(METRIC_connections_closed, 1);
	if (n > 1)
		map_put(crowd->per_ip, ip, (void *)(n - 1));
	else
		map_remove(crowd->per_ip, ip);
}

size_t crowd_count(const struct crowd *crowd)
{
	return crowd->count;
}
