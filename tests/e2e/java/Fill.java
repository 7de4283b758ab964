import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Fills a topic quickly: --records of --size bytes each, spread evenly over --partitions. The key is the record's
 * number inside its partition, the value "partition:number:" and filler, so that a reader can check both.
 *
 * <p>Options: --bootstrap --topic --partitions --records --size --codec, --first N (the first number).
 */
public final class Fill {
  private Fill() {}

  public static void main(String[] arguments) throws Exception {
    Map<String, String> options = Json.options(arguments);
    final int partitions = Integer.parseInt(options.get("partitions"));
    final int size = Integer.parseInt(options.get("size"));
    final long records = Long.parseLong(options.get("records"));
    final long first = Long.parseLong(options.getOrDefault("first", "0"));
    Properties properties = new Properties();
    properties.put("bootstrap.servers", options.get("bootstrap"));
    properties.put("compression.type", options.getOrDefault("codec", "none"));
    properties.put("key.serializer", ByteArraySerializer.class.getName());
    properties.put("value.serializer", ByteArraySerializer.class.getName());
    properties.put("linger.ms", "20");
    properties.put("batch.size", "131072");
    properties.put("max.request.size", "16777216");
    AtomicReference<Exception> failure = new AtomicReference<>();
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties)) {
      for (long i = 0; i < records; i++) {
        int partition = (int) (i % partitions);
        String number = Long.toString(first + i / partitions);
        byte[] start = (partition + ":" + number + ":").getBytes(StandardCharsets.US_ASCII);
        byte[] value = Arrays.copyOf(start, Math.max(size, start.length));
        Arrays.fill(value, start.length, value.length, (byte) ('a' + (i % 26)));
        producer.send(
            new ProducerRecord<>(options.get("topic"), partition, number.getBytes(StandardCharsets.US_ASCII), value),
            (metadata, error) -> {
              if (error != null) {
                failure.compareAndSet(null, error);
              }
            });
      }
      producer.flush();
    }
    if (failure.get() != null) {
      throw failure.get();
    }
    Json.event("filled", "records", records);
  }
}
