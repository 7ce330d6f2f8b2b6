# The CUDA device, where NVIDIA's toolkit is installed: kernels by nvcc, all else by the C++ compiler. Nothing of CUDA is
# linked: the driver's library is looked for when a GPU is asked for.
#
#   -DDYNAMO_CUDA=auto   cubins of the architectures below where there is an nvcc, else nothing (default)
#   -DDYNAMO_CUDA=all    cubins of all architectures; no nvcc is an error
#   -DDYNAMO_CUDA=off    the CPU alone
#
# A kernel file becomes one PTX of compute_80. All cubins are made from that text, and it is in the fatbin beside them:
# what the tests run is what a GPU runs.

set(DYNAMO_CUDA auto CACHE STRING "auto, all or off")
find_program(DYNAMO_NVCC nvcc HINTS /usr/local/cuda/bin)
mark_as_advanced(DYNAMO_NVCC)

set(DYNAMO_HAS_CUDA OFF)
if(DYNAMO_CUDA STREQUAL off)
  message(STATUS "CUDA: off, CPU only")
elseif(NOT DYNAMO_NVCC)
  if(DYNAMO_CUDA STREQUAL all)
    message(FATAL_ERROR "CUDA: there is no nvcc; install NVIDIA's toolkit (https://developer.nvidia.com/cuda-downloads), or build without --cuda=all")
  endif()
  message(STATUS "CUDA: there is no nvcc, CPU only")
else()
  execute_process(COMMAND ${DYNAMO_NVCC} --dryrun -cubin -arch=sm_80 none.cu
                  ERROR_VARIABLE dryrun OUTPUT_VARIABLE dryrun)
  string(REGEX MATCH "_HERE_=([^\n]+)" _ "${dryrun}")
  set(cuda_bin ${CMAKE_MATCH_1})
  string(REGEX MATCH "\"-I([^\"]+)\"" _ "${dryrun}")
  set(cuda_include ${CMAKE_MATCH_1})
  execute_process(COMMAND ${DYNAMO_NVCC} --version OUTPUT_VARIABLE nvcc_version)
  string(REGEX MATCH "release [0-9.]+, V[0-9.]+" nvcc_version "${nvcc_version}")
  if(NOT EXISTS ${cuda_include}/cuda.h OR NOT EXISTS ${cuda_bin}/ptxas)
    if(DYNAMO_CUDA STREQUAL all)
      message(FATAL_ERROR "CUDA: ${DYNAMO_NVCC} has no cuda.h or no ptxas")
    endif()
    message(STATUS "CUDA: ${DYNAMO_NVCC} has no cuda.h or no ptxas, CPU only")
  else()
    set(DYNAMO_HAS_CUDA ON)
  endif()
endif()
if(NOT DYNAMO_HAS_CUDA)
  return()
endif()

set(cuda_architectures 80 87 90)
if(DYNAMO_CUDA STREQUAL all)
  set(cuda_architectures 80 86 87 89 90 100 110 120 121)
endif()
list(JOIN cuda_architectures ", sm_" cuda_text)
message(STATUS "CUDA: ${nvcc_version}, cubins of sm_${cuda_text}, and PTX")

# Whatever a kernel may include.
file(GLOB cuda_headers CONFIGURE_DEPENDS src/cuda/*.cuh src/cuda/*.h src/cuda/*/*.cuh src/cuda/*/*_args.h
     src/base/on_device.h src/base/exp.h src/base/penalties.h src/base/random.h src/graph/spans.h
     include/dynamo_engine.h)
set(cuda_folder ${CMAKE_CURRENT_BINARY_DIR}/cuda)
set(DYNAMO_CUDA_PTX "")
set(cuda_fatbins "")
foreach(name attention gemm rowwise sample)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/src/cuda/${name}/${name}.cu)
  add_custom_command(
    OUTPUT ${cuda_folder}/${name}.ptx ${cuda_folder}/${name}.fatbin
    COMMAND ${CMAKE_COMMAND} -DSOURCE=${source} -DNAME=${name} -DFOLDER=${cuda_folder} -DNVCC=${DYNAMO_NVCC}
            "-DVERSION=${nvcc_version}" -DBIN=${cuda_bin} "-DARCHITECTURES=${cuda_architectures}"
            "-DHEADERS=${cuda_headers}" -DROOT=${CMAKE_CURRENT_SOURCE_DIR}
            -P ${CMAKE_CURRENT_SOURCE_DIR}/cuda_kernels.cmake
    DEPENDS ${source} ${cuda_headers} cuda_kernels.cmake
    COMMENT "Building CUDA kernels ${name}" VERBATIM)
  list(APPEND DYNAMO_CUDA_PTX ${cuda_folder}/${name}.ptx)
  list(APPEND cuda_fatbins ${cuda_folder}/${name}.fatbin)
endforeach()
add_custom_target(dynamo_cuda_kernels DEPENDS ${cuda_fatbins})

# Embeds the fatbins.
enable_language(ASM)
set_source_files_properties(src/cuda/module/fatbins.S PROPERTIES
  OBJECT_DEPENDS "${cuda_fatbins}" COMPILE_OPTIONS "-Wa,-I${cuda_folder}")

set(cuda_files
  src/cuda/attention/attention.cc
  src/cuda/attention/attention_plan.cc
  src/cuda/cuda_device.cc
  src/cuda/cuda_kv_pool.cc
  src/cuda/cuda_model.cc
  src/cuda/cuda_step.cc
  src/cuda/device_weights.cc
  src/cuda/driver/context.cc
  src/cuda/driver/driver.cc
  src/cuda/driver/graph.cc
  src/cuda/driver/memory.cc
  src/cuda/driver/stream.cc
  src/cuda/gemm/gemm.cc
  src/cuda/module/kernels.cc
  src/cuda/step/decoder.cc
  src/cuda/step/rope_table.cc
  src/cuda/step/staging.cc
  src/cuda/upload.cc
)
target_sources(dynamo_core PRIVATE ${cuda_files} src/cuda/module/fatbins.S)
# No other file is compiled otherwise than without CUDA.
set_source_files_properties(${cuda_files} src/engine/open_device.cc PROPERTIES
  COMPILE_OPTIONS "-DDYNAMO_HAS_CUDA=1;-isystem;${cuda_include}")
target_link_libraries(dynamo_core PUBLIC ${CMAKE_DL_LIBS})
add_dependencies(dynamo_core dynamo_cuda_kernels)
