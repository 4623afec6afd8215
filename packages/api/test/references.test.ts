import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPath } from "../src/diagnostic.ts";
import { destinationsOf } from "../src/references.ts";

test("every destination of a VirtualService is found with its path, mirrors included", () => {
  const to = (host: string) => ({ destination: { host } });
  const found = destinationsOf({
    hosts: ["a"],
    http: [
      { route: [to("a"), to("b")], mirror: { host: "c" } },
      { route: [to("d")], mirrors: [to("e")] },
      { redirect: {} },
    ],
    tls: [{ match: [{ sniHosts: ["a"] }], route: [to("f")] }],
    tcp: [{ route: [to("g")] }],
  });
  assert.deepEqual(
    found.map(({ destination, path }) => [destination.host, formatPath(path)]),
    [
      ["a", "spec.http[0].route[0].destination"],
      ["b", "spec.http[0].route[1].destination"],
      ["c", "spec.http[0].mirror"],
      ["d", "spec.http[1].route[0].destination"],
      ["e", "spec.http[1].mirrors[0].destination"],
      ["f", "spec.tls[0].route[0].destination"],
      ["g", "spec.tcp[0].route[0].destination"],
    ],
  );
});
