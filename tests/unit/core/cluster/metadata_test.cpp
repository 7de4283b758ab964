#include "daemon/core/cluster/metadata.hpp"

#include "tests/unit/core/fetch/fetch_world.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace sluice::core {
namespace {

using protocol::KafkaError;
using protocol::MetadataRequest;
using protocol::MetadataResponse;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""s;

struct Knowing {
  Knowing() { metadata.want_topics({"t"}); }

  bool poll() {
    outbox.begin_turn();
    metadata.poll(now, outbox);
    auto requests = outbox.take_requests();
    EXPECT_LE(requests.size(), 1U);
    if (requests.empty()) return false;
    last = std::move(requests[0]);
    return true;
  }
  MetadataRequest ask() {
    EXPECT_TRUE(poll());
    return std::get<MetadataRequest>(last.request);
  }
  void answer(MetadataResponse response) {
    protocol::Reply reply;
    reply.id = last.id;
    reply.response = std::move(response);
    EXPECT_TRUE(metadata.on_reply(reply, now));
  }
  void fail() {
    EXPECT_TRUE(
        metadata.on_failure({last.id, last.node, protocol::FailureKind::kConnectFailed, "refused"}, now));
  }
  void learn(MetadataResponse response) {
    metadata.request_refresh();
    now += 2s;
    ask();
    answer(std::move(response));
  }

