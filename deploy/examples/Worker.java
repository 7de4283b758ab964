// Pulls records from sluiced and saves the value of each in a directory.    usage: java Worker.java DIRECTORY
import java.io.IOException;
import java.net.URI;
import java.net.http.*;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import java.util.regex.*;

class Worker {
    // The JDK reads no JSON: ask for one record per line, and for base64, which cannot look like JSON.
    static final String FETCH = "{\"request_id\":\"%s\",\"max_records\":100,\"lease_ms\":60000,"
        + "\"encoding\":{\"key\":\"base64\",\"value\":\"base64\"},\"ack\":%s}";
    static final Pattern BATCH = Pattern.compile("\\{\"batch_id\":\"([^\"]+)\".*");
    static final Pattern RECORD = Pattern.compile("\\{\"topic\":\"([^\"]+)\",\"partition\":(\\d+),"
        + "\"offset\":(\\d+),.*?\"value\":(?:null|\"([^\"]*)\").*");
    static final Map<String, String> ENV = System.getenv();
    static final HttpClient HTTP = HttpClient.newHttpClient();
    static volatile boolean stopping;

    /** The work. An exception: to be tried again later. */
    static void handle(String line, Path directory) throws IOException {
        var record = RECORD.matcher(line);
        if (!record.matches()) throw new IOException("not a record: " + line);
        var name = record.group(1) + "-" + record.group(2) + "@" + record.group(3);
        var value = record.group(4) == null ? "" : record.group(4); // null: a tombstone
        System.out.println(name);
        Files.write(directory.resolve(name), Base64.getDecoder().decode(value));
    }

    static String post(String path, String body) throws IOException, InterruptedException {
        var url = ENV.getOrDefault("SLUICE_URL", "http://127.0.0.1:8090") + "/v1/consumers/"
            + ENV.getOrDefault("SLUICE_CONSUMER", "orders") + path;
        var request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofMinutes(1))
            .headers("Content-Type", "application/json", "Accept", "application/x-ndjson")
            .POST(HttpRequest.BodyPublishers.ofString(body)).build();
        var answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new IOException(answer.body());
        return answer.body();
    }

    public static void main(String[] arguments) throws Exception {
        var main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stopping = true;
            try { main.join(); } catch (InterruptedException e) { }
        }));
        String batch = null, ack = null, id = UUID.randomUUID().toString();
        while (!stopping) { // each round settles the last batch and leases the next
            List<String> lines;
            try {
                var last = batch == null ? "null" : "{\"batch_id\":\"" + batch + "\"," + ack + "}";
                lines = post("/fetch", FETCH.formatted(id, last)).lines().toList();
            } catch (IOException e) {
                System.err.println(e);
                Thread.sleep(1000);
                continue; // and ask the same again: request_id makes that safe, even if the answer got lost
            }
            id = UUID.randomUUID().toString();
            var head = BATCH.matcher(lines.get(0));
            batch = head.matches() ? head.group(1) : null;
            var release = new ArrayList<Integer>(); // positions in the batch
            for (int i = 1; i < lines.size(); ++i) {
                try {
                    if (stopping) throw new InterruptedException("stopping");
                    handle(lines.get(i), Path.of(arguments[0]));
                } catch (Exception e) {
                    System.err.println(e);
                    release.add(i - 1);
                }
            }
            ack = "\"default\":\"accept\",\"delay_ms\":1000,\"release\":" + release;
        }
        if (batch != null) post("/batches/" + batch + "/ack", "{" + ack + "}");
        Runtime.getRuntime().halt(0); // after SIGTERM the JVM would say 143
    }
}
