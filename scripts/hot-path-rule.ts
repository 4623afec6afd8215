/**
 * What the data path may not call: what allocates or defers for each request.
 * A line that runs at start-up, once a connection or only for a rare request says so: `// cold: why`, on it or on the line before.
 */

const FOLDERS = ["codec", "net", "listener", "tcp", "http", "upstream"].map(
  (folder) => `packages/proxy/src/${folder}/`,
);

/** Files without a hot path, and why. */
const EXEMPT: ReadonlyMap<string, string> = new Map([
  ["packages/proxy/src/upstream/dns/resolve.ts", "names are resolved apart from requests"],
  ["packages/proxy/src/upstream/dns/system-files.ts", "names are resolved apart from requests"],
  ["packages/proxy/src/upstream/dns/system-resolvers.ts", "names are resolved apart from requests"],
  ["packages/proxy/src/net/acceptor.ts", "listening, once"],
  ["packages/proxy/src/net/accepted-socket.ts", "a self-test at start-up"],
  ["packages/proxy/src/net/socket-options.ts", "once a connection, and a self-test at start-up"],
]);

const FORBIDDEN: readonly (readonly [pattern: RegExp, because: string])[] = [
  [/\b(?:async|await)\s|\bnew Promise\b/, "a promise for each request"],
  [/\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\(/, "a timer of the runtime; the wheel is in clock/"],
  [/\bJSON\.(?:parse|stringify)\b|\bstructuredClone\b/, "serialises what the plan should have prepared"],
  [/\bnew (?:RegExp|Date)\b/, "compiled or formatted for each request"],
  [/\bObject\.(?:entries|fromEntries|assign|keys|values)\b/, "an object for each request"],
  [/\bBuffer\.concat\b/, "copies; one write takes several pieces"],
  [/\.(?:split|matchAll)\(/, "an array for each request"],
  [/\bArray\.from\b/, "an array for each request"],
];

export interface HotPathViolation {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly because: string;
}

/** @param file path from the repository's root, with slashes */
export function hotPathViolations(file: string, source: string): HotPathViolation[] {
  if (!FOLDERS.some((folder) => file.startsWith(folder)) || EXEMPT.has(file)) return [];
  const lines = source.split("\n");
  return lines.flatMap((text, i) => {
    // What begins in the first column runs when the module is loaded.
    if (/^(?:export )?const |^\s*(?:\*|\/\/|\/\*)/.test(text)) return [];
    if (`${lines[i - 1] ?? ""}\n${text}`.includes("// cold: ")) return [];
    return FORBIDDEN.filter(([pattern]) => pattern.test(text)).map(([, because]) => ({ file, line: i + 1, because }));
  });
}
