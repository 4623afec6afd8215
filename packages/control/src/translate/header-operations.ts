/** Header operations of a VirtualService as Envoy's lists. (istio/istio `route.go` TranslateHeadersOperations) */
import { create } from "@bufbuild/protobuf";
import type { HeaderOperations, IstioHeaders } from "@tulle/api";
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  HeaderValueOptionSchema,
} from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { HeaderValueOption } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { compareText } from "../model/stored-object.ts";
import { headerFormat } from "./header-format.ts";

export interface HeaderLists {
  readonly requestHeadersToAdd: HeaderValueOption[];
  readonly requestHeadersToRemove: string[];
  readonly responseHeadersToAdd: HeaderValueOption[];
  readonly responseHeadersToRemove: string[];
}

export interface TranslatedHeaders {
  readonly lists: HeaderLists;
  /** Value that is set, else added, to Host or :authority: a rewrite of the host. */
  readonly authority: string | undefined;
}

export function translateHeaders(headers: IstioHeaders | undefined): TranslatedHeaders {
  const request = headers?.request;
  const response = headers?.response;
  return {
    lists: {
      requestHeadersToAdd: toAdd(request),
      requestHeadersToRemove: toRemove(request),
      responseHeadersToAdd: toAdd(response),
      responseHeadersToRemove: toRemove(response),
    },
    authority: authorityIn(request?.set) ?? authorityIn(request?.add),
  };
}

/** The operations of both levels in one list each: the second's come later and win. */
export function joinHeaders(first: HeaderLists, second: HeaderLists): HeaderLists {
  return {
    requestHeadersToAdd: [...first.requestHeadersToAdd, ...second.requestHeadersToAdd],
    requestHeadersToRemove: [...first.requestHeadersToRemove, ...second.requestHeadersToRemove],
    responseHeadersToAdd: [...first.responseHeadersToAdd, ...second.responseHeadersToAdd],
    responseHeadersToRemove: [...first.responseHeadersToRemove, ...second.responseHeadersToRemove],
  };
}

/** An empty value changes nothing. */
function authorityIn(values: Readonly<Record<string, string>> | undefined): string | undefined {
  return Object.entries(values ?? {}).find(([name, value]) => isAuthority(name) && value !== "")?.[1];
}

function isAuthority(name: string): boolean {
  return name === ":authority" || name.toLowerCase() === "host";
}

/** Host is set by a rewrite; other pseudo-headers cannot be changed. */
function isInternal(name: string): boolean {
  return name.startsWith(":") || name.toLowerCase() === "host";
}

function toAdd(operations: HeaderOperations | undefined): HeaderValueOption[] {
  return [
    ...options(operations?.set, AppendAction.OVERWRITE_IF_EXISTS_OR_ADD),
    ...options(operations?.add, AppendAction.APPEND_IF_EXISTS_OR_ADD),
  ];
}

function options(
  values: Readonly<Record<string, string>> | undefined,
  appendAction: AppendAction,
): HeaderValueOption[] {
  return Object.entries(values ?? {})
    .filter(([name]) => !isInternal(name))
    .sort(([a], [b]) => compareText(a, b))
    .map(([key, value]) =>
      create(HeaderValueOptionSchema, { header: { key, value: headerFormat(value) }, appendAction }),
    );
}

function toRemove(operations: HeaderOperations | undefined): string[] {
  return (operations?.remove ?? []).filter((name) => !isInternal(name));
}
