/** A proxy in a thread of its own (workerData: TlsProxyOptions): it shares nothing with others. Posts its port. */
import { parentPort, workerData } from "node:worker_threads";
import { fromJson } from "@bufbuild/protobuf";
import { BootstrapSchema } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { startProxy } from "../../src/index.ts";
import { createLog } from "../../src/log.ts";
import { extensionRegistry } from "../../src/plan/schemas.ts";
import { type TlsProxyOptions, tlsBootstrap } from "./tls.ts";

const proxy = await startProxy({
  bootstrap: fromJson(BootstrapSchema, tlsBootstrap(workerData as TlsProxyOptions), { registry: extensionRegistry }),
  log: createLog({ level: "error", write: () => {}, now: () => new Date(0) }),
});
await proxy.ready;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- of windows
parentPort?.postMessage(proxy.listenerAddresses()[0].port);
