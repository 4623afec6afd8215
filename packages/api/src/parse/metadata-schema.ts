import { dnsLabel, labelKey, labelValue, pathSegmentName } from "../schema/formats.ts";
import { boolean, integer, list, map, object, openObject, opaque, required, string } from "../schema/schema.ts";
import type { ObjectSchema } from "../schema/schema.ts";

/** metav1.ObjectMeta as far as anything here reads it. */
const metadata = openObject({
  name: required(string(pathSegmentName)),
  namespace: string(dnsLabel),
  labels: map(string(labelValue), labelKey),
  annotations: map(string()),
  creationTimestamp: string(),
  generation: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  uid: string(),
  resourceVersion: string(),
  deletionTimestamp: string(),
  ownerReferences: list(
    openObject({
      apiVersion: string(),
      kind: required(string()),
      name: required(string()),
      uid: string(),
      controller: boolean(),
    }),
  ),
});

/** A kind's body together with what every object has. */
export function wholeObject(body: ObjectSchema): ObjectSchema {
  const whole = object({ apiVersion: opaque(), kind: opaque(), metadata: required(metadata), ...body.fields });
  return { ...whole, open: body.open };
}
