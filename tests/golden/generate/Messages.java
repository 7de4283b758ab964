import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/**
 * One line of JSON per random instance: the bytes that Kafka's own class writes for it, and what the class says it reads
 * back from them. headerVersion is that of the header before the body, -1 for messages that never travel alone.
 */
final class Messages {
  private static final int PER_SPOKEN_VERSION = 8;
  private static final int PER_OTHER_VERSION = 2;
  private static final ObjectMapper MAPPER = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    for (Definitions.Spoken spoken : Definitions.all()) {
      Definitions definitions = Definitions.load(spoken.message());
      Definitions.Range valid = definitions.validVersions();
      for (int version = valid.min(); version <= valid.max(); ++version) {
        boolean isSpoken = spoken.first() <= version && version <= spoken.last();
        for (int i = 0; i < (isSpoken ? PER_SPOKEN_VERSION : PER_OTHER_VERSION); ++i) {
          // Random starts alike for seeds that are alike; the factor (2^64 / golden ratio) spreads them.
          long seed = (spoken.message() + "/" + version + "/" + i).hashCode() * 0x9E3779B97F4A7C15L;
          print(spoken.message(), (short) version, new Instances(definitions, version, seed).next());
        }
      }
    }
  }

  private static void print(String name, short version, ObjectNode instance) throws Exception {
    Message message = (Message) converter(name).getMethod("read", JsonNode.class, short.class).invoke(null, instance, version);
    byte[] bytes = bytes(message, version);
    Message back = (Message) dataClass(name).getDeclaredConstructor().newInstance();
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    back.read(new ByteBufferAccessor(buffer), version);
    if (buffer.hasRemaining() || !Arrays.equals(bytes, bytes(back, version))) {
      throw new IllegalStateException(name + " v" + version + " does not come back as it went");
    }
    JsonNode json = (JsonNode) converter(name).getMethod("write", dataClass(name), short.class).invoke(null, back, version);
    restoreRecords(json, instance);
    ObjectNode line = MAPPER.createObjectNode();
    line.put("message", name).put("version", version).put("headerVersion", headerVersion(name, version));
    line.put("hex", HexFormat.of().formatHex(bytes)).set("json", json);
    System.out.println(MAPPER.writeValueAsString(line));
  }

  /** Kafka's converters write records as empty; ours are compared whole. */
  private static void restoreRecords(JsonNode json, JsonNode instance) {
    if (json.isArray()) {
      for (int i = 0; i < json.size(); ++i) restoreRecords(json.get(i), instance.get(i));
    } else if (json.isObject()) {
      for (Map.Entry<String, JsonNode> entry : json.properties()) {
        JsonNode source = instance.get(entry.getKey());
        if (entry.getKey().equals("records")) {
          entry.setValue(source);
        } else if (source != null) {
          restoreRecords(entry.getValue(), source);
        }
      }
    }
  }

  private static byte[] bytes(Message message, short version) {
    ObjectSerializationCache cache = new ObjectSerializationCache();
    ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
    message.write(new ByteBufferAccessor(buffer), cache, version);
    return buffer.array();
  }

  private static int headerVersion(String name, short version) {
    for (ApiMessageType type : ApiMessageType.values()) {
      if (name.equals(type.name + "Request")) return type.requestHeaderVersion(version);
      if (name.equals(type.name + "Response")) return type.responseHeaderVersion(version);
    }
    return -1;
  }

  private static Class<?> dataClass(String name) throws Exception { return find(name, ""); }

  private static Class<?> converter(String name) throws Exception { return find(name, "JsonConverter"); }

  /** Requests, responses and headers end with Data; the blobs of the consumer protocol do not. */
  private static Class<?> find(String name, String suffix) throws Exception {
    String base = "org.apache.kafka.common.message." + name;
    return Class.forName(name.startsWith("ConsumerProtocol") ? base + suffix : base + "Data" + suffix);
  }
}
