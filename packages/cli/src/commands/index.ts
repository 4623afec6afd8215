/** All commands, each loaded only when it is asked for. The order is that of `tulle help`. */
import type { AnyCommand } from "../command.ts";

export const COMMANDS: Readonly<Record<string, () => Promise<AnyCommand>>> = {
  demo: async () => (await import("./demo.ts")).demo,
  up: async () => (await import("./up.ts")).up,
  run: async () => (await import("./run.ts")).run,
  gateway: async () => (await import("./gateway.ts")).gateway,
  agent: async () => (await import("./agent.ts")).agent,
  proxy: async () => (await import("./proxy.ts")).proxy,
  "capture-rules": async () => (await import("./capture-rules.ts")).captureRulesCommand,
  apply: async () => (await import("./apply.ts")).apply,
  delete: async () => (await import("./delete.ts")).deleteCommand,
  get: async () => (await import("./get.ts")).get,
  proxies: async () => (await import("./proxies.ts")).proxies,
  analyze: async () => (await import("./analyze.ts")).analyze,
  explain: async () => (await import("./explain.ts")).explain,
  slow: async () => (await import("./slow.ts")).slow,
  stat: async () => (await import("./stat.ts")).stat,
  top: async () => (await import("./top.ts")).top,
  graph: async () => (await import("./graph.ts")).graph,
  dashboard: async () => (await import("./dashboard.ts")).dashboard,
  tap: async () => (await import("./tap.ts")).tap,
  token: async () => (await import("./token.ts")).token,
  ca: async () => (await import("./ca.ts")).ca,
  version: async () => (await import("./version.ts")).version,
};

/** Processes that other commands start, and that no user does. */
export const PARTS: Readonly<Record<string, () => Promise<AnyCommand>>> = {
  "captured-sidecar": async () => (await import("../capture/sidecar-process.ts")).capturedSidecar,
};
