#include "protocol/messages/api_versions.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<ApiVersionsRequest> {
  using T = ApiVersionsRequest;
  static constexpr auto kValue =
      message("ApiVersionsRequest",
              between(0, 4),
              since(3),
              field("ClientSoftwareName", &T::client_software_name, since(3)).ignorable(),
              field("ClientSoftwareVersion", &T::client_software_version, since(3)).ignorable());
};

template <>
struct Description<ApiVersionsResponse::ApiVersion> {
  using T = ApiVersionsResponse::ApiVersion;
  static constexpr auto kValue = structure(field("ApiKey", &T::api_key),
                                           field("MinVersion", &T::min_version),
                                           field("MaxVersion", &T::max_version));
};

template <>
struct Description<ApiVersionsResponse::SupportedFeatureKey> {
  using T = ApiVersionsResponse::SupportedFeatureKey;
  static constexpr auto kValue = structure(field("Name", &T::name, since(3)),
                                           field("MinVersion", &T::min_version, since(3)),
                                           field("MaxVersion", &T::max_version, since(3)));
};

template <>
struct Description<ApiVersionsResponse::FinalizedFeatureKey> {
  using T = ApiVersionsResponse::FinalizedFeatureKey;
  static constexpr auto kValue = structure(field("Name", &T::name, since(3)),
                                           field("MaxVersionLevel", &T::max_version_level, since(3)),
                                           field("MinVersionLevel", &T::min_version_level, since(3)));
};

template <>
struct Description<ApiVersionsResponse> {
  using T = ApiVersionsResponse;
  static constexpr auto kValue =
      message("ApiVersionsResponse",
              between(0, 4),
              since(3),
              field("ErrorCode", &T::error_code),
              field("ApiKeys", &T::api_keys),
              field("ThrottleTimeMs", &T::throttle_time_ms, since(1)).ignorable(),
              field("SupportedFeatures", &T::supported_features, since(3)).tagged(0).ignorable(),
              field("FinalizedFeaturesEpoch", &T::finalized_features_epoch, since(3)).tagged(1).ignorable(),
              field("FinalizedFeatures", &T::finalized_features, since(3)).tagged(2).ignorable(),
              field("ZkMigrationReady", &T::zk_migration_ready, since(3)).tagged(3).ignorable());
};

template struct MessageCodec<ApiVersionsRequest>;
template struct MessageCodec<ApiVersionsResponse>;

}  // namespace sluice::protocol
