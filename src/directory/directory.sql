-- SPDX-License-Identifier: ISC
-- Times are milliseconds since 1970.  Ids come from counters and are never used again.

-- migration: 1
CREATE TABLE counter (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL) @CLUSTERED@;
INSERT INTO counter (name, value) VALUES
	('organisation', 0), ('service', 0), ('account', 0), ('device', 0), ('audit', 0);

CREATE TABLE organisation (
	id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL,
	state INTEGER NOT NULL, created BIGINT NOT NULL);
CREATE UNIQUE INDEX organisation_name ON organisation (name);

CREATE TABLE offer (
	name TEXT NOT NULL PRIMARY KEY,
	storage_bytes BIGINT NOT NULL,
	recipients_per_day INTEGER NOT NULL,
	redirect_targets INTEGER NOT NULL,
	redirect_addresses INTEGER NOT NULL,
	catch_all INTEGER NOT NULL,
	sieve INTEGER NOT NULL,
	restore_days INTEGER NOT NULL,
	notice TEXT NOT NULL) @CLUSTERED@;
INSERT INTO offer (name, storage_bytes, recipients_per_day, redirect_targets, redirect_addresses,
	catch_all, sieve, restore_days, notice) VALUES
	('starter', 20000000000, 500, 1, 1, 0, 0, 0, 'external'),
	('premium', 0, 1440, 100, 20, 1, 1, 30, 'external'),
	('suite-free', 20000000000, 500, 1, 1, 0, 0, 0, 'external'),
	('suite-standard', 0, 1440, 100, 20, 1, 1, 30, 'external'),
	('suite-business', 0, 1440, 100, 20, 1, 1, 30, 'external'),
	('suite-enterprise', 0, 1440, 100, 20, 1, 1, 30, 'external'),
	('personal-free', 20000000000, 500, 0, 0, 0, 0, 0, 'unknown'),
	('personal-plus', 0, 1440, 100, 0, 0, 1, 30, 'unknown');

CREATE TABLE service (
	organisation BIGINT NOT NULL, id BIGINT NOT NULL,
	offer TEXT NOT NULL, state INTEGER NOT NULL, created BIGINT NOT NULL,
	PRIMARY KEY (organisation, id)) @CLUSTERED@;

CREATE TABLE domain (
	service BIGINT NOT NULL, name TEXT NOT NULL,
	is_main INTEGER NOT NULL, created BIGINT NOT NULL,
	PRIMARY KEY (service, name)) @CLUSTERED@;
CREATE UNIQUE INDEX domain_name ON domain (name);

CREATE TABLE address (
	service BIGINT NOT NULL, id BIGINT NOT NULL,
	local_part TEXT NOT NULL,
	kind INTEGER NOT NULL,
	target BIGINT NOT NULL,
	shard INTEGER NOT NULL,
	state INTEGER NOT NULL,
	quota_bytes BIGINT,
	salt BYTEA,
	iterations INTEGER,
	created BIGINT NOT NULL,
	PRIMARY KEY (service, id)) @CLUSTERED@;
CREATE UNIQUE INDEX address_local_part ON address (service, local_part);

CREATE TABLE device (
	address BIGINT NOT NULL, id BIGINT NOT NULL,
	name TEXT NOT NULL, icon TEXT NOT NULL,
	send_only INTEGER NOT NULL,
	login_hash BYTEA,
	stored_key BYTEA,
	server_key BYTEA,
	chosen_hash TEXT,
	created BIGINT NOT NULL,
	last_used BIGINT, last_ip TEXT,
	PRIMARY KEY (address, id)) @CLUSTERED@;

CREATE TABLE removal (
	shard INTEGER NOT NULL, account BIGINT NOT NULL, since BIGINT NOT NULL,
	PRIMARY KEY (shard, account)) @CLUSTERED@;

CREATE TABLE audit (
	organisation BIGINT NOT NULL, id BIGINT NOT NULL,
	at BIGINT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
	value_before TEXT, value_after TEXT,
	PRIMARY KEY (organisation, id)) @CLUSTERED@;

