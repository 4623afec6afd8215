import { readFileSync } from "node:fs";
import type { DataSource } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { Place } from "./problems.ts";

/** The bytes of a DataSource as latin1 text. A file is read once, here. */
export function readDataSource(source: DataSource | undefined, place: Place): string {
  const specifier = source?.specifier;
  switch (specifier?.case) {
    case "inlineString":
      return Buffer.from(specifier.value, "utf8").toString("latin1");
    case "inlineBytes":
      return Buffer.from(specifier.value).toString("latin1");
    case "filename":
      try {
        return readFileSync(specifier.value, "latin1");
      } catch (error) {
        place.field("filename").refuse(error instanceof Error ? error.message : String(error));
        return "";
      }
    case "environmentVariable": {
      const value = process.env[specifier.value];
      if (value === undefined)
        place.field("environment_variable").refuse(`Environment variable doesn't exist: ${specifier.value}`);
      return Buffer.from(value ?? "", "utf8").toString("latin1");
    }
    default:
      return "";
  }
}
