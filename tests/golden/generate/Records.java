import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.function.Predicate;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.LeaderChangeMessage;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecords.RecordFilter;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.BufferSupplier;

/** One line of JSON per record set: the bytes that Kafka writes, and the batches and records that Kafka reads in them. */
final class Records {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final List<Compression> CODECS = List.of(Compression.NONE, Compression.gzip().build(),
      Compression.snappy().build(), Compression.lz4().build(), Compression.zstd().build());
  private static final byte[] K = "k".getBytes();
  private static final byte[] V = "v".getBytes();

  public static void main(String[] args) throws Exception {
    SimpleRecord[] few = {
        new SimpleRecord(1000L, K, V, new Header[] {header("h1", "x"), new RecordHeader("h2", null)}),
        new SimpleRecord(1001L, null, "v2".getBytes()),
        new SimpleRecord(999L, "k3".getBytes(), null)};
    for (Compression codec : CODECS) print("few-" + codec.type().name, data(codec, 42L, few));
    for (Compression codec : CODECS) print("random-" + codec.type().name, data(codec, 1_000_000L, random(50, 7L)));
    for (Compression codec : CODECS) print("large-" + codec.type().name, data(codec, 0L, large()));
    for (Compression codec : CODECS) print("log-append-" + codec.type().name, logAppend((byte) 2, codec, random(5, 11L)));
    print("wide", wide());
    print("compacted", compacted(record -> record.offset() % 4 == 1));
    print("compacted-tail-removed", compacted(record -> record.offset() < 103));
    print("compacted-to-nothing", compacted(record -> false));
    print("transactions", transactions());
    print("leader-change", MemoryRecords.withLeaderChangeMessage(5L, 1234L, 7, ByteBuffer.allocate(256),
        new LeaderChangeMessage().setLeaderId(3)));
    for (byte magic = 0; magic <= 1; ++magic) {
      for (Compression codec : CODECS) {
        if (codec.type().name.equals("zstd")) continue;  // younger than these formats
        print("magic" + magic + "-" + codec.type().name, legacy(magic, codec));
      }
    }
    for (byte magic = 0; magic <= 1; ++magic) print("magic" + magic + "-compacted", legacyWithGaps(magic));
    print("magic1-log-append", logAppend((byte) 1, CODECS.get(1), legacyRecords((byte) 1)));
    print("all-formats", join(legacy((byte) 0, Compression.NONE), legacy((byte) 1, CODECS.get(3)), data(CODECS.get(4), 100L, few)));
  }

  private static RecordHeader header(String key, String value) { return new RecordHeader(key, value.getBytes()); }

  private static MemoryRecords data(Compression codec, long base, SimpleRecord... records) {
    return MemoryRecords.withRecords((byte) 2, base, codec, TimestampType.CREATE_TIME, -1L, (short) -1, -1, 7, false, records);
  }

