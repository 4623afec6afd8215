/** Loading a bootstrap file: what is accepted, and what is said about what is not. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { JsonValue } from "@bufbuild/protobuf";
import { stringify } from "yaml";
import { loadBootstrapFile, parseBootstrap, parseConfigText } from "../../src/plan/bootstrap.ts";
import { ConfigError } from "../../src/plan/problems.ts";
import { HCM, ROUTER_FILTER, set } from "./support.ts";

/** The bootstrap of the CPU comparison with Envoy: connection manager and router, one cluster. */
function plain(): JsonValue {
  const endpoint = (port: number): JsonValue => ({
    endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
  });
  return {
    node: { id: "node-1", cluster: "c" },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 18500 } } },
    static_resources: {
      listeners: [
        {
          name: "l",
          address: { socket_address: { address: "127.0.0.1", port_value: 18000 } },
          filter_chains: [
            {
              filters: [
                {
                  name: "hcm",
                  typed_config: {
                    "@type": HCM,
                    stat_prefix: "in",
                    codec_type: "AUTO",
                    route_config: {
                      name: "r",
                      virtual_hosts: [
                        {
                          name: "all",
                          domains: ["*"],
                          routes: [{ match: { prefix: "/" }, route: { cluster: "b", timeout: "15s" } }],
                        },
                      ],
                    },
                    http_filters: [ROUTER_FILTER],
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: "b",
          type: "STATIC",
          connect_timeout: "10s",
          lb_policy: "LEAST_REQUEST",
          load_assignment: { cluster_name: "b", endpoints: [{ lb_endpoints: [endpoint(18001)] }] },
        },
        {
          name: "z",
          type: "STATIC",
          load_assignment: { cluster_name: "z", endpoints: [{ lb_endpoints: [endpoint(9999)] }] },
        },
      ],
    },
  };
}

const HCM_PATH = `static_resources.listeners[0].filter_chains[0].filters[0].typed_config(${HCM})`;

type Edit = readonly [path: string, value: JsonValue | undefined];

/** Where the plain bootstrap has its route, its connection manager, its first cluster. */
const MARKS: Readonly<Record<string, string>> = {
  "{route}": "{hcm}.route_config.virtual_hosts[0].routes[0]",
  "{vhost}": "{hcm}.route_config.virtual_hosts[0]",
  "{hcm}": "{listener}.filter_chains[0].filters[0].typed_config",
  "{listener}": "static_resources.listeners[0]",
  "{cluster}": "static_resources.clusters[0]",
};

/** What is said about the plain bootstrap after some edits. */
async function problems(...edits: readonly Edit[]): Promise<string[]> {
  const json = plain();
  for (const [path, value] of edits) {
    const full = Object.entries(MARKS).reduce((text, [mark, place]) => text.replace(mark, place), path);
    set(json, full, value);
  }
  try {
    await parseBootstrap(JSON.stringify(json), "test.json");
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.split("\n");
  }
}

test("JSON and YAML, by extension and by content, give the same message", async () => {
  const json = plain();
  const asJson = await parseBootstrap(JSON.stringify(json), "a.json");
  const asYaml = await parseBootstrap(stringify(json), "a.yaml");
  const byContent = await parseBootstrap(JSON.stringify(json), "bootstrap");
  assert.deepEqual(asYaml, asJson);
  assert.deepEqual(byContent, asJson);
  assert.equal(asJson.staticResources?.clusters.length, 2);
});

test("lowerCamelCase names are as good as original ones", async () => {
  const text = JSON.stringify(plain())
    .replaceAll('"static_resources"', '"staticResources"')
    .replaceAll('"filter_chains"', '"filterChains"')
    .replaceAll('"stat_prefix"', '"statPrefix"');
  assert.deepEqual(await parseBootstrap(text, "a.json"), await parseBootstrap(JSON.stringify(plain()), "a.json"));
});

test("a file is read, and a file that cannot be read is an error with its name", async () => {
  const dir = await mkdtemp(join(tmpdir(), "tulle-bootstrap-"));
  try {
    await writeFile(join(dir, "b.yaml"), stringify(plain()));
    assert.equal((await loadBootstrapFile(join(dir, "b.yaml"))).node?.id, "node-1");
    await assert.rejects(loadBootstrapFile(join(dir, "none.yaml")), /none\.yaml: cannot be read: ENOENT/);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test("broken YAML and JSON are errors with file and position", async () => {
  await assert.rejects(parseBootstrap("node: {id: node-1\nadmin: [", "x.yaml"), /^ConfigError: x\.yaml:\d+:\d+: /m);
  await assert.rejects(parseBootstrap("{", "x.json"), /^ConfigError: x\.json: SyntaxError/m);
});

test("unknown fields are refused with their path, also inside extensions, all of them", async () => {
  assert.deepEqual(await problems(["{listener}.foo", 1], ["{route}.bar", 2]), [
    `${HCM_PATH}.route_config.virtual_hosts[0].routes[0].bar: no such field in envoy.config.route.v3.Route`,
    "static_resources.listeners[0].foo: no such field in envoy.config.listener.v3.Listener",
  ]);
});

test("values of the wrong type are refused with their path", async () => {
  const [duration, number, list] = await problems(
    ["{cluster}.connect_timeout", 5],
    ["{cluster}.lb_policy", "FOO"],
    ["static_resources.clusters[1].load_assignment.endpoints", "x"],
  );
  assert.match(duration, /^static_resources\.clusters\[0\]\.connect_timeout: cannot be decoded/);
  assert.match(number, /^static_resources\.clusters\[0\]\.lb_policy: cannot be decoded/);
  assert.equal(list, "static_resources.clusters[1].load_assignment.endpoints: expected a list, not a string");
});

test("two members of a oneof are refused", async () => {
  assert.deepEqual(await problems(["{route}.redirect", {}]), [
    `${HCM_PATH}.route_config.virtual_hosts[0].routes[0].redirect: 'action' has already been set (either directly or as part of a oneof)`,
  ]);
});

const LUA = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua";
const ROUTE_FILTER = "type.googleapis.com/envoy.config.route.v3.FilterConfig";

test("an extension that we lack is refused with its name, type URL and path, known to our protos or not", async () => {
  const filters = [
    { name: "envoy.filters.http.lua", typed_config: { "@type": LUA, inline_code: "x" } },
    { name: "no.filter", typed_config: { "@type": ROUTE_FILTER } },
    { name: "envoy.filters.http.fault" },
    ROUTER_FILTER,
  ];
  assert.deepEqual(await problems(["{hcm}.http_filters", filters]), [
    `${HCM_PATH}.http_filters[0]: envoy.filters.http.lua (${LUA}) is not supported`,
    `${HCM_PATH}.http_filters[1]: no.filter (${ROUTE_FILTER}) is not supported`,
    `${HCM_PATH}.http_filters[2]: envoy.filters.http.fault (no typed_config) is not supported`,
  ]);
});

test("an optional filter that we lack is left out", async () => {
  const filters = [{ name: "lua", is_optional: true, typed_config: { "@type": LUA } }, ROUTER_FILTER];
  assert.deepEqual(await problems(["{hcm}.http_filters", filters]), []);
});

test("the mesh metrics filter and a TypedStruct of a known type are accepted", async () => {
  const filter = (type_url: string, value: JsonValue): JsonValue => ({
    name: "f",
    typed_config: { "@type": "type.googleapis.com/xds.type.v3.TypedStruct", type_url, value },
  });
  const filters = [
    filter("type.googleapis.com/stats.PluginConfig", { reporter: "SIDECAR" }),
    filter(ROUTER_FILTER.typed_config["@type"], { suppress_envoy_headers: true }),
  ];
  assert.deepEqual(await problems(["{hcm}.http_filters", filters]), []);
});

test("fields that we lack are refused with their path; a default value counts as not set", async () => {
  const found = await problems(
    ["{cluster}.lrs_server", {}],
    ["{cluster}.ignore_health_on_host_removal", false],
    ["{listener}.freebind", true],
    ["{listener}.transparent", false],
    ["{hcm}.proxy_status_config", {}],
    ["{hcm}.codec_type", "HTTP3"],
    [
      "layered_runtime",
      {
        layers: [
          { name: "static", disk_layer: { symlink_root: "/r" } },
          { name: "none", static_layer: {} },
          { name: "admin", admin_layer: {} },
        ],
      },
    ],
  );
  assert.deepEqual(found.sort(), [
    "layered_runtime.layers[0].disk_layer: is not supported",
    "static_resources.clusters[0].lrs_server: is not supported",
    `${HCM_PATH}.codec_type: HTTP3 is not supported (only AUTO, HTTP1, HTTP2)`,
    `${HCM_PATH}.proxy_status_config: is not supported`,
    "static_resources.listeners[0].freebind: true is not supported (only false)",
  ]);
});

const CONSTRAINTS: readonly [what: string, edit: Edit, expected: RegExp][] = [
  [
    "a name that is empty",
    ["{cluster}.name", ""],
    /^static_resources\.clusters\[0\]\.name: value length must be at least 1 characters$/,
  ],
  ["a list that is too short", ["{vhost}.domains", []], /\.domains: value must contain at least 1 item\(s\)$/],
  [
    "a number out of range",
    ["{hcm}.max_request_headers_kb", 0],
    /max_request_headers_kb: value must be inside range \(0, 8192\]$/,
  ],
  ["a duration out of range", ["{cluster}.connect_timeout", "0s"], /connect_timeout: value must be greater than 0s$/],
  ["a required message", ["{route}.match", undefined], /routes\[0\]\.match: value is required$/],
  ["a required oneof", ["{route}.match", {}], /routes\[0\]\.match: one of prefix, path, safe_regex, .* is required$/],
  ["an undefined enum value", ["{cluster}.lb_policy", 99], /lb_policy: value must be one of the defined enum values$/],
  [
    "a header name that is none",
    ["{route}.request_headers_to_remove", ["a\nb"]],
    /request_headers_to_remove\[0\]: value does not match regex pattern/,
  ],
  [
    "a weight of zero",
    ["{cluster}.load_assignment.endpoints[0].lb_endpoints[0].load_balancing_weight", 0],
    /load_balancing_weight: value must be greater than or equal to 1$/,
  ],
];

for (const [what, edit, expected] of CONSTRAINTS) {
  test(`constraints of the protos hold as in Envoy: ${what}`, async () => {
    const found = await problems(edit);
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0], expected);
  });
}

test("YAML's plain scalars are what Envoy takes them for", async () => {
  const text = `{ on: yes, "off": "off", n: N, a: Off, b: 1.5, c: 0x10, d: ~, e: "yes", f: [y, n, t], 010: -4 }`;
  assert.deepEqual(await parseConfigText(text, "a.yaml"), {
    "010": -4,
    on: true,
    off: "off",
    n: false,
    a: false,
    b: "1.5",
    c: 16,
    d: null,
    e: "yes",
    f: [true, false, "t"],
  });
});

test("an empty file is none, as for Envoy; an empty object is one", async () => {
  for (const text of ["", "# nothing\n", "null"]) {
    await assert.rejects(parseBootstrap(text, "b.yaml"), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(error.problems, [{ path: "b.yaml", message: "is empty" }]);
      return true;
    });
  }
  await parseBootstrap("{}", "b.yaml");
});
