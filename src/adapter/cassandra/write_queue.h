// The writes of one thread that are under way: bounded by the dispatcher's window, and all answered
// before Finish returns. Their first error stays.
#pragma once

#include <optional>
#include <vector>

#include "adapter/cassandra/dispatcher.h"
#include "base/result.h"

namespace minke {

class WriteQueue {
 public:
  explicit WriteQueue(Dispatcher* dispatcher) : dispatcher_(dispatcher) {}
  // Does not wait for what is under way.
  ~WriteQueue();
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;

  // `bytes`: about so long is the request.
  Status Put(CqlRequest request, size_t bytes);
  Status Finish();

 private:
  // Of those that are done, or of all.
  Status TakeAnswers(bool wait);

  Dispatcher* dispatcher_;
  std::vector<Dispatcher::CallPtr> under_way_;
  std::optional<Error> failed_;
};

}  // namespace minke
