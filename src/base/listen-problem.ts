// Why a server cannot listen at an address, in words that blame the right half of it.

export interface ListenProblem {
  readonly key: "host" | "port";
  readonly message: string;
}

/** `code` is the system's, as `EADDRINUSE`; undefined where it gave none, as for an unknown name. */
export function listenProblem(host: string, port: number, code: string | undefined): ListenProblem {
  const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  switch (code) {
    case "EADDRINUSE":
      return {
        key: "port",
        message: `${place} is taken by another program; choose another port (--port ${nextPort(port)}; 0 is any free one), or end what holds it`,
      };
    case "EACCES":
      return {
        key: "port",
        message: `this user may not listen on port ${port}; choose one from 1024 on, as --port 8000`,
      };
    default:
      return {
        key: "host",
        message: `${JSON.stringify(host)} is no address of this machine; 127.0.0.1 is for clients on this machine, 0.0.0.0 for others, too`,
      };
  }
}

function nextPort(port: number): number {
  return port < 65_535 ? port + 1 : 8000;
}
