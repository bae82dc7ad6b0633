-- Times are epoch milliseconds. Only SQL that SQLite and PostgreSQL share.
CREATE TABLE access_keys (
    access_key_id TEXT NOT NULL PRIMARY KEY,
    secret        TEXT NOT NULL,
    account_id    TEXT NOT NULL,
    user_name     TEXT NOT NULL
);
CREATE TABLE projects (
    arn        TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    region     TEXT NOT NULL,
    name       TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    status     TEXT NOT NULL,
    UNIQUE (account_id, region, name)
);
CREATE INDEX projects_by_time ON projects (account_id, region, created_ms);
CREATE TABLE datasets (
    arn         TEXT NOT NULL PRIMARY KEY,
    project_arn TEXT NOT NULL REFERENCES projects (arn),
    type        TEXT NOT NULL,
    status      TEXT NOT NULL,
    message     TEXT NOT NULL,
    code        TEXT NOT NULL,
    created_ms  BIGINT NOT NULL,
    updated_ms  BIGINT NOT NULL,
    source      TEXT,
    total       BIGINT NOT NULL,
    labeled     BIGINT NOT NULL,
    labels      BIGINT NOT NULL,
    errors      BIGINT NOT NULL,
    UNIQUE (project_arn, type)
);
CREATE TABLE dataset_entries (
    dataset_arn TEXT NOT NULL REFERENCES datasets (arn),
    ordinal     BIGINT NOT NULL,
    source_ref  TEXT NOT NULL,
    entry       TEXT NOT NULL,
    labeled     BIGINT NOT NULL,
    has_errors  BIGINT NOT NULL,
    PRIMARY KEY (dataset_arn, ordinal),
    UNIQUE (dataset_arn, source_ref)
);
CREATE INDEX dataset_entries_by_labeled ON dataset_entries (dataset_arn, labeled, ordinal);
CREATE INDEX dataset_entries_by_errors ON dataset_entries (dataset_arn, has_errors, ordinal);
CREATE TABLE dataset_entry_labels (
    dataset_arn TEXT NOT NULL,
    label       TEXT NOT NULL,
    ordinal     BIGINT NOT NULL,
    boxes       BIGINT NOT NULL,
    PRIMARY KEY (dataset_arn, label, ordinal)
);
CREATE TABLE project_versions (
    arn         TEXT NOT NULL PRIMARY KEY,
    project_arn TEXT NOT NULL REFERENCES projects (arn),
    name        TEXT NOT NULL,
    created_ms  BIGINT NOT NULL,
    status      TEXT NOT NULL,
    message     TEXT NOT NULL,
    UNIQUE (project_arn, name)
);
CREATE TABLE project_policies (
    project_arn TEXT NOT NULL REFERENCES projects (arn),
    name        TEXT NOT NULL,
    revision_id TEXT NOT NULL,
    document    TEXT NOT NULL,
    created_ms  BIGINT NOT NULL,
    updated_ms  BIGINT NOT NULL,
    PRIMARY KEY (project_arn, name)
);
CREATE TABLE tags (
    resource_arn TEXT NOT NULL,
    tag_key      TEXT NOT NULL,
    tag_value    TEXT NOT NULL,
    PRIMARY KEY (resource_arn, tag_key)
);
