// The machines that ./dynamo can be built for. package.json's "imports" name the library of each.

export interface BuildTarget {
  readonly name: string;
  /** The npm package of its Bun. */
  readonly bun: string;
  /** Folder of the library's build. */
  readonly folder: string;
  /** Options of CMake there. */
  readonly cmake: readonly string[];
  /** CMake's target. */
  readonly library: string;
  /** Programs that must be there to build for it elsewhere, and Debian's packages that bring them. */
  readonly needs: readonly string[];
  readonly packages: readonly string[];
}

const isX64 = process.arch !== "arm64";

export const BUILD_TARGETS: readonly BuildTarget[] = [
  {
    name: "linux-x64",
    bun: "@oven/bun-linux-x64",
    folder: isX64 ? "native/build" : "native/build-linux-x64",
    cmake: isX64 ? [] : ["--toolchain", "x86_64.cmake"],
    library: "dynamo_engine",
    needs: ["x86_64-linux-gnu-g++"],
    packages: ["g++-x86-64-linux-gnu", "libc6-amd64-cross"],
  },
  {
    name: "linux-arm64",
    bun: "@oven/bun-linux-aarch64",
    folder: isX64 ? "native/build-aarch64" : "native/build",
    cmake: isX64 ? ["--toolchain", "aarch64.cmake"] : [],
    library: "dynamo_engine",
    needs: ["aarch64-linux-gnu-g++"],
    packages: ["g++-aarch64-linux-gnu", "libc6-arm64-cross"],
  },
  {
    name: "linux-x64-musl",
    bun: "@oven/bun-linux-x64-musl",
    folder: "native/build",
    cmake: [],
    library: "dynamo_engine_musl",
    needs: ["/usr/lib/x86_64-linux-musl/libc.so"],
    packages: ["musl-dev"],
  },
];

/** Target of `npm run build` where none is named. */
export function hostTarget(): string {
  return isX64 ? "linux-x64" : "linux-arm64";
}
