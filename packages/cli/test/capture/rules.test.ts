/** Which packets the capture rules lead where, and how the rules are written. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { iptablesCleanup, iptablesScript, ownState } from "../../src/capture/iptables.ts";
import { nftScript } from "../../src/capture/nftables.ts";
import type { CaptureRuleOptions } from "../../src/capture/rules.ts";
import { captureRules } from "../../src/capture/rules.ts";
import type { Packet } from "./support/packet-walk.ts";
import { walk } from "./support/packet-walk.ts";

const DEFAULTS: CaptureRuleOptions = {
  outboundPort: 15_001,
  inboundPort: 15_006,
  tunnelPort: 15_008,
  mode: "REDIRECT",
  proxyUids: [1337],
  proxyGids: [1337],
  inboundPorts: "*",
  excludedInboundPorts: [15_090, 15_021, 15_020],
  outboundCidrs: "*",
  excludedOutboundCidrs: [],
  outboundPorts: [],
  excludedOutboundPorts: [],
  excludedInterfaces: [],
  virtualInterfaces: [],
  dns: "off",
  dropInvalid: false,
  tproxyMark: 1337,
  families: [4, 6],
};

const EVERYTHING: CaptureRuleOptions = {
  ...DEFAULTS,
  mode: "TPROXY",
  proxyUids: [3, 4],
  proxyGids: [1],
  outboundCidrs: ["9.9.0.0/16", "2001:db8::/32"],
  excludedOutboundCidrs: ["1.1.0.0/16", "fd00::/8"],
  outboundPorts: [5432],
  excludedOutboundPorts: [6379],
  excludedInterfaces: ["eth9"],
  virtualInterfaces: ["tap0"],
  dns: ["10.0.0.53", "fd00::53"],
  dropInvalid: true,
};

/** The application's connection to somebody else, unless it says otherwise. */
const OUT: Packet = {
  hook: "OUTPUT",
  family: 4,
  protocol: "tcp",
  source: "10.1.1.1",
  destination: "10.2.2.2",
  port: 80,
  uid: 1000,
  gid: 1000,
  interface: "eth0",
};
/** Somebody's connection to the application. */
const IN: Packet = { ...OUT, hook: "PREROUTING", source: "10.2.2.2", destination: "10.1.1.1", port: 8080 };

function nat(packet: Partial<Packet>, options: Partial<CaptureRuleOptions> = {}, from: Packet = OUT): string {
  return walk(captureRules({ ...DEFAULTS, ...options }), "nat", { ...from, ...packet });
}

