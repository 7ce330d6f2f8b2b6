// Words of commands that users paste into a shell.

/** `path` as an argument that a shell, and the command itself, take for a path. */
export function shellPath(path: string): string {
  const plain = path.startsWith("-") ? `./${path}` : path;
  return /^[\w./:@%+,=-]+$/.test(plain) ? plain : singleQuoted(plain);
}

export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
