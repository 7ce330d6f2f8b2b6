// The certificate that new connections are given. Its files are read again when they have changed and then not for a
// while, so that one that is being written, or that does not fit the other yet, is never used. Connections that are open
// keep theirs.

import { statSync } from "node:fs";

import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import {
  type Certificate,
  CertificateError,
  type CertificateFiles,
  readCertificate,
} from "./certificate.ts";

export interface LiveCertificateOptions {
  readonly files: CertificateFiles;
  readonly clock: Clock;
  readonly log: Logger;
}

const WATCH_MS = 200;
const DAY_MS = 86_400_000;
/** It is told that a certificate ends from so long before its end on. */
const WARNED_MS = 14 * DAY_MS;

export class LiveCertificate {
  readonly #options: LiveCertificateOptions;
  #current: Certificate;
  /** The versions of the files that were read last, or were found wanting. */
  #version: string;
  /** The versions at the last look. */
  #seen: string;

  /** Throws `invalid_certificate`. */
  constructor(options: LiveCertificateOptions) {
    this.#options = options;
    this.#version = versionOf(options.files);
    this.#seen = this.#version;
    this.#current = readCertificate(options.files);
    this.#warn();
  }

  get current(): Certificate {
    return this.#current;
  }

  watch(): Timer {
    const { clock } = this.#options;
    let timer: Timer;
    const look = () => {
      this.#look();
      timer = clock.after(WATCH_MS, look);
    };
    timer = clock.after(WATCH_MS, look);
    return { cancel: () => timer.cancel() };
  }

  #look(): void {
    const { files, log } = this.#options;
    const found = versionOf(files);
    const isSettled = found === this.#seen;
    this.#seen = found;
    if (found === this.#version || !isSettled) return;
    this.#version = found;
    try {
      this.#current = readCertificate(files);
      const until = new Date(this.#current.endsAt).toISOString();
      log.info("certificate read again", { file: files.cert, until });
      this.#warn();
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      log.error(`the certificate stays as it was: ${error.message}`);
    }
  }

  #warn(): void {
    const { files, log, clock } = this.#options;
    const { endsAt, isPublic } = this.#current;
    const leftMs = endsAt - clock.wallTime();
    const until = new Date(endsAt).toISOString();
    if (leftMs < 0) log.warn("the certificate has ended; clients refuse it", { until });
    else if (leftMs < WARNED_MS) log.warn("the certificate ends soon", { until });
    if (isPublic) {
      log.warn("other users of this machine can read the key of TLS; chmod 600", {
        file: files.key,
      });
    }
  }
}

/** Which contents of which files the paths lead to. */
function versionOf({ cert, key }: CertificateFiles): string {
  return `${fileVersion(cert)} ${fileVersion(key)}`;
}

function fileVersion(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat ? `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}` : "none";
}
