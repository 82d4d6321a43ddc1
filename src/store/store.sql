-- SPDX-License-Identifier: ISC
-- One shard's mailboxes.  Why so: docs/decisions/0003-store-formats.md.

-- migration: 1
-- Row 0 of an account is the account itself: counter is its next instance id, uidvalidity the last one given,
-- modseq its clock, messages and bytes its usage.  It stands beside INBOX (always row 1) on purpose: a delivery
-- changes both.  Other folders have the UIDVALIDITY of their creation as id; neither is given twice.
CREATE TABLE folder (
	account BIGINT NOT NULL, id BIGINT NOT NULL, name TEXT NOT NULL, special INTEGER NOT NULL,
	uidvalidity BIGINT NOT NULL, counter BIGINT NOT NULL, modseq BIGINT NOT NULL, modseq_floor BIGINT NOT NULL,
	messages BIGINT NOT NULL, unseen BIGINT NOT NULL, deleted BIGINT NOT NULL, bytes BIGINT NOT NULL,
	recent BIGINT NOT NULL, keywords BYTEA,
	PRIMARY KEY (account, id)) @CLUSTERED@;
CREATE UNIQUE INDEX folder_by_name ON folder (account, name);
CREATE TABLE subscription (
	account BIGINT NOT NULL, name TEXT NOT NULL,
	PRIMARY KEY (account, name)) @CLUSTERED@;
CREATE TABLE chunk (
	account BIGINT NOT NULL, folder BIGINT NOT NULL, first_uid BIGINT NOT NULL, modseq BIGINT NOT NULL,
	data BYTEA NOT NULL,
	PRIMARY KEY (account, folder, first_uid));
CREATE TABLE delivery (
	account BIGINT NOT NULL, id BYTEA NOT NULL, at BIGINT NOT NULL,
	PRIMARY KEY (account, id)) @CLUSTERED@;
-- Memory of expunges and journal of deletions in one; moved: the messages live on in another folder.
CREATE TABLE expunged (
	account BIGINT NOT NULL, folder BIGINT NOT NULL, modseq BIGINT NOT NULL, first_uid BIGINT NOT NULL,
	moved INTEGER NOT NULL, at BIGINT NOT NULL, data BYTEA NOT NULL,
	PRIMARY KEY (account, folder, modseq, first_uid));
-- Deleted folders whose chunks are still there, for restores; purged in slices.  Row 0 of an account, which stays: the
-- account was deleted, its content is erased as its folders are purged, and no mail makes it again.
CREATE TABLE dropped (
	account BIGINT NOT NULL, id BIGINT NOT NULL, name TEXT NOT NULL, at BIGINT NOT NULL,
	PRIMARY KEY (account, id)) @CLUSTERED@;
-- The log.  used: everything before it has been written; state: enum segment_state.
CREATE TABLE segment (
	number BIGINT NOT NULL, id BIGINT NOT NULL, state INTEGER NOT NULL, used BIGINT NOT NULL,
	PRIMARY KEY (number)) @CLUSTERED@;

-- migration: 2
-- Accounts that are frozen, or have left for another shard; state: away.c; modseq: the clock when it left.
CREATE TABLE away (
	account BIGINT NOT NULL, state INTEGER NOT NULL, modseq BIGINT NOT NULL,
	PRIMARY KEY (account)) @CLUSTERED@;

-- name: away_list
SELECT account, state FROM away

-- name: away_put
INSERT INTO away (account, state, modseq) VALUES ($1, $2, $3)
ON CONFLICT (account) DO UPDATE SET state = excluded.state, modseq = excluded.modseq

-- name: away_clock
SELECT modseq FROM away WHERE account = $1

-- name: away_delete
DELETE FROM away WHERE account = $1

-- name: folder_pair
SELECT id, name, special, uidvalidity, counter, modseq, modseq_floor, messages, unseen, deleted, bytes, recent, keywords
FROM folder WHERE account = $1 AND id <= 1 ORDER BY id

-- name: folder_by_id
SELECT id, name, special, uidvalidity, counter, modseq, modseq_floor, messages, unseen, deleted, bytes, recent, keywords
FROM folder WHERE account = $1 AND id = $2

