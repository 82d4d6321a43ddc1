/* SPDX-License-Identifier: ISC */
#include "imap/session_local.h"

static enum err run_job(struct store_job *store_job, struct store_tx *tx)
{
	struct imap_job *job = (struct imap_job *)store_job;

	return job->run(job, tx);
}

static void job_done(struct store_job *store_job, enum err e)
{
	struct imap_job *job = (struct imap_job *)store_job;
	struct imap_session *s = job->session;

	if (!s->client.is_closing)
		imap_client_resume(&s->client, job->done(job->cmd, job, e));
	/* Nothing of the command may be looked at from here on. */
	if (--s->jobs == 0)
		imap_client_release(&s->client);
}

enum imap_result imap_job_submit(struct imap_cmd *cmd, struct imap_job *job,
	enum err (*run)(struct imap_job *job, struct store_tx *tx),
	enum imap_result (*done)(struct imap_cmd *cmd, struct imap_job *job, enum err e))
{
	struct imap_session *s = imap_session(cmd);

	job->job.run = run_job;
	job->job.done = job_done;
	job->job.account = s->account;
	job->job.what = cmd->row->verb;
	job->cmd = cmd;
	job->session = s;
	job->run = run;
	job->done = done;
	s->jobs++;
	imap_client_hold(&s->client);
	store_submit(s->store, &job->job);
	return IMAP_PARK;
}
