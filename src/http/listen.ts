// An app on a port: sockets, the clock that times their clients out, and the way to stop.

import type { SocketHandler, TLSUpgradeOptions } from "bun";

import type { Clock } from "../base/clock.ts";
import { DynamoError } from "../base/error.ts";
import { listenProblem } from "../base/listen-problem.ts";
import { systemCode } from "../base/system-error.ts";
import { ByteBudget } from "./byte-budget.ts";
import { type HttpApp, HttpConnection } from "./connection.ts";
import { DoorTime } from "./door-time.ts";
import { FlushQueue } from "./flush-queue.ts";
import { duplicateSocket } from "./inherited-socket.ts";
import { DEFAULT_LIMITS, type HttpLimits } from "./limits.ts";
import { DateHeader } from "./response-head.ts";

export interface ServedApp extends HttpApp {
  /** From now on refuses new work, and says so; what it has begun goes on. */
  drain(): void;
  /** Ends every open answer now, with what it has. */
  endAnswers(): void;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 is any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly limits?: Partial<HttpLimits>;
  /** Certificate for the next connection; without it, connections are plain. */
  readonly certificate?: (() => TlsCertificate) | undefined;
  /** A socket that the process was started with, which has that host and port; see inherited-socket.ts. */
  readonly inheritedFd?: number | undefined;
}

/** As text in PEM. */
export interface TlsCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface HttpServer {
  readonly port: number;
  readonly url: string;
  /**
   * Drains: answers in flight get `graceMs` to end. Meanwhile it still listens, so that clients and balancers are told.
   * Then it closes all connections; answers that still run end with what they have. A client that does not take even
   * that is cut.
   */
  stop(graceMs: number): Promise<void>;
}

/** For the last chunk of answers that were ended before their time. */
const LAST_WORDS_MS = 500;

/** Throws `CannotListenError`. */
export function listen(app: ServedApp, options: ListenOptions): HttpServer {
  const { host, clock } = options;
  const connections = new Connections();
  const time = new DoorTime(clock, () => connections.checkDeadlines());
  const { inheritedFd } = options;
  const fd = inheritedFd === undefined ? undefined : duplicate(inheritedFd);
  const socket = bind(app, options, { connections, time, fd });
  const port = fd === undefined ? socket.port : options.port;
  return {
    port,
    url: `${options.certificate ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}/`,
    async stop(graceMs) {
      app.drain();
      const isInTime = await endsWithin(connections.drain(), graceMs, clock);
      socket.stop();
      const ended = connections.retire();
      if (!isInTime) app.endAnswers();
      if (!(await endsWithin(ended, LAST_WORDS_MS, clock))) connections.cut();
      time.stop();
    },
  };
}

class Connections {
  readonly #open = new Set<HttpConnection>();
  #numSpare = 0;
  #ended: PromiseWithResolvers<void> | undefined;
  /** Those that were at work when the drain began. */
  readonly #atWork = new Set<HttpConnection>();
  #drained: PromiseWithResolvers<void> | undefined;

