// Which names this server answers to. A page of evil.example can let its name resolve to 127.0.0.1 and then read
// what a server there answers, being its own origin (DNS rebinding). But the browser still says `Host: evil.example`.

export interface HostPolicy {
  /** The name or address that the server listens on. */
  readonly listensOn: string;
  /** Further names and addresses, without ports. `*` is any. */
  readonly allowed: readonly string[];
}

/**
 * Decides if a request may name `host` (a `Host` header: name or address, and perhaps a port). Always allowed are the
 * names of this machine itself and what the server listens on. If other machines are let in, so is every
 * IP address: an address in a URL is not looked up, so it cannot be rebound.
 */
export function isHostAllowed(host: string, { listensOn, allowed }: HostPolicy): boolean {
  const name = hostName(host);
  if (name === undefined) return false;
  if (isLoopback(name) || name === normalized(listensOn)) return true;
  if (isAddress(name) && !isLoopback(listensOn)) return true;
  return allowed.some((one) => one === "*" || normalized(one) === name);
}

/** Decides if `host` (a name or an address) can be this machine only. */
export function isLoopback(host: string): boolean {
  const name = normalized(host);
  return (
    name === "localhost" ||
    name.endsWith(".localhost") || // RFC 6761: never looked up
    name === "::1" ||
    /^127\.\d+\.\d+\.\d+$/.test(name)
  );
}

/** Decides if `text` can stand in the list of allowed hosts. */
export function isHostName(text: string): boolean {
  const isBareV6 = text.includes("::") && !text.startsWith("[");
  return text === "*" || hostName(isBareV6 ? `[${text}]` : text) === normalized(text);
}

/** The name or address of a `Host` header in one spelling, without port; undefined where it is neither. */
function hostName(host: string): string | undefined {
  const [, address, name] = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(host) ?? [];
  return address !== undefined ? normalizedV6(address) : name && normalized(name);
}

/** Lower case, without a final dot or brackets; IPv4 inside of IPv6 as IPv4. */
function normalized(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  return bare.includes(":") ? (normalizedV6(bare) ?? bare) : bare.toLowerCase().replace(/\.$/, "");
}

function normalizedV6(address: string): string | undefined {
  const url = URL.parse(`http://[${address}]`);
  if (!url) return undefined;
  const shortest = url.hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(shortest) ?? [];
  if (high === undefined || low === undefined) return shortest;
  return [high, low].flatMap((half) => bytesOf(Number.parseInt(half, 16))).join(".");
}

function bytesOf(half: number): readonly number[] {
  return [half >> 8, half & 255];
}

function isAddress(name: string): boolean {
  return name.includes(":") || /^\d+\.\d+\.\d+\.\d+$/.test(name);
}
