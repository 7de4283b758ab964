#pragma once

#include <string>
#include <string_view>

/// Batches written by the Java classes of Kafka 4.3.1, and what is in them.
namespace sluice::testing::golden {

inline std::string from_hex(std::string_view hex) {
  const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(digit(hex[i]) << 4U | digit(hex[i + 1])));
  }
  return bytes;
}

// Base offset 42, leader epoch 7, create time; the records are (1000, "k", "v", h1="x", h2=null), (1001,
// null, "v2"), (999, "k3", null): the third one has a negative timestamp delta.
inline constexpr std::string_view kNone =
    "000000000000002a000000550000000702244438ae00000000000200000000000003e800000000000003e9ffffffffffffffffff"
    "ffffffff"
    "ff0000000322000000026b02760404683102780468320110000202010476320010000104046b330100";
inline constexpr std::string_view kGzip =
    "000000000000002a000000690000000702fc62e29100010000000200000000000003e800000000000003e9ffffffffffffffffff"
    "ffffffff"
    "ff000000031f8b08000000000000ff5362606060ca662a6361c93064aa60c930621460606262642933621060606461c936666400"
    "008b6dee"
    "5f24000000";
inline constexpr std::string_view kSnappy =
    "000000000000002a0000006b000000070255733d5800020000000200000000000003e800000000000003e9ffffffffffffffffff"
    "ffffffff"
    "ff0000000382534e4150505900000000010000000100000026248c22000000026b02760404683102780468320110000202010476"
    "32001000"
    "0104046b330100";
inline constexpr std::string_view kLz4 =
    "000000000000002a00000064000000070206d7dbce00030000000200000000000003e800000000000003e9ffffffffffffffffff"
    "ffffffff"
    "ff0000000304224d186040822400008022000000026b02760404683102780468320110000202010476320010000104046b330100"
    "00000000";
inline constexpr std::string_view kZstd =
    "000000000000002a000000610000000702b5887f7800040000000200000000000003e800000000000003e9ffffffffffffffffff"
    "ffffffff"
    "ff0000000328b52ffd005820010022000000026b02760404683102780468320110000202010476320010000104046b3301000100"
    "00";
inline constexpr std::string_view kFive[] = {kNone, kGzip, kSnappy, kLz4,
                                             kZstd};  // in the order of the codecs

// Offset 50, timestamp 1234, leader epoch 7, producer 99 with epoch 3, coordinator epoch 5.
inline constexpr std::string_view kAbort =
    "000000000000003200000042000000070208ae659b00300000000000000000000004d200000000000004d2000000000000006300"
    "03ffffff"
    "ff000000012000000008000000000c00000000000500";

// Offset 10, key "k", value "v"; timestamp 1000 with magic 1.
inline constexpr std::string_view kMagic0 = "000000000000000a000000101fecd70a0000000000016b0000000176";
inline constexpr std::string_view kMagic1 =
    "000000000000000a00000018e4e321bc010000000000000003e8000000016b0000000176";

// A wrapper with the offsets 10 and 11, timestamps 1000 and 1002.
inline constexpr std::string_view kMagic1Gzip =
    "000000000000000b0000004d64c30c7f010100000000000003eaffffffff000000371f8b08000000000000ff6360800389278f15"
    "f7304239"
    "cc2f800463368828830a81a4244e77ac780d57f30aaea61c00a175af7e48000000";

}  // namespace sluice::testing::golden
