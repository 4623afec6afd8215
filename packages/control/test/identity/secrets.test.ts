/** Private keys of Secrets: to proxies of their namespace that have shown who they are, and to nobody else on the machine. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { create } from "@bufbuild/protobuf";
import { credentials } from "@grpc/grpc-js";
import { TYPE } from "@tulle/xds";
import { AdsClient } from "@tulle/xds/client";
import { NodeSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { callSocket } from "../support/api-socket.ts";
import { atEnd } from "../support/at-end.ts";
import { asker, readRoots } from "../support/certificates.ts";
import type { Leaf } from "../support/certificates.ts";
import { start } from "../support/control-plane.ts";
import { eventually } from "../support/eventually.ts";

const PRIVATE = Buffer.from("PRIVATE KEY").toString("base64");

const inNamespace = (namespace: string): string => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: ${namespace} }
spec:
  selector: { istio: edge }
  servers:
  - port: { number: 443, name: https, protocol: HTTPS }
    hosts: ["*"]
    tls: { mode: SIMPLE, credentialName: web }
---`;

const YAML = `${inNamespace("edge")}${inNamespace("other")}
apiVersion: v1
kind: Secret
metadata: { name: web, namespace: edge }
type: kubernetes.io/tls
data: { tls.crt: "${Buffer.from("CERTIFICATE").toString("base64")}", tls.key: "${PRIVATE}" }
`;

async function mesh(t: TestContext) {
  const started = await start(t, { identity: { xdsTls: "127.0.0.1:0" } });
  const identity = started.plane.identity!;
  await started.apply(YAML);
  const roots = readRoots(identity.roots);
  const certificate = (namespace: string): Promise<Leaf> =>
    asker(t, `unix:${identity.grpcSocket}`).ask({
      metadata: { ImpersonatedIdentity: `spiffe://cluster.local/ns/${namespace}/sa/edge` },
    });
  return { ...started, identity, roots, certificate };
}

/** What a gateway gets that asks for the Secret: `given`, `none`, or why its stream ended. */
async function asked(
  t: TestContext,
  target: string,
  namespace: string,
  secured?: { readonly roots: string; readonly leaf: Leaf },
): Promise<string> {
  let outcome = "";
  const client = new AdsClient({
    target,
    node: create(NodeSchema, {
      id: `router~127.0.0.1~edge.${namespace}~${namespace}.svc.cluster.local`,
      userAgentName: "tulle",
      metadata: { NAMESPACE: namespace, SERVICE_ACCOUNT: "edge", LABELS: { istio: "edge" } },
    }),
    ...(secured === undefined ? {} : { credentials: credentialsOf(secured) }),
    onConnection: (connected, reason) => {
      if (!connected && reason !== "") outcome ||= reason;
    },
  });
  client.subscribe(TYPE.secret, ["kubernetes://web"], {
    onUpdate: ({ updated, removed }) => {
      if (updated.has("kubernetes://web")) outcome = "given";
      else if (removed.includes("kubernetes://web")) outcome = "none";
    },
  });
  client.start();
  atEnd(t, () => client.close());
  await eventually(() => assert.notEqual(outcome, ""));
  return outcome;
}

function credentialsOf({ roots, leaf }: { readonly roots: string; readonly leaf: Leaf }) {
  const key = leaf.key.export({ type: "pkcs8", format: "pem" }).toString();
  return credentials.createSsl(Buffer.from(roots), Buffer.from(key), Buffer.from(leaf.chain.slice(0, -1).join("")));
}

test("who has shown nothing gets none, whatever it says that it is", async (t) => {
  const { plane } = await mesh(t);
  assert.equal(await asked(t, plane.xdsAddress, "edge"), "none");
});

test("this machine's user gets them over the socket that nobody else can open", async (t) => {
  const { identity } = await mesh(t);
  assert.equal(statSync(identity.grpcSocket).mode & 0o777, 0o600);
  assert.equal(await asked(t, `unix:${identity.grpcSocket}`, "edge"), "given");
});

test("a gateway with a certificate of the namespace gets them", async (t) => {
  const { identity, roots, certificate } = await mesh(t);
  assert.equal(await asked(t, identity.tlsAddress, "edge", { roots, leaf: await certificate("edge") }), "given");
});

test("a Secret of another namespace is none, and who claims to be of that namespace is refused", async (t) => {
  const { identity, roots, certificate } = await mesh(t);
  const leaf = await certificate("other");
  assert.equal(await asked(t, identity.tlsAddress, "other", { roots, leaf }), "none");
  assert.match(await asked(t, identity.tlsAddress, "edge", { roots, leaf }), /it has proved to be edge of other/);
});

test("the HTTP API tells everybody that there is a Secret, and only the control plane's user what is in it", async (t) => {
  const { identity, plane, call, base } = await mesh(t);
  const { body } = await call("GET", "/api/v1/objects?kind=Secret");
  assert.ok(!JSON.stringify(body).includes(PRIVATE));
  assert.match(JSON.stringify(body), /"tls\.key":"\[redacted\]"/);
  const own = await callSocket(identity.apiSocket, "GET", "/api/v1/objects?kind=Secret");
  assert.ok(JSON.stringify(own.body).includes(PRIVATE));
  await plane.close();
  for (const file of [join(base, "state", "files.json"), join(base, "config", "edge", "secret-web.yaml")])
    assert.equal(statSync(file).mode & 0o077, 0, `${file} is for its owner alone`);
});
