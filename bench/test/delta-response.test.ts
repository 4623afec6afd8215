import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { DeltaDiscoveryResponseSchema } from "@tulle/xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import { readDeltaResponse } from "../src/push/delta-response.ts";

const message = create(DeltaDiscoveryResponseSchema, {
  systemVersionInfo: "v",
  typeUrl: "type.googleapis.com/x.Y",
  nonce: "n-1",
  removedResources: ["gone"],
  resources: [
    {
      name: "a",
      version: "1",
      aliases: ["b"],
      resource: { typeUrl: "t", value: Buffer.alloc(300, 7) },
      ttl: { seconds: 5n },
    },
    { name: "é", version: "2" },
  ],
});

void test("a response is read as the generated types wrote it, fields that are not needed included", () => {
  const { resources, ...rest } = readDeltaResponse(Buffer.from(toBinary(DeltaDiscoveryResponseSchema, message)));
  assert.deepEqual(rest, { typeUrl: "type.googleapis.com/x.Y", nonce: "n-1", removed: ["gone"] });
  const read = resources.map(({ name, version, value }) => ({ name, version, value: [...value] }));
  const sevens = Array.from({ length: 300 }, () => 7);
  assert.deepEqual(read, [
    { name: "a", version: "1", value: sevens },
    { name: "é", version: "2", value: [] },
  ]);
});

void test("a response that was cut off is refused, or read as the shorter message that it is", () => {
  const bytes = Buffer.from(toBinary(DeltaDiscoveryResponseSchema, message));
  let refused = 0;
  for (let length = 0; length < bytes.length; length++) {
    try {
      readDeltaResponse(bytes.subarray(0, length));
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error));
      refused++;
    }
  }
  // Only cuts between two top-level fields leave a message: there are six fields.
  assert.equal(refused, bytes.length - 6);
});
