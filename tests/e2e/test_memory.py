"""One hard memory budget, however much waits at the broker and however slow the application is."""

import time

import pytest
from support.members import fill

MIB = 1 << 20


@pytest.mark.budget
@pytest.mark.timeout(400)
def test_a_slow_application_in_front_of_640_mib_stays_inside_the_budget(kafka, sluice, record_property):
    partitions, per_partition, size = 64, 10 * MIB, 10_000
    budget = 32 * MIB
    daemon = sluice(partitions=partitions, sections={"memory": {"budget": "32MiB"}})
    fill(kafka.bootstrap, daemon.topic, partitions, partitions * per_partition // size, size=size)
    daemon.wait_assigned(partitions)
    workers = [daemon.consumer() for _ in range(4)]
    delivered = 0

    deadline = time.monotonic() + 25
    while time.monotonic() < deadline:
        held = [worker.fetch(max_records=200, max_bytes=-1, wait_ms=2000) for worker in workers]
        delivered += sum(len(batch["records"]) for batch in held)
        time.sleep(0.5)  # the application is slow
        for worker, batch in zip(workers, held):
            if batch["batch_id"]:
                worker.ack(batch)
        assert daemon.metrics().one("sluice_memory_used_bytes") <= budget

    peak = daemon.memory()["VmHWM"]
    record_property("peak_memory_mib", round(peak / MIB, 1))
    print(f"peak resident memory {peak / MIB:.1f} MiB with a budget of {budget / MIB:.0f} MiB; {delivered} records")
    assert delivered > 1000
    assert peak < budget + 32 * MIB


@pytest.mark.budget
@pytest.mark.timeout(300)
def test_an_application_that_takes_nothing_costs_no_more_than_the_budget(kafka, sluice):
    daemon = sluice(partitions=32, sections={"memory": {"budget": "32MiB"}})
    fill(kafka.bootstrap, daemon.topic, 32, 32_000, size=10_000, codec="zstd")
    daemon.wait_assigned(32)
    time.sleep(8)  # time enough to fetch the 320 MB if nothing held it back

    assert daemon.memory()["VmHWM"] < 64 * MIB
    assert len(daemon.consumer().fetch(max_records=10, wait_ms=5000)["records"]) == 10
