# A room is a folder under src/ and one static library. Its headers are reachable only through an include
# directory of its own, so a file can include what its room says it knows (KNOWS) and nothing else:
# `#include "server/..."` inside lamp/ does not compile. Tests (*_test.cpp) sit beside the code.
#
#   lamplighter_room(lamp KNOWS base LINKS fmt::fmt)

# The include directory through which src/<name> is seen as "<name>/…".
function(lamplighter_door name)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/rooms/${name})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/${name} ${CMAKE_BINARY_DIR}/rooms/${name}/${name} SYMBOLIC)
endfunction()

function(lamplighter_room name)
  cmake_parse_arguments(ROOM "" "" "KNOWS;LINKS;TEST_KNOWS" ${ARGN})
  set(folder ${CMAKE_CURRENT_SOURCE_DIR}/${name})
  set(door ${CMAKE_BINARY_DIR}/rooms/${name})
  lamplighter_door(${name})

  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")

  set(library lamplighter_${name})
  list(TRANSFORM ROOM_KNOWS PREPEND lamplighter_)
  if(sources)
    add_library(${library} STATIC ${sources})
    target_include_directories(${library} PUBLIC ${door})
    target_link_libraries(${library} PUBLIC ${ROOM_KNOWS} ${ROOM_LINKS})
  else()
    add_library(${library} INTERFACE)
    target_include_directories(${library} INTERFACE ${door})
    target_link_libraries(${library} INTERFACE ${ROOM_KNOWS} ${ROOM_LINKS})
  endif()

  if(LAMPLIGHTER_TESTS AND tests)
    list(TRANSFORM ROOM_TEST_KNOWS PREPEND lamplighter_)
    lamplighter_test(${name}_test SOURCES ${tests} LINKS ${library} ${ROOM_TEST_KNOWS})
  endif()
endfunction()

# One test program: ctest runs it whole, GoogleTest counts inside.
function(lamplighter_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;LINKS" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 300)
  endif()
  add_executable(${name} ${TEST_SOURCES})
  target_link_libraries(${name} PRIVATE ${TEST_LINKS} rapidcheck rapidcheck_gtest GTest::gmock GTest::gtest_main)
  # For those alone that read files of the source: with it in their command, no other clone finds them in ccache.
  foreach(source IN LISTS TEST_SOURCES)
    file(STRINGS ${source} reads REGEX LAMPLIGHTER_SOURCE_DIR LIMIT_COUNT 1)
    if(reads)
      set_source_files_properties(${source} PROPERTIES COMPILE_DEFINITIONS LAMPLIGHTER_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    endif()
  endforeach()
  target_compile_options(${name} PRIVATE -Wno-conversion ${LAMPLIGHTER_TEST_OPTIONS})
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES TIMEOUT ${TEST_TIMEOUT})
endfunction()
