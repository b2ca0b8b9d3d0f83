# Real servers for tests, as fixtures of ctest: services/README.md.

# minke_lane(NAME SERVER…): the tests services.NAME.up and services.NAME.down, between which those
# run that need the lane.
function(minke_lane name)
  set(script ${CMAKE_SOURCE_DIR}/services/services.sh)
  set(arguments ${ARGN} --fixture --lane ${name} --state ${CMAKE_BINARY_DIR}/services)
  add_test(NAME services.${name}.up COMMAND ${script} up ${arguments})
  add_test(NAME services.${name}.down COMMAND ${script} down ${arguments})
  set_tests_properties(services.${name}.up PROPERTIES FIXTURES_SETUP lane_${name} TIMEOUT 600)
  set_tests_properties(services.${name}.down PROPERTIES FIXTURES_CLEANUP lane_${name} TIMEOUT 150)
endfunction()

# minke_needs_lane(TEST NAME): ctest runs TEST while the lane runs.
function(minke_needs_lane test name)
  set_property(TEST ${test} APPEND PROPERTY FIXTURES_REQUIRED lane_${name})
  set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT MINKE_SERVICES=${CMAKE_BINARY_DIR}/services)
endfunction()
