#pragma once

/// What the sources say before it is understood: each names a setting and gives texts. Later sources take the
/// place of earlier ones: file, environment, command line.

#include "config/interpolate.hpp"
#include "config/problem.hpp"
#include "config/setting.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// A section, and for kConsumer which consumer.
struct Place {
  Section section = Section::kKafka;
  std::string consumer = {};
};

/// `kafka.client.id`, `consumers.orders.group.id`; without a name the section itself.
[[nodiscard]] std::string path_of(const Place& place, std::string_view name);

/// One text with the place where it stands.
struct Item {
  std::string text;
  Origin origin;
};

/// The texts given to one setting.
struct Assignment {
  const Setting* setting = nullptr;
  Place place;
  Origin origin;            ///< of the name
  std::vector<Item> items;  ///< one, or for `listed` any number
  bool listed = false;      ///< written as a YAML list; else a list is split at its commas
};

/// Names as candidates for nearest(): what may stand in that section, foreign names and aliases not among
/// them.
[[nodiscard]] std::vector<std::string> names_in(Section section);

/// Gathers assignments and everything wrong with their names. One collector per load.
class Collector {
 public:
  /// Understands a name. Null where it is no setting here; the problem is then noted.
  /// `shown` is the name as written, with its path; `near_prefix` goes in front of the name that was probably
  /// meant.
  const Setting* resolve(const Place& place,
                         std::string_view name,
                         const Origin& origin,
                         const std::string& shown,
                         const std::string& near_prefix = {});

  /// Takes the place of what an earlier source said. Twice in the file or the environment is an error.
  void assign(Assignment assignment);

  /// Notes that a consumer of that name exists; the first mention counts.
  void mention(const std::string& consumer, const Origin& origin) {
    consumers_.try_emplace(consumer, origin);
  }

  void error(Problem problem) { errors_.push_back(std::move(problem)); }
  void warn(Problem problem) { warnings_.push_back(std::move(problem)); }

  /// A setting whose value could not be read: rules between settings do not look at it.
  void mark_failed(const std::string& path) { failed_.insert(path); }
  [[nodiscard]] bool has_failed(const std::string& path) const { return failed_.contains(path); }

  [[nodiscard]] const std::map<std::string, Assignment>& assignments() const { return assignments_; }
  [[nodiscard]] const std::map<std::string, Origin>& consumers() const { return consumers_; }
  [[nodiscard]] std::vector<Problem>& errors() { return errors_; }
  [[nodiscard]] std::vector<Problem>& warnings() { return warnings_; }

 private:
  std::map<std::string, Assignment> assignments_;  // by path
  std::map<std::string, Origin> consumers_;
  std::set<std::string> failed_;
  std::vector<Problem> errors_;
  std::vector<Problem> warnings_;
};

}  // namespace sluice::config
