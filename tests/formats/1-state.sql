BEGIN TRANSACTION;
CREATE TABLE commands (id TEXT PRIMARY KEY, device TEXT NOT NULL, name TEXT NOT NULL, args TEXT NOT NULL, state TEXT NOT NULL,
    version INTEGER NOT NULL, by TEXT NOT NULL, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,
    progress REAL, value TEXT, reason TEXT, note TEXT) WITHOUT ROWID;
INSERT INTO "commands" VALUES('63db2e13332191ad','pump','blink','{"n": 3}','done',4,'admin',1795308878631921,1795308878697090,1795308908631921,NULL,'{"blinked": 3}',NULL,NULL);
CREATE TABLE cursors (follower TEXT PRIMARY KEY, journal TEXT NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "cursors" VALUES('ledger','c8c205b339c55dad',8);
CREATE TABLE devices (name TEXT PRIMARY KEY, created_us INTEGER NOT NULL, token_hash BLOB NOT NULL, description TEXT NOT NULL,
    last_seen_us INTEGER, is_disabled INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "devices" VALUES('pump',1795308878474204,X'2A514B7D0BABBAAF481AF23A46C1875FA655A9BBBF5CF1D52930F37016E89A73','{"channels": [{"name": "temp", "unit": "Cel", "kind": "gauge"}], "commands": [{"name": "blink", "description": "", "args": {"n": {"type": "integer"}}}], "firmware": "", "interval_s": 1.0, "max_message_bytes": 65536}',1795308879251513,0);
CREATE TABLE logins (token_hash BLOB PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
    expires_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX commands_by_time ON commands (created_us);
CREATE INDEX commands_by_device ON commands (device, created_us);
COMMIT;
PRAGMA user_version = 1;
