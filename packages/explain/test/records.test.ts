/** Requests that there were: lines of access logs, flags, and what is said of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RequestRecord } from "@tulle/telemetry/records";
import { RESPONSE_FLAGS } from "@tulle/telemetry";
import { causeOf } from "../src/causes.ts";
import { makeExplainer } from "../src/index.ts";
import type { ExplainAnswer, ExplainQuestion } from "../src/index.ts";
import { parseLogLine } from "../src/log-line.ts";
import { worldOf } from "./support/pure-world.ts";

const LINE =
  '[2026-11-29T03:15:01.123Z] "GET /reviews/0 HTTP/1.1" 503 UF,URX upstream_reset_before_response_started{remote_connection_failure|connect_ECONNREFUSED} - "connect_ECONNREFUSED" 0 95 12 - "-" "curl/8" "1b2c3d4e-0000-4000-8000-000000000000" "reviews:9080" "127.0.0.1:9081" outbound|9080|v1|reviews.default.svc.cluster.local - 127.0.0.1:15001 127.0.0.1:50000 - rest';

const POLICY = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: deny
spec:
  action: DENY
  rules:
    - to:
        - operation:
            methods:
              - DELETE
`;

async function explained(
  request: string,
  records?: readonly RequestRecord[],
  hop?: ExplainQuestion["hop"],
): Promise<ExplainAnswer> {
  const world = worldOf(POLICY, [], []);
  assert.ok(typeof world !== "string");
  const kept = records === undefined ? undefined : async () => records;
  const stats = async () =>
    new Map([
      ["membership_total", 3],
      ["membership_healthy", 1],
      ["outlier_detection_ejections_active", 2],
    ]);
  return (await makeExplainer().explain({ request, hop }, world, kept, stats)) as ExplainAnswer;
}

test("a line in Istio's text form is read whole", () => {
  const record = parseLogLine(LINE);
  assert.ok(record !== undefined);
  assert.deepEqual(
    [record.method, record.path, record.status, record.flags, record.authority, record.upstreamHost, record.routeName],
    ["GET", "/reviews/0", 503, "UF,URX", "reviews:9080", "127.0.0.1:9081", "rest"],
  );
  assert.equal(record.reporter, "source");
  assert.equal(record.startMs, Date.parse("2026-11-29T03:15:01.123Z"));
});

test("a line in JSON says the same, and lines of others are none", () => {
  const line = JSON.stringify({
    start_time: "2026-11-29T03:15:01.123Z",
    method: "GET",
    path: "/x",
    response_code: 404,
    response_flags: "NR",
    response_code_details: "route_not_found",
    upstream_cluster: "inbound|9080||",
  });
  const record = parseLogLine(line);
  assert.deepEqual([record?.status, record?.flags, record?.reporter], [404, "NR", "destination"]);
  for (const other of ["", "{", "{}", '127.0.0.1 - - "GET / HTTP/1.1" 200 5', "[".repeat(100_000)]) {
    assert.equal(parseLogLine(other), undefined);
  }
});

test("what failed is told with its cause and the way out", async () => {
  const { records } = await explained(LINE);
  assert.match(records[0]?.text ?? "", /no connection to the endpoint could be made/);
  assert.match(records[0]?.remedies[0]?.fix ?? "", /whether the program listens/);
});

test("how the cluster was then is told of what failed at the client", async () => {
  const record = {
    ...parseLogLine(LINE)!,
    proxy: "sidecar~127.0.0.1~productpage-v1.default~default.svc.cluster.local",
  };
  const { records } = await explained(record.requestId, [record]);
  const facts = new Map(records[0]?.facts.map(({ name, value }) => [name, value]));
  assert.equal(facts.get("healthy endpoints then"), "1 of 3");
  assert.equal(facts.get("ejected as outliers then"), "2");
});

test("a denied request names the rule and its line", async () => {
  const record = {
    ...parseLogLine(LINE)!,
    status: 403,
    flags: "",
    details: "rbac_access_denied_matched_policy[ns[default]-policy[deny]-rule[0]]",
  };
  const { records } = await explained(record.requestId, [record]);
  assert.equal(records[0]?.text, "denied by AuthorizationPolicy default/deny, rule 1");
  assert.equal(records[0]?.remedies[0]?.origin?.line, 8);
});

test("of a request that went through many proxies, the hop that is meant is told alone, from both sides", async () => {
  const line = parseLogLine(LINE)!;
  const hop = (proxy: string, more: Partial<RequestRecord>): RequestRecord => ({
    ...line,
    proxy,
    status: 200,
    ...more,
  });
  const hops = [
    hop("gateway", { authority: "shop", path: "/page" }),
    hop("page", { authority: "shop", path: "/page", reporter: "destination" }),
    hop("page", { startMs: line.startMs + 2 }),
    hop("reviews", { startMs: line.startMs + 3, reporter: "destination" }),
    hop("page", { startMs: line.startMs + 60_000 }),
  ];
  const proxiesOf = async (index: number): Promise<readonly string[]> => {
    const { proxy, startMs } = hops[index]!;
    const { records } = await explained(line.requestId, hops, { proxy, startMs });
    return records.map((record) => `${record.proxy} ${record.path}`);
  };
  assert.deepEqual(await proxiesOf(0), ["gateway /page", "page /page"]);
  assert.deepEqual(await proxiesOf(2), ["page /reviews/0", "reviews /reviews/0"]);
  assert.deepEqual(await proxiesOf(3), ["page /reviews/0", "reviews /reviews/0"]);
  assert.deepEqual(await proxiesOf(4), ["page /reviews/0"], "another request of the same path, a minute later");
});

test("a request that nobody has kept is a question that cannot be answered, with what would help", async () => {
  await assert.rejects(explained("1b2c3d4e-0000-4000-8000-000000000000", []), /no request .* is recorded/);
  await assert.rejects(explained("1b2c3d4e-0000-4000-8000-000000000000"), /keeps no requests/);
  await assert.rejects(explained("what is this"), /no line of an access log/);
});

test("every flag that ends a request has a cause", () => {
  const harmless = new Set(["DI", "RLSE", "IH", "LR", "URX", "RFCF", "NFCF", "DO", "UDO"]);
  for (const flags of RESPONSE_FLAGS.map(([short]) => short).filter((flag) => !harmless.has(flag))) {
    assert.ok(causeOf({ flags, details: "", status: 503 }) !== undefined, flags);
  }
});
