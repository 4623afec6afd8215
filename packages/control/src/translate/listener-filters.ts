/** What looks at connections before a filter chain is chosen. */
import { create } from "@bufbuild/protobuf";
import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { ListenerFilterSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { ListenerFilter } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { HttpInspectorSchema } from "@tulle/xds/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { OriginalDstSchema } from "@tulle/xds/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js";
import { TlsInspectorSchema } from "@tulle/xds/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import type { HttpCarrier } from "../model/service.ts";
import { milliseconds } from "./durations.ts";
import { packed } from "./packed.ts";

type PredicateInit = NonNullable<
  Exclude<MessageInitShape<typeof ListenerFilterSchema>, ListenerFilter>["filterDisabled"]
>;

export function tlsInspector(): ListenerFilter {
  return listenerFilter("envoy.filters.listener.tls_inspector", TlsInspectorSchema);
}

export function originalDestination(): ListenerFilter {
  return listenerFilter("envoy.filters.listener.original_dst", OriginalDstSchema);
}

/** Who does not say in time what he speaks is not refused for it. 0: he may take as long as he likes. */
export function detection(timeoutMs: number) {
  return { listenerFiltersTimeout: milliseconds(timeoutMs), continueOnListenerFiltersTimeout: true };
}

/** @param except ports that are not looked at: who waits for the server to speak first would wait for ever */
export function httpInspector(except: readonly number[] = []): ListenerFilter {
  return listenerFilter(
    "envoy.filters.listener.http_inspector",
    HttpInspectorSchema,
    except.length === 0 ? undefined : portsPredicate(except),
  );
}

/** What the HTTP inspector calls the versions that the data plane reads. (`pilot/pkg/networking/core/listener.go` plaintextHTTPALPNs) */
export function plaintextHttp(carriers: readonly HttpCarrier[]): string[] {
  return ["http/1.0", "http/1.1", ...(carriers.includes("http2") ? ["h2c"] : [])];
}

/** An `or_match` takes at least two. (Envoy api/envoy/config/listener/v3/listener_components.proto) */
function portsPredicate(ports: readonly number[]): PredicateInit {
  const rules = ports.map((start) => ({
    rule: { case: "destinationPortRange" as const, value: { start, end: start + 1 } },
  }));
  const [only, second] = rules;
  return { rule: second === undefined ? only!.rule : { case: "orMatch", value: { rules } } };
}

function listenerFilter(name: string, schema: DescMessage, filterDisabled?: PredicateInit): ListenerFilter {
  return create(ListenerFilterSchema, {
    name,
    configType: { case: "typedConfig", value: packed(schema, create(schema)) },
    ...(filterDisabled === undefined ? {} : { filterDisabled }),
  });
}
