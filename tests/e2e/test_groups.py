"""Members of different make in one group: after every join and leave each partition has exactly one owner, the one
that the assignor's rule names."""

import pytest
from support.members import fill, java_member, librdkafka_member
from support.waiting import eventually
from support.workers import Findings, Workers

TOPICS = {"a": 6, "b": 5}
TOTAL = sum(TOPICS.values())


class Group:
    """One group over two topics, and everybody who is in it now."""

    def __init__(self, kafka, daemons, directory, unique, assignor):
        self.kafka, self._daemons, self._directory = kafka, daemons, directory
        self.name, self.assignor = unique, assignor
        self.topics = {kafka.create_topic(f"{unique}-{name}", count): count for name, count in TOPICS.items()}
        self._owned = {}  # client id -> a function that tells what it believes to own

    def join_daemon(self, client):
        settings = {
            "group.id": self.name,
            "topics": list(self.topics),
            "partition.assignment.strategy": self.assignor,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 500,
        }
        daemon = self._daemons(self.kafka.bootstrap, {"c": settings}, name=client)
        self._owned[client] = daemon.assigned
        return daemon

    def join(self, make, client):
        member = make(
            self._directory, self.kafka.bootstrap, self.name, ",".join(self.topics), self.assignor, client=client, consume=False
        )
        self._owned[client] = member.owned
        return member

    def left(self, client):
        del self._owned[client]

    def settle(self) -> dict:
        """Waits until everybody agrees with the coordinator and every partition has one owner; returns who owns what,
        after comparing it with the rule of the assignor."""
        return eventually(f"the partitions are shared by {sorted(self._owned)}", self._agreed, timeout_s=45, interval_s=0.3)

    def _agreed(self):
        group = self.kafka.group(self.name)
        if group.state.name != "STABLE":
            return None
        by_member = {
            member.member_id: [(tp.topic, tp.partition) for tp in member.assignment.topic_partitions]
            for member in group.members
        }
        clients = {member.member_id: member.client_id for member in group.members}
        if sorted(clients.values()) != sorted(self._owned):
            return None
        everything = [partition for owned in by_member.values() for partition in owned]
        if len(everything) != TOTAL or len(set(everything)) != TOTAL:
            return None
        by_client = {clients[member]: set(owned) for member, owned in by_member.items()}
        if any(set(believed()) != by_client[client] for client, believed in self._owned.items()):
            return None
        if not self._follows_the_rule({member: set(owned) for member, owned in by_member.items()}):
            return None
        return by_client

    def _follows_the_rule(self, by_member):
        if self.assignor == "range":
            return by_member == self._range(sorted(by_member))
        if self.assignor == "roundrobin":
            return by_member == self._round_robin(sorted(by_member))
        sizes = [len(owned) for owned in by_member.values()]
        return max(sizes) - min(sizes) <= 1

    def _range(self, members):
        expected = {member: set() for member in members}
        for topic, count in self.topics.items():
            each, extra = divmod(count, len(members))
            first = 0
            for index, member in enumerate(members):
                size = each + (1 if index < extra else 0)
                expected[member] |= {(topic, number) for number in range(first, first + size)}
                first += size
        return expected

    def _round_robin(self, members):
        expected = {member: set() for member in members}
        everything = [(topic, number) for topic in sorted(self.topics) for number in range(self.topics[topic])]
        for index, partition in enumerate(everything):
            expected[members[index % len(members)]].add(partition)
        return expected


def kept(before, after):
    """How many partitions stayed where they were."""
    return sum(len(before[client] & after[client]) for client in before.keys() & after.keys())


@pytest.fixture
def group(kafka, daemons, directory, unique, assignor):
    return Group(kafka, daemons, directory, unique, assignor)


ASSIGNORS = pytest.mark.parametrize("assignor", ["range", "cooperative-sticky", "roundrobin"])


@ASSIGNORS
@pytest.mark.timeout(240)
def test_two_daemons_and_a_java_member_with_a_daemon_as_leader(group, assignor):
    first = group.join_daemon("one")
    alone = group.settle()
    java = group.join(java_member, "java")
    two = group.settle()
    second = group.join_daemon("two")
    three = group.settle()
    if assignor == "cooperative-sticky":
        assert kept(alone, two) >= TOTAL // 2  # what stays is all that the first may keep
        assert kept(two, three) >= TOTAL - 4  # only the newcomer's share moves
    java.leave()
    group.left("java")
    after = group.settle()
    if assignor == "cooperative-sticky":
        assert kept(three, after) == len(three["one"]) + len(three["two"])
    assert first.stop() == 0
    group.left("one")
    group.settle()
    assert second.metrics().sum("sluice_partitions_lost_total") == 0


@ASSIGNORS
@pytest.mark.timeout(240)
def test_two_daemons_follow_a_java_leader(group, assignor):
    java = group.join(java_member, "java")
    group.settle()
    group.join_daemon("one")
    group.settle()
    second = group.join_daemon("two")
    group.settle()
    second.kill()  # without a word: the session has to run out
    group.left("two")
    group.settle()
    java.leave()
    group.left("java")
    group.settle()


@ASSIGNORS
@pytest.mark.timeout(240)
def test_a_librdkafka_member_beside_a_daemon(group, assignor):
    librdkafka = group.join(librdkafka_member, "librdkafka")
    group.settle()
    daemon = group.join_daemon("one")
    group.settle()
    librdkafka.leave()
    group.left("librdkafka")
    group.settle()
    group.join(librdkafka_member, "librdkafka-2")
    group.settle()
    assert daemon.stop() == 0
    group.left("one")
    group.settle()


@pytest.mark.sanitizers
@pytest.mark.timeout(240)
@pytest.mark.parametrize("assignor", ["range", "cooperative-sticky"])
def test_rebalances_under_load_repeat_nothing_that_was_acked(kafka, daemons, directory, unique, assignor):
    """Daemons join and leave in good order while workers pull from both: what was acked never comes again."""
    partitions, total = 8, 60_000
    topic = kafka.create_topic(unique, partitions)
    settings = {
        "group.id": unique,
        "topics": [topic],
        "partition.assignment.strategy": assignor,
        "heartbeat.interval.ms": 300,
    }
    fill(kafka.bootstrap, topic, partitions, total)
    first = daemons(kafka.bootstrap, {"c": settings}, name="one")
    crews = [Workers(directory, first.address, "c", 2, style="plain", pace_s=0.005, max_records=20)]
    eventually("work is under way", lambda: crews[0].settled > 1000, 60)
    second = daemons(kafka.bootstrap, {"c": settings}, name="two")
    crews.append(Workers(directory, second.address, "c", 2, style="plain", pace_s=0.005, max_records=20))
    eventually("the second works too", lambda: crews[1].settled > 1000, 60)
    assert first.stop() == 0
    eventually(
        "everything is committed", lambda: sum(kafka.committed(unique).values()) == total, 90, interval_s=0.3
    )
    for crew in crews:
        crew.stop()
    for crew in crews:
        crew.join(30)

    history = sorted(crews[0].history() + crews[1].history(), key=lambda delivery: delivery["at"])
    findings = Findings(history)
    assert len(findings.deliveries) == total
    assert not findings.again_after_ack, findings.again_after_ack[:5]
    print(f"{findings.duplicates} of {total} records were delivered twice")
