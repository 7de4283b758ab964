import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;

/** One JSON object a line on standard output: how these programs talk to the tests. */
final class Json {
  static final ObjectMapper MAPPER = new ObjectMapper();

  private Json() {}

  /** Prints {"event": name, "at_ms": now, key: value, ...}. */
  static synchronized void event(String name, Object... pairs) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("event", name);
    object.put("at_ms", System.currentTimeMillis());
    for (int i = 0; i < pairs.length; i += 2) {
      object.put((String) pairs[i], pairs[i + 1]);
    }
    try {
      System.out.println(MAPPER.writeValueAsString(object));
      System.out.flush();
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  static List<Object> partitions(Collection<TopicPartition> partitions) {
    List<Object> list = new ArrayList<>();
    for (TopicPartition partition : partitions) {
      list.add(List.of(partition.topic(), partition.partition()));
    }
    return list;
  }

  /** Reads --name value pairs. */
  static Map<String, String> options(String[] arguments) {
    Map<String, String> options = new LinkedHashMap<>();
    for (int i = 0; i + 1 < arguments.length; i += 2) {
      options.put(arguments[i].substring(2), arguments[i + 1]);
    }
    return options;
  }
}
