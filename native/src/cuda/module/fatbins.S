// The kernels of all architectures, as native/cuda.cmake builds them.

  .section .rodata

  .macro fatbin name, file
  .globl \name
  .hidden \name
  .balign 64
\name:
  .incbin "\file"
  .endm

  fatbin dyn_cuda_attention, "attention.fatbin"
  fatbin dyn_cuda_gemm, "gemm.fatbin"
  fatbin dyn_cuda_rowwise, "rowwise.fatbin"
  fatbin dyn_cuda_sample, "sample.fatbin"

  .section .note.GNU-stack,"",%progbits
