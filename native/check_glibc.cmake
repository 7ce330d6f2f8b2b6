# Fails where FILE needs a symbol that glibc 2.28 does not have: `cmake -DFILE=... -DOBJDUMP=objdump -P check_glibc.cmake`.

execute_process(COMMAND ${OBJDUMP} -T ${FILE} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "GLIBC_[0-9.]+[^\n]*" needed "${symbols}")
foreach(symbol ${needed})
  string(REGEX MATCH "^GLIBC_([0-9.]+)" version "${symbol}")
  if(CMAKE_MATCH_1 VERSION_GREATER 2.28)
    list(APPEND newer "${symbol}")
  endif()
endforeach()
if(newer)
  list(JOIN newer "\n  " newer)
  message(FATAL_ERROR "${FILE} needs more than glibc 2.28 has; shim or stub these in src/compat:\n  ${newer}")
endif()
