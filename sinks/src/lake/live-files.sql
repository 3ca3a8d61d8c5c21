-- The files whose rows count, of one listing: without those that a compaction is just replacing, or has replaced and
-- could not remove because it was killed. Give the lake's place as the variable `lake`.
SET VARIABLE files = (
  WITH named AS (
    SELECT file, regexp_extract(file, '^(.*)/([^/]+)-\d+-\d+-p(\d+)(?:_(\d+))?-n\d+\.parquet$', ['folder', 'source', 'first', 'last']) AS name
    FROM glob(getvariable('lake') || '/readings/**/*.parquet')
  ), ranges AS (
    SELECT file, name.folder AS folder, name.source AS source, name.first::BIGINT AS first,
           coalesce(nullif(name.last, ''), name.first)::BIGINT AS last
    FROM named
  )
  SELECT list(file ORDER BY file)
  FROM ranges AS one
  WHERE NOT EXISTS (
    SELECT 1 FROM ranges AS other
    WHERE other.folder = one.folder AND other.source = one.source
      AND other.first <= one.first AND other.last >= one.last AND other.last - other.first > one.last - one.first
  )
);