-- migration: 2
-- People; role: enum directory_user_role.  A permission row is of one user and one address: bits of permissions.def.
CREATE TABLE member (
	organisation BIGINT NOT NULL, id BIGINT NOT NULL,
	name TEXT NOT NULL, role INTEGER NOT NULL, created BIGINT NOT NULL,
	PRIMARY KEY (organisation, id)) @CLUSTERED@;
CREATE UNIQUE INDEX member_name ON member (organisation, name);
CREATE TABLE permission (
	member BIGINT NOT NULL, address BIGINT NOT NULL, bits INTEGER NOT NULL,
	PRIMARY KEY (member, address)) @CLUSTERED@;
CREATE INDEX permission_address ON permission (address);
INSERT INTO counter (name, value) VALUES ('user', 0);

-- migration: 3
-- scope: enum directory_scope; id: of the service or address.
CREATE TABLE setting (
	scope INTEGER NOT NULL, id BIGINT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
	PRIMARY KEY (scope, id, name)) @CLUSTERED@;

-- migration: 4
-- hash: SHA-256 of a random value, which needs no key.  Ids are those of devices: sessions name either.
CREATE TABLE token (
	address BIGINT NOT NULL, id BIGINT NOT NULL,
	name TEXT NOT NULL, send_only INTEGER NOT NULL,
	hash BYTEA NOT NULL,
	created BIGINT NOT NULL, expires BIGINT NOT NULL,
	last_used BIGINT, last_ip TEXT,
	PRIMARY KEY (address, id)) @CLUSTERED@;
CREATE UNIQUE INDEX token_hash ON token (hash);

-- migration: 5
-- named: the address here that target is, 0 for one elsewhere; code: until it is confirmed.
CREATE TABLE redirection (
	address BIGINT NOT NULL, target TEXT NOT NULL, named BIGINT NOT NULL,
	keep_copy INTEGER NOT NULL, code TEXT, created BIGINT NOT NULL,
	PRIMARY KEY (address, target)) @CLUSTERED@;
CREATE INDEX redirection_named ON redirection (named);
-- Addresses made from files, for the limit of a day.
CREATE TABLE import (
	service BIGINT NOT NULL, first BIGINT NOT NULL, at BIGINT NOT NULL, addresses BIGINT NOT NULL,
	PRIMARY KEY (service, first)) @CLUSTERED@;

-- migration: 6
-- A folder of owner that grantee may see; rights: letters of RFC 4314 2.1.
CREATE TABLE share (
	owner BIGINT NOT NULL, folder TEXT NOT NULL, grantee BIGINT NOT NULL,
	rights TEXT NOT NULL, created BIGINT NOT NULL,
	PRIMARY KEY (owner, folder, grantee)) @CLUSTERED@;
CREATE INDEX share_grantee ON share (grantee);

-- name: share_get
SELECT rights FROM share WHERE owner = $1 AND folder = $2 AND grantee = $3;

-- name: share_put
INSERT INTO share (owner, folder, grantee, rights, created) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (owner, folder, grantee) DO UPDATE SET rights = excluded.rights;

-- name: share_count
SELECT count(*) FROM share WHERE owner = $1;

-- name: share_of
SELECT folder, grantee, rights, created FROM share WHERE owner = $1 ORDER BY folder, grantee;

-- name: share_with
SELECT folder, owner, rights, created FROM share WHERE grantee = $1 ORDER BY owner, folder;

-- name: share_delete
DELETE FROM share WHERE owner = $1 AND folder = $2 AND grantee = $3;

-- name: share_forget
DELETE FROM share WHERE owner = $1 OR grantee = $1;

-- name: redirection_load
SELECT address, target, named, keep_copy, code, created FROM redirection ORDER BY address, created, target;

-- name: redirection_add
INSERT INTO redirection (address, target, named, keep_copy, code, created) VALUES ($1, $2, $3, $4, $5, $6);

-- name: redirection_keep
UPDATE redirection SET keep_copy = $2 WHERE address = $1;

-- name: redirection_confirm
UPDATE redirection SET code = NULL WHERE address = $1 AND target = $2;

-- name: redirection_delete
DELETE FROM redirection WHERE address = $1 AND target = $2;

