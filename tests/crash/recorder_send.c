/* SPDX-License-Identifier: ISC */
/*
 * The moment a reply leaves the server.
 *
 * What a client notes is later than the promise itself by the time the bytes travelled, and a
 * sync that came just after the promise would hide in between.
 */
#include "reclog.h"
#include "shim.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define SENT_MAX 192

void recorder_sent(const struct iovec *iov, int count);

/* Replies are found by their text: the shim cannot know which socket is whose. */
static bool is_promise(const char *text, size_t len)
{
	return (len > 4 && (memcmp(text, "250 ", 4) == 0 || memcmp(text, "OK ", 3) == 0)) ||
	       memmem(text, len, " OK ", 4) != NULL;
}

static void note_part(const char *text, size_t len)
{
	const char *tail = len > SENT_MAX ? text + len - SENT_MAX : text;
	size_t tail_len = len > SENT_MAX ? SENT_MAX : len;
	struct reclog_body body = {.data_len = tail_len};
	struct reclog_rec *rec;
	void *data;

	if (len < 4 || !is_promise(tail, tail_len))
		return;
	rec = reclog_begin(REC_SEND, &body, &data);
	if (rec != NULL)
		memcpy(data, tail, tail_len);
	reclog_end(rec, (int64_t)len);
}

void recorder_sent(const struct iovec *iov, int count)
{
	for (int i = 0; i < count; i++)
		note_part(iov[i].iov_base, iov[i].iov_len);
}

SHIM_PUBLIC ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	note_part(buf, len);
	return NEXT(send)(fd, buf, len, flags);
}

SHIM_PUBLIC ssize_t sendto(int fd, const void *buf, size_t len, int flags,
	const struct sockaddr *to, socklen_t to_len)
{
	note_part(buf, len);
	return NEXT(sendto)(fd, buf, len, flags, to, to_len);
}

SHIM_PUBLIC ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	recorder_sent(msg->msg_iov, (int)msg->msg_iovlen);
	return NEXT(sendmsg)(fd, msg, flags);
}
