# The prover of the CUDA device: the kernels' PTX as C++ that runs here, and libcuda.so.1 over it.
#
#   cuda/standin/libcuda.so.1   a stand-in for the driver, with the kernels of the fatbins that the engine carries
#   prover_*                    tests of the runner, of the stand-in, and of the tests themselves
#
# Needs nvcc, and bun, which runs the translator.

find_program(DYNAMO_BUN bun HINTS ${CMAKE_CURRENT_SOURCE_DIR}/../node_modules/.bin REQUIRED)
mark_as_advanced(DYNAMO_BUN)
set(prover ${CMAKE_CURRENT_SOURCE_DIR}/test/cuda)
file(GLOB translator CONFIGURE_DEPENDS ${prover}/translate/*.ts)
set(prover_folder ${CMAKE_CURRENT_BINARY_DIR}/cuda/prover)
file(MAKE_DIRECTORY ${prover_folder}) # nvcc makes none

# prover_options(TARGET): as fast as this machine allows, since what is emulated takes long.
function(prover_options name)
  target_include_directories(${name} PRIVATE ${prover} ${CMAKE_CURRENT_SOURCE_DIR}/test)
  target_include_directories(${name} SYSTEM PRIVATE ${cuda_include})
  target_compile_options(${name} PRIVATE -O2 -march=native -Wno-unused-label)
  target_link_libraries(${name} PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
endfunction()

# translated(OUT FILE.ptx): adds the C++ of a PTX file to the list OUT. An unknown instruction ends the build.
function(translated list file)
  get_filename_component(name ${file} NAME_WE)
  set(out ${prover_folder}/${name}.cc)
  add_custom_command(OUTPUT ${out}
    COMMAND ${DYNAMO_BUN} ${prover}/translate/translate.ts ${out} ${file}
    DEPENDS ${file} ${translator} COMMENT "Translating ${name}.ptx" VERBATIM)
  set(${list} ${${list}} ${out} PARENT_SCOPE)
endfunction()

add_library(ptx_runner OBJECT
  ${prover}/runner/access.cc ${prover}/runner/block.cc ${prover}/runner/race_log.cc
  ${prover}/runner/warp.cc)
prover_options(ptx_runner)

set(shipped "")
foreach(file ${DYNAMO_CUDA_PTX})
  translated(shipped ${file})
endforeach()
add_library(shipped_kernels OBJECT ${shipped})
prover_options(shipped_kernels)
add_dependencies(shipped_kernels dynamo_cuda_kernels)

add_library(standin_calls OBJECT
  ${prover}/standin/calls_device.cc ${prover}/standin/calls_launch.cc ${prover}/standin/calls_memory.cc
  ${prover}/standin/calls_stream.cc ${prover}/standin/device.cc ${prover}/standin/fatbin.cc
  ${prover}/standin/injected.cc)
prover_options(standin_calls)
set_target_properties(standin_calls PROPERTIES CXX_VISIBILITY_PRESET default)

add_library(cuda_standin SHARED)
target_link_libraries(cuda_standin PRIVATE standin_calls ptx_runner shipped_kernels)
set_target_properties(cuda_standin PROPERTIES OUTPUT_NAME cuda SOVERSION 1
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/cuda/standin)
# Its own C++ library, as it is loaded into processes that carry theirs.
target_link_options(cuda_standin PRIVATE -static-libstdc++ -static-libgcc -Wl,-Bsymbolic -Wl,--exclude-libs,ALL)

# Kernels of the prover's own tests, which nothing ships.
set(planted "")
foreach(name collectives faults matrices tile_product)
  set(ptx ${prover_folder}/${name}.ptx)
  add_custom_command(OUTPUT ${ptx}
    COMMAND ${DYNAMO_NVCC} -std=c++20 -ptx -arch=compute_80 ${prover}/planted/${name}.cu -o ${ptx}
    DEPENDS ${prover}/planted/${name}.cu COMMENT "Compiling ${name}.cu to PTX" VERBATIM)
  translated(planted ${ptx})
endforeach()
# The form in which the engine hands kernels to the driver.
add_custom_command(OUTPUT ${prover_folder}/tile_product.fatbin
  COMMAND ${cuda_bin}/fatbinary --create ${prover_folder}/tile_product.fatbin --64 --compress=false
          --image3=kind=ptx,sm=80,file=${prover_folder}/tile_product.ptx
  DEPENDS ${prover_folder}/tile_product.ptx VERBATIM)
set(ptx ${prover_folder}/instructions.ptx)
add_custom_command(OUTPUT ${ptx}
  COMMAND ${DYNAMO_BUN} ${prover}/planted/instructions.ts ${ptx}
  COMMAND ${cuda_bin}/ptxas -arch=sm_80 ${ptx} -o ${ptx}.cubin
  DEPENDS ${prover}/planted/instructions.ts COMMENT "Writing instructions.ptx" VERBATIM)
translated(planted ${ptx})
add_library(planted_kernels OBJECT ${planted})
prover_options(planted_kernels)

foreach(name collective fault instruction matrix mutant standin)
  add_executable(prover_${name}_test ${prover}/${name}_test.cc)
  prover_options(prover_${name}_test)
  target_compile_definitions(prover_${name}_test PRIVATE CHECK_EVERY=1 FIXTURES="${prover}/fixtures"
    PROVER_FOLDER="${prover_folder}")
  target_link_libraries(prover_${name}_test PRIVATE ptx_runner planted_kernels)
  add_test(NAME prover_${name}_test COMMAND prover_${name}_test)
  set_tests_properties(prover_${name}_test PROPERTIES TIMEOUT 3000)
endforeach()
target_link_libraries(prover_standin_test PRIVATE standin_calls)
add_custom_target(planted_fatbin DEPENDS ${prover_folder}/tile_product.fatbin)
add_dependencies(prover_standin_test planted_fatbin)

# Mutants of the shipped kernels, in the engine on the stand-in.
add_executable(prover_shipped_mutant_test ${prover}/shipped_mutant_test.cc)
prover_options(prover_shipped_mutant_test)
target_compile_definitions(prover_shipped_mutant_test PRIVATE CHECK_EVERY=1)
target_link_libraries(prover_shipped_mutant_test PRIVATE dynamo_test_support dynamo_core)
add_dependencies(prover_shipped_mutant_test cuda_standin)
add_test(NAME prover_shipped_mutant_test COMMAND prover_shipped_mutant_test)
set_tests_properties(prover_shipped_mutant_test PROPERTIES TIMEOUT 3000 ENVIRONMENT
  "LD_LIBRARY_PATH=${CMAKE_CURRENT_BINARY_DIR}/cuda/standin;DYNAMO_STANDIN_CUDA=recovers,checks=all")