-- name: redirection_forget
DELETE FROM redirection WHERE address = $1 OR named = $1;

-- name: import_add
INSERT INTO import (service, first, at, addresses) VALUES ($1, $2, $3, $4);

-- name: import_count
SELECT coalesce(sum(addresses), 0) FROM import WHERE service = $1 AND at > $2;

-- name: import_expire
DELETE FROM import WHERE service = $1 AND at <= $2;

-- name: setting_get
SELECT value FROM setting WHERE scope = $1 AND id = $2 AND name = $3;

-- name: setting_load
SELECT scope, id, name, value FROM setting;

-- name: setting_list
SELECT name, value FROM setting WHERE scope = $1 AND id = $2 ORDER BY name;

-- name: setting_forget
DELETE FROM setting WHERE scope = $1 AND id = $2;

-- name: setting_put
INSERT INTO setting (scope, id, name, value) VALUES ($1, $2, $3, $4)
ON CONFLICT (scope, id, name) DO UPDATE SET value = excluded.value;

-- name: setting_named
SELECT id, value FROM setting WHERE scope = $1 AND name = $2 AND id > $3 ORDER BY id LIMIT $4;

-- name: setting_drop
DELETE FROM setting WHERE scope = $1 AND id = $2 AND name = $3;

-- name: user_add
INSERT INTO member (organisation, id, name, role, created) VALUES ($1, $2, $3, $4, $5);

-- name: user_find
SELECT id, role FROM member WHERE organisation = $1 AND name = $2;

-- name: user_list
SELECT id, name, role, created FROM member WHERE organisation = $1 AND name > $2 ORDER BY name LIMIT $3;

-- name: user_count_role
SELECT count(*) FROM member WHERE organisation = $1 AND role = $2;

-- name: user_role
UPDATE member SET role = $3 WHERE organisation = $1 AND id = $2;

-- name: user_delete
DELETE FROM member WHERE organisation = $1 AND id = $2;

-- name: permission_get
SELECT bits FROM permission WHERE member = $1 AND address = $2;

-- name: permission_put
INSERT INTO permission (member, address, bits) VALUES ($1, $2, $3)
ON CONFLICT (member, address) DO UPDATE SET bits = excluded.bits;

-- name: permission_drop
DELETE FROM permission WHERE member = $1 AND address = $2;

-- name: permission_clear
DELETE FROM permission WHERE member = $1;

-- name: permission_forget
DELETE FROM permission WHERE address = $1;

-- name: permission_list
SELECT m.name, m.role, coalesce(p.bits, 0) FROM member m
LEFT JOIN permission p ON p.member = m.id AND p.address = $2
WHERE m.organisation = $1 AND (m.role <= $3 OR p.bits IS NOT NULL) ORDER BY m.name;

-- name: counter_take
UPDATE counter SET value = value + $2 WHERE name = $1 RETURNING value;

-- name: offer_list
SELECT name, storage_bytes, recipients_per_day, redirect_targets, redirect_addresses, catch_all,
	sieve, restore_days, notice FROM offer ORDER BY name;

-- name: offer_update
UPDATE offer SET storage_bytes = $2, recipients_per_day = $3, redirect_targets = $4, redirect_addresses = $5,
	catch_all = $6, sieve = $7, restore_days = $8 WHERE name = $1;

-- name: organisation_add
INSERT INTO organisation (id, name, state, created) VALUES ($1, $2, 1, $3);

-- name: organisation_list
SELECT id, name, state, created FROM organisation WHERE id > $1 ORDER BY id LIMIT $2;

-- name: organisation_by_name
SELECT id FROM organisation WHERE name = $1;

-- name: organisation_by_id
SELECT id FROM organisation WHERE id = $1;

-- name: service_add
INSERT INTO service (organisation, id, offer, state, created) VALUES ($1, $2, $3, 1, $4);

-- name: service_list
SELECT organisation, id, offer, state, created FROM service ORDER BY id;

-- name: domain_add
INSERT INTO domain (service, name, is_main, created) VALUES ($1, $2, $3, $4);

-- name: domain_delete
DELETE FROM domain WHERE service = $1 AND name = $2;

