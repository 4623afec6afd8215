/** What the admin endpoint says of names that others have chosen. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Target, startTarget } from "./support/target.ts";

const SCRIPT = "<script>alert(1)</script>";

describe("names of stats, clusters and listeners are no HTML (CVE-2026-73546)", () => {
  let target: Target;
  before(async () => {
    const address = { socket_address: { address: "127.0.0.1", port_value: 0 } };
    target = await startTarget({ stat_prefix: SCRIPT }, undefined, {
      admin: { address },
      node: { id: SCRIPT, cluster: SCRIPT },
    });
  });
  after(() => target.close());

  const asked = encodeURIComponent(SCRIPT);
  for (const path of [
    "/",
    "/help",
    "/stats",
    "/stats?format=html",
    "/stats?format=json",
    "/stats/prometheus",
    `/stats?format=${asked}`,
    `/stats?type=${asked}`,
    `/stats?filter=${asked}(`,
    "/clusters",
    "/listeners",
    "/config_dump",
    "/server_info",
    `/${asked}`,
    `/logging?level=${asked}`,
  ]) {
    it(decodeURIComponent(path), async () => {
      const response = await fetch(`http://${target.proxy.adminAddress}${path}`, { headers: { connection: "close" } });
      const body = await response.text();
      if (!(response.headers.get("content-type") ?? "").startsWith("text/html")) {
        assert.equal(response.headers.get("x-content-type-options"), "nosniff", "nor is it taken for HTML");
        return;
      }
      assert.doesNotMatch(body, /<script/i);
    });
  }

  it("the name is where it would do harm", async () => {
    const response = await fetch(`http://${target.proxy.adminAddress}/stats`, { headers: { connection: "close" } });
    assert.match(await response.text(), /<script>/);
  });
});
