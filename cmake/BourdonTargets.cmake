# One function per kind of target, so that every folder lists only its sources and what it links.

# A static library made of SOURCES in this folder. INCLUDE is the root its headers are named from.
function(bourdon_library name)
  cmake_parse_arguments(ARG "" "INCLUDE" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${ARG_INCLUDE})
  target_link_libraries(${name} PUBLIC ${ARG_LINK} PRIVATE bourdon_compiler ${ARG_PRIVATE_LINK})
endfunction()

# An installed program: MAIN plus the library that holds the rest of it. MAN_SECTION: it prints its own manual page
# (--man), which is written beside the programs and installed.
function(bourdon_program name)
  cmake_parse_arguments(ARG "" "MAIN;MAN_SECTION" "LINK" ${ARGN})
  add_executable(${name} ${ARG_MAIN})
  target_link_libraries(${name} PRIVATE bourdon_compiler ${ARG_LINK})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  if(ARG_MAN_SECTION)
    set(page ${CMAKE_BINARY_DIR}/man/${name}.${ARG_MAN_SECTION})
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/man)
    add_custom_command(OUTPUT ${page} COMMAND ${name} --man > ${page} DEPENDS ${name} VERBATIM)
    add_custom_target(${name}-man ALL DEPENDS ${page})
    install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${ARG_MAN_SECTION})
  endif()
endfunction()

# A Check suite: one source file named test_<module>.c, one CTest test named <folder>/<module>. BESIDE: a command that
# runs the suite beside what it needs.
function(bourdon_unit_test source)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LINK;BESIDE" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  get_filename_component(module ${source} NAME_WE)
  string(REPLACE "test_" "" module ${module})
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(target test_${folder}_${module})
  add_executable(${target} ${source})
  target_link_libraries(${target} PRIVATE bourdon_compiler bourdon_test_support ${ARG_LINK})
  add_test(NAME unit/${folder}/${module} COMMAND ${ARG_BESIDE} $<TARGET_FILE:${target}>)
  set_tests_properties(unit/${folder}/${module} PROPERTIES LABELS unit TIMEOUT ${ARG_TIMEOUT} SKIP_RETURN_CODE 77)
  bourdon_test_environment(unit/${folder}/${module})
endfunction()

# A scenario with real programs: a script run from the build folder's bin with the source folder in its environment.
function(bourdon_script_test name)
  cmake_parse_arguments(ARG "SERIAL" "TIMEOUT;LABEL" "COMMAND" ${ARGN})
  add_test(NAME ${name} COMMAND ${ARG_COMMAND})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT} SKIP_RETURN_CODE 77)
  if(ARG_SERIAL)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
  bourdon_test_environment(${name})
endfunction()

function(bourdon_test_environment name)
  set_property(TEST ${name} PROPERTY ENVIRONMENT
    "BOURDON_SOURCE=${CMAKE_SOURCE_DIR}"
    "BOURDON_BIN=${CMAKE_BINARY_DIR}/bin"
    "BOURDON_SANITIZE=${BOURDON_SANITIZE}"
    "CK_DEFAULT_TIMEOUT=30"
    "ASAN_OPTIONS=detect_leaks=1:abort_on_error=1"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${CMAKE_SOURCE_DIR}/tests/support/tsan.supp")
endfunction()

# A libFuzzer target from tests/fuzz; without BOURDON_FUZZ the same source replays its corpus as an ordinary test.
function(bourdon_fuzz_target source)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  get_filename_component(name ${source} NAME_WE)
  if(BOURDON_FUZZ)
    add_executable(${name} ${source})
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.c)
    add_test(NAME fuzz/${name} COMMAND ${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT 60)
    bourdon_test_environment(fuzz/${name})
  endif()
  target_link_libraries(${name} PRIVATE bourdon_compiler ${ARG_LINK})
endfunction()
