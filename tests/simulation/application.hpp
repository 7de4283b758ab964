#pragma once

#include "daemon/core/api.hpp"
#include "tests/simulation/base.hpp"
#include "tests/simulation/daemon.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::simulation {

/// One program that fetches from one daemon, works, and acks. Each has a character: how likely it is to do
/// what.
class Application {
 public:
  Application(Context& context, Daemon& daemon, int number, Dice dice);

  void start();
  /// From now on it does what a good program does.
  void behave() { good_ = true; }

  [[nodiscard]] std::uint64_t acks() const { return acks_; }

 private:
  struct Character {
    double slow = 0;          ///< takes longer than its lease
    double crash = 0;         ///< gets a batch and never comes back to it
    double late = 0;          ///< acks when the lease is over
    double piecemeal = 0;     ///< several acks for parts of the batch
    double release_some = 0;  ///< gives part of it back, with or without a delay
    double release_all = 0;   ///< gives the batch back
    double extend = 0;        ///< asks for more time before it acks
    double ack_twice = 0;
    double repeat_request = 0;  ///< uses a request_id, and sometimes asks again with it
    double lose_answer = 0;     ///< the daemon cannot write the answer and takes the batch back
    double cancel = 0;          ///< hangs up while it waits
    double at_most_once = 0;
    double filter = 0;   ///< fetches from one topic only
    double reject = 0;   ///< says of some records that they can never succeed
    double silent = 0;   ///< does not call for a long time
    double operate = 0;  ///< pauses, resumes, seeks, commits
    Duration think{};
    Duration work{};
  };

  void later(Duration delay, void (Application::*what)());
  void idle();
  void watch(int turn);
  void fetched(const core::FetchResult& result, const Books::LeasePtr& lease);
  void worked();
  void ack_part();
  void finished();
  void again();
  [[nodiscard]] core::FetchSpec spec();
  [[nodiscard]] core::AckSpec whole_or_mixed();
  /// Makes of `spec`, which accepts, one that does not accept poison.
  void spare_poison(core::AckSpec& spec);
  [[nodiscard]] bool has_poison(std::size_t first, std::size_t last) const;
  void operate();
  [[nodiscard]] core::Scope some_scope();
  [[nodiscard]] core::SeekTarget some_place(const core::Scope& scope);
  [[nodiscard]] core::Selector selector(std::size_t first, std::size_t last);
  [[nodiscard]] bool may(double probability) { return !good_ && dice_.chance(probability); }

  Context& context_;
  Daemon& daemon_;
  int number_;
  Dice dice_;
  Character character_;
  bool good_ = false;
  int turn_ = 0;  ///< what was planned in an earlier turn is off
  int life_ = 0;  ///< of the daemon that we got the batch from
  std::string request_id_;
  int last_request_ = 0;
  Books::LeasePtr lease_;
  std::size_t acked_to_ = 0;
  std::uint64_t acks_ = 0;
};

}  // namespace sluice::simulation
