/* SPDX-License-Identifier: ISC */
#include "message/subject.h"

static struct str trim_start(struct str s)
{
	while (s.n && s.p[0] == ' ')
		s = str_from(s, 1);
	return s;
}

/* Behind a subj-blob, "[text] ", at the head; s itself when there is none. */
static struct str skip_blob(struct str s)
{
	size_t i = 1;

	if (s.n == 0 || s.p[0] != '[')
		return s;
	while (i < s.n && s.p[i] != '[' && s.p[i] != ']')
		i++;
	return i < s.n && s.p[i] == ']' ? trim_start(str_from(s, i + 1)) : s;
}

/* Behind a subj-refwd, "Re:", "Fwd [x]:"; false when there is none. */
static bool skip_refwd(struct str *s)
{
	static const struct str marks[] = {{"re", 2}, {"fwd", 3}, {"fw", 2}};

	for (size_t i = 0; i < 3; i++) {
		struct str rest;

		if (!str_istarts(*s, marks[i]))
			continue;
		rest = skip_blob(trim_start(str_from(*s, marks[i].n)));
		if (rest.n && rest.p[0] == ':') {
			*s = str_from(rest, 1);
			return true;
		}
	}
	return false;
}

/* Step 2: "(fwd)" and white space at the end. */
static struct str strip_trailers(struct str s, bool *is_reply)
{
	for (;;) {
		if (s.n && s.p[s.n - 1] == ' ') {
			s.n--;
		} else if (str_iends(s, S("(fwd)"))) {
			s.n -= 5;
			*is_reply = true;
		} else {
			return s;
		}
	}
}

/* Step 3: blobs before a reply mark go with it. */
static bool strip_leader(struct str *s, bool *is_reply)
{
	struct str rest = *s, next;

	if (s->n && s->p[0] == ' ') {
		*s = trim_start(*s);
		return true;
	}
	while (next = skip_blob(rest), next.n < rest.n)
		rest = next;
	if (!skip_refwd(&rest))
		return false;
	*s = rest;
	*is_reply = true;
	return true;
}

/* Step 4: a blob, when something is left behind it. */
static bool strip_blob(struct str *s)
{
	struct str rest = skip_blob(*s);

	if (rest.n == 0 || rest.n == s->n)
		return false;
	*s = rest;
	return true;
}

struct str message_subject_base(struct str subject, bool *ret_is_reply)
{
	struct str s = subject;

	*ret_is_reply = false;
	for (;;) {
		s = strip_trailers(s, ret_is_reply);
		while (strip_leader(&s, ret_is_reply) || strip_blob(&s))
			;
		/* Step 6: "[fwd: ... ]" around all of it. */
		if (!str_istarts(s, S("[fwd:")) || s.p[s.n - 1] != ']')
			return s;
		s = str_sub(s, 5, s.n - 6);
		*ret_is_reply = true;
	}
}
