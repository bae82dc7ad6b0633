-- The rest of a version. JSON columns hold shapes of the wire, which are only returned whole.
ALTER TABLE project_versions ADD COLUMN account_id TEXT NOT NULL DEFAULT '';
ALTER TABLE project_versions ADD COLUMN region TEXT NOT NULL DEFAULT '';
ALTER TABLE project_versions ADD COLUMN updated_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE project_versions ADD COLUMN description TEXT;
ALTER TABLE project_versions ADD COLUMN kms_key_id TEXT;
ALTER TABLE project_versions ADD COLUMN output_bucket TEXT NOT NULL DEFAULT '';
ALTER TABLE project_versions ADD COLUMN output_prefix TEXT NOT NULL DEFAULT '';
ALTER TABLE project_versions ADD COLUMN folder TEXT NOT NULL DEFAULT '';
ALTER TABLE project_versions ADD COLUMN min_units BIGINT;
ALTER TABLE project_versions ADD COLUMN max_units BIGINT;
ALTER TABLE project_versions ADD COLUMN ended_ms BIGINT;
ALTER TABLE project_versions ADD COLUMN billable_seconds BIGINT;
ALTER TABLE project_versions ADD COLUMN source_arn TEXT;
ALTER TABLE project_versions ADD COLUMN training_result TEXT;
ALTER TABLE project_versions ADD COLUMN testing_result TEXT;
ALTER TABLE project_versions ADD COLUMN evaluation_result TEXT;
ALTER TABLE project_versions ADD COLUMN manifest_summary TEXT;
CREATE INDEX project_versions_by_status ON project_versions (status);
CREATE INDEX project_versions_by_time ON project_versions (project_arn, created_ms);
CREATE TABLE training_jobs (
    version_arn    TEXT NOT NULL PRIMARY KEY REFERENCES project_versions (arn),
    lease_owner    TEXT,
    lease_until_ms BIGINT NOT NULL,
    starts         BIGINT NOT NULL,
    crashes        BIGINT NOT NULL,
    progress       TEXT
);
