# Language level, warnings, hardening, sanitizers - and the check that the compiler can be trusted with coroutines.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(SLUICE_TESTS "Build the tests" ON)
option(SLUICE_BENCH "Build the benchmark programs" OFF)
option(SLUICE_FUZZ "Build the libFuzzer targets" OFF)
option(SLUICE_WERROR "Treat warnings as errors" ON)
set(SLUICE_SANITIZE "" CACHE STRING "Sanitizers, as given to -fsanitize= (address,undefined | thread)")

# g++ 12 destroys coroutine arguments twice. Such a compiler would build a daemon that loses records.
if(NOT DEFINED SLUICE_COROUTINES_OK)
  try_run(probe_exit probe_compiled
    ${CMAKE_BINARY_DIR}/probe ${CMAKE_CURRENT_LIST_DIR}/coroutine_probe.cpp
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON
    RUN_OUTPUT_VARIABLE probe_output)
  if(NOT probe_compiled OR NOT "${probe_exit}" STREQUAL "0")
    message(FATAL_ERROR
      "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} miscompiles coroutines (cmake/coroutine_probe.cpp fails). "
      "Use clang++-19: cmake --preset dev, or -DCMAKE_CXX_COMPILER=clang++-19.")
  endif()
  set(SLUICE_COROUTINES_OK TRUE CACHE INTERNAL "The compiler passed the coroutine probe")
endif()

add_library(sluice_flags INTERFACE)
target_compile_options(sluice_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wnon-virtual-dtor
  -Woverloaded-virtual -Wnull-dereference -Wimplicit-fallthrough -Werror=format-security)
if(SLUICE_WERROR)
  target_compile_options(sluice_flags INTERFACE -Werror)
endif()

find_program(lld_program NAMES ld.lld-19 ld.lld)
if(lld_program)
  add_link_options(-fuse-ld=${lld_program})
endif()
find_program(ccache_program ccache)
if(ccache_program)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ccache_program})
endif()

if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
else()
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection=full
    -ftrivial-auto-var-init=zero)
  add_compile_options($<$<CONFIG:Release>:-D_FORTIFY_SOURCE=3>)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code)
endif()
