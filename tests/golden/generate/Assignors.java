import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.GroupSubscription;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;

/**
 * Writes random groups with the answers of Java's own assignors, one JSON object per line:
 *   java -cp 'KAFKA/libs/*' tests/golden/generate/Assignors.java tests/golden/data/assignments.jsonl
 * The seed is fixed: the same Kafka version writes the same file.
 */
public final class Assignors {
    private static final int CASES = Integer.getInteger("cases", 240);
    private static final Random RANDOM = new Random(Integer.getInteger("seed", 20240607));

    private static final class Member {
        String id;
        String instance;
        TreeSet<String> topics = new TreeSet<>();
        List<TopicPartition> owned = new ArrayList<>();
        int generation = -1;

        ByteBuffer stickyData() {
            StickyAssignor assignor = new StickyAssignor();
            if (generation >= 0) {
                assignor.onAssignment(new Assignment(owned), new ConsumerGroupMetadata("g", generation, id, Optional.empty()));
            }
            return assignor.subscriptionUserData(topics);
        }
    }

    private static final class Group {
        final List<Member> members = new ArrayList<>();
        final TreeMap<String, Integer> partitions = new TreeMap<>();
        int generation = 5;
    }

    public static void main(String[] arguments) throws Exception {
        try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(Path.of(arguments[0]), StandardCharsets.UTF_8))) {
            int number = 0;
            while (number < CASES) {
                Group group = randomGroup(number % 2 == 0);
                if (number % 4 >= 1) {
                    settle(group);
                    int changes = number % 12 == 1 ? 0 : 1 + RANDOM.nextInt(3);
                    for (int change = 0; change < changes; ++change) {
                        change(group, number % 2 == 0);
                    }
                }
                try {
                    out.print(write(group) + "\n");
                    ++number;
                } catch (IllegalStateException | NullPointerException bug) {
                    // Java's sticky assignors fail on some contradictory claims: no answer, no case.
                }
            }
        }
    }

    private static Group randomGroup(boolean equalSubscriptions) {
        Group group = new Group();
        int topics = 1 + RANDOM.nextInt(6);
        for (int topic = 0; topic < topics; ++topic) {
            group.partitions.put("t" + topic, RANDOM.nextInt(10));
        }
        int members = 1 + RANDOM.nextInt(8);
        for (int member = 0; member < members; ++member) {
            join(group, equalSubscriptions);
        }
        return group;
    }

    private static void join(Group group, boolean equalSubscriptions) {
        Member member = new Member();
        member.id = "c" + Integer.toHexString(RANDOM.nextInt(1 << 20)) + "-" + group.members.size();
        if (RANDOM.nextInt(4) == 0) {
            member.instance = "i" + RANDOM.nextInt(1000) + "-" + group.members.size();
        }
        for (String topic : group.partitions.keySet()) {
            if (equalSubscriptions || RANDOM.nextBoolean()) {
                member.topics.add(topic);
            }
        }
        // Never no topic at all: Java's sticky assignor then gives the member what the others subscribe to.
        if (member.topics.isEmpty() || !equalSubscriptions && RANDOM.nextInt(10) == 0) {
            member.topics.add("missing");
        }
        group.members.add(member);
    }

    /** Gives every member what Java's sticky assignor gives it, as if a generation had passed. */
    private static void settle(Group group) {
        Map<String, Assignment> answer = assign(new StickyAssignor(), group, true);
        for (Member member : group.members) {
            member.owned = sorted(answer.get(member.id).partitions());
            member.generation = group.generation;
        }
    }

    private static void change(Group group, boolean equalSubscriptions) {
        Member one = group.members.get(RANDOM.nextInt(group.members.size()));
        Member other = group.members.get(RANDOM.nextInt(group.members.size()));
        List<String> topics = new ArrayList<>(group.partitions.keySet());
        String topic = topics.get(RANDOM.nextInt(topics.size()));
        switch (RANDOM.nextInt(9)) {
            case 0, 1 -> join(group, equalSubscriptions);
            case 2, 3 -> {
                if (group.members.size() > 1) {
                    group.members.remove(one);
                }
            }
            case 4 -> group.partitions.merge(topic, 1 + RANDOM.nextInt(5), Integer::sum);
            case 5 -> group.partitions.put(topic, 0);
            case 6 -> {
                if (!equalSubscriptions && (one.topics.equals(Set.of(topic)) || !one.topics.remove(topic))) {
                    one.topics.add(topic);
                }
            }
            case 7 -> {  // a zombie of an older generation claims what the other one owns now
                one.generation = group.generation - 1;
                one.owned = union(one.owned, other.owned);
            }
            default -> one.owned = union(one.owned, other.owned);  // claimed twice in one generation
        }
    }

    private static List<TopicPartition> union(Collection<TopicPartition> a, Collection<TopicPartition> b) {
        Set<TopicPartition> all = new LinkedHashSet<>(a);
        all.addAll(b);
        return sorted(all);
    }

    private static List<TopicPartition> sorted(Collection<TopicPartition> partitions) {
        return partitions.stream()
            .sorted(Comparator.comparing(TopicPartition::topic).thenComparingInt(TopicPartition::partition))
            .collect(Collectors.toCollection(ArrayList::new));
    }

    private static Map<String, Assignment> assign(ConsumerPartitionAssignor assignor, Group group, boolean withUserData) {
        Map<String, Subscription> subscriptions = new TreeMap<>();
        for (Member member : group.members) {
            ByteBuffer userData = withUserData ? member.stickyData() : null;
            List<TopicPartition> owned = withUserData ? Collections.emptyList() : member.owned;
            Subscription subscription = new Subscription(
                new ArrayList<>(member.topics), userData, owned, member.generation, Optional.empty());
            subscription.setGroupInstanceId(Optional.ofNullable(member.instance));
            subscriptions.put(member.id, subscription);
        }
        List<PartitionInfo> infos = new ArrayList<>();
        group.partitions.forEach((topic, count) -> {
            for (int partition = 0; partition < count; ++partition) {
                infos.add(new PartitionInfo(topic, partition, Node.noNode(), new Node[0], new Node[0]));
            }
        });
        Cluster cluster = new Cluster("cluster", Arrays.asList(Node.noNode()), infos, Set.of(), Set.of());
        return assignor.assign(cluster, new GroupSubscription(subscriptions)).groupAssignment();
    }

    private static String write(Group group) {
        String members = group.members.stream().map(Assignors::write).collect(Collectors.joining(","));
        String counts = group.partitions.entrySet().stream()
            .map(entry -> quote(entry.getKey()) + ":" + entry.getValue()).collect(Collectors.joining(","));
        return "{\"partitions\":{" + counts + "},\"members\":[" + members + "]"
            + ",\"range\":" + write(assign(new RangeAssignor(), group, false))
            + ",\"roundrobin\":" + write(assign(new RoundRobinAssignor(), group, false))
            + ",\"sticky\":" + write(assign(new StickyAssignor(), group, true))
            + ",\"cooperative-sticky\":" + write(assign(new CooperativeStickyAssignor(), group, false)) + "}";
    }

    private static String write(Member member) {
        ByteBuffer data = member.stickyData();
        String hex = "null";
        if (data != null) {
            byte[] bytes = new byte[data.remaining()];
            data.get(bytes);
            hex = quote(HexFormat.of().formatHex(bytes));
        }
        return "{\"id\":" + quote(member.id) + ",\"instance\":" + (member.instance == null ? "null" : quote(member.instance))
            + ",\"topics\":[" + member.topics.stream().map(Assignors::quote).collect(Collectors.joining(",")) + "]"
            + ",\"owned\":" + write(member.owned) + ",\"generation\":" + member.generation + ",\"sticky_data\":" + hex + "}";
    }

    private static String write(Map<String, Assignment> answer) {
        return new TreeMap<>(answer).entrySet().stream()
            .map(entry -> quote(entry.getKey()) + ":" + write(entry.getValue().partitions()))
            .collect(Collectors.joining(",", "{", "}"));
    }

    private static String write(List<TopicPartition> partitions) {
        TreeMap<String, TreeSet<Integer>> topics = new TreeMap<>();
        for (TopicPartition partition : partitions) {
            topics.computeIfAbsent(partition.topic(), topic -> new TreeSet<>()).add(partition.partition());
        }
        return topics.entrySet().stream()
            .map(entry -> quote(entry.getKey()) + ":" + entry.getValue().toString().replace(" ", ""))
            .collect(Collectors.joining(",", "{", "}"));
    }

    private static String quote(String text) {
        return "\"" + text + "\"";
    }
}
