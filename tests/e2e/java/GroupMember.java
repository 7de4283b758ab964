import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A member of a consumer group whose every assignment, revocation, record range and commit is printed.
 *
 * <p>Options: --bootstrap --group --topic, --assignor (class name), --session-ms, --poll-interval-ms,
 * --max-records, --consume true|false (false: joins, but leaves its records alone), --hold-ms N and --hold-at K
 * (works N ms on its Kth batch), --static ID. A line "leave" on standard input, or its end, closes the member.
 */
public final class GroupMember {
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final boolean consume;
  private final long holdMs;
  private final long holdAt;
  private long batches;
  private volatile boolean leaving;

  private GroupMember(Map<String, String> options) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", options.get("bootstrap"));
    properties.put("group.id", options.get("group"));
    properties.put("group.protocol", "classic");
    properties.put("client.id", options.getOrDefault("client", "java"));
    properties.put("enable.auto.commit", "false");
    properties.put("auto.offset.reset", "earliest");
    properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
    properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
    properties.put("session.timeout.ms", options.getOrDefault("session-ms", "6000"));
    properties.put("heartbeat.interval.ms", options.getOrDefault("heartbeat-ms", "500"));
    properties.put("max.poll.interval.ms", options.getOrDefault("poll-interval-ms", "300000"));
    properties.put("max.poll.records", options.getOrDefault("max-records", "500"));
    properties.put(
        "partition.assignment.strategy",
        options.getOrDefault("assignor", "org.apache.kafka.clients.consumer.RangeAssignor"));
    if (options.containsKey("static")) {
      properties.put("group.instance.id", options.get("static"));
    }
    consumer = new KafkaConsumer<>(properties);
    consume = Boolean.parseBoolean(options.getOrDefault("consume", "true"));
    holdMs = Long.parseLong(options.getOrDefault("hold-ms", "0"));
    holdAt = Long.parseLong(options.getOrDefault("hold-at", "1"));
    consumer.subscribe(List.of(options.get("topic").split(",")), new Printer());
  }

  private final class Printer implements ConsumerRebalanceListener {
    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
      if (!consume) {
        consumer.pause(partitions);
      }
      print("assigned", partitions);
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
      print("revoked", partitions);
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
      print("lost", partitions);
    }

    private void print(String event, Collection<TopicPartition> partitions) {
      Json.event(
          event,
          "partitions", Json.partitions(partitions),
          "owned", Json.partitions(consumer.assignment()),
          "generation", consumer.groupMetadata().generationId(),
          "member", consumer.groupMetadata().memberId());
    }
  }

  private void awaitLeave() {
    try {
      BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
      String line = input.readLine();
      while (line != null && !line.equals("leave")) {
        line = input.readLine();
      }
    } catch (java.io.IOException e) {
      // The same as the end of the input: leave.
    }
    leaving = true;
    consumer.wakeup();
  }

  private void run() {
    Thread reader = new Thread(this::awaitLeave, "stdin");
    reader.setDaemon(true);
    reader.start();
    Json.event("started");
    try {
      while (!leaving) {
        ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(100));
        if (!records.isEmpty()) {
          work(records);
        }
      }
    } catch (WakeupException e) {
      // Asked to leave.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      consumer.close();
      Json.event("left");
    }
  }

  private void work(ConsumerRecords<byte[], byte[]> records) throws InterruptedException {
    List<Object> ranges = new ArrayList<>();
    for (TopicPartition partition : records.partitions()) {
      List<ConsumerRecord<byte[], byte[]>> part = records.records(partition);
      Map<String, Object> range = new LinkedHashMap<>();
      range.put("topic", partition.topic());
      range.put("partition", partition.partition());
      range.put("from", part.get(0).offset());
      range.put("to", part.get(part.size() - 1).offset());
      range.put("count", part.size());
      ranges.add(range);
    }
    batches++;
    Json.event("records", "batch", batches, "count", records.count(), "ranges", ranges);
    if (batches == holdAt && holdMs > 0) {
      Thread.sleep(holdMs);
    }
    try {
      consumer.commitSync();
      Json.event("committed", "batch", batches, "generation", consumer.groupMetadata().generationId());
    } catch (KafkaException e) {
      if (e instanceof WakeupException) {
        throw e;
      }
      Json.event("commit_failed", "batch", batches, "error", e.getClass().getSimpleName());
    }
  }

  public static void main(String[] arguments) {
    new GroupMember(Json.options(arguments)).run();
  }
}
