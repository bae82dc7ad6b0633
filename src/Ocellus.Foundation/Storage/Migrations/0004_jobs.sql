-- Written and never read: progress is the version's message, and only deaths of a job's process count.
ALTER TABLE training_jobs DROP COLUMN progress;
ALTER TABLE training_jobs DROP COLUMN starts;
