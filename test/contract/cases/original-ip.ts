/** `original_ip_detection_extensions`: where a request says that it comes from. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, inTurn, typed } from "../harness/steps.ts";

const CUSTOM = "Original IP detection: custom_header";
const XFF = "Original IP detection: xff";
const REFUSED = "Original IP detection: what is refused";

const custom = (fields: JsonObject): JsonObject => ({
  name: "envoy.extensions.http.original_ip_detection.custom_header",
  typed_config: typed("extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig", fields),
});
const xff = (fields: JsonObject): JsonObject => ({
  name: "envoy.http.original_ip_detection.xff",
  typed_config: typed("extensions.http.original_ip_detection.xff.v3.XffConfig", fields),
});
const detects = (...original_ip_detection_extensions: readonly JsonObject[]): Pick<ContractCase, "manager"> => ({
  manager: { original_ip_detection_extensions },
});
const LOG =
  "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%";
const INTERNAL = { internal_address_config: { cidr_ranges: [{ address_prefix: "10.0.0.0", prefix_len: 8 }] } };

function refused(name: string, manager: JsonObject): ContractCase {
  return { name, feature: REFUSED, manager, client: [], refused: true };
}

export const CASES: readonly ContractCase[] = [
  {
    name: "a header's address",
    feature: CUSTOM,
    ...detects(custom({ header_name: "X-Client" })),
    client: inTurn(get("/", "x-client: 10.1.2.3"), get("/", "x-client: 2001:db8::1"), get("/", "x-client: 10.1.2.3", "x-forwarded-for: 10.9.9.9")), // prettier-ignore
    accessLog: LOG,
    mask: [[/127\.0\.0\.1:\d+/g, "{peer}"]],
  },
  {
    name: "no header, or no address in it",
    feature: CUSTOM,
    ...detects(custom({ header_name: "x-client" })),
    client: inTurn(
      get(),
      get("/", "x-client:"),
      get("/", "x-client: here"),
      get("/", "x-client: 10.1.2.3:80"),
      get("/", "x-client: [2001:db8::1]"),
      get("/", "x-client: 10.1.2.3,10.1.2.4"),
      get("/", "x-client: 10.1.2.3", "x-client: 10.1.2.4"),
    ),
    accessLog: LOG,
    mask: [[/127\.0\.0\.1:\d+/g, "{peer}"]],
  },
  {
    name: "who says nothing is turned away",
    feature: CUSTOM,
    ...detects(custom({ header_name: "x-client", reject_with_status: { code: 401 } })),
    client: inTurn(get(), get("/", "x-client: here"), get("/", "x-client: 10.1.2.3")),
    accessLog: LOG,
    mask: [[/127\.0\.0\.1:\d+/g, "{peer}"]],
  },
  {
    name: "a status that is no error is 403",
    feature: CUSTOM,
    ...detects(custom({ header_name: "x-client", reject_with_status: { code: 200 } })),
    client: inTurn(get()),
    accessLog: "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%",
  },
  ...[true, false].map((allow_extension_to_set_address_as_trusted): ContractCase => ({
    name: `an address of ours, ${allow_extension_to_set_address_as_trusted ? "" : "not "}to be trusted`,
    feature: CUSTOM,
    manager: {
      ...INTERNAL,
      original_ip_detection_extensions: [
        custom({ header_name: "x-client", allow_extension_to_set_address_as_trusted }),
      ],
    },
    client: inTurn(
      get("/", "x-client: 10.1.2.3", "x-envoy-retry-on: 5xx"),
      get("/", "x-client: 192.168.1.1", "x-envoy-retry-on: 5xx"),
      get("/", "x-forwarded-for: 10.1.2.3", "x-envoy-retry-on: 5xx"),
      get("/", "x-client: 10.1.2.3", "x-forwarded-for: 10.1.2.3, 10.1.2.4"),
    ),
  })),
  {
    name: "the first that finds something holds",
    feature: CUSTOM,
    ...detects(custom({ header_name: "x-a" }), custom({ header_name: "x-b" })),
    client: inTurn(get("/", "x-a: 10.0.0.1", "x-b: 10.0.0.2"), get("/", "x-b: 10.0.0.2")),
    accessLog: LOG,
    mask: [[/127\.0\.0\.1:\d+/g, "{peer}"]],
  },
  {
    name: "then x-forwarded-for",
    feature: XFF,
    ...detects(custom({ header_name: "x-client" }), xff({})),
    client: inTurn(
      get("/", "x-client: 10.0.0.1", "x-forwarded-for: 10.9.9.9"),
      get("/", "x-forwarded-for: 10.9.9.9"),
      get("/", "x-forwarded-for: 10.9.9.9, 10.8.8.8"),
      get(),
    ),
    accessLog: LOG,
    mask: [[/127\.0\.0\.1:\d+/g, "{peer}"]],
  },
  {
    name: "with hops that are trusted",
    feature: XFF,
    ...detects(xff({ xff_num_trusted_hops: 1 })),
    client: inTurn(
      get("/", "x-forwarded-for: 10.9.9.9"),
      get("/", "x-forwarded-for: 10.9.9.9, 10.8.8.8"),
      get("/", "x-forwarded-for: 10.7.7.7, 10.9.9.9, 10.8.8.8"),
      get(),
    ),
    accessLog: LOG,
    mask: [[/127\.0\.0\.1:\d+/g, "{peer}"]],
  },
  {
    name: "x-forwarded-for of one address that is ours",
    feature: XFF,
    manager: { ...INTERNAL, original_ip_detection_extensions: [xff({})] },
    client: inTurn(
      get("/", "x-forwarded-for: 10.9.9.9", "x-envoy-retry-on: 5xx"),
      get("/", "x-forwarded-for: 10.9.9.9, 10.8.8.8", "x-envoy-retry-on: 5xx"),
    ),
  },
  refused("with use_remote_address", {
    use_remote_address: true,
    original_ip_detection_extensions: [custom({ header_name: "x" })],
  }),
  refused("with xff_num_trusted_hops", {
    xff_num_trusted_hops: 1,
    original_ip_detection_extensions: [custom({ header_name: "x" })],
  }),
  refused("a header without a name", { original_ip_detection_extensions: [custom({})] }),
  refused("another extension", {
    original_ip_detection_extensions: [{ name: "x", typed_config: typed("extensions.filters.http.router.v3.Router") }],
  }),
];
