// Makes what an editor needs beside a bare executable: the types of "dynamo", "dynamo/components", and what graphs
// import besides, a file for each.
//
//   src/**/*.ts --tsc--> declarations --pack--> native/build/init/types/dynamo.d.ts   (ambient modules, as "dynamo:sdk/client.ts")
//
// tsc takes seconds, so what was made of the same sources is kept.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, normalize } from "node:path";

const root = new URL("..", import.meta.url).pathname;

/** Module to the file that it is, below src. */
const MODULES = { dynamo: "sdk/index.ts", "dynamo/components": "components/index.ts" };

/** Bun's own, as an editor finds them: below a type root. Node's are theirs. */
const TYPE_ROOTS = {
  "bun-types": "bun-types",
  node: "@types/node",
  "undici-types": "undici-types",
};

/** Packages that these types and users' graphs name; each has its types in one file. */
const PACKAGES = {
  valibot: "node_modules/valibot/dist/index.d.mts",
  "prom-client": "node_modules/prom-client/index.d.ts",
};

/** Writes `dynamo.d.ts`, a file for each package, and a folder for each type root into `folder`. */
export async function buildTypes(folder: string): Promise<void> {
  const stamp = join(dirname(dirname(folder)), "types.hash"); // not among what is embedded
  const hash = hashOfSources();
  if (existsSync(folder) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const declarations = join(dirname(dirname(folder)), "declarations");
  await emitDeclarations(declarations);
  writeFileSync(join(folder, "dynamo.d.ts"), packModules(join(declarations, "src")));
  for (const [name, path] of Object.entries(PACKAGES)) {
    const text = readFileSync(join(root, path), "utf8");
    writeFileSync(join(folder, `${name}.d.ts`), ambientModule(name, text));
  }
  for (const [name, path] of Object.entries(TYPE_ROOTS)) {
    copyTypes(join(root, "node_modules", path), join(folder, name));
  }
  rmSync(declarations, { recursive: true });
  writeFileSync(stamp, hash);
}

async function emitDeclarations(outDir: string): Promise<void> {
  mkdirSync(outDir, { recursive: true });
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      ...{ noEmit: false, declaration: true, emitDeclarationOnly: true },
      ...{ outDir, rootDir: root, typeRoots: [join(root, "node_modules")] },
      paths: Object.fromEntries(
        Object.entries(MODULES).map(([name, file]) => [name, [join(root, "src", file)]]),
      ),
    },
    files: Object.values(MODULES).map((file) => join(root, "src", file)),
    include: [],
  };
  const project = join(outDir, "tsconfig.json");
  writeFileSync(project, JSON.stringify(config));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const child = Bun.spawn([process.execPath, tsc, "-p", project], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const status = await child.exited;
  if (status !== 0) throw new Error(`tsc ended with status ${status}`);
}

/** All declarations that the modules lead to, each as an ambient module, and the modules themselves. */
function packModules(folder: string): string {
  const files = new Set<string>(Object.values(MODULES));
  const modules: string[] = [];
  for (const file of files) {
    const text = readFileSync(join(folder, file.replace(/\.ts$/, ".d.ts")), "utf8");
    const absolute = text.replace(RELATIVE, (_, before: string, path: string) => {
      const target = normalize(join(dirname(file), path));
      files.add(target);
      return `${before}"dynamo:${target}"`;
    });
    modules.push(ambientModule(`dynamo:${file}`, absolute));
  }
  const entries = Object.entries(MODULES).map(([name, file]) =>
    ambientModule(name, `export * from "dynamo:${file}";`),
  );
  return [HEADER, ...entries, ...modules].join("\n");
}

const HEADER =
  '// The types of "dynamo" and "dynamo/components", written by dynamo init. Run it again after an update.\n';
const RELATIVE = /(\bfrom |\bimport\(|\bimport )"(\.{1,2}\/[^"]+)"/g;

function copyTypes(from: string, to: string): void {
  for (const name of readdirSync(from, { recursive: true, encoding: "utf8" })) {
    if (!/\.d\.[cm]?ts$|^package\.json$|^LICENSE/.test(name)) continue;
    mkdirSync(dirname(join(to, name)), { recursive: true });
    copyFileSync(join(from, name), join(to, name));
  }
}

/** In an ambient module everything is declared already. */
function ambientModule(name: string, text: string): string {
  const body = text.replace(/^(export (?:default )?)?declare (?!module|global)/gm, "$1");
  return `declare module "${name}" {\n${body.trimEnd()}\n}\n`;
}

/** Hash of all that the types are made of. */
function hashOfSources(): string {
  const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join("src", name))
    .toSorted();
  const hasher = new Bun.CryptoHasher("sha256");
  for (const path of ["scripts/build-types.ts", "package.json", "tsconfig.json", ...sources]) {
    hasher.update(path).update(readFileSync(join(root, path)));
  }
  return hasher.digest("hex");
}
