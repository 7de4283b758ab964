#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace sluice::net {

/// Settings of all connections of one pool. Names and defaults are those of Kafka's consumer where it has
/// them.
struct NetOptions {
  std::string client_id = "sluiced";              ///< client.id, in the header of every request
  std::string client_software_name = "sluiced";   ///< KIP-511: letters, digits, "-", "."; never empty
  std::string client_software_version = "0.0.0";  ///< same rule
  std::chrono::milliseconds connect_timeout{
      10'000};  ///< socket.connection.setup.timeout.ms: one dial, all of it
  std::chrono::milliseconds connect_timeout_max{30'000};  ///< it doubles with each failure up to this
  std::chrono::milliseconds idle_max{540'000};            ///< connections.max.idle.ms
  std::chrono::milliseconds reconnect_backoff{50};        ///< reconnect.backoff.ms
  std::chrono::milliseconds reconnect_backoff_max{1'000};
  std::size_t frame_bytes_max = 128UL << 20;  ///< a longer answer closes the connection
  int receive_buffer_bytes = 0;               ///< receive.buffer.bytes; 0: the kernel tunes it, which is best
  std::size_t brokers_max = 4096;  ///< addresses kept; more come only from a hostile Metadata answer
  std::uint64_t jitter_seed = 1;   ///< different in every process, so that a fleet does not reconnect in step
};

}  // namespace sluice::net
