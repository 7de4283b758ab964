import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Base64;
import java.util.Random;

/** Random instances of a message in one version, as the JSON that Kafka's converters read. Equal seed, equal instance. */
final class Instances {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final Definitions definitions;
  private final int version;
  private final Random random;

  Instances(Definitions definitions, int version, long seed) {
    this.definitions = definitions;
    this.version = version;
    this.random = new Random(seed);
  }

  ObjectNode next() { return struct(definitions.root.get("fields")); }

  private ObjectNode struct(JsonNode fields) {
    ObjectNode node = MAPPER.createObjectNode();
    for (JsonNode field : fields) {
      if (!in(field, "versions") || (in(field, "taggedVersions") && random.nextBoolean())) continue;
      String name = field.get("name").asText();
      node.set(Character.toLowerCase(name.charAt(0)) + name.substring(1), value(field));
    }
    return node;
  }

  private boolean in(JsonNode field, String key) { return Definitions.Range.parse(field.get(key)).contains(version); }

  private JsonNode value(JsonNode field) {
    if (in(field, "nullableVersions") && random.nextInt(10) < 3) return MAPPER.nullNode();
    String element = Definitions.elementType(field);
    if (!Definitions.isArray(field)) return single(element);
    ArrayNode array = MAPPER.createArrayNode();
    for (int left = random.nextInt(3); left > 0; --left) array.add(single(element));
    return array;
  }

  private JsonNode single(String type) {
    JsonNode fields = definitions.fieldsOf(type);
    if (fields != null) return struct(fields);
    return switch (type) {
      case "bool" -> MAPPER.getNodeFactory().booleanNode(random.nextBoolean());
      case "int8" -> number(8);
      case "int16" -> number(16);
      case "int32" -> number(32);
      case "int64" -> number(64);
      case "string" -> MAPPER.getNodeFactory().textNode(string());
      case "uuid" -> MAPPER.getNodeFactory().textNode(Base64.getUrlEncoder().withoutPadding().encodeToString(bytes(16)));
      case "bytes", "records" -> MAPPER.getNodeFactory().binaryNode(bytes(pick(0, 1, 5, 130)));
      default -> throw new IllegalArgumentException("no random value of type " + type);
    };
  }

  /** The small numbers, the limits, and anything between. */
  private JsonNode number(int bits) {
    long max = Long.MAX_VALUE >> (64 - bits);
    long value = switch (random.nextInt(4)) {
      case 0 -> random.nextInt(3) - 1;
      case 1 -> random.nextBoolean() ? max : -max - 1;
      default -> random.nextLong() >> (64 - bits);
    };
    return bits == 64 ? MAPPER.getNodeFactory().numberNode(value) : MAPPER.getNodeFactory().numberNode((int) value);
  }

  /** Around 127 characters the length changes from one varint byte to two. */
  private String string() {
    return switch (random.nextInt(5)) {
      case 0 -> "";
      case 1 -> "a";
      case 2 -> "ü€\"\\\n";
      case 3 -> "x".repeat(120 + random.nextInt(20));
      default -> "sidecar";
    };
  }

  private int pick(int... choices) { return choices[random.nextInt(choices.length)]; }

  private byte[] bytes(int count) {
    byte[] bytes = new byte[count];
    random.nextBytes(bytes);
    return bytes;
  }
}
