# The libraries, static where Debian has them so, that a run does not pay for loading them.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
set(Protobuf_USE_STATIC_LIBS ON)
find_package(Protobuf REQUIRED)

# minke_static(NAME LIBRARY): an imported target for lib<LIBRARY>.a.
function(minke_static name library)
  find_library(MINKE_LIB_${name} NAMES lib${library}.a ${library} REQUIRED)
  add_library(${name} INTERFACE)
  target_link_libraries(${name} INTERFACE ${MINKE_LIB_${name}})
endfunction()

minke_static(minke_lz4 lz4)
minke_static(minke_zstd zstd)
minke_static(minke_zlib z)
minke_static(minke_re2 re2)
minke_static(minke_fmt fmt)

# Kafka's client: to build, only its header is needed.
find_path(MINKE_RDKAFKA_INCLUDE librdkafka/rdkafka.h)
find_library(MINKE_RDKAFKA_LIBRARY rdkafka) # for tests
if(NOT MINKE_RDKAFKA_INCLUDE OR NOT MINKE_RDKAFKA_LIBRARY)
  set(MINKE_RDKAFKA_INCLUDE "")
  message(WARNING "librdkafka-dev is missing: minke is built without the cluster")
endif()

if(MINKE_TESTS)
  find_package(GTest REQUIRED)
endif()
