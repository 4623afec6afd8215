/** Endpoints about the server as a whole: is it there, what is it, and telling it to go. */
import { LOG_LEVELS, isLogLevel } from "../log.ts";
import { USER_AGENT_NAME, VERSION } from "../version.ts";
import { nodeForServer } from "../xds/node.ts";
import { type AdminEndpoint, json, text } from "./endpoint.ts";
import { nodeToJson } from "./message-json.ts";

export const readyEndpoint: AdminEndpoint = {
  path: "/ready",
  post: false,
  help: "print server state, return 200 if LIVE, otherwise return 503",
  parameters: {},
  handle(_, context) {
    const state = context.state();
    return text(`${state}\n`, state === "LIVE" ? 200 : 503);
  },
};

export const serverInfoEndpoint: AdminEndpoint = {
  path: "/server_info",
  post: false,
  help: "print server version/status information",
  parameters: {},
  handle(_, context) {
    const uptime = `${Math.floor((context.clock.wallMs() - context.startedMs) / 1000)}s`;
    return json({
      version: `${USER_AGENT_NAME}/${VERSION}/node-${process.versions.node}`,
      state: context.state(),
      uptime_current_epoch: uptime,
      uptime_all_epochs: uptime,
      hot_restart_version: "disabled",
      command_line_options: { concurrency: 1, log_level: context.log.level },
      node: nodeToJson(nodeForServer(context.bootstrap.node)),
    });
  },
};

export const memoryEndpoint: AdminEndpoint = {
  path: "/memory",
  post: false,
  help: "print current allocation/heap usage",
  parameters: {},
  handle() {
    const memory = process.memoryUsage();
    return json({
      allocated: String(memory.heapUsed + memory.external),
      heap_size: String(memory.heapTotal),
      pageheap_unmapped: "0",
      pageheap_free: String(memory.heapTotal - memory.heapUsed),
      total_thread_cache: "0",
      total_physical_bytes: String(memory.rss),
    });
  },
};

export const hotRestartEndpoint: AdminEndpoint = {
  path: "/hot_restart_version",
  post: false,
  help: "print the hot restart compatibility version",
  parameters: {},
  handle: () => text("disabled"),
};

export const loggingEndpoint: AdminEndpoint = {
  path: "/logging",
  post: true,
  help: "query/change the logging level",
  parameters: { level: `desired logging level; One of (${LOG_LEVELS.join(", ")})` },
  handle(query, context) {
    const level = query.get("level");
    if (level !== null && level !== "") {
      if (!isLogLevel(level))
        return text(`error: unknown logger level\nusage: /logging?level=(${LOG_LEVELS.join("|")})\n`, 400);
      context.log.level = level;
    }
    return text(`active loggers:\n  ${USER_AGENT_NAME}: ${context.log.level}\n\n`);
  },
};

export const healthCheckFailEndpoint: AdminEndpoint = {
  path: "/healthcheck/fail",
  post: true,
  help: "cause the server to fail health checks",
  parameters: {},
  handle(_, context) {
    context.dataPlane.failHealthChecks(true);
    return text("OK\n");
  },
};

export const healthCheckOkEndpoint: AdminEndpoint = {
  path: "/healthcheck/ok",
  post: true,
  help: "cause the server to pass health checks",
  parameters: {},
  handle(_, context) {
    context.dataPlane.failHealthChecks(false);
    return text("OK\n");
  },
};

export const drainListenersEndpoint: AdminEndpoint = {
  path: "/drain_listeners",
  post: true,
  help: "drain listeners: stop accepting, close connections as their requests finish",
  parameters: {
    graceful: "Accepted as in Envoy; draining is always graceful",
    inboundonly: "Drains only listeners whose traffic_direction is INBOUND",
  },
  handle(query, context) {
    if (query.has("inboundonly")) context.drainInboundListeners();
    else context.drainListeners();
    return text("OK\n");
  },
};

export const reopenLogsEndpoint: AdminEndpoint = {
  path: "/reopen_logs",
  post: true,
  help: "reopen access logs",
  parameters: {},
  handle(_, context) {
    context.dataPlane.reopenLogs();
    return text("OK\n");
  },
};

export const quitEndpoint: AdminEndpoint = {
  path: "/quitquitquit",
  post: true,
  help: "exit the server",
  parameters: {},
  handle(_, context) {
    context.quit();
    return text("OK\n");
  },
};
