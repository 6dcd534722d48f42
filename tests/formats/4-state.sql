BEGIN TRANSACTION;
CREATE TABLE audit (number INTEGER PRIMARY KEY AUTOINCREMENT, at_us INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
    what TEXT NOT NULL, detail TEXT NOT NULL);
INSERT INTO "audit" VALUES(1,1795308912404132,'admin','add device','device pump','{}');
INSERT INTO "audit" VALUES(2,1795308912559205,'admin','send command','command 12b04aba3cbc7dc7','{"device": "pump", "name": "blink", "args_bytes": 8}');
INSERT INTO "audit" VALUES(3,1795308913177982,'admin','send command','command 23e8ffbc5d9cb4a6','{"device": "pump", "name": "blink", "args_bytes": 8}');
INSERT INTO "audit" VALUES(4,1795308913302619,'admin','add user','user ann','{"role": "operator"}');
INSERT INTO "audit" VALUES(5,1795308913313754,'admin','make token','token grafana','{"role": "viewer", "expires_us": 1803084913313738}');
INSERT INTO "audit" VALUES(6,1795308913325417,'admin','create rule','rule hot','{"kind": "above", "severity": "warning", "for_s": 0.0, "devices": ["*"], "channels": ["temp"], "late_s": 60.0, "limit": 80.0, "hysteresis": 0.0}');
INSERT INTO "audit" VALUES(7,1795308913328729,'admin','edit device','device pump','{"tags": ["floor=2"]}');
CREATE TABLE commands (id TEXT PRIMARY KEY, device TEXT NOT NULL, name TEXT NOT NULL, args TEXT NOT NULL, state TEXT NOT NULL,
    version INTEGER NOT NULL, by TEXT NOT NULL, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,
    progress REAL, value TEXT, reason TEXT, note TEXT, reached TEXT NOT NULL DEFAULT '{}', group_id TEXT) WITHOUT ROWID;
INSERT INTO "commands" VALUES('12b04aba3cbc7dc7','pump','blink','{"n": 3}','done',4,'admin',1795308912559089,1795308912620258,1795308942559089,NULL,'{"blinked": 3}',NULL,NULL,'{"done": 1795308912620258, "accepted": 1795308912620213, "sent": 1795308912559981, "queued": 1795308912559089}',NULL);
INSERT INTO "commands" VALUES('23e8ffbc5d9cb4a6','pump','blink','{"n": 9}','queued',1,'admin',1795308913177892,1795308913177892,1795308943177892,NULL,NULL,NULL,NULL,'{"queued": 1795308913177892}',NULL);
CREATE TABLE connections (device TEXT NOT NULL, came_us INTEGER NOT NULL, left_us INTEGER, remote TEXT NOT NULL, code INTEGER,
    reason TEXT NOT NULL, PRIMARY KEY (device, came_us)) WITHOUT ROWID;
INSERT INTO "connections" VALUES('pump',1795308912442559,1795308913169262,'127.0.0.1:48564',1000,'the device closed: closed with 1000');
CREATE TABLE cursors (follower TEXT PRIMARY KEY, journal TEXT NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "cursors" VALUES('ledger','62f8c0ba0fc4a347',8);
INSERT INTO "cursors" VALUES('rules','62f8c0ba0fc4a347',8);
CREATE TABLE devices (name TEXT PRIMARY KEY, created_us INTEGER NOT NULL, token_hash BLOB NOT NULL, description TEXT NOT NULL,
    last_seen_us INTEGER, is_disabled INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "devices" VALUES('pump',1795308912404113,X'F253B4F440B0B06D902DB222CD0054294DE2FBF04C7B28529208FC8FA4E39898','{"channels": [{"name": "temp", "unit": "Cel", "kind": "gauge"}], "commands": [{"name": "blink", "description": "", "args": {"n": {"type": "integer"}}}], "firmware": "", "interval_s": 1.0, "sleep_s": null, "max_message_bytes": 65536, "shadow": false}',1795308913169262,0);
CREATE TABLE documents (kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (kind, key)) WITHOUT ROWID;
INSERT INTO "documents" VALUES('alive','hub',1,'{"at_us": 1795308912144458}');
INSERT INTO "documents" VALUES('api_token','grafana',1,'{"role": "viewer", "hash": "cbc29f998d301a800733e3552e4ea7f5d16c4f969a0e73d46a68ae251615859f", "by": "admin", "created_us": 1795308913313738, "expires_us": 1803084913313738}');
INSERT INTO "documents" VALUES('device','pump',1,'{"tags": ["floor=2"]}');
INSERT INTO "documents" VALUES('rule','hot',1,'{"kind": "above", "severity": "warning", "for_s": 0.0, "devices": ["*"], "channels": ["temp"], "late_s": 60.0, "limit": 80.0, "hysteresis": 0.0}');
INSERT INTO "documents" VALUES('user','ann',1,'{"role": "operator", "password_hash": "$argon2id$v=19$m=32768,t=3,p=1$vUonsxYjEyYpbkaqSQym8w$Iu+NX+6JUjWdosx1PGT/nHotsdm2HgCgZflCzQqHUak", "generation": "678fb65ab562a68d", "created_us": 1795308913302583, "changed_us": 1795308913302583}');
CREATE TABLE logins (token_hash BLOB PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
    expires_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX commands_by_time ON commands (created_us);
CREATE INDEX commands_by_device ON commands (device, created_us);
CREATE INDEX commands_by_group ON commands (group_id, created_us) WHERE group_id IS NOT NULL;
CREATE INDEX commands_open ON commands (created_us) WHERE state IN ('queued', 'sent', 'accepted', 'running');
CREATE INDEX commands_ended ON commands (updated_us) WHERE state NOT IN ('queued', 'sent', 'accepted', 'running');
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',7);
COMMIT;
PRAGMA user_version = 4;
