-- One for what was raised and what clears it.
ALTER TABLE alerts ADD COLUMN IF NOT EXISTS id VARCHAR;
