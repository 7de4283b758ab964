#pragma once

/// The configuration as values: what the rest of the daemon reads. Plain structs with their defaults, no
/// parsing. Durations are chrono types, sizes are int64 bytes. Everything here has passed config/validate.hpp
/// when it comes out of load(). The table in config/setting.hpp names each field; a test holds the two
/// together.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sluice::config {

using std::chrono::milliseconds;

inline constexpr std::int64_t kKiB = 1024;
inline constexpr std::int64_t kMiB = 1024 * kKiB;
inline constexpr std::int64_t kGiB = 1024 * kMiB;

/// How records of one partition may be out at the same time (product words: `order`).
enum class OrderMode { kPartition, kKey, kNone };
enum class IsolationLevel { kReadUncommitted, kReadCommitted };
/// What happens where a partition has no committed offset.
enum class OffsetReset { kEarliest, kLatest, kNone };
/// kAuto: KIP-848 where group and broker allow, else classic.
enum class GroupProtocol { kAuto, kClassic, kConsumer };
enum class Assignor { kRange, kRoundRobin, kSticky, kCooperativeSticky };
enum class SecurityProtocol { kPlaintext, kSsl, kSaslPlaintext, kSaslSsl };
/// What a silent application means for the membership.
enum class IdlePolicy { kHold, kPause, kLeave };
/// Is the bound of what may be leased at once constant, or does it follow the application's pace?
enum class WindowMode { kFixed, kAdaptive };
enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError };
enum class LogFormat { kLogfmt, kJson };

/// A broker to start from. `host` carries no brackets, also for IPv6.
struct ServerAddress {
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const ServerAddress&) const = default;
};

/// Where a listener binds: a TCP address (port 0: the kernel chooses one) or the path of a Unix socket.
struct ListenAddress {
  enum class Kind { kTcp, kUnix };

  Kind kind = Kind::kTcp;
  std::string host;        ///< kTcp: a literal address or `localhost`, without brackets; never empty
  std::uint16_t port = 0;  ///< kTcp
  std::string path;        ///< kUnix: absolute

  bool operator==(const ListenAddress&) const = default;
};

