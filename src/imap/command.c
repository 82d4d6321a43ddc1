/* SPDX-License-Identifier: ISC */
#include "imap/command.h"

#include "login/sasl.h"

#define PREAUTH IMAP_PREAUTH
#define AUTH IMAP_AUTH
#define SELECTED IMAP_SELECTED
#define ANY IMAP_ANY
#define WRITES IMAP_WRITES
#define HAS_UID IMAP_HAS_UID
#define USES_SEQ IMAP_USES_SEQ
#define HERE_EDGE IMAP_HERE_EDGE
#define HERE_STORE IMAP_HERE_STORE

static const struct imap_command rows[] = {
#define IMAP_CMD(verb, handler, states, flags, capability, reference) \
	{ verb, handler, states, flags, capability, reference },
#include "imap/commands.def"
#undef IMAP_CMD
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

enum when { ALWAYS = 1, CAN_TLS = 2, NO_AUTH = 4 };

static const struct {
	const char *word;
	unsigned when;
} words[] = {
#define IMAP_CAPABILITY(word, when, reference) { word, when },
#include "imap/capabilities.def"
#undef IMAP_CAPABILITY
};

const struct imap_command *imap_command_find(struct str verb)
{
	for (size_t i = 0; i < ROWS; i++)
		if (str_iequal(verb, str_of(rows[i].verb)))
			return &rows[i];
	return NULL;
}

const struct imap_command *imap_command_at(size_t i)
{
	return i < ROWS ? &rows[i] : NULL;
}

static struct imap_cmd_thing *add_thing(struct imap_cmd *cmd)
{
	struct imap_cmd_thing *thing = arena_make(cmd->arena, struct imap_cmd_thing);

	thing->next = cmd->things;
	cmd->things = thing;
	return thing;
}

struct uidset *imap_cmd_uidset(struct imap_cmd *cmd)
{
	return &add_thing(cmd)->set;
}

struct arena *imap_cmd_arena(struct imap_cmd *cmd)
{
	return add_thing(cmd)->arena = arena_new();
}

void imap_cmd_release(struct imap_cmd *cmd)
{
	for (struct imap_cmd_thing *thing = cmd->things; thing; thing = thing->next) {
		uidset_done(&thing->set);
		arena_free(&thing->arena);
	}
	cmd->things = NULL;
}

bool imap_is_disabled(struct str disabled, struct str capability)
{
	struct str word;

	while (str_next(&disabled, ' ', &word))
		if (word.n && str_iequal(word, capability))
			return true;
	return false;
}

static void write_words(struct str list, struct str disabled, struct buf *out)
{
	struct str word;

	while (str_next(&list, ' ', &word)) {
		if (imap_is_disabled(disabled, word))
			continue;
		buf_addc(out, ' ');
		buf_add(out, word);
	}
}

void imap_write_capabilities(const struct imap_offer *offer, struct buf *out)
{
	unsigned now = ALWAYS;

	if (offer->before_login)
		now |= (offer->tls_possible ? CAN_TLS : 0) | (offer->auth_allowed ? 0 : NO_AUTH);
	buf_adds(out, "IMAP4rev1");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].when & now)
			write_words(str_of(words[i].word), offer->disabled, out);
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].capability)
			write_words(str_of(rows[i].capability), offer->disabled, out);
	for (int i = 0; offer->before_login && offer->auth_allowed && i < SASL_MECHANISMS; i++)
		if (sasl_is_offered((enum sasl_mechanism)i, offer->has_tls))
			buf_addf(out, " AUTH=%s", sasl_mechanism_name((enum sasl_mechanism)i));
	/* RFC 7889 3 */
	buf_addf(out, " APPENDLIMIT=%llu", (unsigned long long)offer->append_max);
}
