-- What several servers on one database need.
-- Names this database, so that a server's folder is not used with another one. One row; none in SQLite, where the database is in the folder.
CREATE TABLE installation (id TEXT NOT NULL PRIMARY KEY);
-- Work that one server at a time may do: the job of a dataset, a copy, a removal.
CREATE TABLE work_leases (
    name     TEXT NOT NULL PRIMARY KEY,
    owner    TEXT NOT NULL,
    until_ms BIGINT NOT NULL
);