-- name: folder_by_name
SELECT id, name, special, uidvalidity, counter, modseq, modseq_floor, messages, unseen, deleted, bytes, recent, keywords
FROM folder WHERE account = $1 AND name = $2 AND id > 0

-- name: folder_list
SELECT id, name, special, uidvalidity, counter, modseq, modseq_floor, messages, unseen, deleted, bytes, recent, keywords
FROM folder WHERE account = $1 AND id > 0 ORDER BY name

-- name: folder_below
-- Names from $2 up to, not with, $3.
SELECT id FROM folder WHERE account = $1 AND name >= $2 AND name < $3 AND id > 0 ORDER BY name

-- name: account_after
SELECT account FROM folder WHERE account > $1 ORDER BY account LIMIT 1

-- name: folder_expiring
SELECT account, id, special FROM folder
WHERE (account, id) > ($1, $2) AND special IN ($3, $4) AND messages > 0 ORDER BY account, id LIMIT 1

-- name: folder_with_special
SELECT id FROM folder WHERE account = $1 AND special = $2 AND id > 0 LIMIT 1

-- name: folder_after
SELECT id FROM folder WHERE account = $1 AND id > $2 ORDER BY id LIMIT 1

-- name: folder_ids
SELECT id FROM folder WHERE account = $1 AND id > 0 ORDER BY id

-- name: folder_count
SELECT count(*) FROM folder WHERE account = $1

-- name: folder_insert
INSERT INTO folder (account, id, name, special, uidvalidity, counter, modseq, modseq_floor,
	messages, unseen, deleted, bytes, recent, keywords)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, 0, $9, NULL)

-- name: folder_update
UPDATE folder SET uidvalidity = $3, counter = $4, modseq = $5, modseq_floor = $6, messages = $7, unseen = $8,
	deleted = $9, bytes = $10, recent = $11
WHERE account = $1 AND id = $2

-- name: folder_keywords
UPDATE folder SET keywords = $3 WHERE account = $1 AND id = $2

-- name: folder_rename
UPDATE folder SET name = $3, special = $4 WHERE account = $1 AND id = $2

-- name: folder_delete
DELETE FROM folder WHERE account = $1 AND id = $2

-- name: subscription_list
SELECT name FROM subscription WHERE account = $1 ORDER BY name

-- name: subscription_insert
INSERT INTO subscription (account, name) VALUES ($1, $2) ON CONFLICT (account, name) DO NOTHING

-- name: subscription_clear
DELETE FROM subscription WHERE account = $1

-- name: subscription_delete
DELETE FROM subscription WHERE account = $1 AND name = $2

-- name: chunk_tail
SELECT first_uid, data FROM chunk WHERE account = $1 AND folder = $2 ORDER BY first_uid DESC LIMIT 1

-- name: chunk_at
-- The chunk that a UID would be in: the last one that begins no later.
SELECT first_uid, data FROM chunk WHERE account = $1 AND folder = $2 AND first_uid <= $3
ORDER BY first_uid DESC LIMIT 1

-- name: chunk_after
SELECT first_uid, data FROM chunk WHERE account = $1 AND folder = $2 AND first_uid > $3
ORDER BY first_uid LIMIT 1

-- name: chunk_scan
SELECT first_uid, data FROM chunk WHERE account = $1 AND folder = $2 AND first_uid >= $3 AND first_uid <= $4
ORDER BY first_uid

-- name: chunk_insert
INSERT INTO chunk (account, folder, first_uid, modseq, data) VALUES ($1, $2, $3, $4, $5)

-- name: chunk_update
UPDATE chunk SET modseq = $4, data = $5 WHERE account = $1 AND folder = $2 AND first_uid = $3

-- name: chunk_delete
DELETE FROM chunk WHERE account = $1 AND folder = $2 AND first_uid = $3

-- name: chunk_first
SELECT first_uid, data FROM chunk WHERE account = $1 AND folder = $2 ORDER BY first_uid LIMIT 1

-- name: chunk_purge
DELETE FROM chunk WHERE account = $1 AND folder = $2 AND first_uid IN
	(SELECT first_uid FROM chunk WHERE account = $1 AND folder = $2 ORDER BY first_uid LIMIT 64)

