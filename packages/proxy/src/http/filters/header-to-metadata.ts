import type { JsonObject } from "@bufbuild/protobuf";
import type { RequestHead, ResponseHead } from "../../codec/messages.ts";
import { type HeaderToMetadataPlan, type MetadataRule, applyRule } from "../../plan/filters/header-to-metadata.ts";
import { cookieValue, headerReader } from "../../plan/request-matchers.ts";
import type { Exchange } from "../exchange.ts";
import { CONTINUE, type FilterStatus, type HttpFilter } from "./filter.ts";

/** Values of headers and cookies as dynamic metadata: Envoy `source/extensions/filters/http/header_to_metadata/header_to_metadata_filter.cc`. */
export class HeaderToMetadata implements HttpFilter {
  private readonly plan: HeaderToMetadataPlan;

  constructor(plan: HeaderToMetadataPlan) {
    this.plan = plan;
  }

  onRequest(exchange: Exchange, routeConfig: unknown): FilterStatus {
    const { request: rules } = this.rulesFor(routeConfig);
    const { request } = exchange;
    let found: Record<string, JsonObject> | null = null;
    for (let i = 0; i < rules.length; i++) found = applyRule(rules[i], ofRequest(rules[i], request), found);
    if (found !== null) exchange.addDynamicMetadata(found);
    return CONTINUE;
  }

  onResponse(exchange: Exchange, routeConfig: unknown): void {
    const { response: rules } = this.rulesFor(routeConfig);
    const { response } = exchange;
    let found: Record<string, JsonObject> | null = null;
    for (let i = 0; i < rules.length; i++) found = applyRule(rules[i], ofResponse(rules[i], response), found);
    if (found !== null) exchange.addDynamicMetadata(found);
  }

  private rulesFor(routeConfig: unknown): HeaderToMetadataPlan {
    return routeConfig === null ? this.plan : (routeConfig as HeaderToMetadataPlan);
  }
}

function ofRequest({ header, cookie, remove }: MetadataRule, request: RequestHead): string | undefined {
  // A cookie without a value is none.
  if (header === "") return cookieValue(request, cookie) || undefined;
  const value = headerReader(header)(request);
  if (remove && value !== undefined) request.headers.removeNamed(header);
  return value;
}

function ofResponse({ header, cookie, remove }: MetadataRule, response: ResponseHead): string | undefined {
  if (header === ":status") return String(response.status);
  // Only requests have cookies to be read.
  if (cookie !== "") return undefined;
  const value = response.header(header);
  if (remove && value !== undefined) response.headers.removeNamed(header);
  return value;
}
