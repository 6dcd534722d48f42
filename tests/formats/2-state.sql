BEGIN TRANSACTION;
CREATE TABLE audit (number INTEGER PRIMARY KEY AUTOINCREMENT, at_us INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
    what TEXT NOT NULL, detail TEXT NOT NULL);
INSERT INTO "audit" VALUES(1,1795308881768524,'admin','add device','device pump','{}');
INSERT INTO "audit" VALUES(2,1795308882641572,'admin','add user','user ann','{"role": "operator"}');
INSERT INTO "audit" VALUES(3,1795308882650118,'admin','make token','token grafana','{"role": "viewer", "expires_us": 1803084882650106}');
INSERT INTO "audit" VALUES(4,1795308882658093,'admin','create rule','rule hot','{"kind": "above", "severity": "warning", "for_s": 0.0, "devices": ["*"], "channels": ["temp"], "late_s": 60.0, "limit": 80.0, "hysteresis": 0.0}');
INSERT INTO "audit" VALUES(5,1795308882666675,'admin','edit device','device pump','{"tags": ["floor=2"]}');
CREATE TABLE commands (id TEXT PRIMARY KEY, device TEXT NOT NULL, name TEXT NOT NULL, args TEXT NOT NULL, state TEXT NOT NULL,
    version INTEGER NOT NULL, by TEXT NOT NULL, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,
    progress REAL, value TEXT, reason TEXT, note TEXT) WITHOUT ROWID;
INSERT INTO "commands" VALUES('71c5e30b96edf8b8','pump','blink','{"n": 3}','done',4,'admin',1795308881918721,1795308881989045,1795308911918721,NULL,'{"blinked": 3}',NULL,NULL);
INSERT INTO "commands" VALUES('7cd6da5cc619d627','pump','blink','{"n": 9}','queued',1,'admin',1795308882546559,1795308882546559,1795308912546559,NULL,NULL,NULL,NULL);
CREATE TABLE cursors (follower TEXT PRIMARY KEY, journal TEXT NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "cursors" VALUES('ledger','d86670dd7a11072e',8);
INSERT INTO "cursors" VALUES('rules','d86670dd7a11072e',8);
CREATE TABLE devices (name TEXT PRIMARY KEY, created_us INTEGER NOT NULL, token_hash BLOB NOT NULL, description TEXT NOT NULL,
    last_seen_us INTEGER, is_disabled INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "devices" VALUES('pump',1795308881768509,X'4E27CCC7E63B34097BC9D010760CFFABDC37A854AB1E533A3DE67D885D529091','{"channels": [{"name": "temp", "unit": "Cel", "kind": "gauge"}], "commands": [{"name": "blink", "description": "", "args": {"n": {"type": "integer"}}}], "firmware": "", "interval_s": 1.0, "max_message_bytes": 65536}',1795308882538041,0);
CREATE TABLE documents (kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (kind, key)) WITHOUT ROWID;
INSERT INTO "documents" VALUES('api_token','grafana',1,'{"role": "viewer", "hash": "dddca68afc8453871de88765208dcffeb460380249ad3112c193928cea4d22e6", "by": "admin", "created_us": 1795308882650106, "expires_us": 1803084882650106}');
INSERT INTO "documents" VALUES('device','pump',1,'{"tags": ["floor=2"]}');
INSERT INTO "documents" VALUES('rule','hot',1,'{"kind": "above", "severity": "warning", "for_s": 0.0, "devices": ["*"], "channels": ["temp"], "late_s": 60.0, "limit": 80.0, "hysteresis": 0.0}');
INSERT INTO "documents" VALUES('user','ann',1,'{"role": "operator", "password_hash": "$argon2id$v=19$m=32768,t=3,p=1$RIa1S+J36esb7ZAS99fs2A$GcpBgnB4OZJq17x9FkvKoWwNby0CnzpMACQRoLVh53Q", "generation": "2e46202638ed4fcb", "created_us": 1795308882641536, "changed_us": 1795308882641536}');
CREATE TABLE logins (token_hash BLOB PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
    expires_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX commands_by_time ON commands (created_us);
CREATE INDEX commands_by_device ON commands (device, created_us);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',5);
COMMIT;
PRAGMA user_version = 2;
