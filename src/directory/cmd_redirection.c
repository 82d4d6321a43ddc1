/* SPDX-License-Identifier: ISC */
/* redirection. */
#include "directory/command.h"

static enum err take_keep(struct directory_call *call, enum directory_keep *ret_keep)
{
	struct str text = directory_text(call, "keep-copy");

	if (!text.p)
		*ret_keep = DIRECTORY_KEEP_AS_IS;
	else if (str_equal(text, S("yes")) || str_equal(text, S("no")))
		*ret_keep = str_equal(text, S("yes")) ? DIRECTORY_KEEP_COPY : DIRECTORY_KEEP_NONE;
	else
		return directory_refuse(call->directory, ERR_SYNTAX, "keep-copy is yes or no");
	return OK;
}

enum err directory_cmd_redirection_add(struct directory_call *call)
{
	struct buf code = BUF_MAX(DIRECTORY_CODE_LETTERS);
	enum directory_keep keep = DIRECTORY_KEEP_NONE;
	enum err e = take_keep(call, &keep);

	if (e == OK)
		e = directory_redirection_add(call->directory, call->by, directory_text(call, "address"),
			directory_text(call, "target"), keep, &code);
	if (e == OK)
		json_object_set_new(call->reply, "confirmed", json_boolean(code.n == 0));
	if (e == OK && code.n > 0)
		directory_put_text(call->reply, "code", buf_str(&code));
	buf_done(&code);
	return e;
}

static json_t *redirect_json(const struct directory_redirect *redirect)
{
	json_t *row = json_object();

	directory_put_text(row, "target", str_of(redirect->target));
	json_object_set_new(row, "here", json_boolean(redirect->named != 0));
	json_object_set_new(row, "confirmed", json_boolean(redirect->code[0] == '\0'));
	if (redirect->code[0])
		directory_put_text(row, "code", str_of(redirect->code));
	directory_put_time(row, "created", redirect->created);
	return row;
}

void directory_put_redirections(struct directory_call *call, const struct directory_entry *entry)
{
	const struct directory_redirects *all = directory_redirects_of(call->directory, entry->id);
	json_t *list = json_array();

	for (size_t i = 0; all && i < all->list.n; i++)
		json_array_append_new(list, redirect_json(&all->list.v[i]));
	if (all && all->list.n > 0 && entry->kind != DIRECTORY_REDIRECT)
		json_object_set_new(call->reply, "keep_copy", json_boolean(all->keep_copy));
	json_object_set_new(call->reply, "redirections", list);
}

enum err directory_cmd_redirection_list(struct directory_call *call)
{
	struct directory_service *service;
	struct directory_entry *entry;
	enum err e = directory_find_entry(call->directory, directory_text(call, "address"), &service, &entry);

	if (e == OK)
		directory_put_redirections(call, entry);
	return e;
}

enum err directory_cmd_redirection_confirm(struct directory_call *call)
{
	return directory_redirection_confirm(call->directory, call->by, directory_text(call, "address"),
		directory_text(call, "target"), directory_text(call, "code"));
}

enum err directory_cmd_redirection_approve(struct directory_call *call)
{
	return directory_redirection_confirm(
		call->directory, call->by, directory_text(call, "address"), directory_text(call, "target"), STR_NONE);
}

enum err directory_cmd_redirection_keep(struct directory_call *call)
{
	enum directory_keep keep = DIRECTORY_KEEP_NONE;
	enum err e = take_keep(call, &keep);

	return e == OK ? directory_redirection_keep(call->directory, call->by, directory_text(call, "address"),
				 keep == DIRECTORY_KEEP_COPY)
		       : e;
}

enum err directory_cmd_redirection_delete(struct directory_call *call)
{
	return directory_redirection_delete(
		call->directory, call->by, directory_text(call, "address"), directory_text(call, "target"));
}
