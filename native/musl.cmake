# The library for musl (target dynamo_engine_musl, musl/libdynamo_engine.so), where musl is installed on a machine with
# glibc. The objects are the same: the few structures that cross the border have the same layout in both on x86-64.
# Debian: apt-get install musl-dev.

find_library(MUSL_LIBC NAMES libc.so PATHS /usr/lib/x86_64-linux-musl NO_DEFAULT_PATH)
if(NOT MUSL_LIBC OR CMAKE_CROSSCOMPILING)
  return()
endif()

# The name libc.so is musl's own: its loader takes itself for it, wherever it is installed. -z defs makes a symbol
# that musl lacks an error of this link.
engine_library(dynamo_engine_musl)
get_filename_component(musl_folder ${MUSL_LIBC} DIRECTORY)
target_sources(dynamo_engine_musl PRIVATE src/compat/glibc_shims.c)
target_link_options(dynamo_engine_musl PRIVATE -nodefaultlibs -L${musl_folder})
target_link_libraries(dynamo_engine_musl PRIVATE
  -l:libstdc++.a -l:libgcc_eh.a -l:libgcc.a -l:libc.so)
set_target_properties(dynamo_engine_musl PROPERTIES EXCLUDE_FROM_ALL ON OUTPUT_NAME dynamo_engine
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/musl)

# The C test once more, with musl's loader.
find_program(MUSL_GCC musl-gcc)
if(MUSL_GCC)
  set(musl_test ${CMAKE_CURRENT_BINARY_DIR}/musl/c_api_test)
  add_custom_target(c_api_test_musl DEPENDS dynamo_engine_musl COMMAND
    ${MUSL_GCC} -std=c11 -DCHECK_EVERY=1 -I${CMAKE_CURRENT_SOURCE_DIR}/include
    ${CMAKE_CURRENT_SOURCE_DIR}/test/c_api_test.c -o ${musl_test}
    $<TARGET_FILE:dynamo_engine_musl> -Wl,-rpath,${CMAKE_CURRENT_BINARY_DIR}/musl)
endif()