/// What a consumer needs to talk to Kafka, under Kafka's own names. As Options::kafka: the shared values
/// before any consumer's own; as ConsumerOptions::kafka: fully resolved.
struct KafkaOptions {
  std::vector<ServerAddress> bootstrap_servers;  ///< never empty in a loaded consumer
  std::string client_id;          ///< in a loaded consumer never empty: `sluice-<name>` if not set
  std::string client_rack;        ///< empty: none
  std::string group_id;           ///< never empty in a loaded consumer
  std::string group_instance_id;  ///< empty: a dynamic member
  GroupProtocol group_protocol = GroupProtocol::kAuto;
  milliseconds session_timeout{45'000};
  milliseconds heartbeat_interval{3'000};
  milliseconds rebalance_timeout{300'000};  ///< on the wire where Java sends max.poll.interval.ms
  milliseconds rebalance_drain{30'000};     ///< wait for open leases on revocation; below rebalance_timeout
  std::vector<Assignor> partition_assignment_strategy{Assignor::kRange, Assignor::kCooperativeSticky};
  IsolationLevel isolation_level = IsolationLevel::kReadUncommitted;
  OffsetReset auto_offset_reset = OffsetReset::kEarliest;

  std::int64_t fetch_min_bytes = 1;
  std::int64_t fetch_max_bytes = 50 * kMiB;           ///< in a loaded consumer capped by the memory budget
  std::int64_t max_partition_fetch_bytes = 1 * kMiB;  ///< at most the memory budget
  milliseconds fetch_max_wait{500};
  std::int64_t max_poll_records = 500;     ///< default for a fetch's max_records; >= 1
  std::int64_t max_poll_bytes = 1 * kMiB;  ///< default for a fetch's max_bytes; kUnbounded = off
  bool check_crcs = true;                  ///< always true
  bool allow_auto_create_topics = false;   ///< always false

  milliseconds request_timeout{30'000};
  milliseconds socket_connection_setup_timeout{10'000};
  milliseconds connections_max_idle{540'000};
  milliseconds reconnect_backoff{50};
  milliseconds reconnect_backoff_max{1'000};
  milliseconds retry_backoff{100};
  milliseconds retry_backoff_max{1'000};
  milliseconds metadata_max_age{300'000};

  SecurityProtocol security_protocol = SecurityProtocol::kPlaintext;

  static constexpr std::int64_t kUnbounded = -1;

  bool operator==(const KafkaOptions&) const = default;
};

/// One named membership in one group.
struct ConsumerOptions {
  std::string name;  ///< the {c} of /v1/consumers/{c}: [a-z0-9._-]{1,64}
  KafkaOptions kafka;
  std::vector<std::string> topics;  ///< legal Kafka topic names, none twice, never empty
  OrderMode order = OrderMode::kPartition;
  milliseconds lease{30'000};                   ///< default for a fetch's lease_ms; 1 s to 1 h
  std::int64_t max_deliveries = -1;             ///< kUnlimited: tried again for ever
  std::string dead_letter_topic;                ///< empty: none; never one of `topics`
  milliseconds redelivery_backoff{1'000};       ///< before the second redelivery, then doubling; may be 0
  milliseconds redelivery_backoff_max{60'000};  ///< not below redelivery_backoff
  WindowMode window = WindowMode::kFixed;
  std::int64_t window_max_records = -1;   ///< leased at once; kUnlimited
  std::int64_t window_max_bytes = -1;     ///< leased at once; kUnlimited
  std::int64_t commit_every_records = 1;  ///< settled records between commits; >= 1
  milliseconds commit_interval{0};        ///< longest time between them; 0: no bound
  IdlePolicy app_idle_policy = IdlePolicy::kHold;
  milliseconds app_idle_timeout{300'000};

  static constexpr std::int64_t kUnlimited = -1;

  bool operator==(const ConsumerOptions&) const = default;
};

/// The data listener and its limits.
struct HttpOptions {
  std::vector<ListenAddress> listen{{ListenAddress::Kind::kTcp, "127.0.0.1", 8090, {}}};  ///< never empty
  std::int64_t max_connections = 1024;
  std::int64_t max_waiting_fetches = 1024;    ///< one more is answered 429
  std::int64_t max_body_bytes = 1 * kMiB;     ///< a request body; above: 413
  std::int64_t max_header_bytes = 16 * kKiB;  ///< a request's line and headers; above: 431
  milliseconds request_timeout{30'000};       ///< from the first byte of a request to its last
  milliseconds response_timeout{30'000};      ///< to write an answer; then its records are given back
  milliseconds idle_timeout{120'000};         ///< a kept-alive connection without a request

  bool operator==(const HttpOptions&) const = default;
};

/// Metrics, probes and the status page.
struct AdminOptions {
  std::vector<ListenAddress> listen{{ListenAddress::Kind::kTcp, "127.0.0.1", 8091, {}}};  ///< never empty

  bool operator==(const AdminOptions&) const = default;
};

struct MemoryOptions {
  std::int64_t budget = 64 * kMiB;  ///< fetched, decompressed, leased and outgoing bytes; >= 8 MiB

  bool operator==(const MemoryOptions&) const = default;
};

struct ShutdownOptions {
  milliseconds drain_timeout{20'000};  ///< how long SIGTERM waits for open leases

  bool operator==(const ShutdownOptions&) const = default;
};

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kLogfmt;

  bool operator==(const LogOptions&) const = default;
};

struct Options {
  KafkaOptions kafka;                                ///< shared values; the daemon reads each consumer's own
  std::map<std::string, ConsumerOptions> consumers;  ///< by name; never empty when loaded
  HttpOptions http;
  AdminOptions admin;
  MemoryOptions memory;
  ShutdownOptions shutdown;
  LogOptions log;

  bool operator==(const Options&) const = default;
};

}  // namespace sluice::config
