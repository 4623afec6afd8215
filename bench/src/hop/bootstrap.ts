/** The bootstrap that both Tulle and Envoy start from: the default one, or the user's, each moved to free ports. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { BenchError } from "../errors.ts";
import { type Json, address, httpConnectionManager, listener, node, staticCluster, typed } from "./bootstrap-parts.ts";

/** A backend that the bootstrap's clusters name on this host. */
export interface BackendPort {
  port: number;
  /** What the cluster speaks to it. */
  protocol: "http1" | "http2";
  /** The cluster has a transport socket: the benchmark has no certificate that it would trust. */
  tls: boolean;
}

export interface Measured {
  /** The port of the first listener. */
  port: number;
  scheme: "http" | "https";
  bootstrap: object;
}

/** Router only: one listener, one route to one cluster with one endpoint. */
export function routerOnly(backendPort: number): object {
  const manager = httpConnectionManager({
    route_config: {
      name: "hop",
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [{ match: { prefix: "/" }, route: { cluster: "backend", timeout: "15s" } }],
        },
      ],
    },
    http_filters: [{ name: "envoy.filters.http.router", ...typed("filters.http.router.v3.Router", {}) }],
  });
  return {
    node,
    admin: { address: address(0) },
    static_resources: {
      listeners: [listener(manager)],
      clusters: [staticCluster("backend", backendPort, { lb_policy: "LEAST_REQUEST" })],
    },
  };
}

/** Reads a bootstrap file, YAML or JSON. Throws a BenchError if it is neither or has no listener with a TCP address. */
export function readBootstrap(path: string): object {
  let value: unknown;
  try {
    value = parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new BenchError(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  if (typeof value !== "object" || value === null) throw new BenchError(`${path} holds no Envoy bootstrap`);
  if (listenersOf(value as Json).length === 0) {
    throw new BenchError(`${path}: static_resources.listeners has no listener with a socket_address`);
  }
  return value;
}

/**
 * A copy whose listeners and admin endpoint have other ports, so that two proxies can run from one file at a time; an
 * endpoint that names one of the listeners (a chain of hops) moves along. Nothing else is changed.
 */
export function onPorts(bootstrap: object, freePort: () => number): Measured {
  const copy = structuredClone(bootstrap) as Json;
  const moved = new Map<number, number>();
  const listeners = listenersOf(copy);
  for (const listener of listeners) {
    const socket = socketOf(listener);
    const port = freePort();
    if (Number(socket?.["port_value"] ?? 0) !== 0) moved.set(Number(socket?.["port_value"]), port);
    if (socket !== undefined) socket["port_value"] = port;
  }
  for (const { socket } of localEndpoints(copy)) {
    socket["port_value"] = moved.get(Number(socket["port_value"])) ?? socket["port_value"];
  }
  copy["admin"] = { ...object(copy["admin"]), address: address(freePort()) };
  const first = listeners[0]!;
  const tls = object(array(first["filter_chains"])[0])["transport_socket"] !== undefined;
  return { port: Number(socketOf(first)?.["port_value"]), scheme: tls ? "https" : "http", bootstrap: copy };
}

/** The ports of 127.0.0.1 that clusters name and that are not listeners of the bootstrap itself. */
export function backendPorts(bootstrap: object): BackendPort[] {
  const root = bootstrap as Json;
  const own = new Set(listenersOf(root).map((listener) => Number(socketOf(listener)?.["port_value"])));
  const ports = new Map<number, BackendPort>();
  for (const { cluster, socket } of localEndpoints(root)) {
    const port = Number(socket["port_value"]);
    if (own.has(port) || ports.has(port)) continue;
    const protocol = JSON.stringify(cluster).includes('"http2_protocol_options"') ? "http2" : "http1";
    ports.set(port, { port, protocol, tls: cluster["transport_socket"] !== undefined });
  }
  return [...ports.values()];
}

function listenersOf(root: Json): Json[] {
  return array(object(root["static_resources"])["listeners"])
    .map(object)
    .filter((each) => socketOf(each) !== undefined);
}

function socketOf(listener: Json): Json | undefined {
  const socket = object(listener["address"])["socket_address"];
  return socket === undefined ? undefined : object(socket);
}

function localEndpoints(root: Json): { cluster: Json; socket: Json }[] {
  return array(object(root["static_resources"])["clusters"])
    .map(object)
    .flatMap((cluster) =>
      array(object(cluster["load_assignment"])["endpoints"])
        .flatMap((locality) => array(object(locality)["lb_endpoints"]))
        .map((entry) => object(object(object(object(entry)["endpoint"])["address"])["socket_address"]))
        .filter((socket) => ["127.0.0.1", "localhost"].includes(String(socket["address"])))
        .map((socket) => ({ cluster, socket })),
    );
}

function object(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function array(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
