/** A whole control plane on ports of its own, and clients for it. */
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { Clock } from "@tulle/xds";
import { AdsClient } from "@tulle/xds/client";
import type { ReceivedResource } from "@tulle/xds/client";
import { NodeSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { startControlPlane } from "../../src/index.ts";
import type { ControlPlane } from "../../src/index.ts";
import { atEnd } from "./at-end.ts";
import { temporaryFolder } from "./directory.ts";

export interface TestControlPlane {
  readonly plane: ControlPlane;
  readonly base: string;
  /** The HTTP API: status and body. */
  readonly call: (method: string, path: string, body?: string) => Promise<{ status: number; body: unknown }>;
  readonly apply: (yaml: string) => Promise<void>;
}

export async function start(
  context: TestContext,
  options: {
    base?: string;
    xds?: string;
    gracePeriodMs?: number;
    identity?: NonNullable<Parameters<typeof startControlPlane>[0]["identity"]>;
    clock?: Clock;
    telemetry?: boolean;
  } = {},
): Promise<TestControlPlane> {
  const base = options.base ?? temporaryFolder(context);
  const plane = await startControlPlane({
    configDir: join(base, "config"),
    stateDir: join(base, "state"),
    xds: options.xds ?? "127.0.0.1:0",
    http: "127.0.0.1:0",
    log: () => undefined,
    ...(options.identity === undefined ? {} : { identity: options.identity }),
    ...(options.telemetry === undefined ? {} : { telemetry: options.telemetry }),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.gracePeriodMs === undefined ? {} : { gracePeriodMs: options.gracePeriodMs }),
  });
  atEnd(context, () => plane.close());
  const call = async (method: string, path: string, body?: string) => {
    const response = await fetch(`http://${plane.httpAddress}${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type") === "application/json";
    return { status: response.status, body: isJson ? (JSON.parse(text) as unknown) : text };
  };
  return {
    plane,
    base,
    call,
    apply: async (yaml) => {
      const { status, body } = await call("POST", "/api/v1/apply", yaml);
      if (status !== 200) throw new Error(JSON.stringify(body));
    },
  };
}

/** A proxy that takes everything of a type and keeps what it was sent. */
export class TestClient {
  readonly client: AdsClient;
  /** By type URL, then by name. */
  readonly held = new Map<string, Map<string, ReceivedResource>>();
  /** Names in the order in which they came. */
  readonly received: string[] = [];
  readonly removed: string[] = [];
  connected = false;
  lastError = "";

  constructor(
    context: TestContext,
    target: string,
    name: string,
    metadata: JsonObject = {},
    types: Record<string, string[] | "*"> = {},
  ) {
    this.client = new AdsClient({
      target,
      node: create(NodeSchema, {
        id: `sidecar~127.0.0.1~${name}.default~default.svc.cluster.local`,
        userAgentName: "tulle",
        metadata: { WORKLOAD_NAME: name, ...metadata },
      }),
      onConnection: (connected, reason) => {
        this.connected = connected;
        if (!connected) this.lastError = reason;
      },
    });
    for (const [typeUrl, names] of Object.entries(types)) {
      const held = new Map<string, ReceivedResource>();
      this.held.set(typeUrl, held);
      this.client.subscribe(typeUrl, names, {
        onUpdate: ({ updated, removed }) => {
          for (const [resource, value] of updated) {
            held.set(resource, value);
            this.received.push(resource);
          }
          for (const resource of removed) {
            held.delete(resource);
            this.removed.push(resource);
          }
        },
      });
    }
    this.client.start();
    atEnd(context, () => this.client.close());
  }
}
