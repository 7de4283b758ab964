import org.apache.kafka.common.errors.InvalidMetadataException;
import org.apache.kafka.common.errors.RetriableException;

/** The error codes of this Kafka: code, name, and what its classes say about them. */
final class Errors {
  public static void main(String[] args) {
    for (var error : org.apache.kafka.common.protocol.Errors.values()) {
      System.out.println(error.code() + " " + error.name() + (error.exception() instanceof RetriableException ? " retriable" : "")
          + (error.exception() instanceof InvalidMetadataException ? " refreshes_metadata" : ""));
    }
  }
}
