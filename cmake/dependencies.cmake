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

# HTTP and metrics, for the module that is opened when used.
pkg_check_modules(MINKE_HTTPLIB IMPORTED_TARGET cpp-httplib)
pkg_check_modules(MINKE_PROMETHEUS IMPORTED_TARGET prometheus-cpp-core)
if(NOT MINKE_HTTPLIB_FOUND OR NOT MINKE_PROMETHEUS_FOUND)
  set(MINKE_HTTPLIB_FOUND OFF)
  message(WARNING "libcpp-httplib-dev or prometheus-cpp-dev is missing: minke is built without "
    "HTTP, so without its cluster")
endif()

if(MINKE_TESTS)
  find_package(GTest REQUIRED)
endif()
