# Links the library against musl, on a machine with glibc: the objects are the same, since the few structures that cross
# the border have the same layout in both on x86-64. Debian: apt-get install musl-dev.

find_library(MUSL_LIBC NAMES libc.so PATHS /usr/lib/x86_64-linux-musl NO_DEFAULT_PATH REQUIRED)

# The name libc.so is musl's own: its loader takes itself for it, wherever it is installed. -z defs makes a symbol
# that musl lacks an error of this link.
function(links_musl target)
  get_filename_component(folder ${MUSL_LIBC} DIRECTORY)
  target_sources(${target} PRIVATE src/compat/glibc_shims.c)
  target_link_options(${target} PRIVATE -nodefaultlibs -L${folder})
  target_link_libraries(${target} PRIVATE -l:libstdc++.a -l:libgcc_eh.a -l:libgcc.a -l:libc.so)
endfunction()
