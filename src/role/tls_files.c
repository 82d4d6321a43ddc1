/* SPDX-License-Identifier: ISC */
/* The certificate: the operator's files, or a self-signed one made once in the data directory. */
#include "net/tls.h"
#include "os/file.h"
#include "role/supervisor_own.h"

enum { PEM_MAX = 1 << 19 };

static enum err make_files(const char *hostname, const char *certificate, const char *key)
{
	struct buf certificate_pem = { 0 }, key_pem = { 0 };
	const struct str names[] = { str_of(hostname), S("localhost") };
	enum err e = tls_make_self_signed(names, 2, &certificate_pem, &key_pem);

	/* The key first: a certificate without its key would be taken for complete. */
	if (e == OK)
		e = os_write_file(key, buf_str(&key_pem), 0600);
	if (e == OK)
		e = os_write_file(certificate, buf_str(&certificate_pem), 0644);
	buf_done(&certificate_pem);
	buf_done(&key_pem);
	return e;
}

static enum err read_pem(const char *path, struct buf *ret_pem, struct buf *errors)
{
	struct buf pem = BUF_MAX(PEM_MAX);
	enum err e = os_read_file(path, &pem);

	if (e != OK) {
		buf_addf(errors, "%s: %s\n", path, err_text(e));
		buf_done(&pem);
		return e;
	}
	buf_done(ret_pem);
	*ret_pem = pem;
	return OK;
}

enum err supervisor_load_tls(struct supervisor *s, const struct conf *conf, struct buf *errors)
{
	char certificate[OS_PATH_MAX], key[OS_PATH_MAX], dir[OS_PATH_MAX];
	enum err e = OK;

	if (conf->tls_certificate[0]) {
		os_path(certificate, "%s", conf->tls_certificate);
		os_path(key, "%s", conf->tls_key);
	} else {
		os_path(certificate, "%s/certificate.pem", os_path(dir, "%s/tls", conf->data_dir));
		os_path(key, "%s/key.pem", dir);
		e = os_make_dirs(dir, 0700);
		if (e == OK && !os_exists(certificate))
			e = make_files(conf->hostname, certificate, key);
		if (e != OK)
			buf_addf(errors, "%s: %s\n", dir, err_text(e));
	}
	if (e == OK)
		e = read_pem(certificate, &s->certificate, errors);
	return e == OK ? read_pem(key, &s->key, errors) : e;
}
