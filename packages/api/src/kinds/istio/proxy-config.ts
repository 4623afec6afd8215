/** ProxyConfig of networking.istio.io (istio/api `networking/v1beta1/proxy_config.proto`). */
import { integer, map, object, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { workloadSelector } from "./selector.ts";

export const proxyConfigSpec = object({
  selector: workloadSelector,
  concurrency: integer({ min: 0 }),
  environmentVariables: map(string()),
  image: object({ imageType: string() }),
});
export type ProxyConfigSpec = Infer<typeof proxyConfigSpec>;
