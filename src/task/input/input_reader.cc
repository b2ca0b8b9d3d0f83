#include "task/input/input_reader.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <string>
#include <utility>

#include "base/check.h"
#include "task/input/input_source.h"
#include "task/input/text_split.h"
#include "task/table/table_source.h"

namespace minke {
namespace {

// Behind the end of its piece, the last line is read in steps of at least this.
constexpr size_t kTailStep = 4 << 10;
// A batch and half of a line that goes on in the next one.
constexpr size_t kTailRoom = 64 << 10;

}  // namespace

struct InputReader::State {
  State(const proto::Plan* from_plan, const proto::Split* of_split, const ReaderOptions& given)
      : plan(*from_plan), split(*of_split), options(given) {
    is_text = options.kind == MINKE_TEXT;
    MINKE_CHECK(is_text || (options.kind == MINKE_FIXED && options.record_size > 0));
    step = static_cast<size_t>(std::min<uint64_t>(options.batch_bytes, options.record_bytes_max));
    step = std::max<size_t>(step, 1);
    if (!is_text) {
      const size_t record = options.record_size;
      step = std::max(record, step / record * record);
    }
    batch.struct_size = sizeof(batch);
    batch.kind = options.kind;
    batch.record_size = is_text ? 0 : options.record_size;
    batch.key_size = is_text ? 0 : options.key_size;
  }
  ~State() { GiveBack(); }

  // Makes `ready` non-empty; false at the end of the split.
  Result<bool> Fill();
  Status OpenPiece();
  Status ClosePiece();
  Status PassToFirstLine();
  // More whole records of the piece at hand into `ready`; leaves it empty if there are none.
  Status FillFromPiece();
  void CutLines(size_t known);
  void CutRecords();
  Status ReadMore();
  void MakeRoom(size_t bytes);
  Status CheckRecordSize(size_t known);
  Error Failed(uint64_t offset, std::string_view what) const;

  // Takes the first `size` bytes of `ready`, which are `records` records.
  Bytes Take(size_t size, uint64_t records);
  size_t SizeOfFirst() const;
  uint64_t CountReady() const;
  void GiveBack();

  const proto::Plan& plan;
  const proto::Split& split;
  const ReaderOptions options;
  const TextSplit text = TextSplitFor(ThisProcessor());
  bool is_text = true;
  size_t step = 0;  // bytes that one read asks for

  int next_piece = 0;
  uint32_t file = 0;
  std::string path;  // of the file, with room to read behind it
  std::string tag;
  std::unique_ptr<InputSource> source;  // of the piece at hand, or null
  bool is_whole = false;
  bool is_at_end = false;      // the source has no more
  uint64_t piece_end = 0;      // records of the piece begin before it
  uint64_t stored_before = 0;  // of the pieces done with

  // buffer[begin, filled) has been read and not been handed out; buffer[begin] lies at `offset` of
  // its file (after decompression). Of it, `ready` bytes are whole records of the piece.
  std::unique_ptr<char[]> buffer;
  size_t capacity = 0;
  size_t begin = 0;
  size_t filled = 0;
  uint64_t offset = 0;
  size_t ready = 0;

