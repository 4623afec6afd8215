/**
 * A thread that floods a control plane with telemetry: proxies that have new labels each time, spans without end, connections that never
 * finish their bodies. It is ended from outside.
 */
import { connect } from "node:net";
import { workerData } from "node:worker_threads";
import { Client, credentials } from "@grpc/grpc-js";
import { counterFamily, message, text } from "./proto.ts";

const { grpc, http } = workerData as { grpc: string; http: string };
const asIs = (bytes: Buffer): Buffer => bytes;

function streamMetrics(workload: string): void {
  const client = new Client(grpc, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  const path = "/envoy.service.metrics.v3.MetricsService/StreamMetrics";
  const call = client.makeClientStreamRequest(path, asIs, asIs, () => undefined);
  call.on("error", () => undefined);
  call.write(message(1, message(1, text(1, `sidecar~10.0.0.1~${workload}.default~default.svc.cluster.local`))));
  let count = 0;
  const more = (): void => {
    const metrics = Array.from({ length: 500 }, () => {
      const labels: Record<string, string> = { id: `${count++}`, long: "x".repeat(200) };
      return [labels, 1] as [Record<string, string>, number];
    });
    if (call.write(counterFamily("istio_requests_total", count, ...metrics))) setImmediate(more);
    else call.once("drain", more);
  };
  more();
}

async function postSpans(path: string): Promise<never> {
  for (let count = 1; ; count++) {
    const spans = Array.from({ length: 300 }, (_, index) => ({
      traceId: count.toString(16).padStart(32, "1"),
      id: (index + 1).toString(16).padStart(16, "0"),
      timestamp: Date.now() * 1000,
      name: `get /${count}/${index}`,
      localEndpoint: { serviceName: `service-${count}` },
      tags: { "http.url": "x".repeat(500) },
    }));
    await (await fetch(`http://${http}${path}`, { method: "POST", body: JSON.stringify(spans) })).text();
  }
}

for (const workload of ["reviews-v1-1", "reviews-v1-2", "reviews-v1-3"]) streamMetrics(workload);
for (let index = 0; index < 3; index++) void postSpans("/api/v2/spans");
const slow = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{";
for (let index = 0; index < 50; index++) {
  const [host, port] = http.split(":");
  const socket = connect(Number(port), host, () => socket.write(slow));
  socket.on("error", () => undefined);
}
