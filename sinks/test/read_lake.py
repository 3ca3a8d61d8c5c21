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
    .getOrCreate()
)
for root in sys.argv[1:]:
    lake = spark.read.option("mergeSchema", "true").parquet(f"{root}/readings")
    total = lake.agg(
        f.count("*"),
        f.sum("value"),
        f.sum("seq"),
        f.sum("boot"),
        f.sum("quality"),
        f.countDistinct("gateway", "boot", "seq"),
        f.date_format(f.min("ts"), "yyyy-MM-dd HH:mm:ss.SSSSSS"),
        f.date_format(f.max("received"), "yyyy-MM-dd HH:mm:ss.SSSSSS"),
    ).first()
    folders = lake.groupBy("date", "zone").count().orderBy("date", "zone").collect()
    print(
        json.dumps(
            {
                "total": list(total),
                "folders": [list(row) for row in folders],
                "columns": lake.columns,
                "nulls": {name: lake.filter(f.col(name).isNull()).count() for name in ("lat", "note") if name in lake.columns},
            }
        )
    )