describe("outbound connections", () => {
  test("of the application go to 15001, over IPv4 and IPv6", () => {
    assert.equal(nat({}), "redirect 15001");
    assert.equal(nat({ family: 6, source: "fd00::1", destination: "fd00::2" }), "redirect 15001");
  });

  test("of the proxy's user or group leave as they are", () => {
    assert.equal(nat({ uid: 1337 }), "accept");
    assert.equal(nat({ gid: 1337 }), "accept");
  });

  test("of the proxy to this workload's own address arrive like anybody's", () => {
    const toSelf = { uid: 1337, interface: "lo", destination: "10.1.1.1" };
    assert.equal(nat(toSelf), "redirect 15006");
    assert.equal(nat({ ...toSelf, destination: "127.0.0.1" }), "accept");
    assert.equal(nat({ ...toSelf, source: "127.0.0.6" }), "accept");
    assert.equal(nat({ ...toSelf, port: 15_008 }), "accept");
  });

  test("of the application to itself are left alone, unless a loopback range is asked for", () => {
    assert.equal(nat({ interface: "lo", destination: "127.0.0.1" }), "accept");
    assert.equal(nat({ interface: "lo", destination: "10.1.1.1" }), "accept");
    const asked = { outboundCidrs: ["127.1.2.3/32"] };
    assert.equal(nat({ interface: "lo", destination: "127.1.2.3" }, asked), "redirect 15001");
    assert.equal(nat({ interface: "lo", destination: "127.0.0.1" }, asked), "accept");
  });

  test("to excluded ports and addresses leave as they are", () => {
    assert.equal(nat({ port: 5432 }, { excludedOutboundPorts: [5432] }), "accept");
    assert.equal(nat({ port: 5433 }, { excludedOutboundPorts: [5432] }), "redirect 15001");
    assert.equal(nat({}, { excludedOutboundCidrs: ["10.2.0.0/16"] }), "accept");
    assert.equal(
      nat({ family: 6, destination: "fd00:1::9" }, { excludedOutboundCidrs: ["fd00:1::/32", "10.0.0.0/8"] }),
      "accept",
    );
  });

  test("to included addresses only, and to included ports whatever the address", () => {
    const only = { outboundCidrs: ["10.2.0.0/16"], outboundPorts: [9090] };
    assert.equal(nat({}, only), "redirect 15001");
    assert.equal(nat({ destination: "10.3.0.1" }, only), "accept");
    assert.equal(nat({ destination: "10.3.0.1", port: 9090 }, only), "redirect 15001");
  });

  test("at an excluded interface leave as they are", () => {
    assert.equal(nat({ interface: "eth9" }, { excludedInterfaces: ["eth9"] }), "accept");
  });

  test("every user of the proxy is told apart before what is local is left alone", () => {
    const two = { proxyUids: [3, 4], proxyGids: [] };
    for (const uid of [3, 4]) {
      assert.equal(nat({ uid, interface: "lo", destination: "10.1.1.1" }, two), "redirect 15006");
      assert.equal(nat({ uid }, two), "accept");
    }
  });

  test("other protocols than TCP leave as they are", () => {
    assert.equal(nat({ protocol: "udp", port: 443 }), "accept");
  });
});

describe("inbound connections", () => {
  test("go to 15006, except to excluded ports and the tunnel's", () => {
    assert.equal(nat({}, {}, IN), "redirect 15006");
    for (const port of [15_008, 15_020, 15_021, 15_090]) assert.equal(nat({ port }, {}, IN), "accept");
  });

  test("only to included ports, or to none", () => {
    assert.equal(nat({ port: 8080 }, { inboundPorts: [8080] }, IN), "redirect 15006");
    assert.equal(nat({ port: 8081 }, { inboundPorts: [8080] }, IN), "accept");
    assert.equal(nat({ port: 8080 }, { inboundPorts: [] }, IN), "accept");
  });

  test("from a virtual machine behind an interface count as outbound", () => {
    const virtual = { virtualInterfaces: ["tap0"] };
    assert.equal(nat({ interface: "tap0" }, virtual, IN), "redirect 15001");
    assert.equal(nat({ interface: "eth0" }, virtual, IN), "redirect 15006");
  });

  test("with TPROXY reach a transparent socket, and later packets of theirs as well", () => {
    const rules = captureRules({ ...DEFAULTS, mode: "TPROXY" });
    assert.equal(walk(rules, "mangle", IN), "tproxy 15006");
    assert.equal(walk(rules, "mangle", { ...IN, established: true }), "accept, mark 1337");
    assert.equal(walk(rules, "nat", IN), "accept");
    assert.equal(walk(rules, "mangle", { ...IN, interface: "lo" }), "accept", "the application to itself");
    assert.equal(walk(rules, "mangle", { ...IN, interface: "lo", mark: 1338 }), "tproxy 15006", "the proxy");
  });
});

