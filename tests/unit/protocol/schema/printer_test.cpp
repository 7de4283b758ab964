#include "protocol/schema/printer.hpp"

#include "tests/unit/protocol/schema/sample.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace sluice::protocol {
namespace {

using namespace std::string_literals;

TEST(Printer, ShowsTheFieldsOfTheVersionUnderKafkasNames) {
  Sample sample;
  sample.may_be_lost = "x";
  sample.items = {{.name = "i", .weight = 2}};
  EXPECT_EQ(print(sample, 0), R"({"number":7,"alias":null})");
  EXPECT_EQ(print(sample, 1),
            R"({"number":7,"alias":null,"mustTravel":"","mayBeLost":"x","items":[{"name":"i","weight":2}]})");
}

TEST(Printer, HidesBytesUnlessTold) {
  Sample sample;
  sample.secret = Bytes("password");
  EXPECT_EQ(print(sample, 3).find("password"), std::string::npos);
  EXPECT_NE(print(sample, 3).find(R"("secret":"<8 bytes>")"), std::string::npos);
  EXPECT_NE(print(sample, 3, Secrets::kShow).find(R"("secret":"cGFzc3dvcmQ=")"), std::string::npos);
}

TEST(Printer, CutsLongLists) {
  Sample sample;
  sample.offsets.assign(100, 1);
  const auto parsed = nlohmann::json::parse(print(sample, 3));
  EXPECT_EQ(parsed.at("offsets").size(), 33U);
  EXPECT_EQ(parsed.at("offsets").back(), "... 68 more");
}

TEST(Printer, EscapesWhatCouldForgeALogLine) {
  const std::string nasty = "a\"b\\c\nd\x01\x7f"s;
  std::string out;
  append_json_string(out, nasty);
  EXPECT_EQ(out, R"("a\"b\\c\u000ad\u0001\u007f")");
  EXPECT_EQ(nlohmann::json::parse(out).get<std::string>(), nasty);
}

TEST(Printer, WritesBase64WithPadding) {
  const auto base64 = [](std::string_view bytes) {
    std::string out;
    append_base64(out, bytes);
    return out;
  };
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("\xff\xfe\xfd\xfc"), "//79/A==");
}

TEST(SchemaDump, HasOneLinePerFieldInTravellingOrder) {
  EXPECT_EQ(schema_text<Sample>(),
            "Sample|valid 0..4|flexible 2..4\n"
            "Sample.Number|int32|0..4|null -|tag -|default 7\n"
            "Sample.Alias|string|0..4|null 1..4|tag -|default null\n"
            "Sample.MustTravel|string|1..4|null -|tag -|default ''\n"
            "Sample.MayBeLost|string|1..4|null -|tag -|default ''|ignorable\n"
            "Sample.Items|[]struct|1..4|null -|tag -|default []\n"
            "Sample.Items.Name|string|1..4|null -|tag -|default ''\n"
            "Sample.Items.Weight|int16|1..4|null -|tag -|default -1\n"
            "Sample.Offsets|[]int64|3..4|null -|tag -|default []\n"
            "Sample.Secret|bytes|3..4|null -|tag -|default ''\n"
            "Sample.Note|struct|3..4|null 3..4|tag -|default null\n"
            "Sample.Note.Text|string|3..4|null -|tag -|default ''\n"
            "Sample.Words|[]string|4..4|null -|tag -|default []\n"
            "Sample.FirstTag|int32|2..4|null -|tag 0|default -1|ignorable\n"
            "Sample.SecondTag|[]struct|2..4|null -|tag 5|default []|ignorable\n"
            "Sample.SecondTag.Name|string|2..4|null -|tag -|default ''\n"
            "Sample.SecondTag.Weight|int16|2..4|null -|tag -|default -1\n");
}

}  // namespace
}  // namespace sluice::protocol
