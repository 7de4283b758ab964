#include "daemon/metrics/exporter.hpp"

#include "tests/support/fake_service.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace sluice::metrics {
namespace {

const std::string kLabels = R"({consumer="orders",group="group-of-orders")";

class ExporterTest : public ::testing::Test {
 protected:
  ExporterTest() {
    core::PartitionStatus partition;
    partition.partition = {"orders", 3};
    partition.committed = 10;
    partition.position = 20;
    partition.end = 25;
    partition.first_unsettled_timestamp = testing::FakeService::kWallMs - 5000;
    partition.buffered_records_bytes = 1000;
    orders_.state.partitions = {partition};
    orders_.counters.topics["orders"].records_fetched = 40;
    orders_.counters.topics["orders"].delivered_again = 2;
    orders_.counters.topics["orders"].skipped["compaction"] = 6;
    orders_.counters.commits["ok"] = 9;
    orders_.counters.commit_seconds.observe(0.002);
    orders_.counters.last_heartbeat_wall_ms = 1'700'000'000'500;
  }

  /// The value of a series as text; empty when it is not there.
  std::string value(const std::string& series) {
    const std::string text = "\n" + exporter_.text();
    const std::size_t at = text.find("\n" + series + " ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + series.size() + 2;
    return text.substr(begin, text.find('\n', begin) - begin);
  }
  std::string of_partition(const std::string& name) {
    return value(name + kLabels + R"(,topic="orders",partition="3"})");
  }
  std::string of_consumer(const std::string& name, const std::string& more = "") {
    return value(name + kLabels + more + "}");
  }

  boost::asio::io_context io_;
  testing::FakeService service_;
  testing::FakeHost& orders_ = service_.add(io_, "orders");
  Exporter exporter_{service_};
};

TEST_F(ExporterTest, TellsLagFromTheCommittedOffsetAndFromThePosition) {
  EXPECT_EQ(of_partition("sluice_partition_lag_records"), "15");
  EXPECT_EQ(of_partition("sluice_partition_position_lag_records"), "5");
  EXPECT_EQ(of_partition("sluice_partition_end_offset"), "25");
  EXPECT_EQ(of_partition("sluice_partition_committed_offset"), "10");
  EXPECT_EQ(of_partition("sluice_partition_paused"), "0");
  EXPECT_NEAR(std::stod(of_partition("sluice_partition_lag_seconds")), 5.0, 2.0);
}

TEST_F(ExporterTest, HasNoLagInSecondsWhereNothingIsBehind) {
  orders_.state.partitions[0].committed = 25;
  EXPECT_EQ(of_partition("sluice_partition_lag_records"), "0");
  EXPECT_EQ(of_partition("sluice_partition_lag_seconds"), "0");
}

TEST_F(ExporterTest, NeverCountsBelowZeroWhenAProducersClockIsAhead) {
  orders_.state.partitions[0].first_unsettled_timestamp = testing::FakeService::kWallMs + 3'600'000;
  EXPECT_EQ(of_partition("sluice_partition_lag_seconds"), "0");
}

TEST_F(ExporterTest, LeavesOutWhatIsNotKnown) {
  orders_.state.partitions[0].committed.reset();
  orders_.state.partitions[0].first_unsettled_timestamp.reset();
  EXPECT_EQ(of_partition("sluice_partition_lag_records"), "");
  EXPECT_EQ(of_partition("sluice_partition_lag_seconds"), "");
  EXPECT_EQ(of_partition("sluice_partition_committed_offset"), "");
  EXPECT_EQ(of_partition("sluice_partition_end_offset"), "25");
  EXPECT_EQ(of_consumer("sluice_last_commit_timestamp_seconds"), "");
}

TEST_F(ExporterTest, ForgetsARevokedPartitionAtOnceAndKeepsItsCounters) {
  EXPECT_EQ(of_consumer("sluice_assigned_partitions", R"(,topic="orders")"), "1");
  orders_.state.partitions.clear();
  const std::string text = exporter_.text();
  EXPECT_EQ(text.find("partition=\"3\""), std::string::npos);
  EXPECT_EQ(of_consumer("sluice_assigned_partitions", R"(,topic="orders")"), "");
  EXPECT_EQ(of_consumer("sluice_records_fetched_total", R"(,topic="orders")"), "40");
}

TEST_F(ExporterTest, HasEveryKnownLabelValueFromTheStart) {
  EXPECT_EQ(of_consumer("sluice_commits_total", R"(,result="ok")"), "9");
  EXPECT_EQ(of_consumer("sluice_commits_total", R"(,result="failed")"), "0");
  EXPECT_EQ(of_consumer("sluice_rebalances_total", R"(,reason="fenced")"), "0");
  EXPECT_EQ(of_consumer("sluice_records_delivered_total", R"(,topic="orders",redelivery="true")"), "2");
  EXPECT_EQ(of_consumer("sluice_records_delivered_total", R"(,topic="orders",redelivery="false")"), "0");
  EXPECT_EQ(of_consumer("sluice_group_state", R"(,state="stable")"), "1");
  EXPECT_EQ(of_consumer("sluice_group_state", R"(,state="joining")"), "0");
  EXPECT_EQ(value(R"(sluice_state{state="running"})"), "1");
  EXPECT_EQ(value(R"(sluice_state{state="starting"})"), "0");
}

TEST_F(ExporterTest, WritesHistogramsCumulatively) {
  orders_.counters.commit_seconds.observe(0.004);
  orders_.counters.commit_seconds.observe(99);
  EXPECT_EQ(of_consumer("sluice_commit_duration_seconds_bucket", R"(,le="0.001")"), "0");
  EXPECT_EQ(of_consumer("sluice_commit_duration_seconds_bucket", R"(,le="0.0025")"), "1");
  EXPECT_EQ(of_consumer("sluice_commit_duration_seconds_bucket", R"(,le="0.005")"), "2");
  EXPECT_EQ(of_consumer("sluice_commit_duration_seconds_bucket", R"(,le="10")"), "2");
  EXPECT_EQ(of_consumer("sluice_commit_duration_seconds_bucket", R"(,le="+Inf")"), "3");
  EXPECT_EQ(of_consumer("sluice_commit_duration_seconds_count"), "3");
}

TEST_F(ExporterTest, SumsUpOpenLeases) {
  core::OpenLease lease;
  lease.granted_at = service_.now() - std::chrono::seconds(40);
  lease.records = 10;
  lease.unsettled = 7;
  lease.bytes = 500;
  orders_.state.leases = {lease, lease};
  EXPECT_EQ(of_consumer("sluice_inflight_batches"), "2");
  EXPECT_EQ(of_consumer("sluice_inflight_records"), "14");
  EXPECT_EQ(of_consumer("sluice_inflight_bytes"), "1000");
  EXPECT_NEAR(std::stod(of_consumer("sluice_oldest_lease_age_seconds")), 40, 5);
  orders_.state.leases.clear();
  EXPECT_EQ(of_consumer("sluice_oldest_lease_age_seconds"), "0");
}

TEST_F(ExporterTest, ShowsTheWindowWhereThereIsOne) {
  EXPECT_EQ(of_consumer("sluice_window_records"), "");
  EXPECT_EQ(of_consumer("sluice_window_changes_total", R"(,change="grown")"), "");
  orders_.state.window.adaptive = true;
  orders_.state.window.records = 150;
  orders_.state.window.changes = {4, 3, 2, 1, 5};
  EXPECT_EQ(of_consumer("sluice_window_records"), "150");
  EXPECT_EQ(of_consumer("sluice_window_bytes"), "");
  EXPECT_EQ(of_consumer("sluice_window_changes_total", R"(,change="grown")"), "4");
  EXPECT_EQ(of_consumer("sluice_window_changes_total", R"(,change="slow")"), "3");
  EXPECT_EQ(of_consumer("sluice_window_changes_total", R"(,change="expired")"), "2");
  EXPECT_EQ(of_consumer("sluice_window_changes_total", R"(,change="released")"), "1");
  EXPECT_EQ(of_consumer("sluice_window_changes_total", R"(,change="measured")"), "5");
}

TEST_F(ExporterTest, TellsAPausedConsumerFromASilentApplication) {
  EXPECT_EQ(of_consumer("sluice_consumer_paused"), "0");
  EXPECT_EQ(of_consumer("sluice_app_idle"), "0");
  orders_.state.paused = true;
  EXPECT_EQ(of_consumer("sluice_consumer_paused"), "1");
  EXPECT_EQ(of_consumer("sluice_app_idle"), "0");
  orders_.state.idle = true;
  EXPECT_EQ(of_consumer("sluice_app_idle"), "1");
}

TEST_F(ExporterTest, CountsRecordsThatFailedByWhatBecameOfThem) {
  core::TopicStats& topic = orders_.counters.topics["orders"];
  topic.rejected = 3;
  topic.exhausted = 2;
  topic.dead_lettered = 4;
  topic.undecodable_batches = 6;
  topic.oversized_batches = 7;
  const std::string of_topic = R"(,topic="orders")";
  EXPECT_EQ(of_consumer("sluice_records_rejected_total", of_topic), "3");
  EXPECT_EQ(of_consumer("sluice_records_exhausted_total", of_topic), "2");
  EXPECT_EQ(of_consumer("sluice_records_dead_lettered_total", of_topic), "4");
  EXPECT_EQ(of_consumer("sluice_undecodable_batches_total", of_topic), "6");
  EXPECT_EQ(of_consumer("sluice_oversized_batches_total", of_topic), "7");
  EXPECT_EQ(of_consumer("sluice_dead_letters_waiting"), "") << "no dead letter topic";
  orders_.state.dead_letters = {"orders.dead", 1, std::nullopt};
  EXPECT_EQ(of_consumer("sluice_dead_letters_waiting"), "1");
}

TEST_F(ExporterTest, ShowsTheMemoryBudget) {
  {
    const core::Charge charge = service_.memory.take(12345);
    EXPECT_EQ(value("sluice_memory_used_bytes"), "12345");
  }
  EXPECT_EQ(value("sluice_memory_used_bytes"), "0");
  EXPECT_EQ(value("sluice_memory_used_peak_bytes"), "12345");
  EXPECT_EQ(value("sluice_memory_budget_bytes"), "67108864");
}

TEST_F(ExporterTest, ShowsWhatHttpCounted) {
  HttpStats& http = exporter_.http();
  RouteStats route;
  route.route = "/v1/consumers/{c}/fetch";
  route.method = "POST";
  route.responses[503] = 4;
  http.data.routes.push_back(route);
  http.data.connections = 3;
  http.loop_lag_seconds.observe(0.0001);
  const std::string labels = R"({listener="data",route="/v1/consumers/{c}/fetch",method="POST")";
  EXPECT_EQ(value("sluice_http_requests_total" + labels + R"(,code="503"})"), "4");
  EXPECT_EQ(value("sluice_http_requests_total" + labels + R"(,code="200"})"), "0");
  EXPECT_EQ(value("sluice_http_request_duration_seconds_count" + labels + "}"), "0");
  EXPECT_EQ(value(R"(sluice_http_connections{listener="data"})"), "3");
  EXPECT_EQ(value(R"(sluice_loop_lag_seconds_bucket{le="0.001"})"), "1");
}

TEST_F(ExporterTest, MeasuresTheProcess) {
  EXPECT_GT(std::stod(value("process_resident_memory_bytes")), 1e6);
  EXPECT_GE(std::stod(value("process_open_fds")), 3);
  EXPECT_GT(std::stod(value("process_max_fds")), 10);
  EXPECT_GE(std::stod(value("process_threads")), 1);
  EXPECT_GE(std::stod(value("process_cpu_seconds_total")), 0);
  const double started = std::stod(value("process_start_time_seconds"));
  const auto now = static_cast<double>(time(nullptr));
  EXPECT_GT(started, now - 3600);
  EXPECT_LE(started, now + 2);
}

TEST_F(ExporterTest, EscapesLabelValues) {
  orders_.state.identity.instance_id = "a\"b\\c\nd";
  EXPECT_NE(exporter_.text().find(R"(instance_id="a\"b\\c\nd")"), std::string::npos);
}

// The rules of promtool check metrics, for machines that do not have it.
TEST_F(ExporterTest, KeepsTheRulesOfNames) {
  std::istringstream lines(exporter_.text());
  std::set<std::string> helped;
  std::map<std::string, std::string> types;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash;
    std::string what;
    std::string name;
    std::string rest;
    if (!line.starts_with("# ")) continue;
    words >> hash >> what >> name;
    std::getline(words, rest);
    if (what == "HELP") EXPECT_GT(rest.size(), 10U) << name;
    if (what == "HELP") EXPECT_TRUE(helped.insert(name).second) << name << " is there twice";
    if (what == "TYPE") types[name] = rest.substr(1);
  }
  EXPECT_GT(types.size(), 50U);
  for (const auto& [name, type] : types) {
    EXPECT_TRUE(helped.contains(name)) << name;
    EXPECT_TRUE(std::regex_match(name, std::regex("(sluice|process)(_[a-z0-9]+)+"))) << name;
    EXPECT_EQ(name.ends_with("_total"), type == "counter") << name;
    EXPECT_FALSE(std::regex_search(name, std::regex("_(ms|milliseconds|kb|mb|percent)(_|$)"))) << name;
  }
}

TEST_F(ExporterTest, SatisfiesPromtool) {
  const std::string path = ::testing::TempDir() + "metrics.txt";
  std::ofstream(path) << exporter_.text();
  const std::string command =
      "PATH=\"" SLUICE_SOURCE_DIR "/build/tools:$PATH\" promtool check metrics < " + path;
  EXPECT_EQ(std::system(command.c_str()), 0) << "deploy/setup/test-dependencies.sh installs promtool";
}

}  // namespace
}  // namespace sluice::metrics
