// `dynamo systemd-unit`: a unit file for `dynamo serve` with the same arguments.

import { resolve } from "node:path";

import { isIPv6 } from "../base/ip-address.ts";
import { builtInConfigs } from "../built-in-configs.ts";
import { builtInGraphs } from "../built-in-graphs.ts";
import { installSdkModules } from "../sdk-modules.ts";
import { readConfig } from "../serve/config-source.ts";
import { loadGraph } from "../serve/load-graph.ts";
import type { Command, CommandInput } from "./command.ts";
import { impliedOverrides } from "./implied-overrides.ts";
import { serveCommand } from "./serve.ts";
import { readTarget } from "./target.ts";
import { throwAll, UsageError } from "./usage-error.ts";

export const systemdUnitCommand: Command = {
  meta: {
    name: "systemd-unit",
    description: "Print a unit file with which systemd keeps a server running",
  },
  args: {
    ...serveCommand.args,
    socket: {
      type: "boolean",
      description: "Print the socket unit that goes with it: systemd listens, from the boot on",
    },
  },
  synonyms: serveCommand.synonyms,
  epilogue: `The arguments are those of dynamo serve, and stand in the unit as they are typed here. What they name is found
from the current folder, and has to be readable by all users: the service has a user of its own.

EXAMPLES

  dynamo systemd-unit graphs.agg:Frontend --model /srv/models/SmolLM2-135M-Instruct >/etc/systemd/system/dynamo.service
  dynamo systemd-unit --socket --port 8000 >/etc/systemd/system/dynamo.socket
  systemctl daemon-reload && systemctl enable --now dynamo
`,
  async run(input: CommandInput): Promise<number> {
    const { argv, flags, problems, context } = input;
    throwAll([...problems, ...refused(flags)]);
    const { host, port } = await addressOf(input);
    if (flags.has("socket")) {
      context.out(socketFile(isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`));
      return 0;
    }
    const workingDir = resolve(context.workingDir);
    const isPrivileged = port < 1024;
    context.out(unitFile({ executable: context.executable, argv, workingDir, isPrivileged }));
    return 0;
  },
};

/** Flags that make no sense in a unit. */
function refused(flags: CommandInput["flags"]): readonly UsageError[] {
  const problems = ["dry-run", "explain"]
    .filter((name) => flags.has(name))
    .map((name) => new UsageError(`--${name} ends at once, and a unit file is for a server`));
  const port = flags.get("port");
  if (port === undefined || isPort(port)) return problems;
  return [...problems, new UsageError(`--port must be from 1 to 65535 in a unit, not ${port}`)];
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** The address that the server will listen on: of flags, of what is written, or the default. Throws `UsageError` for a wrong port. */
async function addressOf(input: CommandInput): Promise<Address> {
  const { flags } = input;
  const written = await writtenAddress(input);
  const port = flags.get("port") ?? String(written.port ?? 8000);
  if (!isPort(port)) {
    throw new UsageError(`the port must be from 1 to 65535 in a unit, and ${port} is written`);
  }
  return { host: flags.get("host") ?? written.host ?? "127.0.0.1", port: Number(port) };
}

/** Host and port of the graph's entry, in a file or a flag with the key's name. The graph is loaded to know which service that is. */
async function writtenAddress(input: CommandInput): Promise<{ host?: string; port?: unknown }> {
  const { flags, overrides, positionals, context } = input;
  const { workingDir } = context;
  const file = flags.get("file");
  if (file === undefined && overrides.length === 0) return {};
  installSdkModules();
  const { graph } = await loadGraph(readTarget(positionals[0], workingDir).graph, {
    workingDir: resolve(workingDir, flags.get("working-dir") ?? "."),
    builtIns: builtInGraphs,
  });
  const options = { file, isDefault: false, environment: {}, workingDir };
  const read = await readConfig({ ...options, builtIns: builtInConfigs });
  const tree = read.override([...impliedOverrides(input, graph), ...overrides]);
  const [host, port] = ["host", "port"].map((key) => tree.settingOf(graph.entry.name, key)?.value);
  return { ...(typeof host === "string" && { host }), port };
}

export interface UnitOptions {
  /** Absolute. */
  readonly executable: string;
  /** Arguments of `dynamo serve`. */
  readonly argv: readonly string[];
  readonly workingDir: string;
  /** True if the port is one that takes a privilege. */
  readonly isPrivileged: boolean;
}

/** By systemd.service(5) and systemd.exec(5); nothing in it is newer than systemd 247 (Debian 11). */
export function unitFile({ executable, argv, workingDir, isPrivileged }: UnitOptions): string {
  const command = [executable, "serve", ...argv].map(quoteArgument).join(" ");
  const capability = isPrivileged ? "CAP_NET_BIND_SERVICE" : "";
  return `[Unit]
Description=dynamo, an LLM inference server
Documentation=man:systemd.exec(5)
After=network-online.target
Wants=network-online.target
# Tried again for ever, as dynamo does with its own instances.
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=${command}
WorkingDirectory=${workingDir.replaceAll("%", "%%")}
# Ready is when the model is loaded, which takes as long as the disk takes.
TimeoutStartSec=infinity
TimeoutStopSec=15
WatchdogSec=30
# A core file would hold the weights.
WatchdogSignal=SIGKILL
LimitCORE=0
Restart=on-failure
RestartSec=2
# Bad usage or configuration: a new start would end alike.
RestartPreventExitStatus=2
KillMode=mixed

# Packed weights, for the next start: /var/cache/dynamo.
CacheDirectory=dynamo
Environment=XDG_CACHE_HOME=%C
# A limit here is kept to by itself: weights, KV blocks and workspace are sized to it.
#MemoryMax=4G

DynamicUser=yes
NoNewPrivileges=yes
CapabilityBoundingSet=${capability}
AmbientCapabilities=${capability}
UMask=0077
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
# Not ProcSubset=pid: /proc/meminfo says how much memory is free.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
# JavaScript is compiled to machine code while it runs.
MemoryDenyWriteExecute=no
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`;
}

function socketFile(address: string): string {
  return `[Unit]
Description=The port of dynamo, an LLM inference server

[Socket]
ListenStream=${address}

[Install]
WantedBy=sockets.target
`;
}

/** As systemd reads it again: no specifiers, no variables, one word. */
function quoteArgument(argument: string): string {
  const escaped = argument
    .replaceAll("%", "%%")
    .replaceAll("$", "$$$$")
    .replace(/[\\"]/g, "\\$&")
    .replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t");
  return /^[\w./:=@,+%-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}
