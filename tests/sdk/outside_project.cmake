# Installs minke into an empty folder, builds examples/wordcount against it from outside, and runs
# what came out on a small text. Run by ctest as: cmake -D… -P outside_project.cmake
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${ARGN}\nended with ${code}:\n${out}")
  endif()
  set(out "${out}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix --component sdk)
run(${CMAKE_COMMAND} -S ${EXAMPLE} -B ${WORK}/build -DCMAKE_PREFIX_PATH=${WORK}/prefix
    -DCMAKE_CXX_FLAGS=${CXX_FLAGS})
run(${CMAKE_COMMAND} --build ${WORK}/build)

file(WRITE ${WORK}/text "b a\nb\n")
function(expect_counts)
  run(${ARGN})
  if(NOT out MATCHES "a\t1\nb\t2\n")
    message(FATAL_ERROR "${ARGN}\nprinted:\n${out}")
  endif()
endfunction()

# Without CMake: what pkg-config says is enough for a job file.
file(GLOB pc_files ${WORK}/prefix/lib*/pkgconfig/minke.pc ${WORK}/prefix/lib*/*/pkgconfig/minke.pc)
list(GET pc_files 0 pc_file)
get_filename_component(pc_folder ${pc_file} DIRECTORY)
run(${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${pc_folder} pkg-config --cflags minke)
separate_arguments(flags UNIX_COMMAND "${out}")
run(${CXX} -O2 -shared -fPIC ${CXX_FLAGS} ${flags} ${EXAMPLE}/wordcount.cc -o ${WORK}/by_hand.so)

if(MINKE)
  expect_counts(${MINKE} run ${WORK}/by_hand.so ${WORK}/text)
  # The program takes the flags of `minke run`.
  expect_counts(${WORK}/build/wordcount ${WORK}/text --quiet --threads 1 --partitions 3 --memory 1M)
  run(${WORK}/build/wordcount ${WORK}/text -o ${WORK}/out --overwrite)
  run(${MINKE} verify ${WORK}/out)
  run(${WORK}/build/wordcount ${WORK}/text --task map-0)
  expect_counts(${MINKE} run ${WORK}/build/wordcount.so ${WORK}/text)
  expect_counts(${WORK}/build/wordcount ${WORK}/text)
elseif(NOT EXISTS ${WORK}/build/wordcount.so)
  message(FATAL_ERROR "the example built no job file")
endif()
