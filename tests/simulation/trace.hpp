#pragma once

#include "tests/simulation/base.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::simulation {

/// What happened, as a hash of everything and as text of the last events.
class Trace {
 public:
  static constexpr std::size_t kKept = 400;

  explicit Trace(bool print) : print_(print) { ring_.resize(kKept); }

  /// `what` must live for ever: a literal.
  void add(
      TimePoint when, int who, const char* what, std::int64_t a = 0, std::int64_t b = 0, std::int64_t c = 0) {
    mix(static_cast<std::uint64_t>(when.time_since_epoch().count()));
    mix(static_cast<std::uint64_t>(who));
    for (const char* p = what; *p != '\0'; ++p) hash_ = (hash_ ^ static_cast<unsigned char>(*p)) * kPrime;
    mix(static_cast<std::uint64_t>(a));
    mix(static_cast<std::uint64_t>(b));
    mix(static_cast<std::uint64_t>(c));
    const Event event{when, who, what, {a, b, c}, {}};
    if (print_) std::puts(text(event).c_str());
    ring_[count_++ % kKept] = event;
  }
  /// Log lines of the product: shown, not hashed.
  void note(TimePoint when, int who, std::string line) {
    if (!print_) return;
    std::puts(text({when, who, "log", {}, std::move(line)}).c_str());
  }

  [[nodiscard]] bool printing() const { return print_; }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::vector<std::string> last(std::size_t count) const {
    std::vector<std::string> lines;
    const std::size_t kept = std::min({count, count_, kKept});
    for (std::size_t i = count_ - kept; i < count_; ++i) lines.push_back(text(ring_[i % kKept]));
    return lines;
  }

 private:
  static constexpr std::uint64_t kPrime = 0x100000001B3ULL;

  struct Event {
    TimePoint when;
    int who = 0;
    const char* what = "";
    std::array<std::int64_t, 3> numbers{};
    std::string line;
  };

  void mix(std::uint64_t value) {
    for (int i = 0; i < 8; ++i, value >>= 8U) hash_ = (hash_ ^ (value & 0xFFU)) * kPrime;
  }
  static std::string text(const Event& event) {
    std::array<char, 160> head{};
    const double seconds = std::chrono::duration<double>(event.when.time_since_epoch()).count();
    if (!event.line.empty()) {
      std::snprintf(head.data(), head.size(), "%12.4f  %2d  ", seconds, event.who);
      return head.data() + event.line;
    }
    std::snprintf(head.data(), head.size(), "%12.4f  %2d  %-24s %lld %lld %lld", seconds, event.who,
                  event.what, static_cast<long long>(event.numbers[0]),
                  static_cast<long long>(event.numbers[1]), static_cast<long long>(event.numbers[2]));
    return head.data();
  }

  bool print_;
  std::uint64_t hash_ = 0xCBF29CE484222325ULL;
  std::size_t count_ = 0;
  std::vector<Event> ring_;
};

}  // namespace sluice::simulation
