/* SPDX-License-Identifier: ISC */
#include "base/test.h"

#include "message/mime.h"

/* "type/subtype[children]header+body:lines" of the whole tree. */
static void describe(const struct message_part *part, struct buf *out)
{
	buf_addf(out, "%.*s/%.*s", STR_FMT(part->type), STR_FMT(part->subtype));
	if (part->child) {
		buf_addc(out, '[');
		for (const struct message_part *child = part->child; child;
			child = child->next) {
			if (child != part->child)
				buf_addc(out, ' ');
			describe(child, out);
		}
		buf_addc(out, ']');
	}
	buf_addf(out, "%zu+%zu:%zu", (size_t)part->header_size, (size_t)part->body_size,
		(size_t)part->body_lines);
	assert_int_equal(part->body_offset, part->header_offset + part->header_size);
}

static void check_tree(const char *raw, const char *want)
{
	struct arena *arena = arena_new();
	struct buf got = BUF_MAX(10000);
	struct message_mime mime;
	size_t parts = 0;

	message_mime_parse(str_of(raw), arena, &mime);
	describe(mime.root, &got);
	assert_str(buf_str(&got), want);
	for (struct message_part *p = mime.root; p; p = message_part_next(mime.root, p))
		parts++;
	assert_int_equal(parts, mime.parts);
	assert_int_equal(mime.root->header_size + mime.root->body_size, strlen(raw));
	buf_done(&got);
	arena_free(&arena);
}

#define MULTI "Content-Type: multipart/mixed; boundary=B\r\n\r\n"

static void test_single(void **state)
{
	check_tree("", "text/plain0+0:0");
	check_tree("Subject: x", "text/plain10+0:0");
	check_tree("\r\nbody", "text/plain2+4:0");
	check_tree("A: b\r\n\r\none\r\ntwo\r\n", "text/plain8+10:2");
	check_tree("A: b\n\none\ntwo", "text/plain6+7:1");
	check_tree("Content-Type: Image / JPEG; x=y\r\n\r\n", "Image/JPEG35+0:0");
	check_tree("Content-Type: nonsense\r\n\r\nx", "text/plain26+1:0");
	check_tree("Content-Type: /x\r\n\r\nx", "text/plain20+1:0");
}

static void test_multipart(void **state)
{
	check_tree(MULTI "pre\r\n--B\r\n\r\none\r\n--B\r\nContent-Type: "
			 "a/b\r\n\r\ntwo\r\n\r\n--B--\r\nepi\r\n",
		"multipart/mixed[text/plain2+3:0 a/b21+5:1]45+62:11");
	/* LF only; white space behind delimiters; the body of the last part ends with the
	 * input. */
	check_tree("Content-Type: multipart/mixed; boundary=\"B \"\n\n--B "
		   "\t\n\none\n--B\n\ntwo\n",
		"multipart/mixed[text/plain1+3:0 text/plain1+4:1]46+20:6");
	/* No header, no body: the newline before the delimiter belongs to the part before. */
	check_tree(MULTI "--B\r\n--B\r\nX: y\r\n--B--",
		"multipart/mixed[text/plain0+0:0 text/plain6+0:0]45+21:3");
	/* What only looks like a delimiter. */
	check_tree(MULTI "--B\r\n\r\n--Bx\r\n --B\r\n--\r\n---B\r\n--B-\r\n--B--",
		"multipart/mixed[text/plain2+26:4]45+40:7");
	/* Nothing after the close delimiter is a part. */
	check_tree(MULTI "--B\r\n\r\na\r\n--B--\r\n--B\r\n\r\nb",
		"multipart/mixed[text/plain2+1:0]45+25:6");
}

static void test_without_parts(void **state)
{
	check_tree(MULTI "no delimiter\r\n", "text/plain45+14:1");
	check_tree("Content-Type: multipart/mixed\r\n\r\n--B\r\n", "text/plain33+5:1");
	check_tree("Content-Type: multipart/mixed; boundary=\" \"\r\n\r\n--\r\n",
		"text/plain47+4:1");
}

#define INNER "Content-Type: multipart/alternative; boundary=C\r\n\r\n"

