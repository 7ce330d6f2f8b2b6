// DYN_ON_DEVICE: a function that kernels of a GPU call too, for the same bits.

#pragma once

#if defined(__CUDACC__)
#define DYN_ON_DEVICE __host__ __device__
#else
#define DYN_ON_DEVICE
#endif
