#include "protocol/messages/frame.hpp"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <variant>

namespace sluice::protocol {
namespace {

using namespace std::string_literals;

HeartbeatRequest heartbeat() { return {.group_id = "g", .generation_id = 3, .member_id = "m-1"}; }

// A sender that does not know the version fills in both forms; strict encoding refused that with "no place
// for it".
TEST(RequestFrame, TakesTheFormThatItsVersionHasRoomFor) {
  FindCoordinatorRequest find{.key = "g", .coordinator_keys = {"g"}};
  OffsetFetchRequest fetch{.group_id = "g"};
  fetch.topics->push_back({"t", {0}});
  fetch.groups.push_back({.group_id = "g"});
  const LeaveGroupRequest leave{.group_id = "g", .member_id = "m", .members = {{.member_id = "m"}}};
  for (const auto& [request, before, since] :
       {std::tuple<AnyRequest, std::int16_t, std::int16_t>{find, 3, 4}, {fetch, 7, 8}, {leave, 2, 3}}) {
    for (const std::int16_t version : {before, since}) {
      const auto frame = encode_request_frame(request, version, 7, "c");
      ASSERT_TRUE(frame.has_value()) << frame.error().message;
      EXPECT_TRUE(decode_request(std::string_view(*frame).substr(4)).has_value());
    }
  }
}

TEST(RequestFrame, HasLengthFlexibleHeaderAndBody) {
  const auto frame = encode_request_frame(heartbeat(), 4, 7, "c");
  ASSERT_TRUE(frame.has_value()) << frame.error().message;
  EXPECT_EQ(*frame,
            "\x00\x00\x00\x18"s
            "\x00\x0c\x00\x04\x00\x00\x00\x07\x00\x01"s
            "c"
            "\x00"s  // the client id stays classic, the tags follow
            "\x02g\x00\x00\x00\x03\x04m-1\x00\x00"s);
}

TEST(RequestFrame, HasNoTagsInTheHeaderOfAClassicVersion) {
  const auto frame = encode_request_frame(heartbeat(), 3, 7, std::nullopt);
  ASSERT_TRUE(frame.has_value()) << frame.error().message;
  EXPECT_EQ(frame->substr(4, 10), "\x00\x0c\x00\x03\x00\x00\x00\x07\xff\xff"s);
  EXPECT_EQ(frame->substr(14, 3), "\x00\x01g"s);
}

TEST(RequestFrame, IsRefusedInVersionsThatWeDoNotSpeak) {
  const auto frame = encode_request_frame(heartbeat(), 1, 7, "c");
  ASSERT_FALSE(frame.has_value());
  EXPECT_EQ(frame.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(frame.error().message, "Heartbeat: we do not speak version 1");
  EXPECT_FALSE(encode_request_frame(heartbeat(), 5, 7, "c").has_value());
}

TEST(RequestFrame, IsRefusedWhenTheVersionHasNoPlaceForAField) {
  HeartbeatRequest request = heartbeat();
  request.group_instance_id = "static";
  EXPECT_TRUE(encode_request_frame(request, 3, 7, "c").has_value());
  EXPECT_EQ(encode_request_frame(request, 2, 7, "c").error().message,
            "HeartbeatRequest.GroupInstanceId: no place for it in version 2");
}

// Brokers before 2.5 have no pending transactional commits to wait for (KIP-447).
TEST(RequestFrame, DropsTheWishForStableOffsetsWhereItIsUnknown) {
  OffsetFetchRequest request{.group_id = "g"};
  request.require_stable = true;
  const auto frame = encode_request_frame(request, 6, 7, "c");
  ASSERT_TRUE(frame.has_value()) << frame.error().message;
}

TEST(ResponseFrame, IsReadBehindItsHeader) {
  const auto classic = decode_response(ApiKey::kHeartbeat, 3, "\x00\x00\x00\x07\x00\x00\x00\x05\x00\x1b"s, 7);
  ASSERT_TRUE(classic.has_value()) << classic.error().message;
  EXPECT_EQ(std::get<HeartbeatResponse>(*classic),
            (HeartbeatResponse{.throttle_time_ms = 5, .error_code = 27}));
  const auto flexible =
      decode_response(ApiKey::kHeartbeat, 4, "\x00\x00\x00\x07\x00\x00\x00\x00\x05\x00\x1b\x00"s, 7);
  ASSERT_TRUE(flexible.has_value()) << flexible.error().message;
  EXPECT_EQ(*flexible, *classic);
}

TEST(ResponseFrame, SkipsTagsInTheHeader) {
  const auto response = decode_response(ApiKey::kHeartbeat, 4,
                                        "\x00\x00\x00\x07\x01\x2a\x02??\x00\x00\x00\x05\x00\x1b\x00"s, 7);
  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(std::get<HeartbeatResponse>(*response).error_code, 27);
}

TEST(ResponseFrame, IsRefusedWithAForeignCorrelationId) {
  const auto response =
      decode_response(ApiKey::kHeartbeat, 3, "\x00\x00\x00\x08\x00\x00\x00\x05\x00\x1b"s, 7);
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().kind, ErrorKind::kMalformed);
  EXPECT_EQ(response.error().message, "ResponseHeader.CorrelationId: 8 instead of 7");
}

TEST(ResponseFrame, IsRefusedWhenCutOffAnywhere) {
  const std::string frame = "\x00\x00\x00\x07\x00\x00\x00\x00\x05\x00\x1b\x00"s;
  for (std::size_t size = 0; size < frame.size(); ++size) {
    EXPECT_FALSE(decode_response(ApiKey::kHeartbeat, 4, frame.substr(0, size), 7).has_value()) << size;
  }
}

TEST(ResponseFrame, MayBeLongerThanTheMessage) {
  EXPECT_TRUE(decode_response(ApiKey::kHeartbeat, 3,
                              "\x00\x00\x00\x07\x00\x00\x00\x05\x00\x1b"
                              "more"s,
                              7)
                  .has_value());
}

TEST(ResponseFrame, LendsTheRecordsOfAFetch) {
  FetchResponse response;
  response.responses = {{.topic = "t", .partitions = {{.partition_index = 1, .records = "batches"}}}};
  const auto encoded = encode_response_frame(response, 11, 7);
  ASSERT_TRUE(encoded.has_value()) << encoded.error().message;
  const std::string frame = encoded->substr(4);
  const auto decoded = decode_response(ApiKey::kFetch, 11, frame, 7);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(std::get<FetchResponse>(*decoded), response);
  const auto records = std::get<FetchResponse>(*decoded).responses.at(0).partitions.at(0).records;
  EXPECT_EQ(records->data(), frame.data() + frame.find("batches"));
}

TEST(ApiVersionsFrame, HasTheOldResponseHeaderInEveryVersion) {
  const auto frame = encode_response_frame(ApiVersionsResponse{}, 4, 7);
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(*frame, "\x00\x00\x00\x0c\x00\x00\x00\x07\x00\x00\x01\x00\x00\x00\x00\x00"s);
  EXPECT_TRUE(decode_response(ApiKey::kApiVersions, 4, frame->substr(4), 7).has_value());
}

TEST(ApiVersionsFrame, IsReadAsVersion0WhenTheBrokerDoesNotKnowOurs) {
  const std::string kafka = "\x00\x00\x00\x02\x00\x23\x00\x00\x00\x01\x00\x12\x00\x00\x00\x04"s;
  const auto response = decode_response(ApiKey::kApiVersions, 4, kafka, 2);
  ASSERT_TRUE(response.has_value()) << response.error().message;
  const auto& versions = std::get<ApiVersionsResponse>(*response);
  EXPECT_EQ(versions.error_code, 35);
  ASSERT_EQ(versions.api_keys.size(), 1U);
  EXPECT_EQ(versions.api_keys[0].max_version, 4);

  const std::string before_2_4 = "\x00\x00\x00\x02\x00\x23\x00\x00\x00\x00"s;
  EXPECT_TRUE(decode_response(ApiKey::kApiVersions, 3, before_2_4, 2).has_value());
}

TEST(BrokerSide, ReadsWhatWeSend) {
  const auto frame = encode_request_frame(heartbeat(), 4, 7, "c");
  const auto received = decode_request(std::string_view(*frame).substr(4));
  ASSERT_TRUE(received.has_value()) << received.error().message;
  EXPECT_EQ(received->header.request_api_version, 4);
  EXPECT_EQ(received->header.correlation_id, 7);
  EXPECT_EQ(received->header.client_id, "c");
  EXPECT_EQ(received->request, AnyRequest{heartbeat()});
}

TEST(BrokerSide, RefusesWhatItCannotRead) {
  EXPECT_FALSE(decode_request("").has_value());
  EXPECT_FALSE(decode_request("\x00\x04\x00\x00\x00\x00\x00\x01\x00\x00"s).has_value()) << "LeaderAndIsr";
  const auto frame = encode_request_frame(heartbeat(), 4, 7, "c");
  EXPECT_FALSE(decode_request(std::string_view(*frame + "x").substr(4)).has_value()) << "trailing bytes";
}

}  // namespace
}  // namespace sluice::protocol
