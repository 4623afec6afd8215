/** Names of headers as they came, in HTTP/1.1. (istio/istio `pilot/pkg/networking/util/proxy_headers.go`, PreserveHttp1HeaderCase) */
import { create } from "@bufbuild/protobuf";
import { Http1ProtocolOptionsSchema } from "@tulle/xds/gen/envoy/config/core/v3/protocol_pb.js";
import type { Http1ProtocolOptions } from "@tulle/xds/gen/envoy/config/core/v3/protocol_pb.js";
import { PreserveCaseFormatterConfigSchema } from "@tulle/xds/gen/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.js";
import type { MeshSettings } from "../model/mesh-settings.ts";
import { packed } from "./packed.ts";

/** Undefined: in lower case, as Envoy has them. */
export function headerCase({ config }: MeshSettings): Http1ProtocolOptions | undefined {
  return config.defaultConfig?.proxyHeaders?.preserveHttp1HeaderCase === true ? AS_THEY_CAME : undefined;
}

const AS_THEY_CAME = create(Http1ProtocolOptionsSchema, {
  headerKeyFormat: {
    headerFormat: {
      case: "statefulFormatter",
      value: {
        name: "preserve_case",
        typedConfig: packed(PreserveCaseFormatterConfigSchema, create(PreserveCaseFormatterConfigSchema)),
      },
    },
  },
});
