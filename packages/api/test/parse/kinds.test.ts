import assert from "node:assert/strict";
import { test } from "node:test";
import { parseYaml } from "../../src/index.ts";
import { diagnose } from "../support/diagnose.ts";

const bare = (apiVersion: string, kind: string): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: x}\n`;

test("a version that is not served names those that are", () => {
  assert.deepEqual(diagnose(bare("networking.istio.io/v9", "VirtualService")), [
    "f.yaml:1:13: VirtualService default/x: apiVersion: networking.istio.io/v9 of kind VirtualService is not served, expected networking.istio.io/v1 or networking.istio.io/v1beta1 or networking.istio.io/v1alpha3",
  ]);
});

test("a kind under the wrong apiVersion names the right one", () => {
  assert.deepEqual(diagnose(bare("v1", "VirtualService")), [
    "f.yaml:1:13: VirtualService default/x: apiVersion: v1 has no kind VirtualService, expected networking.istio.io/v1",
  ]);
});

test("a misspelt kind names the one that was meant", () => {
  assert.deepEqual(diagnose(bare("networking.istio.io/v1", "VirtualServce")), [
    'f.yaml:2:7: VirtualServce default/x: kind: is "VirtualServce", did you mean VirtualService?',
  ]);
});

test("an unknown kind of a mesh group names the kinds there are", () => {
  assert.deepEqual(diagnose(bare("security.istio.io/v1", "Firewall")), [
    "f.yaml:2:7: Firewall default/x: kind: security.istio.io has no kind Firewall, expected one of PeerAuthentication, RequestAuthentication, AuthorizationPolicy",
  ]);
});

test("other people's kinds are loaded untouched, with a warning", () => {
  const text =
    "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: c, namespace: edge}\nspec: {secretName: tls}\n";
  const { objects } = parseYaml(text, "f.yaml");
  assert.deepEqual(diagnose(text), [
    "f.yaml:2:7: warning: Certificate edge/c: kind: Certificate of cert-manager.io/v1 is not read by the mesh",
  ]);
  assert.equal(objects[0]!.kindInfo.isReadByMesh, false);
  assert.deepEqual(objects[0]!.object.spec, { secretName: "tls" });
});

test("other people's files without a name are passed over", () => {
  const text = "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: {profile: demo}\n";
  assert.deepEqual(parseYaml(text, "f.yaml").objects, []);
  assert.deepEqual(diagnose(text), [
    "f.yaml:2:7: warning: IstioOperator default/: kind: IstioOperator of install.istio.io/v1alpha1 is not read by the mesh",
  ]);
});

test("Kubernetes kinds that a mesh does not read are no error either", () => {
  for (const [apiVersion, kind] of [
    ["v1", "PersistentVolumeClaim"],
    ["apps/v1", "ReplicaSet"],
    ["networking.k8s.io/v1", "NetworkPolicy"],
    ["batch/v1", "Job"],
  ]) {
    const { diagnostics, objects } = parseYaml(bare(apiVersion!, kind!), "f.yaml");
    assert.deepEqual(
      diagnostics.map(({ severity, code }) => [severity, code]),
      [["warning", "third-party"]],
      kind,
    );
    assert.equal(objects.length, 1);
  }
});

test("a document without apiVersion or kind says so", () => {
  assert.deepEqual(diagnose("kind: VirtualService\nmetadata: {name: x}\n"), [
    "f.yaml:1:1: VirtualService default/x: apiVersion: is missing, expected an API version such as networking.istio.io/v1",
  ]);
  assert.deepEqual(diagnose("a: 1\n"), [
    "f.yaml:1:1: apiVersion: is missing, expected an API version such as networking.istio.io/v1",
    "f.yaml:1:1: kind: is missing, expected a kind such as VirtualService",
  ]);
  assert.deepEqual(diagnose("just text\n"), [
    'f.yaml:1:1: is "just text", expected an object with apiVersion, kind and metadata',
  ]);
});

test("an object needs a name", () => {
  assert.deepEqual(diagnose("apiVersion: v1\nkind: Service\nmetadata: {}\nspec: {ports: [{port: 80}]}\n"), [
    "f.yaml:3:1: Service default/: metadata.name: is missing, expected a name without '/' and '%', at most 253 characters",
  ]);
});

test("a list is unpacked and its items keep their positions", () => {
  const text = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ServiceAccount
  metadata: {name: a}
- apiVersion: v1
  kind: ServiceAccount
  metadata: {name: b}
  sercets: []
`;
  const { objects } = parseYaml(text, "f.yaml");
  assert.deepEqual(
    objects.map(({ object, source }) => [object.metadata.name, source.line]),
    [["a", 4]],
  );
  assert.deepEqual(diagnose(text), [
    'f.yaml:10:3: ServiceAccount default/b: sercets: unknown field, did you mean "secrets"?',
  ]);
});

test("cluster-scoped objects have no namespace, others get the default one", () => {
  const { objects } = parseYaml("apiVersion: v1\nkind: Node\nmetadata: {name: n, namespace: oops}\n", "f.yaml");
  assert.equal(objects[0]!.object.metadata.namespace, "");
  const { objects: others } = parseYaml(bare("v1", "ServiceAccount"), "f.yaml");
  assert.equal(others[0]!.object.metadata.namespace, "default");
});

test("v1, v1beta1 and v1alpha3 are the same kind", () => {
  for (const version of ["v1", "v1beta1", "v1alpha3"]) {
    const text = `apiVersion: networking.istio.io/${version}\nkind: DestinationRule\nmetadata: {name: x}\nspec: {host: x}\n`;
    const { objects } = parseYaml(text, "f.yaml");
    assert.equal(objects[0]!.kindInfo.plural, "destinationrules");
  }
});

test("policies may leave out their spec, which then is empty", () => {
  const { objects } = parseYaml(bare("security.istio.io/v1", "AuthorizationPolicy"), "f.yaml");
  assert.deepEqual(objects[0]!.object.spec, {});
  assert.deepEqual(diagnose(bare("networking.istio.io/v1", "VirtualService")), [
    "f.yaml:1:1: VirtualService default/x: spec: is missing, expected an object",
  ]);
});