  uint64_t records_done = 0;
  uint64_t bytes_done = 0;
  uint64_t piece_bytes_done = 0;
  minke_batch batch{};
};

void InputReader::State::GiveBack() {
  if (options.memory != nullptr && capacity > 0) options.memory->GiveBack(capacity);
  buffer.reset();
  capacity = 0;
}

Error InputReader::State::Failed(uint64_t at, std::string_view what) const {
  return Error{ErrorCode::kInput, fmt::format("{} at byte {}: {}", path, at, what)};
}

// ---- pieces

Status InputReader::State::OpenPiece() {
  const proto::SplitPiece& piece = split.pieces(next_piece++);
  MINKE_CHECK(piece.file() < static_cast<uint32_t>(plan.files_size()));
  file = piece.file();
  const proto::InputFile& planned = plan.files(static_cast<int>(file));
  path.reserve(planned.path().size() + MINKE_READABLE_BEYOND);
  path = planned.path();
  tag.reserve(planned.tag().size() + MINKE_READABLE_BEYOND);
  tag = planned.tag();
  is_whole = piece.whole();
  is_at_end = false;
  begin = filled = ready = 0;
  piece_bytes_done = 0;
  piece_end = is_whole ? UINT64_MAX : piece.end();
  // A row has no offset: what stands for one differs from split to split.
  offset = is_whole && !planned.is_table() ? 0 : piece.begin();
  if (planned.is_table()) {
    source = MINKE_TRY(TableSource::Open(planned, piece, options.store));
    return {};
  }
  if (!is_text && planned.compression() == 0 && planned.size() % options.record_size != 0) {
    return Failed(planned.size() / options.record_size * options.record_size,
                  fmt::format("its size, {} bytes, is not a multiple of the record size, {}: is it "
                              "a file of such records?",
                              planned.size(), options.record_size));
  }
  if (!is_text)
    offset = (offset + options.record_size - 1) / options.record_size * options.record_size;
  const bool is_inside = is_text && offset > 0;
  if (is_inside) --offset;  // a line begins here if the byte before ends one
  source = MINKE_TRY(InputSource::Open(planned, offset, options.store));
  return is_inside ? PassToFirstLine() : Status{};
}

Status InputReader::State::ClosePiece() {
  MINKE_TRY_STATUS(source->CheckUnchanged());
  stored_before += is_whole ? source->stored_bytes_read() : piece_bytes_done;
  piece_bytes_done = 0;
  source.reset();
  return {};
}

Status InputReader::State::PassToFirstLine() {
  while (!is_at_end && offset < piece_end) {
    begin = filled = 0;
    MINKE_TRY_STATUS(ReadMore());
    const void* line_end = std::memchr(buffer.get(), '\n', filled);
    if (line_end != nullptr) {
      begin = static_cast<size_t>(static_cast<const char*>(line_end) - buffer.get()) + 1;
      offset += begin;
      return {};
    }
    offset += filled;
  }
  begin = filled = 0;
  return {};
}

// ---- the buffer

void InputReader::State::MakeRoom(size_t bytes) {
  const size_t kept = filled - begin;
  const size_t usual = step + kTailRoom + MINKE_READABLE_BEYOND;
  const size_t needed = kept + bytes + MINKE_READABLE_BEYOND;
  const bool is_oversized = capacity > 4 * usual && needed <= usual;
  if (needed <= capacity && !is_oversized) {
    if (begin > 0 && kept > 0) std::memmove(buffer.get(), buffer.get() + begin, kept);
  } else {
    const size_t grown = needed <= usual ? usual : std::max(needed, 2 * capacity);
    auto larger = std::make_unique_for_overwrite<char[]>(grown);
    if (kept > 0) std::memcpy(larger.get(), buffer.get() + begin, kept);
    GiveBack();
    buffer = std::move(larger);
    capacity = grown;
    if (options.memory != nullptr) options.memory->Take(capacity);
  }
  begin = 0;
  filled = kept;
}

Status InputReader::State::ReadMore() {
  const uint64_t at = offset + (filled - begin);
  size_t size = step;
  if (at >= piece_end) {
    size = std::clamp(filled - begin, std::min(kTailStep, step), step);
  } else if (piece_end - at < step) {
    size = static_cast<size_t>(piece_end - at);
    if (!is_text)
      size = (size + options.record_size - 1) / options.record_size * options.record_size;
  }
  MakeRoom(size);
  const size_t n = MINKE_TRY(source->Read(buffer.get() + filled, size));
  filled += n;
  is_at_end = n < size || (!is_whole && at + n == plan.files(static_cast<int>(file)).size());
  std::memset(buffer.get() + filled, 0, MINKE_READABLE_BEYOND);
  return {};
}

// ---- whole records

Result<bool> InputReader::State::Fill() {
  while (ready == 0) {
    if (source == nullptr) {
      if (next_piece == split.pieces_size()) return false;
      MINKE_TRY_STATUS(OpenPiece());
    }
    MINKE_TRY_STATUS(FillFromPiece());
    if (ready == 0) MINKE_TRY_STATUS(ClosePiece());
  }
  return true;
}

Status InputReader::State::FillFromPiece() {
  size_t known = 0;  // bytes that hold no line end
  while (offset < piece_end) {
    is_text ? CutLines(known) : CutRecords();
    if (ready > 0) return CheckRecordSize(known);
    known = filled - begin;
    if (is_at_end) break;
    MINKE_TRY_STATUS(CheckRecordSize(known));
    MINKE_TRY_STATUS(ReadMore());
  }
  if (offset >= piece_end || filled == begin) return {};
  return Failed(offset, fmt::format("{} bytes are left, less than a record of {}: is it a file of "
                                    "such records?",
                                    filled - begin, options.record_size));
}

// Everything up to the last line end, but no line that begins at or behind the piece's end.
void InputReader::State::CutLines(size_t known) {
  const char* from = buffer.get() + begin;
  size_t size = filled - begin;
  const uint64_t last = piece_end - 1 - offset;  // a line that ends here or behind it is the last
  if (last < size) {
    const size_t search = std::max<size_t>(static_cast<size_t>(last), known);
    const void* line_end = std::memchr(from + search, '\n', size - search);
    if (line_end != nullptr) {
      ready = static_cast<size_t>(static_cast<const char*>(line_end) - from) + 1;
      return;
    }
    size = static_cast<size_t>(last);
  }
  if (is_at_end) {  // the last line may lack its end
    ready = filled - begin;
    return;
  }
  if (size <= known) return;
  const void* line_end = memrchr(from + known, '\n', size - known);
  if (line_end != nullptr)
    ready = static_cast<size_t>(static_cast<const char*>(line_end) - from) + 1;
}

void InputReader::State::CutRecords() {
  const uint64_t record = options.record_size;
  const uint64_t begun = (piece_end - 1 - offset) / record + 1;
  ready = static_cast<size_t>(std::min<uint64_t>((filled - begin) / record, begun) * record);
}

// `known` bytes at the front hold no line end. As a read is no longer than the limit, only the
// first line may be.
Status InputReader::State::CheckRecordSize(size_t known) {
  if (!is_text || filled - begin <= options.record_bytes_max) return {};
  size_t length = known;
  if (ready > 0) {
    const char* from = buffer.get() + begin;
    const void* line_end = std::memchr(from + known, '\n', ready - known);
    length = line_end != nullptr ? static_cast<size_t>(static_cast<const char*>(line_end) - from)
                                 : ready;
  }
  if (length <= options.record_bytes_max) return {};
  ready = 0;
  return Failed(offset,
                fmt::format("a line is longer than {} bytes, the limit of a record: is it a "
                            "text file? Break its lines up, or read it as fixed-length "
                            "records",
                            options.record_bytes_max));
}

// ---- handing out

size_t InputReader::State::SizeOfFirst() const {
  if (!is_text) return options.record_size;
  const char* from = buffer.get() + begin;
  const void* line_end = std::memchr(from, '\n', ready);
  if (line_end == nullptr) return ready;
  return static_cast<size_t>(static_cast<const char*>(line_end) - from) + 1;
}

uint64_t InputReader::State::CountReady() const {
  if (!is_text) return ready / options.record_size;
  const char* from = buffer.get() + begin;
  return text.count_line_ends(from, ready) + (from[ready - 1] == '\n' ? 0 : 1);
}

Bytes InputReader::State::Take(size_t size, uint64_t records) {
  const Bytes taken(buffer.get() + begin, size);
  begin += size;
  ready -= size;
  offset += size;
  bytes_done += size;
  piece_bytes_done += size;
  records_done += records;
  return taken;
}

InputReader::InputReader(const proto::Plan* plan, const proto::Split* split,
                         const ReaderOptions& options)
    : state_(std::make_unique<State>(plan, split, options)) {}

InputReader::~InputReader() = default;

Result<const minke_batch*> InputReader::Next() {
  State& state = *state_;
  if (!MINKE_TRY(state.Fill())) return nullptr;
  minke_batch& batch = state.batch;
  batch.offset = state.offset;
  size_t size = state.ready;
  uint64_t records = 1;
  if (state.options.careful) {
    size = state.SizeOfFirst();
  } else if (state.options.count_records || !state.is_text) {
    records = state.CountReady();
  }
  const Bytes bytes = state.Take(size, records);
  batch.data = bytes.data();
  batch.size = bytes.size();
  batch.path = {state.path.data(), state.path.size()};
  batch.tag = {state.tag.data(), state.tag.size()};
  return &batch;
}

Status InputReader::SkipTo(uint64_t record) {
  State& state = *state_;
  while (state.records_done < record) {
    if (!MINKE_TRY(state.Fill())) return {};
    const uint64_t records = state.CountReady();
    if (records <= record - state.records_done) {
      state.Take(state.ready, records);
    } else {
      while (state.records_done < record) state.Take(state.SizeOfFirst(), 1);
    }
  }
  return {};
}

uint32_t InputReader::file() const { return state_->file; }
uint64_t InputReader::records_done() const { return state_->records_done; }
uint64_t InputReader::bytes_done() const { return state_->bytes_done; }

uint64_t InputReader::stored_bytes_done() const {
  const State& state = *state_;
  if (state.source == nullptr) return state.stored_before;
  const uint64_t now = state.is_whole ? state.source->stored_bytes_read() : state.piece_bytes_done;
  return state.stored_before + now;
}

}  // namespace minke
