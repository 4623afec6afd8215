/** MeshConfig is text in a ConfigMap, and checked like everything else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isKind, meshConfigOf, parseYaml } from "../../src/index.ts";
import type { MeshConfig } from "../../src/index.ts";
import { diagnose } from "../support/diagnose.ts";

function configMap(mesh: string, name = "istio"): string {
  const lines = mesh.split("\n").map((line) => `    ${line}`);
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: istio-system }\ndata:\n  mesh: |-\n${lines.join("\n")}`;
}

function read(mesh: string): MeshConfig | undefined {
  const [loaded] = parseYaml(configMap(mesh), "istio.yaml").objects;
  assert.ok(loaded !== undefined && isKind(loaded.object, "", "ConfigMap"));
  return meshConfigOf(loaded.object);
}

test("settings are read from the ConfigMap istio, by JSON names and protobuf's", () => {
  assert.deepEqual(read("connectTimeout: 3s\noutboundTrafficPolicy: { mode: REGISTRY_ONLY }"), {
    connectTimeout: "3s",
    outboundTrafficPolicy: { mode: "REGISTRY_ONLY" },
  });
  assert.deepEqual(read("dns_refresh_rate: 5s"), { dnsRefreshRate: "5s" });
  assert.deepEqual(read("# nothing but a comment"), {});
});

test("a ConfigMap of another name is no mesh configuration", () => {
  assert.deepEqual(diagnose(configMap("noSuchField: 1", "other")), []);
});

test("mistakes in it are told with the path below data.mesh", () => {
  const wrong =
    "outboundTrafficPolicy: { mode: ALLOW_SOME }\nconectTimeout: 1s\nlocalityLbSetting: { failover: [{ from: a, to: a }] }";
  assert.deepEqual(
    diagnose(configMap(wrong)).map((line) => line.replace(/^[^:]*:\d+:\d+: /, "").replace(/^ConfigMap \S+ /, "")),
    [
      'data.mesh.outboundTrafficPolicy.mode: is "ALLOW_SOME", expected one of REGISTRY_ONLY, ALLOW_ANY, ALLOW_ANY_DYNAMIC_DNS',
      'data.mesh.conectTimeout: unknown field, did you mean "connectTimeout"?',
      'data.mesh.localityLbSetting.failover[0].to: is "a", as from, expected another region',
    ],
  );
});

test("text that is no YAML is told", () => {
  assert.match(diagnose(configMap("a: [")).join("\n"), /data\.mesh/);
});
