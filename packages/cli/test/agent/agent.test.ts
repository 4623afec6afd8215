/** What an agent that cannot join says. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { rootCertificates } from "node:tls";
import { startAgent } from "../../src/agent/agent.ts";

test("why there is no connection to the control plane is the reason, not that there is none", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-agent-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const rootsFile = join(folder, "roots.pem");
  writeFileSync(rootsFile, rootCertificates[0]!);
  const rude = createServer((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  rude.listen(0, "127.0.0.1");
  await once(rude, "listening");
  t.after(() => rude.close());

  const patience = new AbortController();
  const { port } = rude.address() as AddressInfo;
  const started = startAgent(
    {
      membership: {
        address: { host: "127.0.0.1", port },
        from: "--xds-tls",
        rootsFile,
        rootsAreFresh: false,
        socket: undefined,
        token: "t",
      },
      namespace: "default",
      serviceAccount: "web",
      nodeId: "sidecar~127.0.0.1~web.default~default.svc.cluster.local",
      directory: undefined,
      log: (_, message) => {
        if (message === "no certificate yet") setImmediate(() => patience.abort());
      },
    },
    patience.signal,
  );
  await assert.rejects(started, /wrong version number|packet length too long|record layer/i);
});
