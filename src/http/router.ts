// Which route answers a path. Paths are compared as they were sent: no two spellings of one path, but for a slash at
// the end.

export interface Route<Handler> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** `:name` stands for one segment, `:name+` at the end for one or more. */
  readonly path: string;
  readonly handler: Handler;
}

export interface Match<Handler> {
  /** The path as its routes write it. */
  readonly route: string;
  /** The handler of a method there; GET serves HEAD. */
  handlerOf(method: string): Handler | undefined;
  /** The value of a parameter of the path. */
  param(name: string): string;
  /** The methods, as the Allow header has them. */
  readonly allow: string;
}

interface Pattern<Handler> {
  readonly path: string;
  readonly expression: RegExp;
  readonly handlers: Map<string, Handler>;
}

export class Router<Handler> {
  readonly #patterns: readonly Pattern<Handler>[];
  readonly #fixed = new Map<string, Match<Handler>>();

  constructor(routes: readonly Route<Handler>[]) {
    const paths = [...new Set(routes.map(({ path }) => path))];
    const patterns = paths.map((path) => {
      const here = routes.filter((route) => route.path === path);
      const handlers = new Map(here.map(({ method, handler }) => [method as string, handler]));
      return { path, handlers, expression: expressionOf(path) };
    });
    for (const pattern of patterns) {
      if (!pattern.path.includes(":")) this.#fixed.set(pattern.path, matchOf(pattern, {}));
    }
    this.#patterns = patterns.filter(({ path }) => path.includes(":"));
  }

  match(path: string): Match<Handler> | undefined {
    const bare = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
    const fixed = this.#fixed.get(bare);
    if (fixed) return fixed;
    for (const pattern of this.#patterns) {
      const groups = pattern.expression.exec(bare)?.groups;
      if (groups) return matchOf(pattern, groups);
    }
    return undefined;
  }
}

/** The path of a URL, or of a path with a query. */
export function pathOf(url: string): string {
  const path = url.startsWith("/") ? url : url.replace(/^[a-z]+:\/\/[^/?#]*/i, "");
  return path.replace(/[?#].*$/s, "") || "/";
}

function matchOf<Handler>(
  { path, handlers }: Pattern<Handler>,
  params: Record<string, string>,
): Match<Handler> {
  const methods = [...handlers.keys()].flatMap((name) =>
    name === "GET" ? ["GET", "HEAD"] : [name],
  );
  return {
    route: path,
    handlerOf: (method) => handlers.get(method === "HEAD" ? "GET" : method),
    param: (name) => decoded(params[name] ?? ""),
    allow: [...methods, "OPTIONS"].join(", "),
  };
}

function expressionOf(path: string): RegExp {
  const segments = path.split("/").map((segment) => {
    const [, name, isRest] = /^:(\w+)(\+?)$/.exec(segment) ?? [];
    if (name === undefined) return RegExp.escape(segment);
    return `(?<${name}>${isRest ? ".+" : "[^/]+"})`;
  });
  return new RegExp(`^${segments.join("/")}$`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
