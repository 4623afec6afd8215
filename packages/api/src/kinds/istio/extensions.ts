/** WasmPlugin and TrafficExtension (istio/api `extensions/v1alpha1/{wasm,traffic_extension}.proto`). */
import { nonEmpty, pathSegmentName } from "../../schema/formats.ts";
import { deprecated, enumOf, integer, list, object, opaque, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { policyTargetReference, portSelector, targetRefs, workloadMode, workloadSelector } from "./selector.ts";

const phase = enumOf(["UNSPECIFIED_PHASE", "AUTHN", "AUTHZ", "STATS"]);
const trafficSelector = object({ mode: workloadMode, ports: list(portSelector) });

const wasmModule = {
  url: required(string(nonEmpty)),
  sha256: string({
    expected: "64 hexadecimal digits",
    accepts: (value) => value === "" || /^[0-9a-f]{64}$/.test(value),
  }),
  imagePullPolicy: enumOf(["UNSPECIFIED_POLICY", "IfNotPresent", "Always"]),
  imagePullSecret: string(pathSegmentName),
  verificationKey: string(),
  pluginConfig: opaque(),
  pluginName: string({
    expected: "a name of 1 to 256 characters",
    accepts: (name) => name !== "" && name.length <= 256,
  }),
  failStrategy: enumOf(["FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"]),
  vmConfig: object({
    env: list(object({ name: required(string(nonEmpty)), valueFrom: enumOf(["INLINE", "HOST"]), value: string() }), {
      max: 256,
    }),
  }),
  type: enumOf(["UNSPECIFIED_PLUGIN_TYPE", "HTTP", "NETWORK"]),
};

export const wasmPluginSpec = object(
  {
    selector: workloadSelector,
    targetRef: deprecated(policyTargetReference, "use targetRefs"),
    targetRefs,
    ...wasmModule,
    phase,
    priority: integer(),
    match: list(trafficSelector),
  },
  { oneOf: [["selector", "targetRef", "targetRefs"]] },
);
export type WasmPluginSpec = Infer<typeof wasmPluginSpec>;

export const trafficExtensionSpec = object(
  {
    selector: workloadSelector,
    targetRefs,
    phase: enumOf(["UNSPECIFIED", "AUTHN", "AUTHZ", "STATS"]),
    priority: integer(),
    match: list(trafficSelector),
    wasm: object(wasmModule),
    lua: object({
      inlineCode: required(
        string({
          expected: "Lua source of 1 to 65536 characters",
          accepts: (value) => value.length > 0 && value.length <= 65536,
        }),
      ),
    }),
  },
  {
    oneOf: [["selector", "targetRefs"]],
    exactlyOne: [["wasm", "lua"]],
  },
);
export type TrafficExtensionSpec = Infer<typeof trafficExtensionSpec>;
