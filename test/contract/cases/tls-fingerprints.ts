/** JA3 and JA4: what a client's hello is like, as access logs show it. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { TLS_INSPECTOR, chain, clientHello, extension, fileLog, short, tcpProxy, vector8 } from "../harness/filters.ts";
import { close, gate, seen, typed } from "../harness/steps.ts";

const LOG = "%TLS_JA3_FINGERPRINT% %TLS_JA4_FINGERPRINT% %REQUESTED_SERVER_NAME%";
const BOTH = { enable_ja3_fingerprinting: true, enable_ja4_fingerprinting: true };

function fingerprint(name: string, hello: string, inspector: JsonObject = BOTH): ContractCase {
  return {
    name,
    feature: "TLS inspector: JA3 and JA4",
    listener: {
      listener_filters: [
        {
          ...TLS_INSPECTOR,
          typed_config: typed("extensions.filters.listener.tls_inspector.v3.TlsInspector", inspector),
        },
      ],
      filter_chains: [chain({}, [tcpProxy("a", { access_log: [fileLog(LOG)] })])],
    },
    upstreams: { a: { answers: [["", gate("never")]] } },
    client: [{ do: "connect", on: "c", listener: "l" }, hello, seen("a", "rrrr"), close()],
  };
}

/** supported_versions */
const versions = (...list: readonly number[]): string => extension(43, vector8(list.map(short).join("")));
const protocols = (name: string): readonly string[] => [name, "http/1.1"];

const TLS13 = versions(0x0304, 0x0303);

export const CASES: readonly ContractCase[] = [
  fingerprint("neither", clientHello(), {}),
  fingerprint("JA3 alone", clientHello(), { enable_ja3_fingerprinting: true }),
  fingerprint("JA4 alone", clientHello(), { enable_ja4_fingerprinting: true }),
  fingerprint("a bare hello", clientHello()),
  fingerprint("with a host", clientHello({ serverName: "server.test" })),
  fingerprint("with protocols", clientHello({ serverName: "server.test", protocols: ["h2", "http/1.1"] })),
  fingerprint("TLS 1.3", clientHello({ serverName: "server.test", extensions: [TLS13] })),
  fingerprint("TLS 1.1 at most", clientHello({ extensions: [versions(0x0302, 0x0301)] })),
  fingerprint("a version that nobody knows", clientHello({ extensions: [versions(0x0305)] })),
  fingerprint(
    "GREASE among versions and extensions",
    clientHello({ extensions: [versions(0x0a0a, 0x0304), extension(0x3a3a, "")] }),
  ),
  fingerprint(
    "more extensions, in another order",
    clientHello({ extensions: [extension(51, ""), extension(5, ""), TLS13] }),
  ),
  ...[
    ["of one letter", "x"],
    ["that begins with a sign", "/x"],
    ["that ends with a sign", "x!"],
    ["of bytes", "\xab\xcd"],
    ["of one byte", "\xab"],
  ].map(([name, first]) => fingerprint(`a protocol ${name}`, clientHello({ protocols: protocols(first) }))),
];
