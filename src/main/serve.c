/* SPDX-License-Identifier: ISC */
/* restante serve, config, sandbox: what works from a configuration file. */
#include "base/log.h"
#include "base/time.h"
#include "main/main.h"
#include "role/supervisor.h"

#include <stdio.h>
#include <string.h>

static enum err reload(struct conf *fresh, struct buf *errors, void *arg)
{
	const struct main_options *options = arg;
	enum err e = conf_read_file(fresh, options->config, errors);

	if (e == OK && options->data)
		e = conf_set(fresh, "data_dir", options->data, errors);
	return e;
}

static const struct supervisor_events events = { .reload = reload };

static struct supervisor *open_supervisor(struct conf *conf, struct main_options *options)
{
	struct supervisor *supervisor = NULL;
	struct buf errors = { 0 };
	enum log_level level = LOG_INFO;

	if (log_level_parse(str_of(conf->log_level), &level) != OK)
		buf_addf(&errors, "log_level = %s: must be debug, info, warning or error\n", conf->log_level);
	log_setup("supervisor", 2, level);
	if (errors.n || supervisor_open(conf, &events, options, &supervisor, &errors) != OK)
		fprintf(stderr, "%.*s", STR_FMT(buf_str(&errors)));
	buf_done(&errors);
	return supervisor;
}

int main_serve(int argc, char **argv)
{
	struct main_options options;
	struct supervisor *supervisor;
	struct conf *conf;
	int status = 1;

	if (!main_take_options(&argc, argv, &options) || argc || !options.config) {
		fprintf(stderr, "usage: restante serve -c FILE [--data DIR]\n");
		return 2;
	}
	conf = main_load_conf(&options);
	supervisor = conf ? open_supervisor(conf, &options) : NULL;
	if (supervisor)
		status = supervisor_run(supervisor);
	supervisor_close(&supervisor);
	conf_free(&conf);
	return status;
}

int main_sandbox(int argc, char **argv)
{
	struct main_options options;
	struct supervisor *supervisor = NULL;
	struct buf errors = { 0 };
	struct conf *conf;
	int status = 1;

	if (!main_take_options(&argc, argv, &options) || argc)
		return 2;
	conf = main_load_conf(&options);
	if (!conf)
		return 1;
#define LISTENER(service, option, role) conf->option = "";
#include "role/listeners.def"
#undef LISTENER
	/* Without a file there is no operator's account to become. */
	if (!options.config)
		conf->user = "";
	log_setup("supervisor", 2, LOG_WARNING);
	if (supervisor_open(conf, &events, &options, &supervisor, &errors) == OK)
		status = supervisor_probe(supervisor);
	else
		fprintf(stderr, "%.*s", STR_FMT(buf_str(&errors)));
	puts(status ? "sandbox: NOT tight" : "sandbox: tight");
	supervisor_close(&supervisor);
	conf_free(&conf);
	buf_done(&errors);
	return status;
}

int main_config(int argc, char **argv)
{
	bool defaults = main_take_flag(&argc, argv, "--defaults");
	struct main_options options;
	struct conf *conf;
	struct buf text = { 0 };

	if (!main_take_options(&argc, argv, &options) || argc || defaults == (options.config != NULL)) {
		fprintf(stderr, "usage: restante config --defaults | restante config -c FILE\n");
		return 2;
	}
	if (defaults) {
		conf_print_defaults(&text);
		fwrite(text.p, 1, text.n, stdout);
		buf_done(&text);
		return 0;
	}
	conf = main_load_conf(&options);
	if (!conf)
		return 1;
	printf("%s: no mistakes found\n", options.config);
	conf_free(&conf);
	return 0;
}
