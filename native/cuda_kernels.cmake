# Builds SOURCE into FOLDER/NAME.ptx and FOLDER/NAME.fatbin, or takes them from the cache, by the hash of all that they
# depend on. FOLDER/NAME.sm_ARCHITECTURE.txt says what ptxas counted: registers, spills, shared memory.
#
#   cmake -DSOURCE=... -DNAME=... -DFOLDER=... -DNVCC=... -DVERSION=... -DBIN=... -DARCHITECTURES=80;90 -DHEADERS=...
#         -DROOT=... -P cuda_kernels.cmake
#
# The cache is $DYNAMO_CUDA_CACHE, or dynamo-cuda-build in $XDG_CACHE_HOME or ~/.cache.

set(flags -std=c++20 -O3 -fmad=false --expt-relaxed-constexpr -Werror all-warnings -I${ROOT}/src -I${ROOT}/include)

if(DEFINED ENV{DYNAMO_CUDA_CACHE})
  set(cache $ENV{DYNAMO_CUDA_CACHE})
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(cache $ENV{XDG_CACHE_HOME}/dynamo-cuda-build)
elseif(DEFINED ENV{HOME})
  set(cache $ENV{HOME}/.cache/dynamo-cuda-build)
else()
  set(cache ${FOLDER}/cache)
endif()

set(depends "${VERSION} ${ARCHITECTURES}")
foreach(file ${SOURCE} ${HEADERS} ${CMAKE_CURRENT_LIST_FILE})
  file(SHA256 ${file} hash)
  string(APPEND depends " ${hash}")
endforeach()
string(SHA256 key "${depends}")
set(files ${NAME}.ptx ${NAME}.fatbin)
foreach(architecture ${ARCHITECTURES})
  list(APPEND files ${NAME}.sm_${architecture}.txt)
endforeach()

file(MAKE_DIRECTORY ${FOLDER})
if(EXISTS ${cache}/${key}/whole)
  foreach(file ${files})
    file(COPY_FILE ${cache}/${key}/${file} ${FOLDER}/${file})
    file(TOUCH_NOCREATE ${FOLDER}/${file})
  endforeach()
  return()
endif()

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\n${text}")
  endif()
  set(text "${text}" PARENT_SCOPE)
endfunction()

set(ptx ${FOLDER}/${NAME}.ptx)
run(${NVCC} ${flags} -ptx -arch=compute_80 ${SOURCE} -o ${ptx})
set(images "")
foreach(architecture ${ARCHITECTURES})
  set(cubin ${FOLDER}/${NAME}.sm_${architecture}.cubin)
  run(${BIN}/ptxas -v -O3 -arch=sm_${architecture} ${ptx} -o ${cubin})
  file(WRITE ${FOLDER}/${NAME}.sm_${architecture}.txt "${text}")
  list(APPEND images --image3=kind=elf,sm=${architecture},file=${cubin})
endforeach()
# Uncompressed, so that a test finds the PTX in it; it is small.
run(${BIN}/fatbinary --create=${FOLDER}/${NAME}.fatbin -64 -compress=false
    --image3=kind=ptx,sm=80,file=${ptx} ${images})

# Another build may be writing the same: the last file says that all are there.
file(MAKE_DIRECTORY ${cache}/${key})
foreach(file ${files})
  file(COPY_FILE ${FOLDER}/${file} ${cache}/${key}/${file} RESULT copied)
endforeach()
file(WRITE ${cache}/${key}/whole "")
