/** Header operations: order, actions and values. Expectations were compared with Envoy 1.40. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "@bufbuild/protobuf";
import type { HeaderMutation, RoutePlan } from "../../src/plan/route-plan.ts";
import { type StreamOptions, streamInfo } from "../support/stream-info.ts";
import { refusals, request, routeList, routes } from "./support.ts";

const add = (key: string, value: string, action?: string): { [field: string]: JsonValue } => ({
  header: { key, value },
  ...(action === undefined ? {} : { append_action: action }),
});

function planOf(route: { [field: string]: JsonValue }): RoutePlan {
  return routeList({ match: { prefix: "/" }, direct_response: { status: 200 }, ...route }).route(request(), 0)!;
}

/** The value that a header's format makes for a request. */
function value(text: string, init: StreamOptions = {}): string | null {
  const [mutation] = planOf({ request_headers_to_add: [add("x", text)] }).requestHeaders;
  assert.ok(mutation.op !== "remove");
  return mutation.value ?? mutation.format?.format(streamInfo(init)) ?? null;
}

const steps = (mutations: readonly HeaderMutation[]): string[] => mutations.map((each) => `${each.op} ${each.name}`);

test("removals come first, then overwrites, then additions, whatever the order of the list", () => {
  const plan = planOf({
    request_headers_to_add: [
      add("A", "1"),
      add("B", "1", "OVERWRITE_IF_EXISTS_OR_ADD"),
      add("C", "1", "ADD_IF_ABSENT"),
      add("D", "1", "OVERWRITE_IF_EXISTS"),
    ],
    request_headers_to_remove: ["E"],
  });
  assert.deepEqual(steps(plan.requestHeaders), [
    "remove e",
    "overwrite b",
    "overwrite-if-exists d",
    "append a",
    "add-if-absent c",
  ]);
});

function levels(mostSpecificWins: boolean): RoutePlan {
  const level = (name: string): { [field: string]: JsonValue } => ({
    request_headers_to_add: [add(name, "1")],
    response_headers_to_add: [add(name, "1")],
  });
  return routes({
    name: "r",
    most_specific_header_mutations_wins: mostSpecificWins,
    ...level("config"),
    virtual_hosts: [
      {
        name: "v",
        domains: ["*"],
        ...level("vhost"),
        routes: [{ match: { prefix: "/" }, direct_response: { status: 200 }, ...level("route") }],
      },
    ],
  }).route(request(), 0)!;
}

test("levels apply from the most to the least specific, so that the least specific wins", () => {
  const plan = levels(false);
  assert.deepEqual(steps(plan.requestHeaders), ["append route", "append vhost", "append config"]);
  assert.deepEqual(steps(plan.responseHeaders), ["append route", "append vhost", "append config"]);
});

test("most_specific_header_mutations_wins turns that round", () => {
  assert.deepEqual(steps(levels(true).requestHeaders), ["append config", "append vhost", "append route"]);
});

test("the deprecated append flag chooses between appending and overwriting", () => {
  const plan = planOf({
    request_headers_to_add: [
      { header: { key: "a", value: "1" }, append: false },
      { header: { key: "b", value: "1" }, append: true },
    ],
  });
  assert.deepEqual(steps(plan.requestHeaders), ["overwrite a", "append b"]);
});

test("attempt counts are told where the virtual host asks for them", () => {
  const table = routes({
    name: "r",
    virtual_hosts: [
      {
        name: "v",
        domains: ["*"],
        include_request_attempt_count: true,
        include_attempt_count_in_response: true,
        routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }],
      },
    ],
  });
  const { attemptCountInRequest, attemptCountInResponse } = table.route(request(), 0)!;
  assert.deepEqual([attemptCountInRequest, attemptCountInResponse], [true, true]);
});

const VALUES: readonly [text: string, init: StreamOptions, expected: string][] = [
  ["plain", {}, "plain"],
  ["100%%", {}, "100%"],
  ["%REQ(x-a)%", { headers: { "x-a": "A" } }, "A"],
  ["%REQUEST_HEADER(X-A)%", { headers: { "x-a": "A" } }, "A"],
  ["[%REQ(x-a?x-b)%]", { headers: { "x-b": "B" } }, "[B]"],
  ["[%REQ(x-a)%]", {}, "[]"],
  ["%REQ(x-a):3%", { headers: { "x-a": "abcdef" } }, "abc"],
  ["%REQ(:METHOD)% %REQ(:PATH)% %REQ(:AUTHORITY)%", { method: "PUT", path: "/p" }, "PUT /p a.example"],
  ["%DOWNSTREAM_REMOTE_ADDRESS%", {}, "10.1.2.3:40123"],
  ["%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", {}, "10.1.2.3"],
  ["%DOWNSTREAM_REMOTE_PORT%", {}, "40123"],
  ["%DOWNSTREAM_LOCAL_ADDRESS%", {}, "[::1]:8080"],
  ["%DOWNSTREAM_LOCAL_PORT%", {}, "8080"],
];

for (const [text, init, expected] of VALUES)
  test(`value ${text} becomes ${expected}`, () => assert.equal(value(text, init), expected));

test("a value without operators is a literal, not a function", () => {
  const [mutation] = planOf({ request_headers_to_add: [add("x", "a%%b")] }).requestHeaders;
  assert.ok(mutation.op !== "remove");
  assert.deepEqual([mutation.value, mutation.format], ["a%b", null]);
});

test("operators that a header value cannot have, and broken ones, are refused with their place", () => {
  const refused = (text: string): string[] => refusals(() => planOf({ request_headers_to_add: [add("x", text)] }));
  const path = "virtual_hosts[0].routes[0].request_headers_to_add[0].header.value";
  assert.deepEqual(refused("%UPSTREAM_HORSE%"), [`${path}: Not supported field in StreamInfo: UPSTREAM_HORSE`]);
  assert.deepEqual(refused("%REQ(x)"), [
    `${path}: Incorrect configuration: %REQ(x). Couldn't find valid command at position 0`,
  ]);
  assert.deepEqual(refused("%REQ()%"), [`${path}: REQ requires parameters`]);
});

test("host and pseudo-headers may not be touched", () => {
  for (const name of ["host", ":path", "Host"]) {
    assert.match(
      refusals(() => planOf({ request_headers_to_add: [add(name, "x")] })).join(),
      /:-prefixed or host headers may not be modified/,
    );
  }
  assert.match(
    refusals(() => planOf({ request_headers_to_remove: ["Host"] })).join(),
    /:-prefixed or host headers may not be removed/,
  );
});
