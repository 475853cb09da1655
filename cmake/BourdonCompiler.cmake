# Flags every target of this project is compiled with, as one interface library.
# The loadable extension is made of the same libraries as the programs.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(bourdon_compiler INTERFACE)
# Also on 32 bits, a time does not end in 2038 and a file not at 2 GiB.
target_compile_definitions(bourdon_compiler INTERFACE
  _GNU_SOURCE _FILE_OFFSET_BITS=64 _TIME_BITS=64 BOURDON_VERSION="${PROJECT_VERSION}")
target_compile_options(bourdon_compiler INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wformat=2 -Wundef -Wcast-qual
  -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum -Wvla -Wimplicit-fallthrough
  $<$<BOOL:${BOURDON_WERROR}>:-Werror>
  # Nobody interposes our functions: position-independent code may inline them, too. clang always does.
  -fno-semantic-interposition)

if(BOURDON_SANITIZE)
  target_compile_options(bourdon_compiler INTERFACE
    -fsanitize=${BOURDON_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(bourdon_compiler INTERFACE -fsanitize=${BOURDON_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" OR CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(bourdon_compiler INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection)
  target_link_options(bourdon_compiler INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)
  target_link_options(bourdon_compiler INTERFACE $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
endif()

if(BOURDON_FUZZ)
  target_compile_options(bourdon_compiler INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(BOURDON_COVERAGE)
  target_compile_options(bourdon_compiler INTERFACE --coverage)
  target_link_options(bourdon_compiler INTERFACE --coverage)
endif()
