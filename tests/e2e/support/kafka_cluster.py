"""A real Apache Kafka node (KRaft) and Kafka's own command-line tools."""

import subprocess
from pathlib import Path

from confluent_kafka.admin import AdminClient, ConfigResource
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.cimpl import NewTopic

from .paths import KAFKA_LIBS, KAFKA_NODE
from .ports import free_port
from .process import Child
from .waiting import eventually


def java(*arguments, heap="256m") -> list:
    """A Java command line on Kafka's own class path."""
    return ["java", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{KAFKA_LIBS}/*", *arguments]


class KafkaCluster:
    """One node on loopback. The directory keeps its data, so stop() and start() is a broker restart."""

    def __init__(self, directory: Path, **properties):
        self.directory = directory
        self.port = free_port()
        self.controller_port = free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        # Tests write records of any age; the broker must not delete them behind our back.
        properties.setdefault("log__retention__ms", -1)
        self._properties = [f"{name.replace('__', '.')}={value}" for name, value in properties.items()]
        self._node = None
        self._admin = None
        self._starts = 0

    def start(self):
        self._starts += 1
        log = self.directory / f"broker-{self._starts}.log"
        command = [KAFKA_NODE, self.directory, self.port, self.controller_port, *self._properties]
        self._node = Child(command, log)
        eventually("the broker answers", self._answers, timeout_s=90)

    def _answers(self):
        if not self._node.alive():
            raise AssertionError(f"the broker ended: {self._node.output()[-2000:]}")
        try:
            return self.admin().list_topics(timeout=1).brokers
        except KafkaException:
            return None

    def stop(self):
        self._node.terminate(timeout_s=40)

    def kill(self):
        self._node.kill()

    @property
    def pid(self):
        return self._node.pid

    def admin(self) -> AdminClient:
        if self._admin is None:
            self._admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        return self._admin

    def create_topic(self, name: str, partitions: int = 1, **config) -> str:
        """Creates a topic; configuration names with `_` for `.`: max_message_bytes=…"""
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        topic = NewTopic(name, partitions, 1, config=settings)
        self.admin().create_topics([topic])[name].result(30)
        eventually(f"{name} has leaders", lambda: self._has_leaders(name, partitions))
        return name

    def _has_leaders(self, name, partitions):
        found = self.admin().list_topics(name, timeout=5).topics[name].partitions
        return len(found) == partitions and all(partition.leader == 1 for partition in found.values())

    def delete_topic(self, name: str):
        self.admin().delete_topics([name])[name].result(30)

    def committed(self, group: str) -> dict:
        """{(topic, partition): next offset} as the group coordinator has it."""
        request = ConsumerGroupTopicPartitions(group)
        answer = self.admin().list_consumer_group_offsets([request])[group].result(30)
        return {(tp.topic, tp.partition): tp.offset for tp in answer.topic_partitions if tp.offset >= 0}

    def end_offsets(self, topic: str) -> dict:
        """{partition: high watermark}."""
        from confluent_kafka.admin import OffsetSpec

        partitions = self.admin().list_topics(topic, timeout=10).topics[topic].partitions
        asked = {TopicPartition(topic, number): OffsetSpec.latest() for number in partitions}
        return {tp.partition: answer.result(30).offset for tp, answer in self.admin().list_offsets(asked).items()}

    def group(self, group: str):
        """The coordinator's description: state, members and what each is assigned."""
        return self.admin().describe_consumer_groups([group])[group].result(30)

    def assignment(self, group: str) -> dict:
        """{client id: sorted [(topic, partition)]} as the coordinator has it."""
        found = {}
        for member in self.group(group).members:
            owned = [(tp.topic, tp.partition) for tp in member.assignment.topic_partitions]
            found.setdefault(member.client_id, []).extend(owned)
        return {client: sorted(owned) for client, owned in found.items()}

    def alter_topic(self, name: str, **config):
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, set_config=settings)
        self.admin().alter_configs([resource])[resource].result(30)

    # Kafka's own tools

    def tool(self, name: str, *arguments, timeout_s: float = 90.0) -> str:
        """Runs one of Kafka's own tools by its class name below org.apache.kafka.tools and returns its output."""
        command = java(f"org.apache.kafka.tools.{name}", *arguments)
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
        assert done.returncode == 0, f"{name} failed: {done.stdout}\n{done.stderr}"
        return done.stdout

    def describe_group_with_kafkas_tool(self, group: str) -> list:
        """kafka-consumer-groups --describe: [{topic, partition, committed, end, lag}]."""
        output = self.tool(
            "consumer.group.ConsumerGroupCommand", "--bootstrap-server", self.bootstrap, "--describe", "--group", group
        )
        rows = []
        for line in output.splitlines():
            fields = line.split()
            if len(fields) < 6 or fields[0] != group:
                continue
            rows.append(
                {
                    "topic": fields[1],
                    "partition": int(fields[2]),
                    "committed": None if fields[3] == "-" else int(fields[3]),
                    "end": int(fields[4]),
                    "lag": None if fields[5] == "-" else int(fields[5]),
                }
            )
        return rows
