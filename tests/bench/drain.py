"""Drains the same pre-filled topics through sluiced over HTTP and with librdkafka in-process, in interleaved rounds.

usage: drain.py [--short] [--rounds N] [--sizes 100,1024,10240]

Prints a table of medians with minimum and maximum: records/s, MB/s of values, CPU-seconds per GB of values (sluiced and
its client apart), and peak memory. Ratios are taken round by round, so a noisy machine spoils both sides alike.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from support.daemon import Daemon  # noqa: E402
from support.kafka_cluster import KafkaCluster  # noqa: E402
from support.members import fill  # noqa: E402
from support.paths import work_dir  # noqa: E402

BENCH = ROOT / "build" / "bench" / "tests" / "bench"
PARTITIONS = 6
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


def run(command: list) -> dict:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed: {done.stderr}")
    return json.loads(done.stdout)


def through_sluice(cluster, directory: Path, topic: str, records: int, size: int, accept: str) -> dict:
    settings = {"group.id": f"{directory.name}", "topics": [topic], "partition.assignment.strategy": "range"}
    daemon = Daemon(directory, cluster.bootstrap, {"bench": settings}, log={"level": "warn"})
    daemon.start()
    host, port = daemon.address.rsplit(":", 1)
    before = cpu_seconds(daemon.pid)
    result = run([BENCH / "drain_http", host, port, "bench", records, 20000, 1 << 20, accept])
    gigabytes = result["records"] * size / 1e9
    figures = {
        "rate": result["records"] / result["seconds"],
        "daemon_cpu": (cpu_seconds(daemon.pid) - before) / gigabytes,
        "client_cpu": result["client_cpu"] / gigabytes,
        "peak": peak_mib(daemon.pid),
    }
    daemon.stop()
    return figures


def with_librdkafka(cluster, group: str, topic: str, records: int, size: int) -> dict:
    result = run([BENCH / "drain_librdkafka", cluster.bootstrap, topic, group, records])
    gigabytes = result["records"] * size / 1e9
    return {
        "rate": result["records"] / result["seconds"],
        "daemon_cpu": result["cpu"] / gigabytes,
        "client_cpu": 0.0,
        "peak": result["peak_kib"] / 1024,
        "version": result["version"],
    }


def spread(values: list, digits: int) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:,.{digits}f} [{low:,.{digits}f}-{high:,.{digits}f}]"


def row(name: str, size: int, rounds: list, ratios: list) -> str:
    rates = [each["rate"] for each in rounds]
    cells = [
        name,
        spread([rate / 1000 for rate in rates], 0),
        spread([rate * size / 1e6 for rate in rates], 0),
        spread([each["daemon_cpu"] for each in rounds], 2),
        spread([each["client_cpu"] for each in rounds], 2) if rounds[0]["client_cpu"] else "in the same process",
        spread([each["peak"] for each in rounds], 0),
        spread(ratios, 2) if ratios else "1",
    ]
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="a tenth of the data, one round: only shows that it runs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", default="100,1024,10240")
    options = parser.parse_args()
    rounds = 1 if options.short else options.rounds
    directory = work_dir()
    cluster = KafkaCluster(directory / "kafka")
    (directory / "kafka").mkdir(parents=True, exist_ok=True)
    cluster.start()
    for size in [int(part) for part in options.sizes.split(",")]:
        records = (800_000_000 if size == 100 else 1_600_000_000) // size // (10 if options.short else 1)
        records -= records % PARTITIONS
        topic = cluster.create_topic(f"drain-{size}", PARTITIONS)
        fill(cluster.bootstrap, topic, PARTITIONS, records, size)
        with_librdkafka(cluster, f"warm-{size}", topic, records, size)  # the first reader pays for cold pages
        results = {"librdkafka": [], "sluiced, JSON": [], "sluiced, NDJSON": []}
        for number in range(rounds):
            results["librdkafka"].append(with_librdkafka(cluster, f"rd-{size}-{number}", topic, records, size))
            for name, accept in (("JSON", "application/json"), ("NDJSON", "application/x-ndjson")):
                place = directory / f"{name.lower()}-{size}-{number}"
                results[f"sluiced, {name}"].append(through_sluice(cluster, place, topic, records, size, accept))
        version = results["librdkafka"][0]["version"]
        print(f"\n{size} B values, {records:,} records, {PARTITIONS} partitions, {rounds} rounds; librdkafka {version}\n")
        print("| reader | krecords/s | MB/s | CPU s/GB | client CPU s/GB | peak MiB | records/s : librdkafka |")
        print("|---|---|---|---|---|---|---|")
        for name, each in results.items():
            ratios = []
            if name != "librdkafka":
                ratios = [a["rate"] / b["rate"] for a, b in zip(each, results["librdkafka"])]
            print(row(name, size, each, ratios), flush=True)
        cluster.delete_topic(topic)
    cluster.stop()


if __name__ == "__main__":
    main()