  /** Room for one more connection: a usual place, a spare one, or none. */
  room({ maxConnections, spareConnections }: HttpLimits): "usual" | "spare" | "none" {
    if (this.#open.size - this.#numSpare < maxConnections) return "usual";
    return this.#numSpare < spareConnections ? "spare" : "none";
  }

  add(connection: HttpConnection): void {
    this.#open.add(connection);
    if (connection.isSpare) this.#numSpare++;
    if (this.#ended) connection.retire();
  }

  delete(connection: HttpConnection): void {
    this.#open.delete(connection);
    if (connection.isSpare) this.#numSpare--;
    this.#atWork.delete(connection);
    if (this.#open.size === 0) this.#ended?.resolve();
    if (this.#atWork.size === 0) this.#drained?.resolve();
  }

  checkDeadlines(): void {
    for (const connection of [...this.#open]) connection.checkDeadline();
  }

  /** Those that are at work now close behind their answers. Resolves when they have. */
  drain(): Promise<void> {
    this.#drained ??= Promise.withResolvers<void>();
    for (const connection of [...this.#open]) {
      if (!connection.isAtWork) continue;
      this.#atWork.add(connection);
      connection.retire();
    }
    if (this.#atWork.size === 0) this.#drained.resolve();
    return this.#drained.promise;
  }

  /** Resolves when the last one has closed. */
  retire(): Promise<void> {
    this.#ended ??= Promise.withResolvers<void>();
    for (const connection of [...this.#open]) connection.retire();
    if (this.#open.size === 0) this.#ended.resolve();
    return this.#ended.promise;
  }

  cut(): void {
    for (const connection of [...this.#open]) connection.cut();
  }
}

interface Parts {
  readonly connections: Connections;
  readonly time: DoorTime;
  readonly fd: number | undefined;
}

/** Numbers from 2^31 up are those of keys: `tenantOf`. */
const MAX_NUMBER = 2 ** 31;

function duplicate(fd: number): number {
  const own = duplicateSocket(fd);
  if (own !== undefined) return own;
  throw new CannotListenError(`the socket ${fd} that the process was started with is closed`, {
    fd,
  });
}

function bind(app: HttpApp, options: ListenOptions, { connections, time, fd }: Parts) {
  const { host, port, clock, certificate } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { spareMs } = limits;
  const spareLimits = { ...limits, silenceMs: spareMs, headMs: spareMs, bodyMs: spareMs };
  const shared = {
    app,
    bodies: new ByteBudget(limits.maxBodiesBytes),
    clock,
    time,
    flushQueue: new FlushQueue(clock),
    date: new DateHeader(clock),
  };
  // Bun listens on a descriptor that it is given, which its types do not say (1.4.5).
  const place =
    fd === undefined
      ? { hostname: host, port }
      : ({ fd } as unknown as { hostname: string; port: number });
  let number = 0;
  const handlers: SocketHandler<HttpConnection | undefined> = {
    open(socket) {
      const room = connections.room(limits);
      if (room === "none") {
        socket.terminate();
        return;
      }
      number = (number + 1) % MAX_NUMBER;
      const isSpare = room === "spare";
      const own = { socket, number, isSpare, limits: isSpare ? spareLimits : limits };
      socket.data = new HttpConnection({ ...own, ...shared });
      connections.add(socket.data);
    },
    data: (socket, bytes) => socket.data?.received(bytes),
    end: (socket) => socket.data?.ended(),
    drain: (socket) => socket.data?.drained(),
    close({ data: connection }) {
      if (!connection) return; // there was no room for it
      connection.closed();
      connections.delete(connection);
    },
  };
  const socket = certificate ? secured(handlers, certificate) : handlers;
  try {
    return Bun.listen<HttpConnection | undefined>({ ...place, allowHalfOpen: true, socket });
  } catch (error) {
    time.stop();
    throw new CannotListenError(listenProblem(host, port, systemCode(error)).message, {
      host,
      port,
    });
  }
}

/**
 * Each connection is made one of TLS when it opens, so that the next may have another certificate. Its handshake is in
 * the time of its first head. Plain bytes of the socket are not ours.
 */
function secured<Data>(
  handlers: SocketHandler<Data>,
  certificate: () => TlsCertificate,
): SocketHandler<Data> {
  return {
    open(socket) {
      const { cert, key } = certificate();
      // `isServer` is not in Bun's types (1.4.5); node:tls uses it.
      const upgrade = {
        isServer: true,
        tls: { cert, key },
        socket: { ...handlers, handshake() {} },
      };
      socket.upgradeTLS(upgrade as TLSUpgradeOptions<Data>);
    },
    data() {},
  };
}

async function endsWithin(ended: Promise<void>, ms: number, clock: Clock): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = clock.after(ms, () => resolve(false));
  const isInTime = await Promise.race([ended.then(() => true), promise]);
  timer.cancel();
  return isInTime;
}

/** The address is taken, unknown, or not ours to use. */
class CannotListenError extends DynamoError {
  override readonly code = "cannot_listen";
}
