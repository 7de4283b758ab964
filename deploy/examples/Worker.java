// usage: java Worker.java http://127.0.0.1:8090/v1/consumers/orders/fetch
import java.net.http.*;
import java.nio.file.*;
import java.util.*;

class Worker {
    // The work, for a line of JSON, which the JDK does not read. An exception: try it again.
    static void handle(String record) throws Exception {
        Files.writeString(Path.of(record.replaceFirst("(?s).+?:\"([^\"]+)\\D+(\\d+)\\D+(\\d+).*", "$1-$2@$3")), record);
    }

    public static void main(String[] arguments) throws Exception {
        var http = HttpClient.newHttpClient();
        var post = HttpRequest.newBuilder(java.net.URI.create(arguments[0]))
            .headers("Content-Type", "application/json", "Accept", "application/x-ndjson");
        String ack = null, lines[];
        while (true) { // Each round settles the last batch and leases the next.
            var body = "{'request_id':'%s','max_records':100,'lease_ms':30000,'ack':%s}".formatted(UUID.randomUUID(), ack);
            post.POST(HttpRequest.BodyPublishers.ofString(body.replace('\'', '"')));
            for (lines = null; lines == null; Thread.sleep(lines == null ? 1000 : 0)) {
                try {
                    var answer = http.send(post.build(), HttpResponse.BodyHandlers.ofString());
                    if (answer.statusCode() != 200) throw new Exception(answer.body());
                    lines = answer.body().split("\n");
                } catch (Exception e) { // Refused, cut off or lost: the same request again is safe.
                    System.err.println(e);
                }
            }
            var release = new ArrayList<Integer>(); // positions in the batch
            for (int i = 1; i < lines.length; i++) {
                try {
                    handle(lines[i]);
                } catch (Exception e) {
                    System.err.println(e);
                    release.add(i - 1);
                }
            }
            ack = lines.length == 1 ? null : "{'batch_id':'%s','default':'accept','release':%s,'delay_ms':1000}"
                .formatted(lines[0].split("\"")[3], release);
        }
    }
}
