/** The demo's services and their configuration. */
import { copyFileSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../errors.ts";

const BOOKINFO = join(import.meta.dirname, "../../../../examples/bookinfo");

/** The port of all Bookinfo services, and of the Gateway of its ingress. */
export const SERVICE_PORT = 9080;
export const GATEWAY_PORT = 8080;
export const PRODUCT_PAGE = "/productpage";

export interface DemoWorkload {
  readonly service: string;
  readonly version: string;
}

export const WORKLOADS: readonly DemoWorkload[] = [
  { service: "productpage", version: "v1" },
  { service: "details", version: "v1" },
  { service: "reviews", version: "v1" },
  { service: "reviews", version: "v2" },
  { service: "reviews", version: "v3" },
  { service: "ratings", version: "v1" },
];

/** Routings to try, relative to the repository. */
export const VARIANTS = "examples/bookinfo/config/variants";

export function programOf(service: string): string {
  const file = join(BOOKINFO, "src", `${service}.ts`);
  if (existsSync(file)) return file;
  throw new CliError(`${file} is missing`, [
    "The demo needs the examples of Tulle's repository: git clone it, then npm ci.",
  ]);
}

/** Copies the demo's configuration (not the variants) to a directory that may be edited. */
export function copyConfiguration(to: string): void {
  const from = join(BOOKINFO, "config");
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith(".yaml")) copyFileSync(join(from, entry.name), join(to, entry.name));
  }
}
