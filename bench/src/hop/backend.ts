/** The backend of the hop benchmark: nginx on the load generator's core, answering 1 KB. */
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Child, Children } from "../children.ts";
import { BenchError } from "../errors.ts";
import type { BackendPort } from "./bootstrap.ts";

const BODY = "x".repeat(1024);

/** Starts one nginx that listens on all of the ports that nobody listens on yet. */
export async function startBackend(
  children: Children,
  nginx: string,
  core: number,
  ports: readonly BackendPort[],
): Promise<Child | undefined> {
  const wanted: BackendPort[] = [];
  for (const backend of ports) {
    if (await isListening(backend.port)) {
      process.stderr.write(`127.0.0.1:${backend.port} is already served: that is the backend\n`);
    } else if (backend.tls) {
      throw new BenchError(
        `the cluster at 127.0.0.1:${backend.port} has a transport socket: start a backend there that it trusts, then run again`,
      );
    } else {
      wanted.push(backend);
    }
  }
  if (wanted.length === 0) return undefined;
  const servers = wanted.map(
    ({ port, protocol }) =>
      `server { listen 127.0.0.1:${port}${protocol === "http2" ? " http2" : ""} backlog=4096; location / { return 200 "${BODY}"; } }`,
  );
  return children.start("backend", core, nginxCommand(children.folder, nginx, "backend", servers));
}

/** nginx in the foreground with one worker, kept-alive connections without limit, no log, and the given servers. */
export function nginxCommand(folder: string, nginx: string, name: string, servers: readonly string[]): string[] {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${name}-${kind};`,
  );
  const config = `
daemon off;
${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes 1;
pid ${name}.pid;
error_log stderr;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
  access_log off;
  default_type text/plain;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  ${temporary.join(" ")}
  ${servers.join("\n  ")}
}
`;
  const file = join(folder, `${name}.conf`);
  writeFileSync(file, config);
  return [nginx, "-p", folder, "-e", "stderr", "-c", file];
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
