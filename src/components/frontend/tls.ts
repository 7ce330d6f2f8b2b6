// TLS of the frontend, as its configuration says.

import type { ConfigProblem } from "dynamo";

import {
  CertificateError,
  type CertificateFiles,
  readCertificate,
} from "../../http/certificate.ts";

export interface TlsConfig {
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}

/** The files; undefined without TLS. */
export function certificateFiles({ tlsCert, tlsKey }: TlsConfig): CertificateFiles | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return { cert: tlsCert, key: tlsKey };
}

/** Finds a file without the other, and files that cannot be used. */
export function validateTls(config: TlsConfig): readonly ConfigProblem[] {
  const { tlsCert, tlsKey } = config;
  if (tlsCert !== undefined && tlsKey === undefined) {
    return [{ key: "tlsCert", message: "a certificate needs its key; give --tls-key FILE too" }];
  }
  if (tlsKey !== undefined && tlsCert === undefined) {
    return [{ key: "tlsKey", message: "a key needs its certificate; give --tls-cert FILE too" }];
  }
  const files = certificateFiles(config);
  if (files === undefined) return [];
  try {
    readCertificate(files);
    return [];
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    return [{ key: error.part === "cert" ? "tlsCert" : "tlsKey", message: error.message }];
  }
}
