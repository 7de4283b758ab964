/// The window in a closed loop with applications that become ten times slower and recover.

#include "daemon/core/delivery/window.hpp"
#include "daemon/core/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <ostream>
#include <vector>

namespace sluice::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kRoundTripS = 0.002;
constexpr std::int64_t kRecordBytes = 100;

struct Case {
  double pace;  ///< records per second and worker
  Duration lease;
  std::size_t workers;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.pace << "/s, lease " << c.lease.count() / 1'000'000 << " ms, " << c.workers << " workers";
}

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }
Duration of_seconds(double value) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

/// Workers that fetch what the window gives, work it off, ack it and fetch again. A lease that expires is
/// worked off to its end all the same: an application does not notice.
class Loop {
 public:
  explicit Loop(const Case& setup) : case_(setup), workers_(setup.workers) {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      workers_[i].idle_until = TimePoint(case_.lease * static_cast<Duration::rep>(i) / 16);
    }
  }

  /// Runs for that many leases at that pace, from where the last run ended, and gives records per second.
  double run(double pace, double leases) {
    const TimePoint end = now_ + of_seconds(leases * in_seconds(case_.lease));
    const double before = done_;
    const TimePoint start = now_;
    while (now_ < end) {
      fetch();
      const TimePoint next = std::min(end, next_event(pace));
      work(next - now_, pace);
      now_ = next;
      window_.look(now_);
      expire();
      ack();
    }
    return (done_ - before) / in_seconds(now_ - start);
  }

  [[nodiscard]] const Window& window() const { return window_; }
  [[nodiscard]] TimePoint now() const { return now_; }
  /// Leases that expired, of those granted later than that.
  [[nodiscard]] std::int64_t expired_since(TimePoint from) const {
    return std::count_if(expired_.begin(), expired_.end(), [&](TimePoint at) { return at > from; });
  }

 private:
  struct Worker {
    bool busy = false;
    LeaseNumber number = 0;
    std::int64_t records = 0;
    double travel = 0;  ///< seconds of the round trip that are left
    double left = 0;    ///< records that are left, those of a tedious batch count more
    TimePoint granted_at{};
    TimePoint expires_at{};
    bool expired = false;
    TimePoint idle_until{};  ///< they do not begin in step
  };

  void fetch() {
    for (Worker& each : workers_) {
      if (each.busy || each.idle_until > now_) continue;
      const Window::Allowance may = window_.allowance(leased_, leased_ * kRecordBytes, workers_.size());
      if (may.full()) continue;
      const std::int64_t by_bytes = std::max<std::int64_t>(1, may.bytes / kRecordBytes);
      const std::int64_t records = std::min(may.records, by_bytes);
      const auto why = by_bytes < may.records ? Window::EndedBy::kBytes : Window::EndedBy::kRecords;
      window_.on_leased(++last_, {records, records * kRecordBytes, may.workers, why}, case_.lease, now_);
      const double effort = static_cast<double>(records) * random_.between(0.85, 1.15);
      each = {true, last_, records, kRoundTripS, effort, now_, now_ + case_.lease, false, {}};
      leased_ += records;
    }
  }

  TimePoint next_event(double pace) const {
    TimePoint next = window_.next_deadline();
    for (const Worker& each : workers_) {
      if (!each.busy) {
        if (each.idle_until > now_) next = std::min(next, each.idle_until);
        continue;
      }
      next = std::min(next, now_ + of_seconds(each.travel + each.left / pace) + Duration(1));
      if (!each.expired) next = std::min(next, each.expires_at);
    }
    return next;
  }

  void work(Duration time, double pace) {
    for (Worker& each : workers_) {
      double left = in_seconds(time);
      const double travelled = std::min(left, each.travel);
      each.travel -= travelled;
      left -= travelled;
      each.left = std::max(0.0, each.left - left * pace);
    }
  }

  void expire() {
    for (Worker& each : workers_) {
      if (!each.busy || each.expired || each.expires_at > now_ || finished(each)) continue;
      each.expired = true;
      expired_.push_back(each.granted_at);
      leased_ -= each.records;
      window_.on_expired(each.number);
    }
  }

  void ack() {
    for (Worker& each : workers_) {
      if (!each.busy || !finished(each)) continue;
      each.busy = false;
      done_ += static_cast<double>(each.records);
      if (!each.expired) leased_ -= each.records;
      window_.on_acked(each.number, now_);
    }
  }

  static bool finished(const Worker& worker) { return worker.travel <= 0 && worker.left < 1e-6; }

  Case case_;
  Window window_{{.mode = Window::Mode::kAdaptive}};
  std::vector<Worker> workers_;
  Random random_{42};
  TimePoint now_{};
  LeaseNumber last_ = 0;
  std::int64_t leased_ = 0;
  double done_ = 0;
  std::vector<TimePoint> expired_;  ///< when they were granted
};

