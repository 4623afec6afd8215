import type { ApiAnswer, ApiContext, ApiRequest } from "./http-api.ts";
export interface Route {
  readonly path: readonly string[];
  readonly methods: Readonly<
    Record<string, (context: ApiContext, request: ApiRequest) => ApiAnswer | Promise<ApiAnswer>>
  >;
}
export const ROUTES: readonly Route[] = [];
