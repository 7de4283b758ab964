#include "daemon/net/alarm.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <utility>

namespace sluice::net {

namespace asio = boost::asio;

struct Alarm::State {
  State(const asio::any_io_executor& executor, std::function<void()> function)
      : timer(executor), ring(std::move(function)) {}

  asio::steady_timer timer;
  std::function<void()> ring;
  SteadyTime when = SteadyTime::max();
  std::uint64_t generation = 0;  // tells a late expiry from the one that was set last
};

Alarm::Alarm(const asio::any_io_executor& executor, std::function<void()> ring)
    : state_(std::make_shared<State>(executor, std::move(ring))) {}

Alarm::~Alarm() { clear(); }

void Alarm::set(SteadyTime when) {
  const std::uint64_t generation = ++state_->generation;
  state_->when = when;
  if (when == SteadyTime::max()) {
    state_->timer.cancel();
    return;
  }
  state_->timer.expires_at(when);
  state_->timer.async_wait([state = state_, generation](const boost::system::error_code& ec) {
    if (ec || state->generation != generation) return;
    state->when = SteadyTime::max();
    state->ring();
  });
}

SteadyTime Alarm::when() const { return state_->when; }

}  // namespace sluice::net
