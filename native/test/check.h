// A test is a claim and a function without arguments; CHECK notes what does not hold. In C, so that
// the C test uses it too. The last line of every test binary is "N passed, N failed".

#ifndef DYNAMO_TEST_CHECK_H_
#define DYNAMO_TEST_CHECK_H_

#include <stdio.h>

static int check_num_passed = 0;
static int check_num_failed = 0;
static int check_num_broken = 0;  // Checks of the running test that did not hold.

#define CHECK(condition)                                                 \
  do {                                                                   \
    if (!(condition)) {                                                  \
      if (check_num_broken++ < 5) {                                      \
        printf("  %s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      }                                                                  \
    }                                                                    \
  } while (0)

// True if the next of many shapes is tested: one of CHECK_EVERY is, where tests run emulated.
static inline int check_is_due(void) {
  static int count = 0;
  return count++ % CHECK_EVERY == 0;
}

static inline void check_claim(const char* claim, void (*test)(void)) {
  check_num_broken = 0;
  test();
  if (check_num_broken == 0) {
    ++check_num_passed;
  } else {
    ++check_num_failed;
  }
  printf("%s %s\n", check_num_broken == 0 ? "ok  " : "FAIL", claim);
}

// The exit status.
static inline int check_finish(void) {
  printf("%d passed, %d failed\n", check_num_passed, check_num_failed);
  return check_num_failed == 0 ? 0 : 1;
}

#endif  // DYNAMO_TEST_CHECK_H_
