/** Ingress and IngressClass (networking.k8s.io/v1). */
import { nonEmpty } from "../../schema/formats.ts";
import { enumOf, integer, list, object, opaque, openObject, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";

const backend = object(
  {
    service: object({
      name: required(string(nonEmpty)),
      port: object({ name: string(), number: integer({ min: 1, max: 65535 }) }, { exactlyOne: [["name", "number"]] }),
    }),
    resource: opaque(),
  },
  { exactlyOne: [["service", "resource"]] },
);
export type IngressBackend = Infer<typeof backend>;

const path = object({
  path: string({ expected: "an absolute path", accepts: (value) => value.startsWith("/") }),
  pathType: required(enumOf(["Exact", "Prefix", "ImplementationSpecific"])),
  backend: required(backend),
});
export type IngressPath = Infer<typeof path>;

export const ingressSpec = object({
  ingressClassName: string(),
  defaultBackend: backend,
  tls: list(object({ hosts: list(string()), secretName: string() })),
  rules: list(object({ host: string(), http: object({ paths: required(list(path, { min: 1 })) }) })),
});
export type IngressSpec = Infer<typeof ingressSpec>;

export const ingressClassSpec = openObject({ controller: string(), parameters: opaque() });
export type IngressClassSpec = Infer<typeof ingressClassSpec>;
