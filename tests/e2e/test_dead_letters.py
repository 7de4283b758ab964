"""Records that cannot be processed: tried again with ever longer pauses and in ever smaller batches, and in the end put
into the dead letter topic, whatever stands in the way."""

import random
import threading
import time

import pytest
from confluent_kafka import Producer
from confluent_kafka.cimpl import NewTopic
from support.client import Refused
from support.daemon import collect
from support.kafka_cluster import KafkaCluster
from support.letters import letters
from support.members import fill
from support.records import place
from support.waiting import eventually

DELIVERIES = 5


class Application:
    """Handles batches one by one. One with a record that it cannot process fails as a whole: it is given back, or (an
    application that dies of it) left to its lease."""

    def __init__(self, daemon, cannot_process, dies=False, pace=0, **limits):
        self.consumer = daemon.consumer()
        self.cannot_process = cannot_process
        self.dies = dies
        self.pace = pace  # seconds until it gives a batch back
        self.limits = {"wait_ms": 300, **({"lease_ms": 1000} if dies else {}), **limits}
        self.done = []  # records, in order
        self.failed = []  # (when, batch size, record that made it fail)

    def step(self):
        batch = self.consumer.fetch(**self.limits)
        if batch["batch_id"] is None:
            return
        records = batch["records"]
        for record in records:
            assert not record["final"] or len(records) == 1, "a last chance is shared with others"
        bad = [record for record in records if self.cannot_process(record)]
        self.failed += [(time.monotonic(), len(records), record) for record in bad]
        if not bad:
            self.consumer.ack(batch)
            self.done += records
        elif not self.dies:
            time.sleep(self.pace)
            self.consumer.release(batch)

    def work_until(self, what, condition, timeout_s=60):
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}; {len(self.done)} done"
            self.step()

    def deliveries_of(self, record):
        return [each["delivery"] for _, _, each in self.failed if place(each) == record]


