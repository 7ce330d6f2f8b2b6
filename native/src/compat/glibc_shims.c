// Functions of glibc newer than 2.28 that the C++ runtime calls, built from older ones. The
// definitions are hidden: they serve this library alone, on new systems as well, so that what is
// tested is what runs on old ones.
//
//   arc4random                2.36   std::random_device, which nothing here constructs
//   _dl_find_object           2.35   libgcc's unwinder, at each throw
//   fstat, fstat64            2.33   were inline functions before
//   __libc_single_threaded    2.32   shared_ptr: counts with or without atomics
//   pthread_cond_clockwait    2.30   std::condition_variable::wait_for
//
// The functions of pthread and math that only changed their version are bound to the old one:
// ../../glibc_2_28.cmake.

#define _GNU_SOURCE
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HIDDEN __attribute__((visibility("hidden")))

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

HIDDEN char __libc_single_threaded = 0;

HIDDEN uint32_t arc4random(void) {
  uint32_t word = 0;
  while (getentropy(&word, sizeof(word)) != 0) continue;
  return word;
}

// The kernel's struct stat is glibc's on the 64-bit machines that there are kernels for.
HIDDEN int fstat(int fd, struct stat* status) {
  return (int)syscall(SYS_fstat, fd, status);
}

HIDDEN int fstat64(int fd, struct stat64* status) {
  return (int)syscall(SYS_fstat, fd, status);
}

// struct dl_find_object of glibc's <dlfcn.h>, whose layout is part of its ABI. Both are named
// otherwise here, since a new <dlfcn.h> has them too.
struct found_object {
  unsigned long long flags;
  void* map_start;
  void* map_end;
  struct link_map* link_map;
  void* eh_frame;
  unsigned long long reserved[7];
};

struct search {
  uintptr_t pc;
  struct found_object* found;
};

static int holds_pc(struct dl_phdr_info* info, size_t size, void* context) {
  (void)size;
  const struct search* search = context;
  const ElfW(Phdr)* eh_frame = NULL;
  const ElfW(Phdr)* code = NULL;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)* header = &info->dlpi_phdr[i];
    const uintptr_t begin = info->dlpi_addr + header->p_vaddr;
    if (header->p_type == PT_GNU_EH_FRAME) eh_frame = header;
    if (header->p_type == PT_LOAD && search->pc - begin < header->p_memsz) code = header;
  }
  if (code == NULL || eh_frame == NULL) return 0;
  struct found_object* found = search->found;
  found->flags = 0;
  found->map_start = (void*)(info->dlpi_addr + code->p_vaddr);
  found->map_end = (void*)(info->dlpi_addr + code->p_vaddr + code->p_memsz);
  found->link_map = NULL;
  found->eh_frame = (void*)(info->dlpi_addr + eh_frame->p_vaddr);
  return 1;
}

HIDDEN int find_object(void* pc, struct found_object* found) __asm__("_dl_find_object");

HIDDEN int find_object(void* pc, struct found_object* found) {
  struct search search = {.pc = (uintptr_t)pc, .found = found};
  return dl_iterate_phdr(holds_pc, &search) == 1 ? 0 : -1;
}

// A wait of at most 100 ms on the wall clock, which may jump meanwhile; the caller is woken without
// reason then, as it may be at any time, and waits for the rest.
static const int64_t kMaxWaitNs = 100 * 1000 * 1000;
static const int64_t kSecondNs = 1000 * 1000 * 1000;

static int64_t now_ns(clockid_t clock) {
  struct timespec now = {0};
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * kSecondNs + now.tv_nsec;
}

HIDDEN int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                                  clockid_t clock, const struct timespec* deadline) {
  const int64_t left_ns = (int64_t)deadline->tv_sec * kSecondNs + deadline->tv_nsec - now_ns(clock);
  const int is_whole = left_ns <= kMaxWaitNs;
  const int64_t wait_ns = left_ns < 0 ? 0 : is_whole ? left_ns : kMaxWaitNs;
  const int64_t until_ns = now_ns(CLOCK_REALTIME) + wait_ns;
  const struct timespec until = {.tv_sec = until_ns / kSecondNs, .tv_nsec = until_ns % kSecondNs};
  const int status = pthread_cond_timedwait(condition, mutex, &until);
  return is_whole ? status : 0;
}
