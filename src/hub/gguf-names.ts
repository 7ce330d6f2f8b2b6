// Which files of a repository are one GGUF model, by their names.

/** Files that are no model of their own: a vision projector, and what a quantiser measured. */
const OTHERS = /(^|[-_.])(mmproj|imatrix)([-_.]|$)/i;
const PART = /-(\d{5})-of-(\d{5})\.gguf$/i;
const TAG =
  /(?:^|[-_./])((?:UD-)?(?:I?Q\d(?:_[A-Z0-9]+)*|BF16|F16|F32|FP16|FP32|MXFP4(?:_[A-Z0-9]+)*|TQ\d_\d))(?:-\d{5}-of-\d{5})?\.gguf$/i;

/** Types that are taken where the name has none, in this order. */
const PREFERRED = ["Q4_K_M", "Q8_0"];

export interface GgufVariant {
  /** As `Q4_K_M`; a file's name where that has no type in it. */
  readonly tag: string;
  /** One, or its parts in order. */
  readonly paths: readonly string[];
}

/** In the order of their names. */
export function ggufVariants(paths: readonly string[]): readonly GgufVariant[] {
  const models = new Map<string, string[]>();
  for (const path of paths.toSorted()) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (!/\.gguf$/i.test(name) || OTHERS.test(name)) continue;
    const model = path.replace(PART, ".gguf");
    const parts = models.get(model);
    if (parts) parts.push(path);
    else models.set(model, [path]);
  }
  return [...models.values()]
    .filter(isWhole)
    .map((parts) => ({ tag: tagOf(parts[0] as string), paths: parts }));
}

/** The one that `tag` names, or that is best without; undefined if there is none. */
export function chooseVariant(
  variants: readonly GgufVariant[],
  tag: string | undefined,
): GgufVariant | undefined {
  const find = (wanted: string) =>
    variants.find((one) => one.tag.toLowerCase() === wanted.toLowerCase());
  if (tag !== undefined) return find(tag);
  for (const preferred of PREFERRED) {
    const found = find(preferred);
    if (found) return found;
  }
  return variants[0];
}

function tagOf(path: string): string {
  const type = TAG.exec(path)?.[1];
  if (type !== undefined) return type.toUpperCase();
  return path.slice(path.lastIndexOf("/") + 1).replace(/(-\d{5}-of-\d{5})?\.gguf$/i, "");
}

/** A model of several parts is one only if all of them are there. */
function isWhole(paths: readonly string[]): boolean {
  const count = PART.exec(paths[0] as string)?.[2];
  return count === undefined ? paths.length === 1 : paths.length === Number(count);
}
