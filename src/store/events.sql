-- SPDX-License-Identifier: ISC
-- What a log says, in the order in which it happened; a database of its own that a rebuild makes and removes.

-- migration: 1
-- kind: enum note_kind, 0 for a message; data: the packed entry, or the fields of the note.
CREATE TABLE event (
	account BIGINT NOT NULL, modseq BIGINT NOT NULL, rank INTEGER NOT NULL, place BIGINT NOT NULL,
	kind INTEGER NOT NULL, folder BIGINT NOT NULL, data BYTEA NOT NULL,
	PRIMARY KEY (account, modseq, rank, place)) @CLUSTERED@;

-- name: event_put
INSERT INTO event (account, modseq, rank, place, kind, folder, data) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: event_after
SELECT account, modseq, rank, place, kind, folder, data FROM event
WHERE (account, modseq, rank, place) > ($1, $2, $3, $4) ORDER BY account, modseq, rank, place LIMIT 1000
