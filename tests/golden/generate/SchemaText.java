import com.fasterxml.jackson.databind.JsonNode;

/** Flattens the official definitions into the text that our own schema dump must equal, line by line. */
final class SchemaText {
  public static void main(String[] args) throws Exception {
    for (Definitions.Spoken message : Definitions.all()) {
      Definitions definitions = Definitions.load(message.message());
      Definitions.Range valid = definitions.validVersions();
      Definitions.Range flexible = Definitions.Range.parse(definitions.root.get("flexibleVersions"));
      System.out.println(message.message() + "|valid " + valid + "|flexible " + flexible.intersect(valid));
      print(definitions, message.message(), definitions.root.get("fields"), valid);
    }
  }

  private static void print(Definitions definitions, String path, JsonNode fields, Definitions.Range around) {
    for (JsonNode field : fields) {
      String name = path + "." + field.get("name").asText();
      String element = Definitions.elementType(field);
      JsonNode inner = definitions.fieldsOf(element);
      Definitions.Range versions = Definitions.Range.parse(field.get("versions")).intersect(around);
      Definitions.Range nulls = Definitions.Range.parse(field.get("nullableVersions")).intersect(versions);
      Definitions.Range tagged = Definitions.Range.parse(field.get("taggedVersions")).intersect(versions);
      // We describe a tag for all versions of a field; a definition that differs must not pass unseen.
      String tag = !field.has("tag") ? "-" : tagged.equals(versions) ? field.get("tag").asText() : "only in " + tagged;
      StringBuilder line = new StringBuilder(name)
          .append('|').append(Definitions.isArray(field) ? "[]" : "").append(inner != null ? "struct" : element)
          .append('|').append(versions).append("|null ").append(nulls).append("|tag ").append(tag)
          .append("|default ").append(defaultText(field, element, inner != null));
      if (field.path("ignorable").asBoolean(false)) line.append("|ignorable");
      if (field.path("flexibleVersions").asText("").equals("none")) line.append("|classic");
      System.out.println(line);
      if (inner != null) print(definitions, name, inner, versions);
    }
  }

  private static String defaultText(JsonNode field, String element, boolean isStruct) {
    String text = field.path("default").asText("");
    if (text.equals("null") || element.equals("records")) return "null";  // the Java classes start with null records
    if (Definitions.isArray(field)) return "[]";
    if (isStruct) return "{}";
    return switch (element) {
      case "bool" -> text.isEmpty() ? "false" : text;
      case "string", "bytes" -> "'" + text + "'";
      case "uuid" -> "0";
      default -> text.isEmpty() ? "0" : Long.decode(text).toString();
    };
  }
}
