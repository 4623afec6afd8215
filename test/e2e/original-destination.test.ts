/** What the kernel tells of redirected connections: with REDIRECT by SO_ORIGINAL_DST, with TPROXY by the socket's own address. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Namespace, whyNoNamespaces } from "./support/namespaces.ts";

const TULLE = join(import.meta.dirname, "../../packages/cli/bin/tulle.js");
const PROBE = join(import.meta.dirname, "support/original-destination-probe.ts");

describe("original destinations", { skip: whyNoNamespaces() }, () => {
  const namespace = new Namespace();
  const client = new Namespace();
  before(() => {
    namespace.create();
    client.create();
    namespace.exec("ip", "link", "add", "to-client", "type", "veth", "peer", "name", "to-proxy", "netns", client.name);
    for (const [ns, device, v4, v6] of [
      [namespace, "to-client", "10.99.0.1/24", "fd99::1/64"],
      [client, "to-proxy", "10.99.0.2/24", "fd99::2/64"],
    ] as const) {
      ns.exec("ip", "address", "add", v4, "dev", device);
      ns.exec("ip", "address", "add", v6, "dev", device, "nodad");
      ns.exec("ip", "link", "set", device, "up");
    }
  });
  after(() => {
    namespace.remove();
    client.remove();
  });

  for (const rules of ["iptables", "nft"]) {
    test(`outbound, ${rules}: the address that the program asked for, over IPv4 and IPv6`, () => {
      namespace.exec(process.execPath, TULLE, "capture-rules", "--apply", "--rules", rules, "-u", "1337");
      const seen = namespace.exec(process.execPath, PROBE, "15001", "10.99.0.8:9090", "[fd99::7]:8080");
      assert.deepEqual(JSON.parse(seen), [
        { address: "10.99.0.8", port: 9090 },
        { address: "fd99::7", port: 8080 },
      ]);
      namespace.exec(process.execPath, TULLE, "capture-rules", "--cleanup", "--rules", rules);
    });

    test(`inbound, ${rules}, TPROXY: a transparent socket has the address that the client connected to`, () => {
      namespace.exec(process.execPath, TULLE, "capture-rules", "--apply", "--rules", rules, "-m", "TPROXY");
      const seen = namespace.exec(
        process.execPath,
        PROBE,
        "--transparent",
        "15006",
        "10.99.0.1:9090",
        "[fd99::1]:8080",
        "--from",
        client.name,
      );
      assert.deepEqual(JSON.parse(seen), [
        { address: "10.99.0.1", port: 9090, client: "10.99.0.2" },
        { address: "fd99::1", port: 8080, client: "fd99::2" },
      ]);
      namespace.exec(process.execPath, TULLE, "capture-rules", "--cleanup", "--rules", rules);
    });
  }

  test("the start-up self-test passes where nothing is redirected, too", () => {
    assert.equal(namespace.exec(process.execPath, PROBE, "--self-test").trim(), "true");
  });
});
