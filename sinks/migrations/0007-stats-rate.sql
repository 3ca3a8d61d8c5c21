-- Increase a second of a counter, resets allowed for; NULL where the metric is none.
ALTER TABLE stats ADD COLUMN IF NOT EXISTS rate DOUBLE;
