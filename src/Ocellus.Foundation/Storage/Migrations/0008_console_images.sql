-- What only the console knows of projects and images. Without these rows no label is lost.
-- A label's colour and key; also a label that no image has yet.
CREATE TABLE console_labels (
    project_arn TEXT NOT NULL,
    label       TEXT NOT NULL,
    colour      BIGINT NOT NULL,
    hotkey      TEXT NOT NULL,
    PRIMARY KEY (project_arn, label)
);
-- What a person said of an image beside its labels.
CREATE TABLE console_marks (
    project_arn TEXT NOT NULL,
    source_ref  TEXT NOT NULL,
    unsure      BIGINT NOT NULL,
    approved    BIGINT NOT NULL,
    is_empty    BIGINT NOT NULL,
    PRIMARY KEY (project_arn, source_ref)
);
-- What an image's content says, as long as the object has this entity tag. The sides are as stored.
CREATE TABLE console_image_facts (
    source_ref  TEXT NOT NULL PRIMARY KEY,
    etag        TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    width       BIGINT NOT NULL,
    height      BIGINT NOT NULL,
    orientation BIGINT NOT NULL
);
CREATE INDEX console_image_facts_by_content ON console_image_facts (sha256);
