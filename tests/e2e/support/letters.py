"""What is in a dead letter topic."""

from confluent_kafka import Consumer, TopicPartition

ORIGIN = "sluice.dead-letter."


class Letter:
    """One record of a dead letter topic: what it was, and what Sluice says about where it came from."""

    def __init__(self, message):
        self.partition = message.partition()
        self.key, self.value = message.key(), message.value()
        self.timestamp = message.timestamp()[1]
        headers = message.headers() or []
        self.headers = [(name, value) for name, value in headers if not name.startswith(ORIGIN)]
        told = [(name.removeprefix(ORIGIN), value.decode()) for name, value in headers if name.startswith(ORIGIN)]
        self.origin = dict(told)
        assert len(self.origin) == len(told), f"said twice: {told}"
        assert headers[: len(self.headers)] == self.headers, "what Sluice adds comes after the record's own headers"

    @property
    def place(self):
        return self.origin["topic"], int(self.origin["partition"]), int(self.origin["offset"])

    def __repr__(self):
        return f"<letter {self.origin} {self.key!r} {self.value!r:.60} {self.headers}>"


def letters(kafka, topic: str) -> list:
    """All letters that are in the topic now, in the order of each partition."""
    ends = {partition: end for partition, end in kafka.end_offsets(topic).items() if end > 0}
    consumer = Consumer(
        {"bootstrap.servers": kafka.bootstrap, "group.id": "looks-only", "enable.auto.commit": False, "log_level": 0}
    )
    found = []
    try:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in ends])
        while ends:
            message = consumer.poll(20)
            assert message is not None and message.error() is None, message and message.error()
            found.append(Letter(message))
            if message.offset() + 1 >= ends[message.partition()]:
                ends.pop(message.partition())
    finally:
        consumer.close()
    return found
