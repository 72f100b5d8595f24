# Warnings are errors; sanitizers and ccache by option.  Everything of ours links hitless_flags.
add_library(hitless_flags INTERFACE)
target_compile_options(hitless_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Werror)
target_include_directories(hitless_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)

# Messages that carry __FILE__ name the file from the repository's root.  ccache hands the compiler
# paths relative to the build folder; an absolute one here would make each clone's objects differ.
file(RELATIVE_PATH to_root ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR})
target_compile_options(hitless_flags INTERFACE -fmacro-prefix-map=${to_root}=)

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Without a time in it a precompiled header is the same in every build, so ccache can reuse what
  # was compiled with it.
  target_compile_options(hitless_flags INTERFACE
    -Wthread-safety "SHELL:-Xclang -fno-pch-timestamp")
else()
  # GCC 12 reports std::string and std::variant copies as reads of uninitialised memory, and moves of
  # short strings as writes and reads past their end.
  target_compile_options(hitless_flags INTERFACE
    -Wno-maybe-uninitialized -Wno-restrict -Wno-array-bounds -Wno-stringop-overread
    # Designated initialisers leave out what has a default, on purpose.
    -Wno-missing-field-initializers)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_definitions(hitless_flags INTERFACE HITLESS_DEBUG=1)
  # Enough optimisation to keep the property tests quick, with every check on.
  add_compile_options(-O1 -g1)
else()
  add_compile_options(-g1)
endif()

if(HITLESS_SANITIZE)
  add_compile_options(-fsanitize=${HITLESS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HITLESS_SANITIZE})
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()

find_program(LLD ld.lld)
if(LLD)
  add_link_options(-fuse-ld=lld)
endif()