  private static MemoryRecords logAppend(byte magic, Compression codec, SimpleRecord... records) {
    int epoch = magic == 2 ? 7 : -1;
    try (MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(8192), magic, codec,
        TimestampType.LOG_APPEND_TIME, 200L, 777_000L, epoch)) {
      for (SimpleRecord record : records) builder.append(record);
      return builder.build();
    }
  }

  /** Keys, values and headers that are null, empty, short or long; times that go back and forth. */
  private static SimpleRecord[] random(int count, long seed) {
    Random random = new Random(seed);
    SimpleRecord[] records = new SimpleRecord[count];
    for (int i = 0; i < count; ++i) {
      Header[] headers = new Header[random.nextInt(4)];
      for (int h = 0; h < headers.length; ++h) headers[h] = new RecordHeader("h" + random.nextInt(2), bytes(random));
      long time = random.nextInt(10) == 0 ? RecordBatch.NO_TIMESTAMP : 1_700_000_000_000L + random.nextInt(2_000_000) - 1_000_000;
      records[i] = new SimpleRecord(time, bytes(random), bytes(random), headers);
    }
    return records;
  }

  private static byte[] bytes(Random random) {
    byte[] bytes = switch (random.nextInt(5)) {
      case 0 -> null;
      case 1 -> new byte[0];
      case 2 -> new byte[200 + random.nextInt(100)];
      default -> new byte[1 + random.nextInt(20)];
    };
    if (bytes != null) random.nextBytes(bytes);
    return bytes;
  }

  /** More than one block of every codec, yet small when compressed. */
  private static SimpleRecord[] large() {
    SimpleRecord[] records = new SimpleRecord[4];
    for (int i = 0; i < records.length; ++i) {
      records[i] = new SimpleRecord(1000L + i, ("key-" + i).getBytes(), ("value " + i + " ").repeat(6000).getBytes());
    }
    return records;
  }

  /** Deltas of time and offset that need more than 31 bits of their varints, as merged compacted batches have. */
  private static MemoryRecords wide() {
    try (MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(1024), (byte) 2, Compression.NONE,
        TimestampType.CREATE_TIME, 1L << 61, RecordBatch.NO_TIMESTAMP, 2147483647)) {
      builder.appendWithOffset(1L << 61, new SimpleRecord(0L, K, V));
      builder.appendWithOffset((1L << 61) + 1, new SimpleRecord(1L << 55, K, V));
      builder.appendWithOffset((1L << 61) + Integer.MAX_VALUE, new SimpleRecord(5_000_000_000L, K, V));
      return builder.build();
    }
  }

  /** What the log cleaner leaves of a batch. Tombstones get a delete horizon. */
  private static ByteBuffer compacted(Predicate<Record> retain) {
    SimpleRecord[] records = new SimpleRecord[10];
    for (int i = 0; i < records.length; ++i) records[i] = new SimpleRecord(5000L + 10 * i, ("k" + i).getBytes(), i % 3 == 2 ? null : V);
    ByteBuffer out = ByteBuffer.allocate(4096);
    data(CODECS.get(2), 100L, records).filterTo(new RecordFilter(9_000L, 1_000L) {
      @Override protected BatchRetentionResult checkBatchRetention(RecordBatch batch) {
        return new BatchRetentionResult(BatchRetention.RETAIN_EMPTY, false);
      }
      @Override protected boolean shouldRetainRecord(RecordBatch batch, Record record) { return retain.test(record); }
    }, out, BufferSupplier.NO_CACHING);
    return out.flip();
  }

  /** Two producers at work; 98 commits, 99 aborts. */
  private static ByteBuffer transactions() {
    SimpleRecord record = new SimpleRecord(1000L, K, V);
    return join(
        MemoryRecords.withTransactionalRecords(10L, CODECS.get(4), 98L, (short) 0, 0, 7, record, record),
        MemoryRecords.withTransactionalRecords(12L, Compression.NONE, 99L, (short) 3, 0, 7, record),
        MemoryRecords.withIdempotentRecords(13L, Compression.NONE, 97L, (short) 0, 5, 7, record),
        MemoryRecords.withEndTransactionMarker(14L, 1234L, 7, 99L, (short) 3, new EndTransactionMarker(ControlRecordType.ABORT, 5)),
        MemoryRecords.withEndTransactionMarker(15L, 1235L, 7, 98L, (short) 0, new EndTransactionMarker(ControlRecordType.COMMIT, 5)));
  }

  private static SimpleRecord[] legacyRecords(byte magic) {
    long time = magic == 0 ? RecordBatch.NO_TIMESTAMP : 1000L;
    return new SimpleRecord[] {new SimpleRecord(time, K, V), new SimpleRecord(magic == 0 ? time : 1002L, null, "w".getBytes()),
        new SimpleRecord(time, "".getBytes(), null)};
  }

  private static MemoryRecords legacy(byte magic, Compression codec) {
    TimestampType type = magic == 0 ? TimestampType.NO_TIMESTAMP_TYPE : TimestampType.CREATE_TIME;
    return MemoryRecords.withRecords(magic, 10L, codec, type, -1L, (short) -1, -1, -1, false, legacyRecords(magic));
  }

  /** Inner messages of which some are gone: absolute offsets in format 0, relative to the last one in format 1. */
  private static MemoryRecords legacyWithGaps(byte magic) {
    TimestampType type = magic == 0 ? TimestampType.NO_TIMESTAMP_TYPE : TimestampType.CREATE_TIME;
    try (MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(1024), magic, CODECS.get(1), type, 10L)) {
      long offset = 10;
      for (SimpleRecord record : legacyRecords(magic)) builder.appendWithOffset(offset += 3, record);
      return builder.build();
    }
  }

  private static ByteBuffer join(MemoryRecords... parts) {
    ByteBuffer out = ByteBuffer.allocate(8192);
    for (MemoryRecords part : parts) out.put(part.buffer().duplicate());
    return out.flip();
  }

  private static void print(String name, MemoryRecords records) throws Exception { print(name, records.buffer().duplicate()); }

  private static void print(String name, ByteBuffer buffer) throws Exception {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    ObjectNode line = MAPPER.createObjectNode();
    line.put("name", name).put("hex", HexFormat.of().formatHex(bytes));
    ArrayNode batches = line.putArray("batches");
    for (MutableRecordBatch batch : MemoryRecords.readableRecords(buffer.duplicate()).batches()) batches.add(describe(batch));
    System.out.println(MAPPER.writeValueAsString(line));
  }

  private static ObjectNode describe(RecordBatch batch) {
    batch.ensureValid();
    ObjectNode node = MAPPER.createObjectNode();
    node.put("sizeInBytes", batch.sizeInBytes()).put("magic", batch.magic()).put("baseOffset", batch.baseOffset())
        .put("lastOffset", batch.lastOffset()).put("leaderEpoch", batch.partitionLeaderEpoch())
        .put("codec", batch.compressionType().name).put("timestampType", batch.timestampType().name)
        .put("maxTimestamp", batch.maxTimestamp()).put("producerId", batch.producerId())
        .put("producerEpoch", batch.producerEpoch()).put("baseSequence", batch.baseSequence())
        .put("transactional", batch.isTransactional()).put("control", batch.isControlBatch());
    if (batch.deleteHorizonMs().isPresent()) node.put("deleteHorizonMs", batch.deleteHorizonMs().getAsLong());
    ArrayNode records = node.putArray("records");
    for (Record record : batch) records.add(describe(record, batch.isControlBatch()));
    return node;
  }

  private static ObjectNode describe(Record record, boolean isControl) {
    ObjectNode node = MAPPER.createObjectNode();
    node.put("offset", record.offset()).put("timestamp", record.timestamp());
    if (isControl) node.put("controlType", ControlRecordType.parse(record.key()).name());
    node.put("key", array(record.key())).put("value", array(record.value()));  // base64 or null
    ArrayNode headers = node.putArray("headers");
    for (Header header : record.headers()) headers.addArray().add(header.key()).add(header.value());
    return node;
  }

  private static byte[] array(ByteBuffer buffer) {
    if (buffer == null) return null;
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }
}
