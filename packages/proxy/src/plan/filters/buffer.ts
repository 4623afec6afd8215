import type { Buffer, BufferPerRoute } from "@tulle/xds/gen/envoy/extensions/filters/http/buffer/v3/buffer_pb.js";
import { BUFFER_PER_ROUTE } from "../supported-fields/index.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

/** How many bytes a request may have; 0: it does not wait. */
export type BufferPlan = number;

export const buffer: FilterCompiler = {
  compile: ({ message }): BufferPlan => (message as Buffer).maxRequestBytes ?? 0,
  compileRoute: {
    typeName: BUFFER_PER_ROUTE,
    compile: ({ message }): BufferPlan => {
      const { override } = message as BufferPerRoute;
      return override.case === "buffer" ? (override.value.maxRequestBytes ?? 0) : 0;
    },
    merge: null,
  },
};