describe("DNS questions", () => {
  const question = { protocol: "udp", port: 53 } as const;

  test("go to the proxy's DNS if they are to be captured; the proxy's own go to the server", () => {
    assert.equal(nat(question), "accept");
    assert.equal(nat(question, { dns: "all" }), "redirect 15053");
    assert.equal(nat({ port: 53 }, { dns: "all" }), "redirect 15053");
    assert.equal(nat({ ...question, uid: 1337 }, { dns: "all" }), "accept");
    assert.equal(nat({ ...question, interface: "lo", destination: "127.0.0.53" }, { dns: "all" }), "redirect 15053");
    assert.equal(nat({ port: 53, interface: "lo", destination: "127.0.0.53" }, { dns: "all" }), "redirect 15053");
  });

  test("to certain servers only", () => {
    const some = { dns: ["10.2.2.2"] };
    assert.equal(nat(question, some), "redirect 15053");
    assert.equal(nat({ ...question, destination: "10.2.2.3" }, some), "accept");
  });

  test("have a conntrack zone for each of their two ways", () => {
    const rules = captureRules({ ...DEFAULTS, dns: "all" });
    assert.equal(walk(rules, "raw", { ...OUT, ...question }), "accept, zone 2");
    assert.equal(walk(rules, "raw", { ...OUT, ...question, uid: 1337 }), "accept, zone 1");
    assert.equal(walk(rules, "raw", { ...OUT, protocol: "udp", sourcePort: 15_053, uid: 1337 }), "accept, zone 2");
    assert.equal(walk(rules, "raw", { ...IN, protocol: "udp", sourcePort: 53 }), "accept, zone 1");
  });
});

describe("as text", () => {
  const golden = (name: string, actual: string): void => {
    const path = join(import.meta.dirname, "golden", name);
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, actual);
    assert.equal(actual, readFileSync(path, "utf8"));
  };

  for (const [name, options] of Object.entries({ defaults: DEFAULTS, everything: EVERYTHING })) {
    test(`${name}: for iptables-restore, ip6tables-restore and nft`, () => {
      const rules = captureRules(options);
      golden(`${name}.v4.iptables`, iptablesScript(rules, 4));
      golden(`${name}.v6.iptables`, iptablesScript(rules, 6));
      golden(`${name}.nft`, nftScript(rules, options.families));
    });
  }

  test("nothing is said of a family that is left alone", () => {
    const rules = captureRules({ ...EVERYTHING, families: [4] });
    assert.doesNotMatch(nftScript(rules, [4]), /ip6|::/);
    assert.match(nftScript(rules, [4]), /meta nfproto != ipv4 return/);
  });

  test("a second application takes the first one's jumps out in the same transaction", () => {
    const saved = [
      "*nat",
      ":PREROUTING ACCEPT [0:0]",
      ":TULLE_INBOUND - [0:0]",
      "-A PREROUTING -p tcp -j TULLE_INBOUND",
      "-A PREROUTING -p tcp -j ISTIO_INBOUND",
      "-A TULLE_INBOUND -p tcp -j TULLE_IN_REDIRECT",
      "COMMIT",
    ].join("\n");
    const script = iptablesScript(captureRules(DEFAULTS), 4, ownState(saved));
    assert.equal(script.match(/^-D PREROUTING -p tcp -j TULLE_INBOUND$/gm)?.length, 1);
    assert.doesNotMatch(script, /ISTIO/);
    const stale = ownState("*raw\n:TULLE_OUTPUT_DNS - [0:0]\n-A OUTPUT -j TULLE_OUTPUT_DNS\nCOMMIT\n");
    assert.match(
      iptablesScript(captureRules(DEFAULTS), 4, stale),
      /^\*raw\n-D OUTPUT -j TULLE_OUTPUT_DNS\n-F TULLE_OUTPUT_DNS\n-X TULLE_OUTPUT_DNS\nCOMMIT\n/,
    );
    assert.equal(
      iptablesCleanup(ownState(saved)),
      "*nat\n-D PREROUTING -p tcp -j TULLE_INBOUND\n-F TULLE_INBOUND\n-X TULLE_INBOUND\nCOMMIT\n",
    );
  });

  test("where nothing is, there is nothing to clean up", () => {
    assert.equal(iptablesCleanup(ownState("*nat\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n")), "");
  });
});
