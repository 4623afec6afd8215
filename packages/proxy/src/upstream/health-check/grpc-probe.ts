import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { HeaderBlock } from "../../codec/header-block.ts";
import { CONTENT_TYPE } from "../../codec/header-names.ts";
import type { ReadBuffer } from "../../codec/read-buffer.ts";
import type { GrpcProbePlan } from "../../plan/cluster-plan.ts";
import { PREFIX_BYTES } from "../../codec/grpc/frames.ts";
import { isGrpcContentType } from "../../codec/grpc/status.ts";
import type { ProbeTarget } from "./connection-probe.ts";
import type { ProbeOwner } from "./probe.ts";
import { RequestProbe, type RequestProbeOptions } from "./request-probe.ts";

/** Far more than any answer has. */
const MAX_ANSWER_BYTES = 65_536;
/** `grpc.health.v1.HealthCheckResponse.ServingStatus` */
const SERVING = 1;
const INVALID = -1;

/** Calls `grpc.health.v1.Health/Check`. Source: Envoy `source/extensions/health_checkers/grpc/health_checker_impl.cc`. */
export class GrpcProbe extends RequestProbe {
  private received = Buffer.alloc(0);

  constructor({ headers, body }: GrpcProbePlan, owner: ProbeOwner, target: ProbeTarget, options: RequestProbeOptions) {
    super({ method: "POST", path: "/grpc.health.v1.Health/Check", headers, body }, owner, target, options);
  }

  /** The connection stays. */
  override giveUp(): void {
    this.settle(true);
  }

  protected override send(): void {
    this.received = Buffer.alloc(0);
    super.send();
  }

  private failed(cut: boolean): void {
    this.settle(cut);
    this.owner.onFailed("answer");
  }

  /** An answer that ends here has no message. */
  onResponseHead(endStream: boolean): void {
    const { status, headers } = this.response;
    if (endStream || status !== 200 || !isGrpcContentType(headers.get(CONTENT_TYPE))) this.failed(!endStream);
  }

  onResponseData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    // cold: once a check
    this.received = Buffer.concat([this.received, buffer.bytes.subarray(start, end)]);
    if (endStream || this.received.length > MAX_ANSWER_BYTES) this.failed(!endStream);
    else if (readStatus(this.received) === INVALID) this.failed(true);
  }

  onResponseTrailers(trailers: HeaderBlock): void {
    const passed = trailers.find("grpc-status") === "0" && readStatus(this.received) === SERVING;
    if (!passed) {
      this.failed(false);
      return;
    }
    this.settle(false);
    this.owner.onPassed(false);
  }
}

/** Of one message, beside empty ones; 0 if there is none, or not all of it; INVALID: it breaks the rules. */
function readStatus(bytes: Buffer): number {
  let status = 0;
  let found = false;
  for (let at = 0; at + PREFIX_BYTES <= bytes.length;) {
    const compressed = bytes[at];
    const length = bytes.readUInt32BE(at + 1);
    const start = at + PREFIX_BYTES;
    at = start + length;
    if (compressed > 1) return INVALID;
    if (at > bytes.length) break;
    if (length === 0) continue;
    // It is a unary call.
    if (found || compressed !== 0) return INVALID;
    found = true;
    status = servingStatus(bytes.subarray(start, at));
    if (status === INVALID) return INVALID;
  }
  return status;
}

function servingStatus(message: Uint8Array): number {
  const reader = new BinaryReader(message);
  let status = 0;
  try {
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field === 1 && type === WireType.Varint) status = reader.int32();
      else reader.skip(type);
    }
  } catch {
    // Whatever it is, it is no such message.
    return INVALID;
  }
  return status === INVALID ? 0 : status;
}
