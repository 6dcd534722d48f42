BEGIN TRANSACTION;
CREATE TABLE audit (number INTEGER PRIMARY KEY AUTOINCREMENT, at_us INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
    what TEXT NOT NULL, detail TEXT NOT NULL);
INSERT INTO "audit" VALUES(1,1795308908537414,'admin','add device','device pump','{}');
INSERT INTO "audit" VALUES(2,1795308908748990,'admin','send command','command b6abcff48dc8aa39','{"device": "pump", "name": "blink", "args_bytes": 8}');
INSERT INTO "audit" VALUES(3,1795308909378050,'admin','send command','command 9b6b6269766f1006','{"device": "pump", "name": "blink", "args_bytes": 8}');
INSERT INTO "audit" VALUES(4,1795308909486933,'admin','add user','user ann','{"role": "operator"}');
INSERT INTO "audit" VALUES(5,1795308909499519,'admin','make token','token grafana','{"role": "viewer", "expires_us": 1803084909499505}');
INSERT INTO "audit" VALUES(6,1795308909502438,'admin','create rule','rule hot','{"kind": "above", "severity": "warning", "for_s": 0.0, "devices": ["*"], "channels": ["temp"], "late_s": 60.0, "limit": 80.0, "hysteresis": 0.0}');
INSERT INTO "audit" VALUES(7,1795308909505027,'admin','edit device','device pump','{"tags": ["floor=2"]}');
CREATE TABLE commands (id TEXT PRIMARY KEY, device TEXT NOT NULL, name TEXT NOT NULL, args TEXT NOT NULL, state TEXT NOT NULL,
    version INTEGER NOT NULL, by TEXT NOT NULL, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,
    progress REAL, value TEXT, reason TEXT, note TEXT, reached TEXT NOT NULL DEFAULT '{}', group_id TEXT) WITHOUT ROWID;
INSERT INTO "commands" VALUES('9b6b6269766f1006','pump','blink','{"n": 9}','queued',1,'admin',1795308909377943,1795308909377943,1795308939377943,NULL,NULL,NULL,NULL,'{"queued": 1795308909377943}',NULL);
INSERT INTO "commands" VALUES('b6abcff48dc8aa39','pump','blink','{"n": 3}','done',4,'admin',1795308908748880,1795308908814935,1795308938748880,NULL,'{"blinked": 3}',NULL,NULL,'{"done": 1795308908814935, "accepted": 1795308908814891, "sent": 1795308908749741, "queued": 1795308908748880}',NULL);
CREATE TABLE cursors (follower TEXT PRIMARY KEY, journal TEXT NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "cursors" VALUES('ledger','12046abdc0b2d235',8);
INSERT INTO "cursors" VALUES('rules','12046abdc0b2d235',8);
CREATE TABLE devices (name TEXT PRIMARY KEY, created_us INTEGER NOT NULL, token_hash BLOB NOT NULL, description TEXT NOT NULL,
    last_seen_us INTEGER, is_disabled INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "devices" VALUES('pump',1795308908537399,X'350A23CCD44107FE79D1FE3C0F2F1100673D4BFC8D5F0EB1B1C3B71BC6A49A31','{"channels": [{"name": "temp", "unit": "Cel", "kind": "gauge"}], "commands": [{"name": "blink", "description": "", "args": {"n": {"type": "integer"}}}], "firmware": "", "interval_s": 1.0, "sleep_s": null, "max_message_bytes": 65536, "shadow": false}',1795308909361425,0);
CREATE TABLE documents (kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (kind, key)) WITHOUT ROWID;
INSERT INTO "documents" VALUES('api_token','grafana',1,'{"role": "viewer", "hash": "2abc07b3e47475dd233cab883721053e3d8505668bcb6accbea9ca8b5af8d7ac", "by": "admin", "created_us": 1795308909499505, "expires_us": 1803084909499505}');
INSERT INTO "documents" VALUES('device','pump',1,'{"tags": ["floor=2"]}');
INSERT INTO "documents" VALUES('rule','hot',1,'{"kind": "above", "severity": "warning", "for_s": 0.0, "devices": ["*"], "channels": ["temp"], "late_s": 60.0, "limit": 80.0, "hysteresis": 0.0}');
INSERT INTO "documents" VALUES('user','ann',1,'{"role": "operator", "password_hash": "$argon2id$v=19$m=32768,t=3,p=1$OLuduxELIXpWI51zZrRA9g$vwv1OOnXgMBg7hhMd7cNA1pgaGUTh9iupfYx+WIdgUE", "generation": "c42775b878b7dafa", "created_us": 1795308909486900, "changed_us": 1795308909486900}');
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
PRAGMA user_version = 3;