-- name: delivery_insert
INSERT INTO delivery (account, id, at) VALUES ($1, $2, $3) ON CONFLICT (account, id) DO NOTHING

-- name: delivery_of
SELECT id, at FROM delivery WHERE account = $1

-- name: delivery_clear
DELETE FROM delivery WHERE account = $1

-- name: delivery_forget_one
DELETE FROM delivery WHERE account = $1 AND id = $2

-- name: delivery_slice
-- The last row of a slice of 1,000 after (account, id).
SELECT account, id FROM delivery WHERE (account, id) > ($1, $2) ORDER BY account, id LIMIT 1 OFFSET 999

-- name: delivery_forget
DELETE FROM delivery WHERE (account, id) > ($1, $2) AND (account, id) <= ($3, $4) AND at < $5

-- name: delivery_forget_rest
DELETE FROM delivery WHERE (account, id) > ($1, $2) AND at < $3

-- name: expunged_insert
INSERT INTO expunged (account, folder, modseq, first_uid, moved, at, data) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: expunged_since
SELECT data FROM expunged WHERE account = $1 AND folder = $2 AND modseq > $3 ORDER BY modseq, first_uid

-- name: expunged_slice
SELECT account, folder, modseq, first_uid, at FROM expunged
WHERE (account, folder, modseq, first_uid) > ($1, $2, $3, $4)
ORDER BY account, folder, modseq, first_uid LIMIT 200

-- name: expunged_forget
DELETE FROM expunged WHERE account = $1 AND folder = $2 AND modseq = $3 AND first_uid = $4

-- name: expunged_first
SELECT data FROM expunged WHERE account = $1 AND folder = $2 ORDER BY modseq, first_uid LIMIT 1

-- name: expunged_purge
DELETE FROM expunged WHERE account = $1 AND folder = $2 AND (modseq, first_uid) IN
	(SELECT modseq, first_uid FROM expunged WHERE account = $1 AND folder = $2 ORDER BY modseq, first_uid LIMIT $3)

-- name: folder_floor
UPDATE folder SET modseq_floor = $3 WHERE account = $1 AND id = $2 AND modseq_floor < $3

-- name: dropped_insert
INSERT INTO dropped (account, id, name, at) VALUES ($1, $2, $3, $4)

-- name: dropped_before
SELECT account, id FROM dropped WHERE at < $1 ORDER BY account, id LIMIT 1

-- name: dropped_hurry
UPDATE dropped SET at = 0 WHERE account = $1 AND id > 0

-- name: dropped_account
SELECT at FROM dropped WHERE account = $1 AND id = 0

-- name: dropped_of
SELECT id FROM dropped WHERE account = $1 LIMIT 1

-- name: dropped_purge
DELETE FROM dropped WHERE account = $1 AND id > 0

-- name: chunk_clear
DELETE FROM chunk WHERE account = $1

-- name: expunged_clear
DELETE FROM expunged WHERE account = $1

-- name: dropped_delete
DELETE FROM dropped WHERE account = $1 AND id = $2

-- name: segment_last
SELECT number, id, state, used FROM segment ORDER BY number DESC LIMIT 1

-- name: segment_get
SELECT id, state FROM segment WHERE number = $1

-- name: account_clock
SELECT modseq FROM folder WHERE account = $1 AND id = 0

-- name: segment_list
SELECT number, id, state, used FROM segment ORDER BY number

-- name: segment_forget
DELETE FROM segment WHERE number = $1

-- name: chunk_walk
SELECT account, folder, first_uid, data FROM chunk WHERE (account, folder, first_uid) > ($1, $2, $3)
ORDER BY account, folder, first_uid LIMIT $4

-- name: expunged_walk
SELECT account, folder, modseq, first_uid, data FROM expunged WHERE (account, folder, modseq, first_uid) > ($1, $2, $3, $4)
ORDER BY account, folder, modseq, first_uid LIMIT $5

-- name: expunged_update
UPDATE expunged SET data = $5 WHERE account = $1 AND folder = $2 AND modseq = $3 AND first_uid = $4

-- name: segment_put
INSERT INTO segment (number, id, state, used) VALUES ($1, $2, $3, $4)
ON CONFLICT (number) DO UPDATE SET id = excluded.id, state = excluded.state, used = excluded.used