-- name: domain_list
SELECT service, name, is_main, created FROM domain ORDER BY service, name;

-- name: domain_list_of
SELECT name, is_main, created FROM domain WHERE service = $1 ORDER BY name;

-- name: address_count
SELECT count(*) FROM address;

-- name: address_load
SELECT service, id, local_part, kind, target, shard, state, quota_bytes FROM address
	ORDER BY service, id;

-- name: address_add
INSERT INTO address (service, id, local_part, kind, target, shard, state, salt, iterations,
	created) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9);

-- name: address_get
SELECT local_part, kind, target, shard, state, quota_bytes, created FROM address
	WHERE service = $1 AND id = $2;

-- name: address_secret
SELECT salt, iterations FROM address WHERE service = $1 AND id = $2;

-- name: address_list
SELECT id, local_part, kind, target, shard, state, quota_bytes, created FROM address
	WHERE service = $1 AND local_part > $2 ORDER BY local_part LIMIT $3;

-- name: address_aliases
SELECT id, local_part FROM address WHERE service = $1 AND target = $2 ORDER BY id;

-- name: address_delete
DELETE FROM address WHERE service = $1 AND id = $2;

-- name: address_set_state
UPDATE address SET state = $3 WHERE service = $1 AND id = $2;

-- name: address_set_shard
UPDATE address SET shard = $3 WHERE service = $1 AND id = $2;

-- name: address_set_quota
UPDATE address SET quota_bytes = $3 WHERE service = $1 AND id = $2;

-- name: device_add
INSERT INTO device (address, id, name, icon, send_only, login_hash, stored_key, server_key,
	chosen_hash, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: device_any
SELECT id FROM device LIMIT 1;

-- name: device_chosen_count
SELECT count(*) FROM device WHERE chosen_hash IS NOT NULL;

-- name: device_count
SELECT count(*) FROM device WHERE address = $1;

-- name: device_verifiers
SELECT id, send_only, login_hash, chosen_hash, stored_key, server_key FROM device WHERE address = $1;

-- name: device_list
SELECT id, name, icon, send_only, login_hash IS NOT NULL, created, last_used, last_ip
	FROM device WHERE address = $1 ORDER BY id;

-- name: device_used
UPDATE device SET last_used = $3, last_ip = $4 WHERE address = $1 AND id = $2;

-- name: device_delete
DELETE FROM device WHERE address = $1 AND id = $2
	RETURNING name, icon, send_only, chosen_hash IS NOT NULL;

-- name: device_delete_all
DELETE FROM device WHERE address = $1;

-- name: token_add
INSERT INTO token (address, id, name, send_only, hash, created, expires) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: token_find
SELECT address, id, send_only, expires FROM token WHERE hash = $1;

-- name: token_count
SELECT count(*) FROM token WHERE address = $1;

-- name: token_list
SELECT id, name, send_only, created, expires, last_used, last_ip FROM token WHERE address = $1 ORDER BY id;

-- name: token_used
UPDATE token SET last_used = $3, last_ip = $4 WHERE address = $1 AND id = $2;

-- name: token_delete
DELETE FROM token WHERE address = $1 AND id = $2 RETURNING name, send_only;

-- name: token_delete_expired
DELETE FROM token WHERE address = $1 AND expires <= $2;

-- name: token_delete_all
DELETE FROM token WHERE address = $1;

-- name: removal_add
INSERT INTO removal (shard, account, since) VALUES ($1, $2, $3);

-- name: removal_again
INSERT INTO removal (shard, account, since) VALUES ($1, $2, 0) ON CONFLICT (shard, account) DO NOTHING;

-- name: removal_list
SELECT account FROM removal WHERE shard = $1 ORDER BY account LIMIT $2;

-- name: removal_delete
DELETE FROM removal WHERE shard = $1 AND account = $2;

-- name: audit_add
INSERT INTO audit (organisation, id, at, actor, action, subject, value_before, value_after)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: audit_list
SELECT id, at, actor, action, subject, value_before, value_after FROM audit
	WHERE organisation = $1 AND id < $2 ORDER BY id DESC LIMIT $3;
