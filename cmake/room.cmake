# hitless_room(NAME [USES rooms...] [LIBS libraries...])
#
# A room is a folder of src/: its sources become the library hitless_NAME, its *_test.cc files the
# test program NAME_test.  USES is who may be included (checked again by tests/tidy); LIBS are
# third-party libraries that stay inside the room's .cc files.
function(hitless_room name)
  cmake_parse_arguments(ARG "" "" "USES;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")

  set(scope PUBLIC)
  if(sources)
    add_library(hitless_${name} STATIC ${sources})
    if(TARGET hitless_pch)
      target_precompile_headers(hitless_${name} REUSE_FROM hitless_pch)
    endif()
  else()
    add_library(hitless_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  list(TRANSFORM ARG_USES PREPEND hitless_ OUTPUT_VARIABLE rooms)
  target_link_libraries(hitless_${name} ${scope} hitless_flags ${rooms})
  if(sources)
    target_link_libraries(hitless_${name} PRIVATE ${ARG_LIBS} fmt::fmt)
  endif()

  if(HITLESS_TESTS AND tests)
    hitless_test(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE hitless_${name} ${ARG_LIBS})
  endif()
endfunction()

# hitless_test(NAME sources... [LABELS labels...] [TIMEOUT seconds])
#
# A GoogleTest program, run by ctest as one test.  Labels say when it runs:
#   unit      (the default) beside the code; also built and run under the sanitizers
#   scenario  the simulator's files
#   system    the real binary under load; runs with nothing beside it
#   tidy      the repository's own rules
# Its results go to results/NAME.xml, where ./dev counts them.
function(hitless_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE hitless_flags fmt::fmt ${RAPIDCHECK} GTest::gtest
    GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  if(TARGET hitless_pch)
    target_link_libraries(${name} PRIVATE Boost::json)  # whose macros the header was compiled with
    target_precompile_headers(${name} REUSE_FROM hitless_pch)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  hitless_test_properties(${name} LABELS ${ARG_LABELS} TIMEOUT ${ARG_TIMEOUT})
  if(unit IN_LIST ARG_LABELS)
    add_dependencies(unit_tests ${name})
  endif()
endfunction()

# hitless_test_properties(NAME LABELS labels... TIMEOUT seconds): what every test has, also one made
# by add_test().  HITLESS_ROOT is the source tree, HITLESS_BINARY the program under test.
function(hitless_test_properties name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS" ${ARGN})
  set_tests_properties(${name} PROPERTIES
    LABELS "${ARG_LABELS}"
    TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "GTEST_OUTPUT=xml:${CMAKE_BINARY_DIR}/results/${name}.xml;HITLESS_ROOT=${CMAKE_SOURCE_DIR};HITLESS_BINARY=${CMAKE_BINARY_DIR}/bin/hitless")
  if(system IN_LIST ARG_LABELS)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()

# hitless_bench(NAME sources... [LIBS libraries...]): the Google Benchmark program bench_NAME, run by
# ./dev bench NAME.
function(hitless_bench name)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  add_executable(bench_${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(bench_${name} PRIVATE hitless_flags fmt::fmt ${ARG_LIBS}
    benchmark::benchmark benchmark::benchmark_main)
  target_include_directories(bench_${name} PRIVATE ${CMAKE_SOURCE_DIR})
  add_dependencies(benchmarks bench_${name})
endfunction()
