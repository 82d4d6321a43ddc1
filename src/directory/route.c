/* SPDX-License-Identifier: ISC */
/*
 * From a recipient to mailboxes.  Loops are refused when a redirection is made, but a domain that is taken in later may close
 * one: an address on its way to itself counts as not reachable, so that somebody on the loop keeps the message.
 */
#include "directory/own.h"

enum { DEPTH_MAX = 50 };

enum outcome {
	GONE,   /* nothing there, switched off, or a loop */
	LATER,  /* only another server could take it */
	SERVED,
};

/* A mailbox on the way. */
struct stop {
	const struct directory_entry *entry;
	size_t detail_n;
	char detail[DIRECTORY_LOCAL_MAX];
};

struct visit {
	int64_t id;
	enum outcome outcome;
};

struct route {
	struct directory *directory;
	VEC(struct stop) stops;
	VEC(struct visit) visits;
	unsigned depth;
	bool is_too_long;
};

static void add_stop(struct route *route, const struct directory_entry *entry, struct str detail)
{
	struct stop stop = {.entry = entry, .detail_n = detail.n};

	if (detail.n > 0)
		memcpy(stop.detail, detail.p, detail.n);
	vec_push(&route->stops, stop);
}

/* Targets and mailboxes lead to each other: the one circle here, hence the one forward declaration. */
static enum outcome follow(struct route *route, const struct directory_entry *entry, struct str detail);

static enum outcome follow_target(struct route *route, const struct directory_redirect *redirect)
{
	struct directory_service *service;
	struct directory_name name;
	struct str detail;

	if (redirect->code[0] || directory_name_parse(str_of(redirect->target), &name) != OK)
		return LATER;
	const struct directory_entry *entry = directory_resolve(route->directory, &name, &service, &detail);
	return service ? follow(route, directory_behind(route->directory, entry), detail) : LATER;
}

static bool is_waiting(const struct directory_redirect *redirect)
{
	return redirect->code[0] != '\0';
}

static enum outcome follow_mailbox(struct route *route, const struct directory_entry *entry, struct str detail,
	const struct directory_redirects *all)
{
	bool keep = all->keep_copy, any = false;

	for (size_t i = 0; i < all->list.n; i++) {
		if (is_waiting(&all->list.v[i]))
			continue;
		any = true;
		if (follow_target(route, &all->list.v[i]) != SERVED)
			keep = true;
	}
	if (keep || !any)
		add_stop(route, entry, detail);
	return SERVED;
}

/* Without a mailbox nothing can be kept: all targets or none. */
static enum outcome follow_redirect_only(struct route *route, const struct directory_redirects *all)
{
	size_t stops = route->stops.n, visits = route->visits.n;
	enum outcome best = GONE;

	for (size_t i = 0; i < all->list.n && best != LATER; i++) {
		enum outcome outcome = follow_target(route, &all->list.v[i]);

		best = outcome == GONE ? best : outcome;
	}
	if (best != SERVED) {
		route->stops.n = stops;
		route->visits.n = visits;
	}
	return best;
}

static enum outcome expand(struct route *route, const struct directory_entry *entry, struct str detail)
{
	static const struct directory_redirects NONE = {.keep_copy = true};
	const struct directory_redirects *all = directory_redirects_of(route->directory, entry->id);

	all = all ? all : &NONE;
	return entry->kind == DIRECTORY_REDIRECT ? follow_redirect_only(route, all)
						 : follow_mailbox(route, entry, detail, all);
}

static enum outcome follow(struct route *route, const struct directory_entry *entry, struct str detail)
{
	if (!entry || !entry->enabled || route->depth == DEPTH_MAX)
		return GONE;
	for (size_t i = 0; i < route->visits.n; i++)
		if (route->visits.v[i].id == entry->id)
			return route->visits.v[i].outcome;
	size_t place = route->visits.n;
	if (place == DIRECTORY_ROUTE_MAX) {
		route->is_too_long = true;
		return GONE;
	}
	vec_push(&route->visits, ((struct visit){entry->id, GONE}));
	route->depth++;
	enum outcome outcome = expand(route, entry, detail);
	route->depth--;
	route->visits.v[place].outcome = outcome;
	return outcome;
}

static void tell(const struct route *route, const struct directory_entry *asked, directory_route_fn *fn, void *ctx)
{
	struct buf address = BUF_MAX(DIRECTORY_ADDRESS_MAX);

	directory_add_address(route->directory, asked, &address);
	for (size_t i = 0; i < route->stops.n; i++) {
		const struct stop *stop = &route->stops.v[i];
		struct directory_target target;

		directory_fill_target(route->directory, stop->entry, &target);
		target.address = buf_str(&address);
		target.detail = str_make(stop->detail, stop->detail_n);
		fn(ctx, &target);
	}
	buf_done(&address);
}

enum err directory_route(struct directory *directory, struct str address, directory_route_fn *fn, void *ctx)
{
	struct route route = {.directory = directory};
	const struct directory_entry *entry;
	struct directory_name name;
	struct str detail;
	enum err e = directory_find_recipient(directory, address, &name, &entry, &detail);

	if (e != OK)
		return e;
	enum outcome outcome = follow(&route, entry, detail);
	e = outcome == GONE ? ERR_UNKNOWN_USER : outcome == LATER ? ERR_ELSEWHERE : OK;
	if (route.is_too_long)
		e = ERR_TOO_MANY_RCPT;
	if (e == OK)
		tell(&route, entry, fn, ctx);
	vec_done(&route.stops);
	vec_done(&route.visits);
	return e;
}