def write(kafka, topic, records):
    """Writes {key, value, headers, timestamp, partition}; gives the place of each."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 5})
    places = [None] * len(records)

    def delivered(index):
        def note(error, message):
            assert error is None, error
            places[index] = message.topic(), message.partition(), message.offset()

        return note

    for index, record in enumerate(records):
        producer.produce(topic, **{"partition": 0, **record}, on_delivery=delivered(index))
        producer.poll(0)
    assert producer.flush(30) == 0
    return places


@pytest.fixture
def with_dead_letters(kafka, sluice, unique):
    """Makes a daemon with a dead letter topic, which is made, too, unless `exists` is False."""

    def make(partitions=1, exists=True, dead_partitions=1, dead_config=None, **settings):
        dead = f"{unique}-dead"
        if exists:
            kafka.create_topic(dead, dead_partitions, **(dead_config or {}))
        settings = {"max_deliveries": DELIVERIES, "redelivery_backoff_ms": 20, **settings}
        daemon = sluice(partitions, dead_letter_topic=dead, **settings)
        daemon.dead = dead
        daemon.wait_assigned(partitions)
        return daemon

    return make


def committed(kafka, daemon):
    return sum(kafka.committed(daemon.group).values())


def take(consumer, count=500, **limits):
    """A batch with records in it."""
    batch = consumer.fetch(**{"wait_ms": 15000, "max_records": count, **limits})
    assert batch["batch_id"], batch
    return batch


def at(record_place):
    return dict(zip(("topic", "partition", "offset"), record_place))


def state_of(daemon, partition=0, consumer=None):
    found = daemon.consumer(consumer).state()["partitions"]
    return next(each for each in found if each["partition"] == partition)


def events(daemon, kind):
    answer = daemon.consumer().call("GET", "/events")
    return [event for event in answer.json()["events"] if event["type"] == kind]


POISON = {
    "partition": {"key": b"\x00\xffk", "value": b"\xfe\x00\x01poison", "how": "given back"},
    "key": {"key": b"k7", "value": None, "how": "given back"},
    "none": {"key": None, "value": b"", "how": "left to its lease"},
}


@pytest.mark.parametrize("order", ["partition", "key", "none"])
def test_one_poison_record_in_ten_thousand_is_the_only_one_that_ends_there(kafka, with_dead_letters, order):
    how = POISON[order]
    poison = {
        "key": how["key"],
        "value": how["value"],
        "headers": [("trace", b"1"), ("x-null", None), ("trace", b"\xff\x00"), ("", b"")],
        "timestamp": 1_600_000_000_123,
    }
    daemon = with_dead_letters(partitions=2, dead_partitions=2, order=order)
    total, among = 10_000, 5_001
    stream = [{"key": b"k%d" % (n % 50), "value": b"%d" % n, "partition": n % 2} for n in range(total)]
    stream[among] = {**poison, "partition": 1}
    places = write(kafka, daemon.topic, stream)

    application = Application(
        daemon, lambda record: place(record) == places[among], dies=how["how"] == "left to its lease"
    )
    application.work_until("everything is committed", lambda: committed(kafka, daemon) == total)

    assert sorted(map(place, application.done)) == sorted(set(places) - {places[among]})
    assert application.deliveries_of(places[among]) == [1, 2, 3, 4, 5]
    sizes = [size for _, size, _ in application.failed]
    # By key, a batch holds one record of each of 50 keys.
    assert sizes == sorted(sizes, reverse=True) and sizes[0] == (50 if order == "key" else 500) and sizes[-1] == 1
    assert [record["final"] for _, _, record in application.failed] == [False] * 4 + [True]
    if order == "partition":
        last = {}
        for _, partition, offset in map(place, application.done):
            assert offset > last.get(partition, -1), "out of order"
            last[partition] = offset

    (letter,) = letters(kafka, daemon.dead)
    assert letter.place == places[among] and letter.partition == 1
    assert (letter.key, letter.value, letter.headers, letter.timestamp) == (
        poison["key"],
        poison["value"],
        poison["headers"],
        poison["timestamp"],
    )
    assert letter.origin == {
        "topic": daemon.topic,
        "partition": "1",
        "offset": str(places[among][2]),
        "timestamp": str(poison["timestamp"]),
        "group": daemon.group,
        "consumer": "c",
        "deliveries": "5",
        "cause": "max_deliveries",
    }
    assert daemon.metrics().one("sluice_records_dead_lettered_total") == 1
    assert daemon.metrics().one("sluice_records_exhausted_total") == 1


@pytest.mark.parametrize("order", ["partition", "none"])
def test_kill_9_of_the_daemon_neither_loses_a_poison_record_nor_condemns_another(kafka, with_dead_letters, order):
    kills, total = 5, 3_000
    daemon = with_dead_letters(
        partitions=2, order=order, session_timeout_ms=1000, heartbeat_interval_ms=200, redelivery_backoff_ms=150
    )
    places = write(kafka, daemon.topic, [{"value": b"%d" % n, "partition": n % 2} for n in range(total)])
    poison = places[total // 3]
    application = Application(daemon, lambda record: place(record) == poison, pace=0.15, max_records=100)
    seen = application.failed
    stop = threading.Event()

    def work():
        while not stop.is_set():
            try:
                application.step()
            except (Refused, OSError):
                time.sleep(0.02)  # it is gone, or not there yet

    def is_over():
        return committed(kafka, daemon) == total

    worker = threading.Thread(target=work)
    worker.start()
    luck = random.Random(order)
    try:
        for nth in range(kills):
            eventually("the poison has come again, or all is over", lambda: len(seen) > nth or is_over(), 40)
            time.sleep(luck.random() * 0.3)  # while it is worked on, or waits, or is written
            daemon.kill()
            daemon.start()
        eventually("everything is committed", is_over, 60, 0.2)
    finally:
        stop.set()
        worker.join(30)

    found = letters(kafka, daemon.dead)
    assert found and {letter.place for letter in found} == {poison}, found
    assert len(seen) <= DELIVERIES + kills
    assert all(record["delivery"] <= DELIVERIES for _, _, record in seen)


# ------------------------------------------------------------------------------------------ reject


@pytest.mark.sanitizers
def test_a_rejected_record_is_settled_once_it_is_safe_and_others_are_not_affected(kafka, with_dead_letters):
    daemon = with_dead_letters(partitions=1, order="none")
    places = write(kafka, daemon.topic, [{"value": b"%d" % n, "key": b"k"} for n in range(20)])
    consumer = daemon.consumer()
    batch = take(consumer, min_records=20)
    rejected = consumer.ack(batch, reject=[{**at(places[7]), "reason": "no such customer: ü"}], default="accept")
    assert (rejected["accepted"], rejected["rejected"], rejected["kept"]) == (19, 1, 0)

    eventually("everything is committed", lambda: committed(kafka, daemon) == 20, 10)
    (letter,) = letters(kafka, daemon.dead)
    assert letter.place == places[7] and letter.value == b"7"
    assert letter.origin["cause"] == "rejected" and letter.origin["reason"] == "no such customer: ü"
    assert letter.origin["deliveries"] == "1"


@pytest.mark.sanitizers
def test_rejecting_twice_is_refused_and_harmless(kafka, with_dead_letters):
    daemon = with_dead_letters(exists=False)
    places = write(kafka, daemon.topic, [{"value": b"%d" % n} for n in range(3)])
    consumer = daemon.consumer()
    batch = take(consumer, min_records=3)
    reject = [{**at(places[1]), "reason": "bad"}]
    consumer.ack(batch, reject=reject, default="accept")

    for refused in (consumer.ack(batch, reject=reject), consumer.ack(batch, accept=[1])):
        assert (refused["accepted"], refused["rejected"]) == (0, 0)
        assert [each["reason"] for each in refused["refused"]] == ["already_settled"]
    kafka.create_topic(daemon.dead)
    eventually("everything is committed", lambda: committed(kafka, daemon) == 3, 20)
    refused = consumer.ack(batch, reject=reject)
    assert [each["reason"] for each in refused["refused"]] == ["already_settled"]
    assert len(letters(kafka, daemon.dead)) == 1


def test_a_record_of_an_expired_lease_can_be_rejected_until_it_is_handed_out_again(kafka, with_dead_letters):
    daemon = with_dead_letters()
    places = write(kafka, daemon.topic, [{"value": b"%d" % n} for n in range(4)])
    consumer = daemon.consumer()
    batch = take(consumer, min_records=4, lease_ms=1000)
    eventually("the lease is over", lambda: not consumer.batches()["batches"], 10)
    late = consumer.ack(batch, reject=[{**at(places[0]), "reason": "late"}])
    assert late["rejected"] == 1
    eventually("the letter is committed", lambda: committed(kafka, daemon) == 1, 10)

    again = take(consumer)
    assert place(again["records"][0]) == places[1] and again["records"][0]["delivery"] == 2
    leased = [place(record) for record in again["records"]]
    refused = consumer.try_ack(batch, reject=[{**at(leased[0]), "reason": "too late"}])
    assert refused.status == 410
    assert [each["reason"] for each in refused.json()["refused"]] == ["lease_expired"]
    consumer.ack(again)
    collect(consumer, 4 - 1 - len(leased))
    assert [letter.place for letter in letters(kafka, daemon.dead)] == [places[0]]
    assert committed(kafka, daemon) == 4


def test_a_batch_that_is_rejected_as_a_whole_is_there_in_order(kafka, with_dead_letters):
    daemon = with_dead_letters(partitions=2, dead_partitions=2)
    total = 3_000
    places = write(kafka, daemon.topic, [{"value": b"%d" % n, "partition": n % 2} for n in range(total)])
    consumer = daemon.consumer()
    rejected = 0
    while rejected < total:
        batch = take(consumer, 1000)
        ranges = [(r["topic"], r["partition"], r["offset"]) for r in batch["records"]]
        rejected += consumer.ack(batch, reject=[{**at(each), "reason": "all of them"} for each in ranges])["rejected"]
    eventually("everything is committed", lambda: committed(kafka, daemon) == total, 30)
    found = [letter.place for letter in letters(kafka, daemon.dead)]
    for partition in range(2):
        wanted = [each for each in places if each[1] == partition]
        assert [each for each in found if each[1] == partition] == wanted


# ------------------------------------------------------------------------------------------ outages


def stuck(daemon, partition, *words):
    """Partition is blocked by its dead letter, and says why, in all places where one looks."""

    def says_it():
        blocked = state_of(daemon, partition)["blocked_by"]
        return blocked if blocked and blocked["code"] == "dead_letter" and has_all(blocked["text"]) else None

    def has_all(text):
        return all(word in text for word in words)

    found = eventually("the partition says what is wrong", says_it, 20)
    eventually("an event dead_letter_failed", lambda: events(daemon, "dead_letter_failed"), 10)
    event = events(daemon, "dead_letter_failed")[-1]
    assert {each["partition"] for each in event["partitions"]} == {partition}
    assert has_all(event["text"]), event
    assert daemon.metrics().sum("sluice_dead_letters_waiting") == 1
    waiting = daemon.consumer().state()["dead_letters"]
    assert waiting["waiting"] == 1 and waiting["error"] == found["text"], waiting
    return found["text"]


def reject_first_and_accept_the_rest(kafka, daemon, value=b"poison"):
    """Partition 0 and 1 hold 11 and 10 records; the first of 0 is rejected, everything that comes is accepted.

    In strict order nothing of partition 0 follows, and nothing of it is committed; partition 1 flows."""
    (poison,) = write(kafka, daemon.topic, [{"value": value}])
    consumer = daemon.consumer()
    batch = take(consumer)
    assert [place(record) for record in batch["records"]] == [poison]
    consumer.ack(batch, reject=[{**at(poison), "reason": "bad"}])
    write(kafka, daemon.topic, [{"value": b"%d" % n, "partition": n % 2} for n in range(20)])
    assert {record["partition"] for record in collect(consumer, 10)} == {1}
    return poison


def flows_again(kafka, daemon, poison, timeout_s):
    got = collect(daemon.consumer(), 10, timeout_s=timeout_s)
    assert [place(record) for record in got] == [(daemon.topic, 0, offset) for offset in range(1, 11)]
    eventually("everything is committed", lambda: committed(kafka, daemon) == 21, 20)
    assert [letter.place for letter in letters(kafka, daemon.dead)] == [poison]
    assert state_of(daemon)["blocked_by"] is None
    assert daemon.metrics().sum("sluice_dead_letters_waiting") == 0
    assert daemon.consumer().state()["dead_letters"]["error"] is None


@pytest.mark.sanitizers
def test_a_missing_dead_letter_topic_blocks_only_the_partition_of_the_record(kafka, with_dead_letters):
    daemon = with_dead_letters(partitions=2, exists=False)
    poison = reject_first_and_accept_the_rest(kafka, daemon)
    stuck(daemon, 0, daemon.dead, "create the topic")
    assert daemon.consumer().fetch(wait_ms=500)["reason"] == "back_off"
    assert kafka.committed(daemon.group).get((daemon.topic, 0), 0) == 0

    kafka.create_topic(daemon.dead)
    flows_again(kafka, daemon, poison, 20)


def test_a_dead_letter_topic_for_small_records_says_how_large_they_are(kafka, with_dead_letters):
    daemon = with_dead_letters(partitions=2, dead_config={"max_message_bytes": 1000})
    poison = reject_first_and_accept_the_rest(kafka, daemon, b"x" * 2000)
    text = stuck(daemon, 0, daemon.dead, "MESSAGE_TOO_LARGE", "raise max.message.bytes", f"{daemon.topic}-0")
    assert kafka.committed(daemon.group).get((daemon.topic, 0), 0) == 0

    needed = int(next(word for word in text.split() if word.isdigit()))
    assert 2000 < needed < 3000
    kafka.alter_topic(daemon.dead, max_message_bytes=needed)
    flows_again(kafka, daemon, poison, 30)


def test_side_by_side_a_letter_that_is_stuck_holds_up_nobody(kafka, with_dead_letters):
    daemon = with_dead_letters(order="none", exists=False)
    places = write(kafka, daemon.topic, [{"value": b"%d" % n} for n in range(100)])
    consumer = daemon.consumer()
    batch = take(consumer, 10, min_records=10)
    consumer.ack(batch, reject=[{**at(places[3]), "reason": "bad"}], default="accept")
    assert len(collect(consumer, 90)) == 90
    assert state_of(daemon)["blocked_by"]["code"] == "dead_letter"
    assert committed(kafka, daemon) == 3, "never past a record that is nowhere else"
    kafka.create_topic(daemon.dead)
    eventually("everything is committed", lambda: committed(kafka, daemon) == 100, 20)


@pytest.fixture
def two_brokers(directory):
    """A node, and another one that can join its cluster and is not needed by it."""
    first = KafkaCluster(directory / "kafka-1", broker__session__timeout__ms=2000, broker__heartbeat__interval__ms=300)
    first.start()
    second = KafkaCluster(
        directory / "kafka-2",
        process__roles="broker",
        node__id=2,
        controller__quorum__voters=f"1@127.0.0.1:{first.controller_port}",
        broker__heartbeat__interval__ms=300,
    )
    second._properties.append(f"listeners=PLAINTEXT://127.0.0.1:{second.port}")
    yield first, second
    second.kill()
    first.kill()


def test_too_few_replicas_of_the_dead_letter_topic_are_waited_for(two_brokers, daemons, unique):
    kafka, second = two_brokers
    dead = f"{unique}-dead"
    kafka.create_topic(unique, 2)
    settings = {"group.id": unique, "topics": [unique], "max.deliveries": 5, "dead.letter.topic": dead}
    daemon = daemons(kafka.bootstrap, {"c": settings})
    daemon.topic = daemon.group = unique
    daemon.dead = dead
    daemon.wait_assigned(2)
    second.start()
    eventually("both brokers are there", lambda: len(kafka.admin().list_topics(timeout=5).brokers) == 2)
    topic = NewTopic(dead, 1, replica_assignment=[[1, 2]], config={"min.insync.replicas": "2"})
    kafka.admin().create_topics([topic])[dead].result(30)
    second.stop()
    poison = reject_first_and_accept_the_rest(kafka, daemon)
    stuck(daemon, 0, dead, "NOT_ENOUGH_REPLICAS", "min.insync.replicas")

    kafka.alter_topic(dead, min_insync_replicas=1)
    flows_again(kafka, daemon, poison, 30)


# ------------------------------------------------------------------------------------------ stopping


@pytest.mark.sanitizers
def test_a_stop_waits_for_the_dead_letter_and_exits_0(kafka, with_dead_letters):
    daemon = with_dead_letters()
    places = write(kafka, daemon.topic, [{"value": b"%d" % n} for n in range(500)])
    batch = take(daemon.consumer(), min_records=500)
    rejected = [{**at(each), "reason": "bad"} for each in places]
    assert daemon.consumer().ack(batch, reject=rejected, commit="async")["rejected"] == 500
    assert daemon.stop() == 0
    assert committed(kafka, daemon) == 500
    assert len(letters(kafka, daemon.dead)) == 500


@pytest.mark.parametrize("how", ["rejected", "failed too often"])
def test_a_stop_in_an_outage_of_the_dead_letter_topic_says_that_work_is_left(kafka, with_dead_letters, how):
    daemon = with_dead_letters(exists=False, sections={"shutdown": {"drain.timeout.ms": "2s"}}, max_deliveries=2)
    places = write(kafka, daemon.topic, [{"value": b"%d" % n} for n in range(3)])
    consumer = daemon.consumer()
    if how == "rejected":
        batch = take(consumer, min_records=3)
        consumer.ack(batch, accept=[0], reject=[{**at(places[1]), "reason": "bad"}])
        consumer.release(batch)
    else:
        application = Application(daemon, lambda record: place(record) == places[1])
        application.work_until("it has failed for the last time", lambda: len(application.failed) == 2)
    stuck(daemon, 0, daemon.dead, "create the topic")
    started = time.monotonic()
    assert daemon.stop() == 3
    assert 1.9 <= time.monotonic() - started < 5
    assert committed(kafka, daemon) == 1

    daemon.start()
    consumer = daemon.consumer()
    if how == "rejected":
        (again,) = take(consumer, 1)["records"]
        assert place(again) == places[1] and again["delivery"] == 2 and again["final"]
        assert consumer.ack(consumer.batches()["batches"][0], reject=[{"index": 0, "reason": "bad"}])["rejected"] == 1
    else:
        stuck(daemon, 0, daemon.dead, "create the topic")  # no further delivery: it has had all of them
    kafka.create_topic(daemon.dead)
    (last,) = collect(consumer, 1, timeout_s=20)
    assert place(last) == places[2]
    eventually("everything is committed", lambda: committed(kafka, daemon) == 3, 10)
    (letter,) = letters(kafka, daemon.dead)
    assert letter.place == places[1] and letter.origin["deliveries"] == "2"


# ------------------------------------------------------------------------------------------ pauses and shrinking


def test_pauses_between_deliveries_double(kafka, sluice):
    pause = 0.4
    daemon = sluice(order="none", redelivery_backoff_ms=int(pause * 1000))
    daemon.wait_assigned(1)
    places = write(kafka, daemon.topic, [{"value": b"poison"}])
    application = Application(daemon, lambda record: place(record) == places[0], wait_ms=5000)
    application.work_until("five deliveries", lambda: len(application.failed) == 5)
    times = [when for when, _, _ in application.failed]
    waits = [after - before for before, after in zip(times, times[1:])]
    assert waits[0] < 0.3 * pause, waits
    for wait, wanted in zip(waits[1:], (pause, 2 * pause, 4 * pause)):
        assert wanted * 0.97 <= wait <= wanted * 1.3, waits


def test_a_release_with_a_delay_decides_for_itself(kafka, sluice):
    daemon = sluice(order="none", redelivery_backoff_ms=30000)
    daemon.wait_assigned(1)
    write(kafka, daemon.topic, [{"value": b"poison"}])
    consumer = daemon.consumer()
    for delay in (0.5, 0, 1.0, 0):
        batch = take(consumer, wait_ms=20000)
        started = time.monotonic()
        consumer.release(batch, delay_ms=int(delay * 1000))
        batch = take(consumer, wait_ms=20000)
        assert delay * 0.97 <= time.monotonic() - started <= delay * 1.3 + 0.1
        consumer.ack(batch, release=[{"index": 0, "delay_ms": 0}])


def test_without_a_dead_letter_topic_it_is_tried_for_ever(kafka, sluice):
    daemon = sluice(redelivery_backoff_ms=10, redelivery_backoff_max_ms=20, max_deliveries=3)
    daemon.wait_assigned(1)
    places = write(kafka, daemon.topic, [{"value": b"%d" % n} for n in range(500)])
    application = Application(daemon, lambda record: place(record) == places[250])
    application.work_until("twelve deliveries", lambda: len(application.failed) == 12)
    assert application.deliveries_of(places[250]) == list(range(1, 13))
    assert not any(record["final"] for _, _, record in application.failed)
    assert [place(record) for record in application.done] == places[:250], "in order, and nothing behind it"
    application.cannot_process = lambda record: False
    application.work_until("it went well at last", lambda: committed(kafka, daemon) == 500)
    assert [place(record) for record in application.done] == places


def test_suspects_shrink_to_single_records_while_good_records_flow(kafka, with_dead_letters):
    daemon = with_dead_letters(order="none", redelivery_backoff_ms=300)
    places = write(kafka, daemon.topic, [{"value": b"%d" % n} for n in range(500)])
    poison = places[123]
    application = Application(daemon, lambda record: place(record) == poison, min_records=500, wait_ms=2000)
    application.step()
    assert [size for _, size, _ in application.failed] == [500]
    application.limits = {"wait_ms": 100}
    flowing = 0
    deadline = time.monotonic() + 30
    while not kafka.end_offsets(daemon.dead)[0]:
        assert time.monotonic() < deadline
        before = len(application.done)
        fresh = write(kafka, daemon.topic, [{"value": b"new"} for _ in range(50)])
        flowing += 50
        application.work_until(
            "what is new is done", lambda: set(fresh) <= {place(record) for record in application.done[before:]}, 5
        )
    application.work_until("everything is committed", lambda: committed(kafka, daemon) == 500 + flowing, 5)
    sizes = [size for _, size, _ in application.failed]
    assert len(sizes) == DELIVERIES and sizes[-1] == 1
    assert all(after < before / 2 for before, after in zip(sizes, sizes[1:])), sizes
    assert len(application.done) == len({place(record) for record in application.done}) == 499 + flowing


# ------------------------------------------------------------------------------------------ many writers


def test_consumers_and_daemons_share_a_dead_letter_topic(kafka, daemons, unique):
    dead = kafka.create_topic(f"{unique}-dead", 3)
    for topic in ("a", "b"):
        kafka.create_topic(f"{unique}-{topic}", 4)
        fill(kafka.bootstrap, f"{unique}-{topic}", 4, 2000)
    consumers = {
        name: {
            "group.id": f"{unique}-{name}",
            "topics": [f"{unique}-{name}"],
            "max.deliveries": 2,
            "dead.letter.topic": dead,
            "redelivery.backoff.ms": 10,
            "order": order,
        }
        for name, order in (("a", "key"), ("b", "partition"))
    }
    one = daemons(kafka.bootstrap, consumers, name="one")
    two = daemons(kafka.bootstrap, consumers, name="two")
    for daemon in (one, two):
        for name in consumers:
            eventually("half of the partitions", lambda: len(daemon.assigned(name)) == 2)

    def bad(record):
        return record["offset"] % 25 == 7

    def work(daemon, name):
        consumer = daemon.consumer(name)
        while sum(kafka.committed(f"{unique}-{name}").values()) < 2000:
            batch = consumer.fetch(wait_ms=200, max_records=100)
            if not batch["batch_id"]:
                continue
            reject = [{"index": n, "reason": "bad"} for n, r in enumerate(batch["records"]) if bad(r)]
            consumer.ack(batch, reject=reject, default="accept")

    threads = [threading.Thread(target=work, args=(d, n)) for d in (one, two) for n in consumers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()

    found = letters(kafka, dead)
    wanted = {
        (f"{unique}-{name}", partition, offset)
        for name in consumers
        for partition in range(4)
        for offset in range(7, 500, 25)
    }
    assert len(found) == len(wanted) and {letter.place for letter in found} == wanted
    assert all(letter.origin["consumer"] == letter.origin["topic"][-1] for letter in found)
    assert all(letter.partition == letter.place[1] % 3 for letter in found)
