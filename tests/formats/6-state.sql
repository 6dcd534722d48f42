BEGIN TRANSACTION;
CREATE TABLE audit (number INTEGER PRIMARY KEY AUTOINCREMENT, at_us INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
    what TEXT NOT NULL, detail TEXT NOT NULL);
INSERT INTO "audit" VALUES(1,1795308946188249,'admin','add device','device pump','{}');
INSERT INTO "audit" VALUES(2,1795308946268273,'admin','send command','command 0aab633b8655df0e','{"device": "pump", "name": "blink", "args_bytes": 8}');
INSERT INTO "audit" VALUES(3,1795308946811621,'admin','send command','command e7813801466e1c35','{"device": "pump", "name": "blink", "args_bytes": 8}');
INSERT INTO "audit" VALUES(4,1795308946890842,'admin','add user','user ann','{"role": "operator"}');
INSERT INTO "audit" VALUES(5,1795308946894465,'admin','make token','token grafana','{"role": "viewer", "expires_us": 1803084946894451}');
INSERT INTO "audit" VALUES(6,1795308946901483,'admin','create rule','rule hot','{"kind": "above", "severity": "warning", "for_s": 0.0, "devices": ["*"], "channels": ["temp"], "late_s": 60.0, "limit": 80.0, "hysteresis": 0.0}');
INSERT INTO "audit" VALUES(7,1795308946904414,'admin','edit device','device pump','{"tags": ["floor=2"]}');
CREATE TABLE commands (id TEXT PRIMARY KEY, device TEXT NOT NULL, name TEXT NOT NULL, args TEXT NOT NULL, state TEXT NOT NULL,
    version INTEGER NOT NULL, by TEXT NOT NULL, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,
    progress REAL, value TEXT, reason TEXT, note TEXT, reached TEXT NOT NULL DEFAULT '{}', group_id TEXT) WITHOUT ROWID;
INSERT INTO "commands" VALUES('0aab633b8655df0e','pump','blink','{"n": 3}','done',3,'admin',1795308946268182,1795308946294383,1795308976268182,NULL,'{"blinked": 3}',NULL,NULL,'{"done": 1795308946294383, "accepted": 1795308946294353, "sent": 1795308946269622, "queued": 1795308946268182}',NULL);
INSERT INTO "commands" VALUES('e7813801466e1c35','pump','blink','{"n": 9}','queued',1,'admin',1795308946811526,1795308946811526,1795308976811526,NULL,NULL,NULL,NULL,'{"queued": 1795308946811526}',NULL);
CREATE TABLE connections (device TEXT NOT NULL, came_us INTEGER NOT NULL, left_us INTEGER, remote TEXT NOT NULL, code INTEGER,
    reason TEXT NOT NULL, PRIMARY KEY (device, came_us)) WITHOUT ROWID;
INSERT INTO "connections" VALUES('pump',1795308946240476,1795308946805106,'127.0.0.1:42228',1000,'the device closed: closed with 1000');
CREATE TABLE cursors (follower TEXT PRIMARY KEY, journal TEXT NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "cursors" VALUES('ledger','80d3221fc5baca1e',8);
INSERT INTO "cursors" VALUES('rules','80d3221fc5baca1e',8);
CREATE TABLE devices (name TEXT PRIMARY KEY, created_us INTEGER NOT NULL, token_hash BLOB NOT NULL, description TEXT NOT NULL,
    last_seen_us INTEGER, is_disabled INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "devices" VALUES('pump',1795308946188232,X'F24606E2C423A203A8E59115E29ADD6144AB59BA26851476EEA1FB97CEBAF49C','{"channels": [{"name": "temp", "unit": "Cel", "kind": "gauge"}], "commands": [{"name": "blink", "description": "", "args": {"n": {"type": "integer"}}}], "firmware": "", "interval_s": 1.0, "sleep_s": null, "max_message_bytes": 65536, "shadow": false}',1795308946805106,0);
CREATE TABLE documents (kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (kind, key)) WITHOUT ROWID;
INSERT INTO "documents" VALUES('alive','hub',1,'{"at_us": 1795308946090036}');
INSERT INTO "documents" VALUES('api_token','grafana',1,'{"role": "viewer", "hash": "cb3c7da1f5c51a9d4379cba82d53e879a8e63e5f82e15cbe270b5608cca9080e", "by": "admin", "created_us": 1795308946894451, "expires_us": 1803084946894451}');
INSERT INTO "documents" VALUES('device','pump',1,'{"tags": ["floor=2"]}');
INSERT INTO "documents" VALUES('rule','hot',1,'{"kind": "above", "severity": "warning", "for_s": 0.0, "devices": ["*"], "channels": ["temp"], "late_s": 60.0, "limit": 80.0, "hysteresis": 0.0}');
INSERT INTO "documents" VALUES('user','ann',1,'{"role": "operator", "password_hash": "$argon2id$v=19$m=32768,t=3,p=1$sZRW9g/Cd5tpxxprMGqyRw$1RYSA0TIWbdNhM7D4hHrDuKUdOWjq3o/axp98Z99tOc", "generation": "b563920bd69a54e5", "created_us": 1795308946890805, "changed_us": 1795308946890805}');
CREATE TABLE log_lines (number INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, arrived_us INTEGER NOT NULL, at_us INTEGER,
    level TEXT NOT NULL, text TEXT NOT NULL);
INSERT INTO "log_lines" VALUES(1,'pump',1795308946778377,1795308946777629,'warning','dry run');
CREATE TABLE logins (token_hash BLOB PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
    expires_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX commands_by_time ON commands (created_us);
CREATE INDEX commands_by_device ON commands (device, created_us);
CREATE INDEX commands_by_group ON commands (group_id, created_us) WHERE group_id IS NOT NULL;
CREATE INDEX commands_open ON commands (created_us) WHERE state IN ('queued', 'sent', 'accepted', 'running');
CREATE INDEX commands_ended ON commands (updated_us) WHERE state NOT IN ('queued', 'sent', 'accepted', 'running');
CREATE INDEX log_lines_by_device ON log_lines (device, number);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',7);
INSERT INTO "sqlite_sequence" VALUES('log_lines',1);
COMMIT;
PRAGMA user_version = 5;
