"""Reads lakes as an analyst does, with Apache Spark, and prints what it finds: a line of JSON for each folder given."""
import json
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC")
    # Zones named 7 and 007 are two.
    .config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
    .config("spark.sql.shuffle.partitions", "1")
    # Small files share a task.
    .config("spark.sql.files.openCostInBytes", "1000")
    .getOrCreate()
)
for root in sys.argv[1:]:
    lake = spark.read.option("mergeSchema", "true").parquet(f"{root}/readings")
    # Columns that only some releases know.
    optional = [name for name in ("lat", "note") if name in lake.columns]
    total = lake.agg(
        f.count("*"),
        f.sum("value"),
        f.sum("seq"),
        f.sum("boot"),
        f.sum("quality"),
        f.countDistinct("gateway", "boot", "seq"),
        f.date_format(f.min("ts"), "yyyy-MM-dd HH:mm:ss.SSSSSS"),
        f.date_format(f.max("received"), "yyyy-MM-dd HH:mm:ss.SSSSSS"),
        *[f.sum(f.col(name).isNull().cast("int")) for name in optional],
    ).first()
    folders = lake.groupBy("date", "zone").count().orderBy("date", "zone").collect()
    print(
        json.dumps(
            {
                "total": list(total)[:8],
                "folders": [list(row) for row in folders],
                "nulls": dict(zip(optional, list(total)[8:])),
            }
        )
    )
