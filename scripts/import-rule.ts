/**
 * The import-direction rule of ARCHITECTURE.md as data, and the check that holds the tree to it.
 *
 * A package may import only the packages listed for it; inside `proxy` and `control` the pure core may not import the I/O shell.
 * Type-only imports count too: a direction is about who may know whom.
 */
import { posix } from "node:path";

/** Workspace package → the workspace packages that it may import. */
const PACKAGE_MAY_IMPORT: Record<string, readonly string[]> = {
  api: [],
  xds: [],
  telemetry: [],
  identity: [],
  control: ["api", "identity", "xds", "telemetry"],
  proxy: ["identity", "xds", "telemetry"],
  explain: ["api", "identity", "xds", "telemetry", "control", "proxy"],
  console: ["api", "telemetry", "explain"],
  cli: ["api", "identity", "xds", "telemetry", "control", "proxy", "explain", "console"],
};

/** The name that a package is imported by → its folder under packages/. */
const PACKAGE_OF_NAME: Record<string, string> = {
  "@tulle/api": "api",
  "@tulle/xds": "xds",
  "@tulle/telemetry": "telemetry",
  "@tulle/identity": "identity",
  "@tulle/control": "control",
  "@tulle/proxy": "proxy",
  "@tulle/console": "console",
  "@tulle/explain": "explain",
  tulle: "cli",
};

/** Folder → what nothing in it may import, with the reason that the message gives. */
interface FolderRule {
  readonly folder: string;
  readonly forbidden: readonly RegExp[];
  readonly because: string;
}

const SOCKETS = /^node:(net|tls|http|http2|https|dgram|dns)$/;

const FOLDER_RULES: readonly FolderRule[] = [
  {
    folder: "packages/proxy/src/codec/",
    forbidden: [/^node:/, /^packages\/proxy\/src\/(net|upstream|http|plan|xds|admin|stats|clock)\//],
    because: "codecs are pure: bytes in, events out",
  },
  {
    folder: "packages/proxy/src/upstream/balancer/",
    forbidden: [/^node:/, /^packages\/proxy\/src\/(net|http|xds|admin)\//],
    because: "balancers are pure: randomness is passed in",
  },
  {
    folder: "packages/proxy/src/http/",
    forbidden: [SOCKETS, /^packages\/proxy\/src\/(xds|admin)\//],
    because: "only net/ opens sockets, and the data path knows nothing of where its plan came from",
  },
  ...["listener", "tcp"].map((folder) => ({
    folder: `packages/proxy/src/${folder}/`,
    forbidden: [SOCKETS, /^packages\/proxy\/src\/(xds|admin)\//],
    because: "only net/ opens sockets, and the data path knows nothing of where its plan came from",
  })),
  {
    folder: "packages/proxy/src/plan/",
    forbidden: [SOCKETS, /^packages\/proxy\/src\/(net|xds|admin|http|listener|tcp|tracing|access-log|stats-sinks)\//],
    because: "a plan is compiled from messages alone",
  },
  { folder: "packages/api/src/", forbidden: [SOCKETS, /^node:fs/], because: "the API is pure: text in, objects out" },
  {
    folder: "packages/identity/src/",
    forbidden: [/^node:(?!crypto$)/],
    because: "identities are bytes in, bytes out: clock and chance are passed in",
  },
  { folder: "packages/telemetry/src/", forbidden: [/^node:/], because: "telemetry is pure" },
  {
    folder: "packages/explain/src/",
    forbidden: [/^node:/, /^@tulle\/(control|proxy)$/],
    because:
      "explanations are pure: they take the data plane's matchers and the control plane's types, nothing that runs",
  },
  {
    folder: "packages/control/src/translate/",
    forbidden: [/^node:(?!crypto$)/, /^packages\/control\/src\/(source|push|http|status)\//],
    because: "translation is pure: frozen inputs in, xDS out",
  },
  ...["promql", "prometheus", "jaeger", "insight"].map((folder) => ({
    folder: `packages/control/src/telemetry/${folder}/`,
    forbidden: [/^node:/, /^packages\/control\/src\/(source|push|http|status|translate|model)\//],
    because: "queries are answered from their source alone",
  })),
  {
    folder: "packages/control/src/model/",
    forbidden: [/^node:(?!crypto$)/, /^packages\/control\/src\/(source|push|http|translate)\//],
    because: "the model is pure and the lowest layer of the control plane",
  },
];

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly specifier: string;
  readonly because: string;
}

const IMPORT =
  /^\s*(?:import|export)\b[^"';]*?from\s+["']([^"']+)["']|^\s*import\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm;

/** Checks one source file (`file` relative to the repository, with forward slashes). */
export function violationsIn(file: string, source: string): Violation[] {
  const found: Violation[] = [];
  const from = /^packages\/([^/]+)\/src\//.exec(file)?.[1];
  for (const match of source.matchAll(IMPORT)) {
    const specifier = (match[1] ?? match[2] ?? match[3]) as string;
    const line = source.slice(0, match.index + match[0].indexOf(specifier)).split("\n").length;
    const target = specifier.startsWith(".") ? posix.join(posix.dirname(file), specifier) : specifier;
    const report = (because: string): void => {
      found.push({ file, line, specifier, because });
    };
    if (from !== undefined) {
      const toName = Object.keys(PACKAGE_OF_NAME).find((name) => target === name || target.startsWith(`${name}/`));
      const to = toName === undefined ? /^packages\/([^/]+)\//.exec(target)?.[1] : PACKAGE_OF_NAME[toName];
      if (specifier.startsWith(".") && to !== from) {
        report(`a package reaches another by its name, not by path`);
      } else if (to !== undefined && to !== from && !(PACKAGE_MAY_IMPORT[from] ?? []).includes(to)) {
        report(`${from} may import ${(PACKAGE_MAY_IMPORT[from] ?? []).join(", ") || "no other package"}, not ${to}`);
      }
    }
    for (const rule of FOLDER_RULES) {
      if (file.startsWith(rule.folder) && rule.forbidden.some((pattern) => pattern.test(target))) report(rule.because);
    }
  }
  return found;
}
