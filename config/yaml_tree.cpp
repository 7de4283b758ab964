#include "config/yaml_tree.hpp"

#include "config/utf8.hpp"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

namespace sluice::config {
namespace {

/// Stands behind the text as a comment. yaml-cpp 0.7 takes an open quote for closed where a text ends with a
/// line break; the value that then swallowed all that follows holds the marker too.
constexpr std::string_view kEndMarker = "#sluice:end-of-text";

/// Leaves the parser from inside an event: yaml-cpp calls itself once per level, so depth must be stopped
/// early.
struct Refused {
  YamlError error;
};

YamlError error_at(const YAML::Mark& mark, std::string what, std::string remedy = {}) {
  return {std::move(what), std::move(remedy), mark.line + 1, mark.column + 1};
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    finish(mark, node_at(mark, YamlNode::Kind::kNull), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Refused{error_at(mark, "an alias stands inside of what it refers to")};
    }
    YamlNode copy = found->second;
    copy.line = mark.line + 1;
    copy.column = mark.column + 1;
    count(mark, copy);
    finish(mark, std::move(copy), YAML::NullAnchor);
  }

  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    if (value.find(kEndMarker) != std::string::npos) {
      throw Refused{error_at(mark, "the quote that opens here is never closed", "close it")};
    }
    YamlNode node = node_at(mark, YamlNode::Kind::kScalar);
    node.text = value;
    if (value == "<<" && tag == "?" && expects_key()) {
      throw Refused{error_at(mark, "the merge key << is not supported", "write the settings out")};
    }
    finish(mark, std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::kSequence);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    YAML::Mark mark;
    std::optional<YamlNode> key;
  };

  static YamlNode node_at(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!" && !tag.starts_with("tag:yaml.org,2002:")) {
      throw Refused{error_at(mark, "the tag " + tag + " is not supported", "remove it")};
    }
  }

  bool expects_key() const {
    return !open_.empty() && open_.back().node.kind == YamlNode::Kind::kMap && !open_.back().key;
  }

  void count(const YAML::Mark& mark, const YamlNode& node) {
    if (++nodes_ > kYamlNodesMax) {
      throw Refused{error_at(mark, "the document has more than " + std::to_string(kYamlNodesMax) + " values",
                             "use fewer aliases")};
    }
    for (const YamlNode& item : node.items) {
      count(mark, item);
    }
    for (const YamlEntry& entry : node.entries) {
      count(mark, entry.value);
    }
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    refuse_tag(mark, tag);
    if (open_.size() >= kYamlDepthMax) {
      throw Refused{error_at(mark, "values are nested more than " + std::to_string(kYamlDepthMax) + " deep")};
    }
    if (expects_key()) {
      throw Refused{error_at(mark, "a key is a list or a map", "keys are plain names")};
    }
    open_.push_back({node_at(mark, kind), anchor, mark, std::nullopt});
  }

  void close() {
    Frame frame = std::move(open_.back());
    open_.pop_back();
    finish(frame.mark, std::move(frame.node), frame.anchor);
  }

  void finish(const YAML::Mark& mark, YamlNode node, YAML::anchor_t anchor) {
    if (node.items.empty() && node.entries.empty()) {
      count(mark, node);
    }
    if (anchor != YAML::NullAnchor) {
      anchors_[anchor] = node;
    }
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (open_.back().node.kind == YamlNode::Kind::kSequence) {
      open_.back().node.items.push_back(std::move(node));
    } else if (!open_.back().key) {
      if (node.kind != YamlNode::Kind::kScalar) {
        throw Refused{error_at(mark, "a key is empty, a list or a map", "keys are plain names")};
      }
      open_.back().key = std::move(node);
    } else {
      open_.back().node.entries.push_back({std::move(*open_.back().key), std::move(node)});
      open_.back().key.reset();
    }
  }

  YamlNode root_;
  std::vector<Frame> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::size_t nodes_ = 0;
};

/// yaml-cpp reports a tab only as a symptom; people look for the tab.
std::string remedy_for(const std::string& text, int line) {
  std::istringstream lines(text);
  std::string content;
  for (int number = 0; number <= line && std::getline(lines, content); ++number) {
  }
  const std::string indent = content.substr(0, content.find_first_not_of(" \t"));
  return indent.find('\t') != std::string::npos ? "indent with spaces, not tabs" : "";
}

/// What is found missing only at the end is told behind the last line's text, not behind the marker.
YamlError inside(std::string_view text, YamlError error) {
  const std::size_t end = text.find_last_not_of(" \t\r\n") + 1;  // npos + 1 is 0: nothing but blanks
  text = text.substr(0, end);
  const int lines = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
  if (error.line > lines) {
    error.line = lines;
    error.column = static_cast<int>(text.size() - (text.rfind('\n') + 1)) + 1;
  }
  return error;
}

}  // namespace

std::variant<YamlNode, YamlError> parse_yaml(const std::string& text) {
  if (text.size() > kYamlBytesMax) {
    return YamlError{"is larger than 1 MiB", "a configuration is a few kilobytes", 0, 0};
  }
  std::optional<std::size_t> bad = first_invalid_utf8(text);
  if (const std::size_t zero = text.find('\0'); zero != std::string::npos) {
    bad = std::min(zero, bad.value_or(zero));
  }
  if (bad) {
    const auto breaks = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(*bad), '\n');
    const std::size_t start = text.rfind('\n', *bad) + 1;  // npos + 1 is 0: the first line
    return YamlError{"is not UTF-8 text", "save the file as UTF-8", static_cast<int>(breaks) + 1,
                     static_cast<int>(*bad - start) + 1};
  }
  try {
    std::istringstream stream(text + "\n" + std::string(kEndMarker) + "\n");
    YAML::Parser parser(stream);
    TreeBuilder builder;
    if (!parser.HandleNextDocument(builder)) {
      return YamlNode{};
    }
    TreeBuilder second;
    if (parser.HandleNextDocument(second)) {
      const YamlNode extra = second.take();
      return YamlError{"a second document begins", "keep one document in the file", extra.line, extra.column};
    }
    return builder.take();
  } catch (const Refused& refused) {
    return refused.error;
  } catch (const YAML::Exception& error) {
    return inside(text,
                  error_at(error.mark, "is not valid YAML: " + error.msg, remedy_for(text, error.mark.line)));
  }
}

}  // namespace sluice::config