/// What the best constant window reaches: the largest one whose batches fit half of the lease.
double best_fixed(double pace, const Case& c) {
  const double workers = static_cast<double>(c.workers);
  const double most = static_cast<double>(Window::kRecordsCeiling) / workers;
  const double share = std::clamp(std::floor(pace * in_seconds(c.lease) / 2), 1.0, most);
  return workers * share / (share / pace + kRoundTripS);
}

/// What the largest share is that takes half of a lease.
std::int64_t largest_share(double pace, const Case& c) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(pace * in_seconds(c.lease) / 2 * 1.15));
}

class WindowPaceTest : public testing::TestWithParam<Case> {};

TEST_P(WindowPaceTest, FollowsATenfoldDropAndTheRecovery) {
  const Case& c = GetParam();
  const double slow = c.pace / 10;
  const auto workers = static_cast<std::int64_t>(c.workers);
  // The drop comes at another part of a batch each time.
  for (int moment = 0; moment < 8; ++moment) {
    SCOPED_TRACE(moment);
    Loop loop(c);
    const double at_first = loop.run(c.pace, 60 + 0.07 * moment);
    const std::int64_t large = loop.window().records();
    const TimePoint dropped = loop.now();
    EXPECT_EQ(loop.expired_since(TimePoint(4 * c.lease)), 0) << "while nothing changed";
    const double while_slow = loop.run(slow, 60);
    const std::int64_t small = loop.window().records();
    const Window::Counters cuts = loop.window().counters();
    const double at_last = loop.run(c.pace, 60);

    EXPECT_GE(at_first, 0.8 * best_fixed(c.pace, c));
    EXPECT_GE(while_slow, 0.8 * best_fixed(slow, c));
    EXPECT_GE(at_last, 0.8 * best_fixed(c.pace, c));

    EXPECT_LE(small / workers, largest_share(slow, c));
    EXPECT_GE(loop.window().records(), large / 2);
    if (large / workers > 2 * largest_share(slow, c)) {
      EXPECT_GT(cuts.slow + cuts.expired, 0U);
    }
    // Leases from before the drop may expire, and those that were given before anybody could see it.
    EXPECT_EQ(loop.expired_since(dropped + 2 * c.lease), 0);
    EXPECT_LE(loop.expired_since(dropped - c.lease), workers) << "one each";
  }
}

std::vector<Case> cases() {
  std::vector<Case> result;
  for (const double pace : {50.0, 500.0, 5'000.0, 50'000.0}) {
    for (const Duration lease : std::array<Duration, 3>{seconds(1), seconds(5), seconds(30)}) {
      for (const std::size_t workers : {std::size_t{1}, std::size_t{16}}) {
        result.push_back({pace, lease, workers});
      }
    }
  }
  return result;
}

INSTANTIATE_TEST_SUITE_P(All, WindowPaceTest, testing::ValuesIn(cases()));

}  // namespace
}  // namespace sluice::core
