# minke_library(NAME SOURCES … TESTS … DEPENDS …)
#
# One folder's library, with our warnings; each file of TESTS becomes one test executable.
function(minke_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;TESTS;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${MINKE_WARNINGS})
  target_include_directories(${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src> $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>)
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS})
  if(MINKE_TESTS)
    foreach(test ${ARG_TESTS})
      get_filename_component(stem ${test} NAME_WE)
      minke_test(${stem} SOURCES ${test} DEPENDS ${name})
    endforeach()
  endif()
endfunction()

# minke_test(NAME SOURCES … DEPENDS …): one GoogleTest executable, run by ctest as one test.
function(minke_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${MINKE_WARNINGS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
endfunction()
