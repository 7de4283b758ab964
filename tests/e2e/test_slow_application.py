"""Membership never depends on the application: the seed's case, and the same for the usual clients beside it."""

import pytest
import slow_application
from support.waiting import eventually

HOLD_S = 60


@pytest.mark.timeout(300)
def test_a_batch_that_takes_ten_sessions_causes_no_rebalance(kafka, directory, record_property):
    results = slow_application.tell_all(kafka, directory, HOLD_S)
    print(slow_application.table(results, HOLD_S))
    record_property("slow_application", results)

    ours = results["sluiced"]
    assert ours["rebalances"] == 0
    assert ours["members_kept"]
    assert ours["duplicates"] == 0
    assert ours["commit"] == "committed"


@pytest.mark.sanitizers
@pytest.mark.timeout(120)
def test_a_silent_application_does_not_cost_the_membership(sluice, kafka):
    """Nobody fetches for two session timeouts: the member stays the same."""
    daemon = sluice(partitions=2, session_timeout_ms=2000, heartbeat_interval_ms=300)
    daemon.wait_assigned(2)
    (before,) = kafka.group(daemon.group).members
    heartbeats = daemon.metrics().sum("sluice_heartbeats_total")

    eventually(
        "20 more heartbeats", lambda: daemon.metrics().sum("sluice_heartbeats_total") >= heartbeats + 20, timeout_s=20
    )

    (after,) = kafka.group(daemon.group).members
    assert after.member_id == before.member_id
    assert daemon.metrics().sum("sluice_rebalances_total", reason="member_expired") == 0