static void test_nested(void **state)
{
	check_tree(MULTI "--B\r\n" INNER "--C\r\n\r\nx\r\n--C--\r\n--B\r\n\r\ny\r\n--B--\r\n",
		"multipart/mixed[multipart/alternative[text/plain2+1:0]51+15:3 "
		"text/plain2+1:0]45+90:11");
	/* The outer delimiter ends an inner multipart that was not closed. */
	check_tree(MULTI "--B\r\n" INNER "--C\r\n\r\nx\r\n--B--\r\n",
		"multipart/mixed[multipart/alternative[text/plain2+1:0]51+8:2]45+73:7");
	check_tree(MULTI "--B\r\n" INNER "nothing\r\n--B--\r\n",
		"multipart/mixed[text/plain51+7:0]45+72:5");
	/* An inner part's header cut off by the outer delimiter. */
	check_tree(MULTI "--B\r\n" INNER "--C\r\nA: b\r\n--B--",
		"multipart/mixed[multipart/alternative[text/plain6+0:0]51+11:2]45+72:5");
	check_tree("Content-Type: multipart/mixed; "
		   "boundary=B--\r\n\r\n--B--\r\n\r\nx\r\n--B----\r\n",
		"multipart/mixed[text/plain2+1:0]47+21:4");
}

#define MESSAGE "Content-Type: message/rfc822\r\n\r\n"

static void test_messages(void **state)
{
	check_tree(MESSAGE "Subject: x\r\n\r\nhello\r\n",
		"message/rfc822[text/plain14+7:1]32+21:3");
	check_tree(MESSAGE "", "message/rfc822[text/plain0+0:0]32+0:0");
	check_tree(MESSAGE MESSAGE "\r\nx",
		"message/rfc822[message/rfc822[text/plain2+1:0]32+3:1]32+35:3");
	check_tree(MULTI "--B\r\n" MESSAGE INNER "--C\r\n\r\nx\r\n--B\r\n\r\ny",
		"multipart/mixed[message/rfc822[multipart/alternative[text/"
		"plain2+1:0]51+8:2]32+59:4"
		" text/plain2+1:0]45+106:10");
	check_tree("Content-Type: multipart/digest; boundary=B\r\n\r\n--B\r\n\r\nA: "
		   "b\r\n\r\nx\r\n--B--",
		"multipart/digest[message/rfc822[text/plain8+1:0]2+9:2]46+23:5");
	check_tree("Content-Transfer-Encoding: base64\r\n" MESSAGE "QTogYg==\r\n",
		"application/octet-stream67+10:1");
}

static void test_fields(void **state)
{
	static const char raw[] = "Content-Type: text/plain; charset=utf-8\r\n"
				  "content-disposition: Attachment; filename=\"a b\"\r\n"
				  "Content-ID: <x@y>\r\n"
				  "Content-Description: two\r\n words\r\n"
				  "Content-Transfer-Encoding: Quoted-Printable\r\n"
				  "Content-MD5: abc\r\n"
				  "Content-Language: en, fr\r\n"
				  "Content-Location: http://x.test/\r\n"
				  "Content-Type: text/html\r\n"
				  "Content-Other: x\r\n\r\n";
	struct arena *arena = arena_new();
	struct message_mime mime;
	const struct message_part *p;

	message_mime_parse(str_of(raw), arena, &mime);
	p = mime.root;
	assert_str(p->subtype, "plain");
	assert_str(p->disposition, "Attachment");
	assert_str(message_params_find(&p->disposition_params, "filename")->value, "a b");
	assert_str(p->id, "<x@y>");
	assert_str(p->description, "two\r\n words");
	assert_int_equal(p->encoding, MESSAGE_QUOTED_PRINTABLE);
	assert_str(p->md5, "abc");
	assert_str(p->language, "en, fr");
	assert_str(p->location, "http://x.test/");
	assert_true(message_part_is_attachment(p));
	arena_free(&arena);
}

static void check_flags(struct str raw, bool nul, bool bare, bool eight)
{
	struct arena *arena = arena_new();
	struct message_mime mime;

	message_mime_parse(raw, arena, &mime);
	assert_int_equal(mime.has_nul, nul);
	assert_int_equal(mime.has_bare_newline, bare);
	assert_int_equal(mime.has_8bit_header, eight);
	assert_false(mime.is_cut);
	arena_free(&arena);
}

