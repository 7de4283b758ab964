"""A million records through four workers: nothing lost, in order, and Kafka agrees about what is committed."""

import time

import pytest
from support.members import fill
from support.waiting import eventually
from support.workers import Findings, Workers


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "total",
    [pytest.param(1_000_000, id="1000000"), pytest.param(60_000, id="60000", marks=pytest.mark.sanitizers)],
)
def test_every_record_is_acked_in_order_and_committed(kafka, sluice, directory, record_property, total):
    partitions = 12
    daemon = sluice(partitions=partitions)
    fill(kafka.bootstrap, daemon.topic, partitions, total, size=100)
    ends = kafka.end_offsets(daemon.topic)
    assert sum(ends.values()) == total

    started = time.monotonic()
    workers = Workers(directory, daemon.address, "c", 4, total, max_records=2000 if total > 100_000 else 250, max_bytes=4 << 20)
    workers.join(500)
    took = time.monotonic() - started
    record_property("records_per_second", round(total / took))
    print(f"{total} records in {took:.1f} s: {total / took:.0f} records/s")

    findings = Findings(workers.history())
    assert len(findings.accepted_at) == total
    assert set(findings.accepted_at) == {(daemon.topic, p, offset) for p, end in ends.items() for offset in range(end)}
    assert not findings.out_of_order, findings.out_of_order[:5]
    assert not findings.again_after_ack, findings.again_after_ack[:5]

    # Kafka's own tool is the judge of what is committed.
    rows = kafka.describe_group_with_kafkas_tool(daemon.group)
    assert {row["partition"]: row["committed"] for row in rows} == ends
    assert all(row["lag"] == 0 for row in rows)
    eventually("the lag metric is 0", lambda: lag_is_zero(daemon, partitions), timeout_s=15)


def lag_is_zero(daemon, partitions):
    found = daemon.metrics().all("sluice_partition_lag_records", consumer="c")
    return len(found) == partitions and all(value == 0 for _, value in found)
