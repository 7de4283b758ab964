// Exits 0 when the compiler destroys the arguments of a coroutine exactly once.
// A temporary aggregate passed inside a co_await expression is freed twice by g++ 12.
#include <coroutine>
#include <memory>
#include <string>

struct Task {
  struct promise_type {
    std::coroutine_handle<> continuation;
    int value = 0;

    struct FinalAwaiter {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> h) noexcept {
        return h.promise().continuation ? h.promise().continuation : std::noop_coroutine();
      }
      void await_resume() noexcept {}
    };

    Task get_return_object() { return Task{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    FinalAwaiter final_suspend() noexcept { return {}; }
    void return_value(int v) { value = v; }
    void unhandled_exception() { std::terminate(); }
  };

  explicit Task(std::coroutine_handle<promise_type> h) : handle(h) {}
  Task(Task&& other) noexcept : handle(other.handle) { other.handle = nullptr; }
  Task(const Task&) = delete;
  ~Task() {
    if (handle) handle.destroy();
  }

  bool await_ready() { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> c) {
    handle.promise().continuation = c;
    return handle;
  }
  int await_resume() { return handle.promise().value; }

  std::coroutine_handle<promise_type> handle;
};

struct Aggregate {
  std::string text;
  std::shared_ptr<int> counted;
};

Task take(Aggregate a) { co_return static_cast<int>(a.counted.use_count()); }

Task run(std::shared_ptr<int> p) {
  co_return co_await take({"a string long enough to live on the heap, not inside the object", p});
}

int main() {
  auto counted = std::make_shared<int>(1);
  {
    Task task = run(counted);
    task.handle.resume();
  }
  return counted.use_count() == 1 ? 0 : 1;
}
