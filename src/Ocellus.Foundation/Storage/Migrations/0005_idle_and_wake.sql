-- Units of the last start, for a version that a request wakes; and why a version stopped by itself.
ALTER TABLE project_versions ADD COLUMN last_min_units BIGINT;
ALTER TABLE project_versions ADD COLUMN last_max_units BIGINT;
ALTER TABLE project_versions ADD COLUMN stop_reason TEXT;
UPDATE project_versions SET last_min_units = min_units, last_max_units = max_units;
