#pragma once

#include "daemon/core/fetch/list_offsets.hpp"
#include "protocol/records/record.hpp"
#include "tests/simulation/base.hpp"
#include "tests/simulation/settings.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::simulation {

/// What a record says, as a hash of all that an application can see of it.
[[nodiscard]] std::uint64_t digest(const protocol::Record& record);

/// The same with another offset, and of those headers only that `which` likes.
[[nodiscard]] std::uint64_t digest_of_parts(Offset offset,
                                            const protocol::Record& record,
                                            const std::function<bool(const protocol::RecordHeader&)>& which);

/// As digest(), of a batch that nobody can read: handed out as one record.
[[nodiscard]] std::uint64_t digest_of_bytes(std::string_view bytes);

/// The log of one partition as its leader keeps it, and the truth about every offset in it.
class PartitionLog {
 public:
  /// What fetching gives.
  struct Slice {
    std::string records;
    std::size_t first_size = 0;                                  ///< bytes of the first batch in it
    std::vector<std::pair<std::int64_t, std::int64_t>> aborted;  ///< producer id, first offset
  };

  /// `number` tells logs apart in the records' contents.
  PartitionLog(int number, core::IsolationLevel isolation) : number_(number), isolation_(isolation) {}

  [[nodiscard]] Offset start() const { return start_; }
  [[nodiscard]] Offset end() const { return static_cast<Offset>(slots_.size()); }
  /// Last stable offset: nothing behind it belongs to a transaction that is still open.
  [[nodiscard]] Offset stable_end() const;
  /// Where a consumer of this world finds the end.
  [[nodiscard]] Offset visible_end() const {
    return isolation_ == core::IsolationLevel::kReadCommitted ? stable_end() : end();
  }

  /// A data record that a consumer must get, as things stand.
  [[nodiscard]] bool is_visible(Offset offset) const;
  /// As is_visible(), and records of open transactions, of which nobody knows yet.
  [[nodiscard]] bool may_become_visible(Offset offset) const;
  [[nodiscard]] std::uint64_t digest_at(Offset offset) const {
    return slots_[static_cast<std::size_t>(offset)].digest;
  }

  /// The record before this one that has the same key and is or may become visible; -1: there is none.
  [[nodiscard]] Offset before_of_key(Offset offset) const;
  /// No application ever acks it.
  [[nodiscard]] bool is_poison(Offset offset) const {
    return slots_[static_cast<std::size_t>(offset)].poison;
  }
  [[nodiscard]] std::size_t poison_count() const { return poison_count_; }
  /// First record that is not older; -1: there is none.
  [[nodiscard]] Offset not_older(std::int64_t timestamp) const;

  /// Appends one batch of up to `records_max` records, or the begin or the end of a transaction.
  /// Returns how many data records came.
  int produce(const Settings& settings,
              int records_max,
              std::int32_t leader_epoch,
              std::int64_t timestamp,
              Dice& dice);
  void end_transactions(std::int32_t leader_epoch, std::int64_t timestamp, Dice& dice);

  /// From the batch that holds `offset` on; the first batch whole when `whole_first`, the last one perhaps
  /// cut.
  [[nodiscard]] Slice read(Offset offset, std::size_t bytes_max, bool whole_first) const;

  /// Retention: batches that end below `offset` go.
  void delete_below(Offset offset);

  [[nodiscard]] std::size_t largest_batch() const { return largest_batch_; }
  [[nodiscard]] std::size_t batch_count() const { return batches_.size(); }

 private:
  enum class Fate : std::uint8_t { kOpen = 1, kCommitted, kAborted };
  struct Slot {
    bool is_record = false;
    bool poison = false;
    Offset before_of_key = -1;
    std::int32_t transaction = -1;  ///< index
    std::uint64_t digest = 0;
  };
  struct Transaction {
    std::int64_t producer = 0;
    Offset first = 0;
    Offset last = 0;
    Fate fate = Fate::kOpen;
  };
  struct Batch {
    Offset first = 0;
    Offset last = 0;
    std::int64_t timestamp = 0;
    std::string bytes;
  };

  void store(Offset first, Offset last, std::int64_t timestamp, std::string bytes);
  void produce_undecodable(std::int32_t leader_epoch, std::int64_t timestamp, Dice& dice);
  void end_transaction(std::size_t index, bool commit, std::int32_t epoch, std::int64_t timestamp);

  int number_;
  core::IsolationLevel isolation_;
  Offset start_ = 0;
  std::vector<Slot> slots_;  ///< one of each offset from 0
  std::deque<Batch> batches_;
  std::vector<Transaction> transactions_;
  std::int64_t last_producer_ = 0;
  std::size_t largest_batch_ = 0;
  std::size_t poison_count_ = 0;
  std::map<std::string, Offset> last_of_key_;
};

}  // namespace sluice::simulation
