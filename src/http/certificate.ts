// A certificate with its key, as OpenSSL's tools write them (PEM), checked before a client meets them.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { closeSync, fstatSync, readSync } from "node:fs";

import { DynamoError } from "../base/error.ts";
import { openRegularFile } from "../base/regular-file.ts";
import { describeSystemError } from "../base/system-error.ts";

export interface CertificateFiles {
  /** The server's certificate, and behind it those that lead to its authority. */
  readonly cert: string;
  readonly key: string;
}

/** The parts that a handshake needs, as text in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** When it ends, in milliseconds of the Unix epoch. */
  readonly endsAt: number;
  /** Other users of this machine can read the key. */
  readonly isPublic: boolean;
}

/** Throws `invalid_certificate`, which names the file at fault and the cure. */
export function readCertificate({ cert, key }: CertificateFiles): Certificate {
  const chain = readPem(cert, "certificate");
  const secret = readPem(key, "key of the certificate");
  const [own] = certificatesOf(chain.text, cert);
  const privateKey = privateKeyOf(secret.text, key);
  if (own === undefined || !own.checkPrivateKey(privateKey)) {
    throw new CertificateError(
      "key",
      `the key in ${key} is not that of the certificate in ${cert}; the server's own certificate comes first in its file`,
    );
  }
  const endsAt = own.validToDate.getTime();
  return { cert: chain.text, key: secret.text, endsAt, isPublic: (secret.mode & 0o004) !== 0 };
}

const MAX_BYTES = 2 ** 20;

function readPem(file: string, what: string): { readonly text: string; readonly mode: number } {
  const part = what === "certificate" ? "cert" : "key";
  let fd: number;
  try {
    fd = openRegularFile(file);
  } catch (error) {
    const reason = error instanceof DynamoError ? error.message : describeSystemError(error);
    throw new CertificateError(part, `cannot read the ${what} in ${file}: ${reason}`);
  }
  try {
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    const numBytes = readSync(fd, bytes, 0, bytes.length, 0);
    if (numBytes > MAX_BYTES) {
      throw new CertificateError(part, `${file} is larger than ${MAX_BYTES} bytes`);
    }
    return { text: bytes.toString("latin1", 0, numBytes), mode: fstatSync(fd).mode };
  } finally {
    closeSync(fd);
  }
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

function certificatesOf(text: string, file: string): readonly X509Certificate[] {
  const blocks = [...text.matchAll(BLOCK)];
  const certificates = blocks.filter(([, label]) => label === "CERTIFICATE");
  if (certificates.length === 0) {
    const cure = blocks.some(([, label]) => label?.endsWith("PRIVATE KEY"))
      ? "it holds a private key; are the two files swapped?"
      : "it has no block that begins with -----BEGIN CERTIFICATE----- (PEM)";
    throw new CertificateError("cert", `there is no certificate in ${file}: ${cure}`);
  }
  if (text.match(/-----BEGIN CERTIFICATE-----/g)?.length !== certificates.length) {
    throw new CertificateError("cert", `${file} is cut: its last certificate has no end`);
  }
  return certificates.map(([block], index) => {
    try {
      return new X509Certificate(block);
    } catch {
      const which = `certificate ${index + 1} of ${certificates.length}`;
      throw new CertificateError("cert", `${which} in ${file} cannot be read; make it anew`);
    }
  });
}

function privateKeyOf(text: string, file: string): KeyObject {
  const labels = [...text.matchAll(BLOCK)].map(([, label]) => label ?? "");
  if (labels.includes("ENCRYPTED PRIVATE KEY") || text.includes("Proc-Type: 4,ENCRYPTED")) {
    throw new CertificateError(
      "key",
      `the key in ${file} is encrypted, and no passphrase can be given; write it without one: openssl pkey -in ${file} -out KEY`,
    );
  }
  if (!labels.some((label) => label.endsWith("PRIVATE KEY"))) {
    const cure = labels.includes("CERTIFICATE")
      ? "it holds a certificate; are the two files swapped?"
      : "it has no block that begins with -----BEGIN PRIVATE KEY----- (PEM)";
    throw new CertificateError("key", `there is no private key in ${file}: ${cure}`);
  }
  try {
    return createPrivateKey(text);
  } catch {
    throw new CertificateError("key", `the private key in ${file} cannot be read; make it anew`);
  }
}

/** A certificate or a key that cannot be used. */
export class CertificateError extends DynamoError {
  override readonly code = "invalid_certificate";
  readonly part: keyof CertificateFiles;

  constructor(part: keyof CertificateFiles, message: string) {
    super(message);
    this.part = part;
  }
}
