#include "daemon/http/settlement_json.hpp"

#include "daemon/http/consumer_json.hpp"

#include <nlohmann/json.hpp>

namespace sluice::http {

using nlohmann::ordered_json;

ordered_json offsets_json(const std::vector<core::PartitionProgress>& offsets) {
  ordered_json out = ordered_json::array();
  for (const core::PartitionProgress& progress : offsets) {
    ordered_json entry = partition_json(progress.partition);
    entry["acked_through"] =
        progress.acked_through < 0 ? ordered_json(nullptr) : ordered_json(progress.acked_through);
    entry["committed"] = progress.committed ? ordered_json(*progress.committed) : ordered_json(nullptr);
    out.push_back(std::move(entry));
  }
  return out;
}

ordered_json settlement_json(const core::AckResult& result, bool committed) {
  ordered_json out;
  out["accepted"] = result.accepted;
  out["released"] = result.released;
  out["rejected"] = result.rejected;
  out["kept"] = result.kept;
  ordered_json refused = ordered_json::array();
  for (const core::RefusedRecords& records : result.refused) {
    ordered_json entry = partition_json(records.partition);
    entry["from"] = records.range.first;
    entry["to"] = records.range.last;
    entry["reason"] = core::to_string(records.reason);
    refused.push_back(std::move(entry));
  }
  out["refused"] = std::move(refused);
  out["offsets"] = offsets_json(result.offsets);
  // A rejected record is safe once the dead letter topic has it; the commit follows.
  out["committed"] = committed && result.rejected == 0;
  return out;
}

std::string settlement_members(const core::AckResult& result, bool committed) {
  std::string text = dump(settlement_json(result, committed));
  return text.substr(1, text.size() - 2);
}

}  // namespace sluice::http
