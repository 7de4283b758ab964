import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.InputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The official message definitions, as shipped inside kafka-clients.jar, and the list of those that matter to us. */
final class Definitions {
  /** The versions that we speak get many vectors; the other official ones get a few. */
  record Spoken(String message, int first, int last) {}

  static final List<Spoken> MESSAGES = List.of(
      new Spoken("Produce", 7, 13), new Spoken("Fetch", 10, 17), new Spoken("ListOffsets", 4, 10),
      new Spoken("Metadata", 7, 13), new Spoken("OffsetCommit", 6, 10), new Spoken("OffsetFetch", 5, 10),
      new Spoken("FindCoordinator", 1, 6), new Spoken("JoinGroup", 3, 9), new Spoken("Heartbeat", 2, 4),
      new Spoken("LeaveGroup", 2, 5), new Spoken("SyncGroup", 2, 5), new Spoken("SaslHandshake", 1, 1),
      new Spoken("ApiVersions", 0, 4), new Spoken("InitProducerId", 1, 5), new Spoken("OffsetForLeaderEpoch", 3, 4),
      new Spoken("SaslAuthenticate", 0, 2), new Spoken("ConsumerGroupHeartbeat", 1, 1))
      .stream()
      .flatMap(s -> List.of(new Spoken(s.message + "Request", s.first, s.last),
                            new Spoken(s.message + "Response", s.first, s.last)).stream())
      .toList();

  static final List<Spoken> DATA = List.of(
      new Spoken("ConsumerProtocolSubscription", 0, 3), new Spoken("ConsumerProtocolAssignment", 0, 3),
      new Spoken("RequestHeader", 1, 2), new Spoken("ResponseHeader", 0, 1));

  static List<Spoken> all() {
    return java.util.stream.Stream.concat(MESSAGES.stream(), DATA.stream()).toList();
  }

  /** Versions min to max; empty when min is above max. */
  record Range(int min, int max) {
    static final int OPEN = 32767;

    static Range parse(JsonNode node) {
      if (node == null || node.asText().isEmpty() || node.asText().equals("none")) return new Range(1, 0);
      String text = node.asText();
      if (text.endsWith("+")) return new Range(Integer.parseInt(text.substring(0, text.length() - 1)), OPEN);
      String[] ends = text.split("-");
      return new Range(Integer.parseInt(ends[0]), Integer.parseInt(ends[ends.length - 1]));
    }

    boolean contains(int version) { return min <= version && version <= max; }

    Range intersect(Range other) { return new Range(Math.max(min, other.min), Math.min(max, other.max)); }

    @Override public String toString() { return min > max ? "-" : min + ".." + max; }
  }

  final JsonNode root;
  private final Map<String, JsonNode> structs = new HashMap<>();

  private Definitions(JsonNode root) {
    this.root = root;
    if (root.has("commonStructs")) root.get("commonStructs").forEach(s -> structs.put(s.get("name").asText(), s.get("fields")));
    collect(root.get("fields"));
  }

  private void collect(JsonNode fields) {
    for (JsonNode field : fields) {
      if (!field.has("fields")) continue;
      structs.put(elementType(field), field.get("fields"));
      collect(field.get("fields"));
    }
  }

  static Definitions load(String message) throws Exception {
    ObjectMapper mapper = new ObjectMapper().configure(JsonParser.Feature.ALLOW_COMMENTS, true);
    try (InputStream in = Definitions.class.getResourceAsStream("/common/message/" + message + ".json")) {
      return new Definitions(mapper.readTree(in));
    }
  }

  Range validVersions() { return Range.parse(root.get("validVersions")); }

  /** The fields of a struct type; null for a primitive one. */
  JsonNode fieldsOf(String type) { return structs.get(type); }

  static boolean isArray(JsonNode field) { return field.get("type").asText().startsWith("[]"); }

  static String elementType(JsonNode field) {
    String type = field.get("type").asText();
    return type.startsWith("[]") ? type.substring(2) : type;
  }
}
