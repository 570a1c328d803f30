# How everything is compiled: warnings, sanitizers, ccache, a fast linker.

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these inside libstdc++ and Boost when it inlines at -O2 (GCC bugs 105329, 105562).
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-array-bounds)
endif()

if(LAMPLIGHTER_SANITIZE)
  add_compile_options(-fsanitize=${LAMPLIGHTER_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${LAMPLIGHTER_SANITIZE})
  # For the tests themselves. The rooms are what is examined; a test with all of it takes g++ four times as long.
  set(LAMPLIGHTER_TEST_OPTIONS -O0)
  if(LAMPLIGHTER_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
    list(APPEND LAMPLIGHTER_TEST_OPTIONS -fno-sanitize=undefined)
  endif()
  if(LAMPLIGHTER_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)
  endif()
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