  TimePoint now{1000s};
  Metadata metadata{Metadata::Options{.bootstrap = {-1, -2}}, 3};
  Outbox outbox;
  protocol::Outgoing last;
};

MetadataResponse with(std::function<void(MetadataResponse&)> change) {
  MetadataResponse response = cluster_of({{"t", {1, 2}}});
  change(response);
  return response;
}

TEST(Metadata, AsksForItsTopicsOnlyAndNeverCreatesThem) {
  Knowing k;
  const MetadataRequest request = k.ask();
  ASSERT_TRUE(request.topics);
  ASSERT_EQ(request.topics->size(), 1U);
  EXPECT_EQ(request.topics->at(0).name, "t");
  EXPECT_FALSE(request.allow_auto_topic_creation);
  EXPECT_LT(k.last.node, 0) << "a bootstrap address";
  EXPECT_FALSE(k.metadata.known());
}

TEST(Metadata, LearnsBrokersLeadersAndIds) {
  Knowing k;
  k.ask();
  k.answer(cluster_of({{"t", {1, 2}}}));
  EXPECT_TRUE(k.metadata.known());
  EXPECT_EQ(k.metadata.version(), 1U);
  EXPECT_EQ(k.metadata.partition({"t", 1})->leader, 2);
  EXPECT_EQ(k.metadata.partition({"t", 1})->leader_epoch, 5);
  EXPECT_FALSE(k.metadata.partition({"t", 2}));
  EXPECT_FALSE(k.metadata.partition({"t", -1}));
  EXPECT_FALSE(k.metadata.partition({"x", 0}));
  EXPECT_EQ(k.metadata.id_of("t"), uuid(1));
  EXPECT_EQ(k.metadata.name_of(uuid(1)), "t");
  EXPECT_EQ(k.metadata.counts().at("t"), 2);
  const auto addresses = k.metadata.take_addresses();
  ASSERT_TRUE(addresses);
  EXPECT_EQ(addresses->size(), 3U);
  EXPECT_FALSE(k.metadata.take_addresses()) << "once";
}

TEST(Metadata, RefreshesWhenItIsOldAndNotBefore) {
  Knowing k;
  k.learn(cluster_of({{"t", {1}}}));
  EXPECT_FALSE(k.poll());
  EXPECT_EQ(k.outbox.wake_time(), k.now + 5min);
  k.now += 5min;
  EXPECT_TRUE(k.poll());
}

TEST(Metadata, CoalescesWishesAndKeepsADistance) {
  Knowing k;
  k.learn(cluster_of({{"t", {1}}}));
  for (int i = 0; i < 100; ++i) k.metadata.request_refresh();
  EXPECT_FALSE(k.poll()) << "it has just been answered";
  k.now += 100ms;
  EXPECT_TRUE(k.poll());
  for (int i = 0; i < 100; ++i) k.metadata.request_refresh();
  EXPECT_FALSE(k.poll()) << "one in flight";
  k.answer(cluster_of({{"t", {1}}}));
  k.now += 100ms;
  EXPECT_TRUE(k.poll()) << "the answer may be older than the wish";
  k.answer(cluster_of({{"t", {1}}}));
  k.now += 100ms;
  EXPECT_FALSE(k.poll());
}

TEST(Metadata, BacksOffAndTriesAnotherBrokerWhenOneDoesNotAnswer) {
  Knowing k;
  std::set<protocol::NodeId> asked;
  Duration wait{};
  for (int i = 0; i < 6; ++i) {
    k.ask();
    asked.insert(k.last.node);
    k.fail();
    EXPECT_EQ(k.metadata.error(), "refused");
    EXPECT_FALSE(k.poll());
    wait = k.outbox.wake_time() - k.now;
    k.now = k.outbox.wake_time();
  }
  EXPECT_EQ(asked, (std::set<protocol::NodeId>{-1, -2}));
  EXPECT_GT(wait, 500ms);
  EXPECT_LE(wait, 1200ms);
}

TEST(Metadata, GoesBackToTheBootstrapAddressesWhenNoBrokerAnswers) {
  Knowing k;
  k.learn(cluster_of({{"t", {1}}}));
  EXPECT_EQ(k.metadata.candidates(), (std::vector<protocol::NodeId>{1, 2, 3}));
  k.metadata.request_refresh();
  k.now += 1s;
  k.ask();
  k.fail();
  EXPECT_EQ(k.metadata.candidates(), (std::vector<protocol::NodeId>{1, 2, 3, -1, -2}));
  k.now += 2s;
  k.ask();
  k.answer(cluster_of({{"t", {1}}}));
  EXPECT_EQ(k.metadata.candidates().size(), 3U);
}

TEST(Metadata, KeepsWhatItKnowsWhenAnAnswerIsAnErrorOrEmpty) {
  Knowing k;
  k.learn(cluster_of({{"t", {1}}}));
  k.learn(MetadataResponse{});
  EXPECT_TRUE(k.metadata.error());
  EXPECT_EQ(k.metadata.partition({"t", 0})->leader, 1);
  k.now += 2s;
  k.ask();
  k.answer(with([](MetadataResponse& r) { r.error_code = code_of(KafkaError::kRebootstrapRequired); }));
  EXPECT_EQ(k.metadata.error(), "REBOOTSTRAP_REQUIRED");
}

TEST(Metadata, NeverGoesBackToAnOlderLeaderEpoch) {
  Knowing k;
  k.learn(cluster_of({{"t", {1}}}));
  k.learn(with([](MetadataResponse& r) {
    r.topics[0].partitions[0].leader_id = 3;
    r.topics[0].partitions[0].leader_epoch = 4;
  }));
  EXPECT_EQ(k.metadata.partition({"t", 0})->leader, 1) << "a broker that lags behind";
  k.learn(with([](MetadataResponse& r) {
    r.topics[0].partitions[0].leader_id = 3;
    r.topics[0].partitions[0].leader_epoch = 6;
  }));
  EXPECT_EQ(k.metadata.partition({"t", 0})->leader, 3);
}

TEST(Metadata, TakesAnyLeaderOfABrokerWithoutEpochs) {
  Knowing k;
  k.learn(with([](MetadataResponse& r) { r.topics[0].partitions[0].leader_epoch = -1; }));
  k.learn(with([](MetadataResponse& r) {
    r.topics[0].partitions[0].leader_epoch = -1;
    r.topics[0].partitions[0].leader_id = 3;
  }));
  EXPECT_EQ(k.metadata.partition({"t", 0})->leader, 3);
}

TEST(Metadata, BeginsAfreshWithATopicThatWasRecreated) {
  Knowing k;
  k.learn(cluster_of({{"t", {1, 2}}}));
  k.learn(with([](MetadataResponse& r) {
    r.topics[0].topic_id = uuid(9);
    r.topics[0].partitions.pop_back();
    r.topics[0].partitions[0].leader_id = 3;
    r.topics[0].partitions[0].leader_epoch = 0;
  }));
  EXPECT_EQ(k.metadata.partition({"t", 0})->leader, 3) << "epochs of the old topic mean nothing";
  EXPECT_EQ(k.metadata.counts().at("t"), 1);
  EXPECT_EQ(k.metadata.id_of("t"), uuid(9));
  EXPECT_EQ(k.metadata.name_of(uuid(1)), "");
}

TEST(Metadata, KeepsATopicThatIsMissingForAMoment) {
  Knowing k;
  const auto missing = with([](MetadataResponse& r) {
    r.topics[0].error_code = code_of(KafkaError::kUnknownTopicOrPartition);
    r.topics[0].partitions.clear();
  });
  k.learn(cluster_of({{"t", {1, 2}}}));
  k.learn(missing);
  EXPECT_EQ(k.metadata.counts().at("t"), 2) << "brokers lag behind each other";
  k.now += 10s;
  k.ask();
  k.answer(missing);
  EXPECT_EQ(k.metadata.counts().at("t"), 0) << "it is gone";
  k.learn(cluster_of({{"t", {1, 2}}}));
  EXPECT_EQ(k.metadata.counts().at("t"), 2) << "and back";
}

TEST(Metadata, StartsTheGraceAnewWhenATopicWasThereInBetween) {
  Knowing k;
  const auto missing = with([](MetadataResponse& r) {
    r.topics[0].error_code = code_of(KafkaError::kUnknownTopicOrPartition);
    r.topics[0].partitions.clear();
  });
  k.learn(cluster_of({{"t", {1}}}));
  k.learn(missing);
  k.now += 5s;
  k.learn(cluster_of({{"t", {1}}}));
  k.now += 5s;
  k.learn(missing);
  EXPECT_EQ(k.metadata.counts().at("t"), 1);
}

TEST(Metadata, KeepsATopicThatItMayNotSeeNow) {
  Knowing k;
  k.learn(cluster_of({{"t", {1}}}));
  k.now += 60s;
  k.learn(with([](MetadataResponse& r) {
    r.topics[0].error_code = code_of(KafkaError::kTopicAuthorizationFailed);
    r.topics[0].partitions.clear();
  }));
  EXPECT_EQ(k.metadata.counts().at("t"), 1);
  EXPECT_EQ(k.metadata.topic("t")->error_code, code_of(KafkaError::kTopicAuthorizationFailed));
}

TEST(Metadata, AsksAgainSoonWhileSomethingIsMissing) {
  Knowing k;
  k.learn(with([](MetadataResponse& r) { r.topics[0].partitions[1].leader_id = -1; }));
  EXPECT_FALSE(k.poll());
  EXPECT_LE(k.outbox.wake_time(), k.now + 1s);
  k.now = k.outbox.wake_time();
  EXPECT_TRUE(k.poll());
}

TEST(Metadata, AsksAtOnceForATopicThatIsNew) {
  Knowing k;
  k.learn(cluster_of({{"t", {1}}}));
  k.now += 1s;
  k.metadata.want_topics({"t"});
  EXPECT_FALSE(k.poll());
  k.metadata.want_topics({"u", "t"});
  EXPECT_EQ(k.ask().topics->size(), 2U);
}

TEST(Metadata, SurvivesHostilePartitionNumbersAndBrokers) {
  Knowing k;
  k.learn(with([](MetadataResponse& r) {
    r.brokers.push_back({-5, "x", 1, std::nullopt});
    r.brokers.push_back({9, "", 9092, std::nullopt});
    r.brokers.push_back({10, "x", 0, std::nullopt});
    r.brokers.push_back({11, "x", 70'000, std::nullopt});
    r.topics[0].partitions[1].partition_index = std::numeric_limits<std::int32_t>::max();
    r.topics[0].partitions.push_back(r.topics[0].partitions[0]);
    r.topics[0].partitions.back().partition_index = -7;
  }));
  EXPECT_EQ(k.metadata.candidates(), (std::vector<protocol::NodeId>{1, 2, 3}));
  EXPECT_EQ(k.metadata.counts().at("t"), 1);
  k.learn(with([](MetadataResponse& r) {
    for (auto& broker : r.brokers) broker.port = -1;
  }));
  EXPECT_EQ(k.metadata.candidates(), (std::vector<protocol::NodeId>{-1, -2})) << "none that can be reached";
}

TEST(Metadata, IgnoresAPartitionBeyondTheNumberOfPartitions) {
  Knowing k;
  k.learn(with([](MetadataResponse& r) { r.topics[0].partitions[1].partition_index = 50; }));
  EXPECT_EQ(k.metadata.counts().at("t"), 1) << "one short answer must not make room for many";
}

TEST(Metadata, IgnoresTopicsThatItNeverAskedFor) {
  Knowing k;
  k.learn(cluster_of({{"t", {1}}, {"intruder", {1}}}));
  EXPECT_EQ(k.metadata.counts().size(), 1U);
  EXPECT_EQ(k.metadata.topic("intruder"), nullptr);
}

TEST(Metadata, IgnoresATopicWithoutAName) {
  Knowing k;
  k.learn(with([](MetadataResponse& r) {
    r.topics.push_back(r.topics[0]);
    r.topics.back().name.reset();
  }));
  EXPECT_EQ(k.metadata.counts().size(), 1U);
}

TEST(Metadata, IgnoresRepliesThatAreNotItsOwn) {
  Knowing k;
  k.ask();
  protocol::Reply reply;
  reply.id = k.last.id + 1;
  EXPECT_FALSE(k.metadata.on_reply(reply, k.now));
  EXPECT_FALSE(k.metadata.on_failure({k.last.id + 1, 1, protocol::FailureKind::kTimedOut, ""}, k.now));
}

}  // namespace
}  // namespace sluice::core
