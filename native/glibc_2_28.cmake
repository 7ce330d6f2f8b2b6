# A library that is built on a new distribution and loads on old ones: Debian 10, Ubuntu 20.04, RHEL 8. Functions that
# newer glibcs brought are defined in the library (src/compat/glibc_shims.c). Those that only have a newer version are
# bound to their first one: the linker finds them in libraries made here, before it looks into the real ones.

# The version that all symbols had when a port of glibc began, and later ones of a few functions.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(GLIBC_FIRST GLIBC_2.17)
  set(GLIBC_AFFINITY GLIBC_2.17)
  set(GLIBC_NAMES GLIBC_2.17)
else()
  set(GLIBC_FIRST GLIBC_2.2.5)
  set(GLIBC_AFFINITY GLIBC_2.3.4)
  set(GLIBC_NAMES GLIBC_2.12)
endif()

# A shared library `soname` of functions that do nothing: "VERSION:function ...".
function(stub_library name soname)
  set(code "")
  set(versions "")
  foreach(entry ${ARGN})
    string(REPLACE ":" ";" entry ${entry})
    list(GET entry 0 version)
    list(GET entry 1 function)
    string(APPEND code "void ${function}(void);\nvoid ${function}(void) {}\n")
    list(APPEND versions ${version})
    list(APPEND functions_${version} ${function})
  endforeach()
  set(script "")
  list(REMOVE_DUPLICATES versions)
  foreach(version ${versions})
    list(JOIN functions_${version} "; " functions)
    string(APPEND script "${version} { global: ${functions}; };\n")
  endforeach()
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/stubs)
  file(CONFIGURE OUTPUT ${folder}/${name}.c CONTENT "${code}" @ONLY)
  file(CONFIGURE OUTPUT ${folder}/${name}.map CONTENT "${script}" @ONLY)
  add_library(${name} SHARED ${folder}/${name}.c)
  set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${folder} NO_SONAME ON
                        C_VISIBILITY_PRESET default LINK_DEPENDS ${folder}/${name}.map)
  target_compile_options(${name} PRIVATE -fno-builtin)
  target_link_options(${name} PRIVATE -nostdlib -Wl,-soname,${soname}
                      -Wl,--version-script=${folder}/${name}.map)
endfunction()

function(needs_glibc_2_28_at_most target)
  stub_library(pthread_stub libpthread.so.0
    ${GLIBC_FIRST}:pthread_create ${GLIBC_FIRST}:pthread_detach ${GLIBC_FIRST}:pthread_getcpuclockid
    ${GLIBC_FIRST}:pthread_getspecific ${GLIBC_FIRST}:pthread_join ${GLIBC_FIRST}:pthread_key_create
    ${GLIBC_FIRST}:pthread_key_delete ${GLIBC_FIRST}:pthread_once ${GLIBC_FIRST}:pthread_setspecific
    ${GLIBC_FIRST}:pthread_sigmask ${GLIBC_FIRST}:__pthread_key_create
    ${GLIBC_AFFINITY}:pthread_setaffinity_np ${GLIBC_NAMES}:pthread_setname_np)
  # All that is used of libm: a stub of its name keeps the linker from looking into the real one.
  stub_library(math_stub libm.so.6
    ${GLIBC_FIRST}:log ${GLIBC_FIRST}:logf ${GLIBC_FIRST}:nearbyintf ${GLIBC_FIRST}:sincos
    ${GLIBC_FIRST}:sqrtf)
  if(DYNAMO_HAS_CUDA)  # These are in libc.so.6 since 2.34, whose libdl.so.2 still has their first version.
    stub_library(dl_stub libdl.so.2 ${GLIBC_FIRST}:dlopen ${GLIBC_FIRST}:dlsym)
    target_link_libraries(${target} PRIVATE dl_stub)
  endif()
  target_sources(${target} PRIVATE src/compat/glibc_shims.c)
  target_link_libraries(${target} PRIVATE pthread_stub math_stub)
  set_target_properties(${target} PROPERTIES SKIP_BUILD_RPATH ON)  # stubs are for linking only
  add_custom_command(TARGET ${target} POST_BUILD COMMAND
    ${CMAKE_COMMAND} -DFILE=$<TARGET_FILE:${target}> -DOBJDUMP=${CMAKE_OBJDUMP}
    -P ${CMAKE_CURRENT_SOURCE_DIR}/check_glibc.cmake)
endfunction()
