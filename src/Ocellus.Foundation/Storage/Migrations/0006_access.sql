-- Identity policies of access keys. A key without one may do nothing.
CREATE TABLE access_key_policies (
    access_key_id TEXT NOT NULL REFERENCES access_keys (access_key_id),
    name          TEXT NOT NULL,
    document      TEXT NOT NULL,
    PRIMARY KEY (access_key_id, name)
);
ALTER TABLE access_keys ADD COLUMN created_ms BIGINT NOT NULL DEFAULT 0;
-- The key of DIR/credentials, made at the first start.
ALTER TABLE access_keys ADD COLUMN is_default BIGINT NOT NULL DEFAULT 0;
-- Existing keys could do everything, and the first of them was in the file.
INSERT INTO access_key_policies (access_key_id, name, document)
    SELECT access_key_id, 'administrator', '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}' FROM access_keys;
UPDATE access_keys SET is_default = 1 WHERE access_key_id = (SELECT MIN(access_key_id) FROM access_keys);
-- Incremented with every change of keys and their policies, so that a running server detects it by reading one number.
CREATE TABLE access_revision (revision BIGINT NOT NULL);
INSERT INTO access_revision (revision) VALUES (1);
-- The rights of the caller of a training or copy at the time of the call. Kept until the work ends.
CREATE TABLE version_rights (
    version_arn TEXT NOT NULL PRIMARY KEY REFERENCES project_versions (arn),
    rights      TEXT NOT NULL
);
INSERT INTO version_rights (version_arn, rights)
    SELECT arn, '{"accountId":"' || account_id || '","region":"' || region || '","userName":"admin","accessKeyId":"","isSecure":false,"atMs":0,"policies":["{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}"]}'
    FROM project_versions WHERE status IN ('TRAINING_IN_PROGRESS', 'COPYING_IN_PROGRESS');
