-- Entries refer to their dataset by number: an ARN of a hundred characters in every row and index made them several times as large.
ALTER TABLE datasets ADD COLUMN id BIGINT;
UPDATE datasets SET id = (SELECT COUNT(*) FROM datasets d WHERE d.arn <= datasets.arn);
CREATE UNIQUE INDEX datasets_by_id ON datasets (id);

CREATE TABLE dataset_entries_2 (
    dataset_id BIGINT NOT NULL REFERENCES datasets (id),
    ordinal    BIGINT NOT NULL,
    source_ref TEXT NOT NULL,
    labeled    BIGINT NOT NULL,
    has_errors BIGINT NOT NULL,
    entry      TEXT NOT NULL,
    PRIMARY KEY (dataset_id, ordinal),
    UNIQUE (dataset_id, source_ref)
);
INSERT INTO dataset_entries_2 (dataset_id, ordinal, source_ref, labeled, has_errors, entry)
    SELECT d.id, e.ordinal, e.source_ref, e.labeled, e.has_errors, e.entry FROM dataset_entries e JOIN datasets d ON d.arn = e.dataset_arn ORDER BY d.id, e.ordinal;
DROP TABLE dataset_entries;
ALTER TABLE dataset_entries_2 RENAME TO dataset_entries;
CREATE INDEX dataset_entries_by_label_state ON dataset_entries (dataset_id, labeled, ordinal);
CREATE INDEX dataset_entries_with_errors ON dataset_entries (dataset_id, ordinal) WHERE has_errors = 1;

CREATE TABLE dataset_entry_labels_2 (
    dataset_id BIGINT NOT NULL,
    ordinal    BIGINT NOT NULL,
    label      TEXT NOT NULL,
    boxes      BIGINT NOT NULL,
    PRIMARY KEY (dataset_id, ordinal, label)
);
INSERT INTO dataset_entry_labels_2 (dataset_id, ordinal, label, boxes)
    SELECT d.id, l.ordinal, l.label, l.boxes FROM dataset_entry_labels l JOIN datasets d ON d.arn = l.dataset_arn ORDER BY d.id, l.ordinal;
DROP TABLE dataset_entry_labels;
ALTER TABLE dataset_entry_labels_2 RENAME TO dataset_entry_labels;
-- With boxes, the index alone suffices for ListDatasetLabels.
CREATE INDEX dataset_entry_labels_by_label ON dataset_entry_labels (dataset_id, label, ordinal, boxes);

-- The job of an UPDATE_IN_PROGRESS dataset. The row is deleted in the transaction that ends the job.
CREATE TABLE dataset_jobs (
    dataset_id BIGINT NOT NULL PRIMARY KEY REFERENCES datasets (id),
    kind       TEXT NOT NULL,
    partner_id BIGINT REFERENCES datasets (id),
    changes    BYTEA
);
