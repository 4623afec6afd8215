import { defineCommand } from "../command.ts";
import type { ProxyStatus } from "../control-plane/client.ts";
import { age } from "../control-plane/columns.ts";
import { apiOptions, connect } from "../control-plane/options.ts";
import { outputOption, structured } from "../insight/options.ts";
import { style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";

/** Resource types, in the order of istioctl proxy-status; VHDS is what our own proxies take instead of whole RDS. */
const TYPES = ["CDS", "LDS", "EDS", "RDS", "VHDS"] as const;

export const proxies = defineCommand({
  name: "proxies",
  summary: "shows the connected proxies and whether they are in sync",
  usage: ["proxies [-o table|json|yaml]"],
  description: `One line a proxy; for each resource type SYNCED (it has accepted the newest), STALE (sent and not yet answered,
or a change waits to be sent), NACKED (it refused the newest and keeps what it had; the reason is on stderr)
or - (it does not ask for the type). SECURED is how its connection to the control plane is secured; IDENTITY is what it has proved to be,
and EXPIRES when its newest certificate ends.`,
  examples: [
    { command: "tulle proxies", does: "who is connected" },
    { command: "tulle proxies -o json", does: "the same for scripts" },
  ],
  options: {
    output: { ...outputOption, help: "how to print them" },
    ...apiOptions,
  },
  run: async ({ options }) => {
    const proxies = await connect(options).proxies();
    if (options.output !== "table") {
      console.log(structured(proxies, options.output));
      return 0;
    }
    if (proxies.length === 0) {
      process.stderr.write("no proxy is connected\n");
      return 0;
    }
    const header = ["NAME", "SERVICE", "VERSION", ...TYPES, "CONNECTED", "SECURED", "IDENTITY", "EXPIRES", "CLIENT"];
    const rows = proxies.map(row).sort((a, b) => (a[0]! < b[0]! ? -1 : 1));
    console.log(formatTable(rows, { header }));
    for (const { node, types } of proxies) {
      for (const [type, { error }] of Object.entries(types)) {
        if (error !== undefined)
          process.stderr.write(`${style.bad(`${node}: ${type} refused:`, process.stderr)} ${error}\n`);
      }
    }
    return 0;
  },
});

function row({
  node,
  namespace,
  service,
  version,
  types,
  connectedSince,
  userAgent,
  ...secured
}: ProxyStatus): string[] {
  return [
    shortName(node),
    service === undefined ? "-" : `${service}.${namespace}`,
    version ?? "-",
    ...TYPES.map((type) => state(types[type]?.state)),
    age(connectedSince, Date.now()),
    SECURED[secured.security ?? "plaintext"],
    secured.identity?.replace(/^spiffe:\/\//, "") ?? "-",
    secured.certificateExpires === undefined ? "-" : timeLeft(secured.certificateExpires),
    userAgent,
  ];
}

/** How a proxy's connection to the control plane is secured. */
const SECURED = { plaintext: "no", local: "local socket", token: "TLS, token", mtls: "mTLS" } as const;

function timeLeft(end: string): string {
  const ms = Date.parse(end) - Date.now();
  return ms <= 0 ? style.bad("expired") : `in ${age(new Date(Date.now() - ms).toISOString(), Date.now())}`;
}

/** The third part of Istio's node id, `reviews-v2-x7k2p.default`; the whole of any other. */
function shortName(node: string): string {
  const parts = node.split("~");
  return parts.length === 4 ? parts[2]! : node;
}

function state(text: string | undefined): string {
  if (text === undefined) return "-";
  if (text === "SYNCED") return style.good(text);
  return text === "NACKED" ? style.bad(text) : style.caution(text);
}
