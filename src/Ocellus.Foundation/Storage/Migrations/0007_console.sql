-- Sessions of the console, and the tickets of its printed links. Cookies and tickets are stored as SHA-256 only: who has a copy of the database has no session.
CREATE TABLE console_sessions (
    hash          TEXT NOT NULL PRIMARY KEY,
    access_key_id TEXT NOT NULL,
    region        TEXT NOT NULL,
    created_ms    BIGINT NOT NULL,
    seen_ms       BIGINT NOT NULL
);
CREATE TABLE console_tickets (
    hash          TEXT NOT NULL PRIMARY KEY,
    access_key_id TEXT NOT NULL,
    region        TEXT NOT NULL,
    expires_ms    BIGINT NOT NULL
);
