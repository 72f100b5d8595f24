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

# hitless_test(NAME sources...): a GoogleTest program, run by ctest as one test per program.
function(hitless_test name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE hitless_flags fmt::fmt ${RAPIDCHECK} GTest::gtest
    GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  if(TARGET hitless_pch)
    target_precompile_headers(${name} REUSE_FROM hitless_pch)
  endif()
  add_test(NAME ${name} COMMAND ${name})
endfunction()
