import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes the records described on standard input, one JSON object a line: {"partition", "timestamp", "key", "value",
 * "headers": [[name, value], ...]}, bytes in base64 or null. Prints where each one went.
 *
 * <p>Options: --bootstrap --topic --codec.
 */
public final class Produce {
  private Produce() {}

  private static byte[] bytes(JsonNode node) {
    return node == null || node.isNull() ? null : Base64.getDecoder().decode(node.asText());
  }

  public static void main(String[] arguments) throws Exception {
    Map<String, String> options = Json.options(arguments);
    Properties properties = new Properties();
    properties.put("bootstrap.servers", options.get("bootstrap"));
    properties.put("compression.type", options.get("codec"));
    properties.put("key.serializer", ByteArraySerializer.class.getName());
    properties.put("value.serializer", ByteArraySerializer.class.getName());
    properties.put("linger.ms", "50");
    properties.put("batch.size", "262144");
    properties.put("max.request.size", "16777216");
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties)) {
      for (String line = input.readLine(); line != null; line = input.readLine()) {
        JsonNode record = Json.MAPPER.readTree(line);
        ProducerRecord<byte[], byte[]> message =
            new ProducerRecord<>(
                options.get("topic"),
                record.get("partition").asInt(),
                record.get("timestamp").asLong(),
                bytes(record.get("key")),
                bytes(record.get("value")));
        for (JsonNode header : record.get("headers")) {
          message.headers().add(new RecordHeader(header.get(0).asText(), bytes(header.get(1))));
        }
        sent.add(producer.send(message));
      }
      producer.flush();
      for (Future<RecordMetadata> future : sent) {
        Json.event("sent", "partition", future.get().partition(), "offset", future.get().offset());
      }
    }
  }
}
