-- Written, but never read: progress is the version's message, and only crashes of a job's process are counted.
ALTER TABLE training_jobs DROP COLUMN progress;
ALTER TABLE training_jobs DROP COLUMN starts;
