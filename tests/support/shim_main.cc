// `shim_for_tests shim <folder>`: the shim without the rest of hitless.
#include <cstdio>
#include <string_view>

#include "pools/process_pool.h"

int main(int count, char** arguments) {
  if (count != 3 || std::string_view(arguments[1]) != "shim") {
    std::fprintf(stderr, "usage: shim_for_tests shim FOLDER\n");
    return 2;
  }
  return hitless::pools::run_shim(arguments[2]);
}
