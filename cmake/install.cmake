# `cmake --install`: the headers, the CMake package (minke::sdk for job files, minke::main for
# programs) and a pkg-config file. Component "sdk" is what an outside project needs to build.
include(CMakePackageConfigHelpers)

install(DIRECTORY include/minke TYPE INCLUDE COMPONENT sdk FILES_MATCHING PATTERN "*.h")

# minke::main is a static archive; what it stands on goes with it.
set(exported minke_sdk)
set(MINKE_EXPORTS_MAIN OFF)
if(TARGET minke_main)
  set(MINKE_EXPORTS_MAIN ON)
  list(APPEND exported minke_main)
  foreach(part cli runtime adapter http kafka task control shuffle port base proto
               fmt lz4 zstd zlib re2 spdlog xxhash)
    if(TARGET minke_${part})
      list(APPEND exported minke_${part})
    endif()
  endforeach()
  set_target_properties(minke_main PROPERTIES EXPORT_NAME main)
endif()
set_target_properties(minke_sdk PROPERTIES EXPORT_NAME sdk)
target_compile_features(minke_sdk INTERFACE cxx_std_20)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/minke)
install(TARGETS ${exported} EXPORT minke-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/minke COMPONENT sdk)
install(EXPORT minke-targets NAMESPACE minke:: DESTINATION ${package} COMPONENT sdk)
configure_package_config_file(cmake/minke-config.cmake.in
  ${CMAKE_BINARY_DIR}/package/minke-config.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/package/minke-config-version.cmake
  COMPATIBILITY SameMinorVersion)
# Relative, so that --prefix at install time holds.
file(RELATIVE_PATH MINKE_PREFIX_FROM_PC /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/minke.pc.in ${CMAKE_BINARY_DIR}/package/minke.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/package/minke-config.cmake
              ${CMAKE_BINARY_DIR}/package/minke-config-version.cmake
  DESTINATION ${package} COMPONENT sdk)
install(FILES ${CMAKE_BINARY_DIR}/package/minke.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT sdk)

# The command, and what it opens when it needs it.
install(TARGETS minke RUNTIME COMPONENT command)
if(TARGET minke_http_module)
  install(TARGETS minke_http_module LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/minke
    COMPONENT command)
endif()
