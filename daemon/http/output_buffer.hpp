#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <tuple>
#include <utility>

namespace sluice::http {

/// Append-only bytes for responses. Unlike std::string it does not fill memory with zeros before it is
/// written, and growing a large buffer moves pages instead of bytes (realloc).
class OutputBuffer {
 public:
  OutputBuffer() = default;
  OutputBuffer(OutputBuffer&& other) noexcept
      : data_(std::move(other.data_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  OutputBuffer& operator=(OutputBuffer&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] const char* data() const { return data_.get(); }
  [[nodiscard]] std::string_view view() const { return {data_.get(), size_}; }

  void clear() { size_ = 0; }
  /// Forgets what was appended after `size`.
  void truncate(std::size_t size) { size_ = size; }

  /// Where the next `bytes` bytes may be written; finish with commit().
  [[nodiscard]] char* prepare(std::size_t bytes) {
    if (capacity_ - size_ < bytes) [[unlikely]]
      grow(size_ + bytes);
    return data_.get() + size_;
  }
  /// `end` is one behind the last byte written into what prepare() gave.
  void commit(const char* end) { size_ = static_cast<std::size_t>(end - data_.get()); }

  void reserve(std::size_t capacity) {
    if (capacity > capacity_) grow(capacity);
  }

  void append(std::string_view text) {
    char* const at = prepare(text.size());
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    size_ += text.size();
  }
  void append(char c) {
    *prepare(1) = c;
    ++size_;
  }
  void append_number(std::int64_t value) {
    char* const at = prepare(kNumberSizeMax);
    commit(std::to_chars(at, at + kNumberSizeMax, value).ptr);
  }

 private:
  static constexpr std::size_t kNumberSizeMax = 20;  // "-9223372036854775808"

  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  void grow(std::size_t at_least) {
    const std::size_t doubled = capacity_ * 2;
    const std::size_t wanted = at_least > doubled ? at_least : doubled;
    auto* const moved = static_cast<char*>(std::realloc(data_.get(), wanted));
    if (moved == nullptr) throw std::bad_alloc();
    std::ignore = data_.release();  // realloc took it over
    data_.reset(moved);
    capacity_ = wanted;
  }

  std::unique_ptr<char, Free> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace sluice::http
