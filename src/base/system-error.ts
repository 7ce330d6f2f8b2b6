// The operating system's errors in words, with what to do about them.

/** The end of a sentence that begins with the path: `permission denied; ...`. */
export function describeSystemError(error: unknown): string {
  const code = systemCode(error);
  if (code === undefined) return error instanceof Error ? error.message : String(error);
  return WORDS[code] ?? `the system says ${code}`;
}

/** The same of a file or folder that was to be written. */
export function describeWriteError(error: unknown): string {
  return WORDS_OF_WRITING[systemCode(error) ?? ""] ?? describeSystemError(error);
}

/** As `ENOENT`; undefined for what is no error of the system. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

const FORBIDDEN = "permission denied; let this user write there, or choose another place";

const WORDS_OF_WRITING: Readonly<Record<string, string>> = {
  ENOENT: "the folder around it is not there and cannot be made",
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
  EISDIR: "it is a directory",
  EROFS: "its file system is read-only; choose another place",
  ENOSPC: "its disk is full",
  EDQUOT: "this user's share of the disk is full",
  EFBIG: "files may not be so large here (ulimit -f, or the file system's own limit)",
  EIO: "its disk cannot write it; check the disk",
};

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied; let this user read it (chmod a+r, and a+x for the folders above)",
  EPERM: "permission denied; let this user read it (chmod a+r, and a+x for the folders above)",
  EISDIR: "it is a directory; give a file",
  ENOTDIR: "a part of its path is a file, and no directory",
  ELOOP: "its symbolic links lead in a circle",
  ENAMETOOLONG: "its name is too long",
  EMFILE: "too many files are open; raise the limit (ulimit -n)",
  ENFILE: "the system has too many files open",
  ENOMEM: "the system has no memory left",
  ENOSPC: "its disk is full",
  EROFS: "its file system is read-only",
  EIO: "its disk cannot read it; check the disk",
  ESTALE: "its network file system has lost it; mount it again",
};
