/** Bookinfo's configuration: Istio's own manifests where they are beside the checkout, else the example's equivalents. */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const REPOSITORY = join(import.meta.dirname, "..", "..", "..");
const ORIGINALS = join(REPOSITORY, "..", "shared", "data", "bookinfo");
const EXAMPLE = join(REPOSITORY, "examples", "bookinfo", "config");

const BASE = existsSync(ORIGINALS)
  ? [
      join(ORIGINALS, "platform/kube/bookinfo.yaml"),
      join(ORIGINALS, "networking/bookinfo-gateway.yaml"),
      join(ORIGINALS, "networking/destination-rule-all.yaml"),
    ]
  : ["services.yaml", "gateway.yaml", "destination-rules.yaml"].map((file) => join(EXAMPLE, file));

/** Where the tests put the one routing that is in force. */
const ROUTING = "routing.yaml";

/** The text of a routing such as `virtual-service-reviews-90-10.yaml`. */
export function routing(name: string): string {
  const places = [join(ORIGINALS, "networking"), EXAMPLE, join(EXAMPLE, "variants")].map((folder) =>
    join(folder, name),
  );
  const path = places.find((place) => existsSync(place));
  if (path === undefined) throw new Error(`there is no ${name}`);
  return readFileSync(path, "utf8");
}

export interface ConfigDir {
  readonly path: string;
  /** The file that setRouting writes. */
  readonly routingFile: string;
  /** Puts a routing in the place of the former one, as an editor that saves atomically does. */
  setRouting(text: string): void;
  remove(): void;
}

/** A directory with Bookinfo's services, gateway and subsets, and one routing. */
export function createConfigDir(routingText: string): ConfigDir {
  const path = mkdtempSync(join(tmpdir(), "tulle-e2e-config-"));
  for (const file of BASE) copyFileSync(file, join(path, basename(file)));
  const routingFile = join(path, ROUTING);
  const setRouting = (text: string): void => {
    writeFileSync(`${routingFile}.tmp`, text);
    renameSync(`${routingFile}.tmp`, routingFile);
  };
  setRouting(routingText);
  return { path, routingFile, setRouting, remove: () => rmSync(path, { recursive: true, force: true }) };
}
