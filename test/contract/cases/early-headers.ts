/** `early_header_mutation_extensions`: headers that are changed before anything is made of them. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, inTurn, toCluster, typed } from "../harness/steps.ts";

const FEATURE = "Early header mutation: requests";
const REFUSED = "Early header mutation: what is refused";

const extension = (...mutations: readonly JsonObject[]): JsonObject => ({
  name: "envoy.http.early_header_mutation.header_mutation",
  typed_config: typed("extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation", { mutations }),
});
const early = (...mutations: readonly JsonObject[]): Pick<ContractCase, "manager"> => ({
  manager: { early_header_mutation_extensions: [extension(...mutations)] },
});
const set = (key: string, value: string): JsonObject => ({
  append: { header: { key, value }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
});

export const CASES: readonly ContractCase[] = [
  {
    name: "lines are added, set and removed, in their order",
    feature: FEATURE,
    ...early(
      { append: { header: { key: "x-added", value: "1" } } },
      set("x-set", "2"),
      { remove: "x-gone" },
      { append: { header: { key: "x-added", value: "%REQ(x-set)%" } } },
    ),
    client: inTurn(get("/", "x-set: 1", "x-gone: 1", "x-kept: 1"), get()),
  },
  {
    name: "routes see what came of it",
    feature: FEATURE,
    ...early(set("x-route", "b")),
    routes: [
      { match: { prefix: "/", headers: [{ name: "x-route", string_match: { exact: "b" } }] }, route: { cluster: "b" } },
      toCluster("/", "a"),
    ],
    clusters: { a: {}, b: {} },
    client: inTurn(get()),
  },
  {
    name: "headers of trusted clients only, which this one is not",
    feature: FEATURE,
    ...early(
      set("x-envoy-upstream-rq-timeout-ms", "100"),
      set("x-envoy-retry-on", "5xx"),
      set("x-envoy-internal", "true"),
    ),
    client: inTurn(get()),
  },
  {
    name: "where the client comes from",
    feature: FEATURE,
    ...early(set("x-forwarded-for", "10.9.8.7"), set("x-forwarded-proto", "https")),
    client: inTurn(get()),
    accessLog: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %REQ(X-FORWARDED-FOR)% %REQ(X-FORWARDED-PROTO)%",
  },
  {
    name: "an id",
    feature: FEATURE,
    ...early(set("x-request-id", "mine")),
    client: inTurn(get(), get("/", "x-request-id: theirs")),
  },
  {
    name: "names are taken away by a pattern",
    feature: FEATURE,
    ...early({ remove_on_match: { key_matcher: { prefix: "x-drop-" } } }),
    client: inTurn(get("/", "x-drop-a: 1", "x-dropped: 2", "x-drop-b: 3")),
  },
  {
    name: "several extensions, one after another",
    feature: FEATURE,
    manager: { early_header_mutation_extensions: [extension(set("x-a", "1")), extension(set("x-b", "%REQ(x-a)%"))] },
    client: inTurn(get()),
  },
  {
    name: "paths are normalised before",
    feature: FEATURE,
    ...early(set("x-path", "%REQ(:path)%")),
    manager: {
      normalize_path: true,
      merge_slashes: true,
      early_header_mutation_extensions: [extension(set("x-path", "%REQ(:path)%"))],
    },
    client: inTurn(get("/a/../b//c")),
  },
  { name: "paths", feature: REFUSED, ...early(set(":path", "/other")), client: [], refused: true },
  { name: "hosts", feature: REFUSED, ...early(set("host", "b.test")), client: [], refused: true },
  { name: "no mutations", feature: REFUSED, ...early(), client: [], refused: true },
  {
    name: "another extension",
    feature: REFUSED,
    manager: {
      early_header_mutation_extensions: [
        { name: "x", typed_config: typed("extensions.filters.http.router.v3.Router") },
      ],
    },
    client: [],
    refused: true,
  },
];
