/** The data plane: starts from an Envoy bootstrap. */
export { type Log, type LogFields, type LogLevel, createLog, isLogLevel, LOG_LEVELS } from "./log.ts";
export { loadBootstrapFile, parseBootstrap } from "./plan/bootstrap.ts";
export { ConfigError, formatProblem, type Problem } from "./plan/problems.ts";
export { DEFAULT_DRAIN_TIME_MS, type Proxy, type ProxyOptions, startProxy } from "./proxy.ts";
export { type RunProxyOptions, runProxy } from "./main.ts";
export { captureProblem } from "./net/socket-options.ts";
export { collectStartupGarbage } from "./startup-garbage.ts";
export { VERSION } from "./version.ts";
