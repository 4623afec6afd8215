/**
 * Listens, has connections made to each address, prints where they were to go. `--transparent`: over an IP_TRANSPARENT listener,
 * with clients in the namespace that `--from` names. `--self-test`: what the proxy finds out at start-up.
 */
import { execFile } from "node:child_process";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { parseArgs } from "node:util";
import { canReadOriginalDestinations, loadSocketOptions } from "../../../packages/proxy/src/net/socket-options.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { transparent: { type: "boolean" }, from: { type: "string" }, "self-test": { type: "boolean" } },
});
const options = loadSocketOptions();
if (values["self-test"] === true) console.log(await canReadOriginalDestinations(options));
else await probe(Number(positionals[0]), positionals.slice(1));

async function probe(port: number, targets: readonly string[]): Promise<void> {
  const servers = ["0.0.0.0", "::"].map((address) => {
    const server = createServer({ pauseOnConnect: true });
    if (values.transparent === true) server.listen({ fd: options.listenTransparently(address, port) });
    else server.listen({ port, host: address, ipv6Only: address === "::" });
    return server;
  });
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.once("listening", resolve))));
  const seen: object[] = [];
  for (const target of targets) {
    const accepted = new Promise<Socket>((resolve) => {
      for (const server of servers) server.once("connection", resolve);
    });
    const [, host = "", to = ""] = /^\[?(.+?)\]?:(\d+)$/.exec(target) ?? [];
    dial(host, Number(to));
    const socket = await accepted;
    const local = { address: plain(socket.localAddress), port: socket.localPort };
    seen.push(
      values.transparent === true
        ? { ...local, client: plain(socket.remoteAddress) }
        : { ...options.originalDestination(socket) },
    );
    socket.destroy();
  }
  for (const server of servers) server.close();
  console.log(JSON.stringify(seen));
}

function plain(address = ""): string {
  return address.replace("::ffff:", "");
}

function dial(host: string, port: number): void {
  if (values.from === undefined) {
    const client = connect(port, host);
    client.on("error", () => client.destroy());
    client.on("end", () => client.destroy());
    client.resume();
    return;
  }
  const script = `require("node:net").connect(${port}, ${JSON.stringify(host)}).on("error", () => {}).resume()`;
  execFile("ip", ["netns", "exec", values.from, process.execPath, "-e", script], () => undefined);
}
