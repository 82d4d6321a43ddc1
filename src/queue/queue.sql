-- SPDX-License-Identifier: ISC
-- migration: 1
CREATE TABLE message (
	id BIGINT NOT NULL,
	delivery_id BYTEA NOT NULL,
	sender BYTEA NOT NULL,
	trace_header BYTEA NOT NULL,
	structure BYTEA NOT NULL,
	content_id BYTEA NOT NULL,
	received_s BIGINT NOT NULL,
	length BIGINT NOT NULL,
	PRIMARY KEY (id)) @CLUSTERED@;
CREATE TABLE recipient (
	message BIGINT NOT NULL,
	number BIGINT NOT NULL,
	shard BIGINT NOT NULL,
	account BIGINT NOT NULL,
	quota BIGINT NOT NULL,
	address BYTEA NOT NULL,
	detail BYTEA NOT NULL,
	refused TEXT NOT NULL,
	PRIMARY KEY (message, number)) @CLUSTERED@;

-- name: last_id
SELECT COALESCE(MAX(id), 0) FROM message;

-- name: message_add
INSERT INTO message (id, delivery_id, sender, trace_header, structure, content_id, received_s, length)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: recipient_add
INSERT INTO recipient (message, number, shard, account, quota, address, detail, refused)
VALUES ($1, $2, $3, $4, $5, $6, $7, '');

-- name: message_get
SELECT delivery_id, sender, trace_header, structure, content_id, received_s, length FROM message WHERE id = $1;

-- name: message_exists
SELECT id FROM message WHERE id = $1;

-- name: recipients_of
SELECT number, account, quota, address, detail FROM recipient
WHERE message = $1 AND shard = $2 AND refused = '' ORDER BY number;

-- name: jobs
SELECT DISTINCT message, shard FROM recipient WHERE refused = '' ORDER BY message, shard;

-- name: recipient_done
DELETE FROM recipient WHERE message = $1 AND number = $2;

-- name: recipient_refused
UPDATE recipient SET refused = $3 WHERE message = $1 AND number = $2;

-- name: recipient_moved
UPDATE recipient SET shard = $3 WHERE message = $1 AND number = $2;

-- name: recipients_left
SELECT COUNT(*) FROM recipient WHERE message = $1;

-- name: message_done
DELETE FROM message WHERE id = $1;

-- name: count_messages
SELECT COUNT(*), COALESCE(SUM(length), 0) FROM message;

-- name: count_waiting
SELECT COUNT(*) FROM recipient WHERE refused = '';

-- name: count_held
SELECT COUNT(*) FROM recipient WHERE refused <> '';
