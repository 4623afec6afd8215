/** Random options of the connection manager and the router. */
import type { JsonObject } from "../contract/harness/case.ts";
import type { Choice } from "./choice.ts";
import { headerOption } from "./random-headers.ts";

export function manager(choice: Choice): JsonObject {
  return {
    ...choice.perhaps(40, () => ({ normalize_path: true })),
    ...choice.perhaps(30, () => ({ merge_slashes: true })),
    ...choice.perhaps(35, () => ({
      path_with_escaped_slashes_action: choice.one([
        "KEEP_UNCHANGED",
        "REJECT_REQUEST",
        "UNESCAPE_AND_REDIRECT",
        "UNESCAPE_AND_FORWARD",
      ]),
    })),
    ...choice.made<JsonObject>(
      () => ({}),
      () => ({ strip_any_host_port: choice.chance(30) }),
      () => ({ strip_matching_host_port: choice.chance(30) }),
    ),
    ...choice.perhaps(20, () => ({ strip_trailing_host_dot: true })),
    ...choice.perhaps(35, () => ({
      use_remote_address: true,
      ...choice.perhaps(30, () => ({ skip_xff_append: true })),
      ...choice.perhaps(30, () => ({ append_x_forwarded_port: true })),
    })),
    ...choice.perhaps(30, () => ({ xff_num_trusted_hops: choice.below(3) })),
    ...choice.perhaps(40, () => ({
      internal_address_config: {
        cidr_ranges: [{ address_prefix: choice.one(["127.0.0.0", "10.0.0.0"]), prefix_len: 8 }],
      },
    })),
    ...choice.perhaps(20, () => ({ add_user_agent: true })),
    ...choice.perhaps(20, () => ({ via: "v" })),
    ...choice.perhaps(20, () => ({ server_header_transformation: choice.one(["APPEND_IF_ABSENT", "PASS_THROUGH"]) })),
    ...choice.perhaps(10, () => ({ server_name: "s" })),
    ...choice.perhaps(20, () => ({ generate_request_id: choice.chance(50) })),
    ...choice.perhaps(20, () => ({ preserve_external_request_id: true })),
    ...choice.perhaps(20, () => ({ always_set_request_id_in_response: true })),
    ...choice.perhaps(15, () => ({
      scheme_header_transformation: { scheme_to_overwrite: choice.one(["http", "https"]) },
    })),
    ...choice.perhaps(15, () => ({ proxy_100_continue: true })),
    ...choice.perhaps(15, () => ({
      upgrade_configs: [
        { upgrade_type: choice.one(["websocket", "CONNECT"]), ...choice.perhaps(30, () => ({ enabled: false })) },
      ],
    })),
    ...choice.perhaps(20, () => ({
      forward_client_cert_details: choice.one([
        "SANITIZE",
        "FORWARD_ONLY",
        "APPEND_FORWARD",
        "SANITIZE_SET",
        "ALWAYS_FORWARD_ONLY",
      ]),
    })),
    ...choice.perhaps(50, () => ({ http_protocol_options: http1(choice) })),
    ...choice.perhaps(30, () => ({
      common_http_protocol_options: {
        ...choice.perhaps(60, () => ({
          headers_with_underscores_action: choice.one(["ALLOW", "REJECT_REQUEST", "DROP_HEADER"]),
        })),
        ...choice.perhaps(30, () => ({ max_headers_count: choice.one([8, 12]) })),
        ...choice.perhaps(20, () => ({ max_requests_per_connection: choice.one([1, 2]) })),
      },
    })),
    ...choice.perhaps(15, () => ({ local_reply_config: localReplies(choice) })),
  };
}

export function http1(choice: Choice): JsonObject {
  return {
    ...choice.perhaps(50, () => ({
      accept_http_10: true,
      ...choice.perhaps(50, () => ({ default_host_for_http_10: "a.test" })),
    })),
    ...choice.perhaps(30, () => ({ allow_absolute_url: choice.chance(50) })),
    ...choice.perhaps(40, () => ({ enable_trailers: true })),
    ...choice.perhaps(30, () => ({ allow_chunked_length: true })),
  };
}

function localReplies(choice: Choice): JsonObject {
  const status = (value: number): JsonObject => ({
    status_code_filter: {
      comparison: { op: choice.one(["EQ", "GE", "LE"]), value: { default_value: value, runtime_key: "k" } },
    },
  });
  return {
    mappers: choice.list(2, () => ({
      filter: status(choice.one([400, 403, 404, 503])),
      ...choice.perhaps(50, () => ({ status_code: choice.one([200, 410, 599]) })),
      ...choice.perhaps(40, () => ({ body: { inline_string: choice.one(["", "mapped"]) } })),
      ...choice.perhaps(40, () => ({ headers_to_add: [headerOption(choice)] })),
      ...choice.perhaps(30, () => ({
        body_format_override: { text_format_source: { inline_string: "%RESPONSE_CODE% %REQ(:PATH)%\n" } },
      })),
    })),
    ...choice.perhaps(40, () => ({
      body_format: choice.made<JsonObject>(
        () => ({ text_format_source: { inline_string: "%LOCAL_REPLY_BODY%:%RESPONSE_CODE%:%RESPONSE_FLAGS%" } }),
        () => ({ json_format: { code: "%RESPONSE_CODE%", body: "%LOCAL_REPLY_BODY%", path: "%REQ(:path)%" } }),
      ),
    })),
  };
}

export function router(choice: Choice): JsonObject {
  return choice.perhaps(30, () => ({ suppress_envoy_headers: true }));
}
