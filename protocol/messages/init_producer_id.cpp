#include "protocol/messages/init_producer_id.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<InitProducerIdRequest> {
  using T = InitProducerIdRequest;
  static constexpr auto kValue = message("InitProducerIdRequest",
                                         between(0, 6),
                                         since(2),
                                         field("TransactionalId", &T::transactional_id).nullable(),
                                         field("TransactionTimeoutMs", &T::transaction_timeout_ms),
                                         field("ProducerId", &T::producer_id, since(3)),
                                         field("ProducerEpoch", &T::producer_epoch, since(3)),
                                         field("Enable2Pc", &T::enable_2pc, since(6)),
                                         field("KeepPreparedTxn", &T::keep_prepared_txn, since(6)));
};

template <>
struct Description<InitProducerIdResponse> {
  using T = InitProducerIdResponse;
  static constexpr auto kValue =
      message("InitProducerIdResponse",
              between(0, 6),
              since(2),
              field("ThrottleTimeMs", &T::throttle_time_ms).ignorable(),
              field("ErrorCode", &T::error_code),
              field("ProducerId", &T::producer_id),
              field("ProducerEpoch", &T::producer_epoch),
              field("OngoingTxnProducerId", &T::ongoing_txn_producer_id, since(6)),
              field("OngoingTxnProducerEpoch", &T::ongoing_txn_producer_epoch, since(6)));
};

template struct MessageCodec<InitProducerIdRequest>;
template struct MessageCodec<InitProducerIdResponse>;

}  // namespace sluice::protocol