static void test_flags(void **state)
{
	check_flags(S("A: b\r\n\r\nx\r\n"), false, false, false);
	check_flags(S("A: b\r\n\r\nx"), false, false, false);
	check_flags(S("A: b\r\n\r\n\0"), true, false, false);
	check_flags(S("A: b\n\r\n"), false, true, false);
	check_flags(S("A: b\r\n\r\na\rb\r\n"), false, true, false);
	check_flags(S("A: b\r\n\r\na\r"), false, true, false);
	check_flags(S("A: b\r\n\r\na\r\r\n"), false, true, false);
	check_flags(S("A: \xe9\r\n\r\n"), false, false, true);
	check_flags(S("A: b\r\n\r\n\xe9"), false, false, false);
}

static void check_attachment(const char *header, bool want)
{
	struct arena *arena = arena_new();
	struct message_mime mime;
	struct str raw =
		arena_printf(arena, MULTI "--B\r\n\r\nx\r\n--B\r\n%s\r\n\r\nx", header);

	message_mime_parse(raw, arena, &mime);
	if (message_part_is_attachment(mime.root->last_child) != want)
		fail_msg("attachment? %s", header);
	assert_false(message_part_is_attachment(mime.root));
	assert_false(message_part_is_attachment(mime.root->child));
	arena_free(&arena);
}

static void test_attachments(void **state)
{
	check_attachment("Content-Type: application/pdf", true);
	check_attachment("Content-Type: text/plain; name=x.txt", true);
	check_attachment("Content-Type: text/plain", false);
	check_attachment(
		"Content-Type: text/plain; name=x.txt\r\nContent-Disposition: inline", false);
	check_attachment("Content-Type: text/plain\r\nContent-Disposition: attachment", true);
	check_attachment("Content-Type: image/png\r\nContent-ID: <x>", false);
	check_attachment(
		"Content-Type: image/png\r\nContent-Disposition: inline; filename=x", false);
	check_attachment(
		"Content-Type: application/pdf\r\nContent-Disposition: inline; filename=x",
		true);
	check_attachment("Content-Type: application/pgp-signature; name=x", false);
	check_attachment("Content-Type: message/delivery-status", false);
	check_attachment("Content-Type: message/rfc822", true);
}

/* The limits: deeper and more parts than are told apart. */
static void test_depth(void **state)
{
	struct arena *arena = arena_new();
	struct buf raw = BUF_MAX(1 << 20);
	const struct message_part *p;
	struct message_mime mime;
	unsigned depth = 0;

	for (int i = 0; i < 300; i++)
		buf_addf(&raw, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n",
			i, i);
	message_mime_parse(buf_str(&raw), arena, &mime);
	for (p = mime.root; p->child; p = p->child)
		depth++;
	assert_int_equal(depth, MESSAGE_DEPTH_MAX - 1);
	assert_int_equal(p->body_offset + p->body_size, raw.n);
	assert_str(p->type, "text");
	assert_true(mime.is_cut);
	buf_clear(&raw);
	for (int i = 0; i < 300; i++)
		buf_adds(&raw, MESSAGE);
	message_mime_parse(buf_str(&raw), arena, &mime);
	assert_int_equal(mime.parts, MESSAGE_DEPTH_MAX);
	for (p = mime.root; p->child; p = p->child)
		;
	assert_str(p->subtype, "octet-stream");
	buf_done(&raw);
	arena_free(&arena);
}

static void test_many_parts(void **state)
{
	struct arena *arena = arena_new();
	struct buf raw = BUF_MAX(1 << 20);
	struct message_mime mime;

	buf_adds(&raw, MULTI);
	for (int i = 0; i < 20000; i++)
		buf_adds(&raw, "--B\r\n\r\nx\r\n");
	message_mime_parse(buf_str(&raw), arena, &mime);
	assert_int_equal(mime.parts, MESSAGE_PARTS_MAX);
	assert_true(mime.is_cut);
	assert_int_equal(
		mime.root->last_child->body_offset + mime.root->last_child->body_size, raw.n);
	message_mime_parse_max(buf_str(&raw), 1, arena, &mime);
	assert_int_equal(mime.parts, 1);
	assert_int_equal(mime.root->kind, MESSAGE_LEAF);
	buf_done(&raw);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single),
		cmocka_unit_test(test_multipart),
		cmocka_unit_test(test_without_parts),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_attachments),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_many_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
