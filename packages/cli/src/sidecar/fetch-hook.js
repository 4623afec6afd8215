// Loaded into Node.js programs that `tulle run` starts (NODE_OPTIONS=--import); plain JavaScript for whatever Node runs them.
// With NODE_USE_ENV_PROXY Node's fetch sends even plain http:// requests through a CONNECT tunnel (undici's ProxyAgent,
// option proxyTunnel), in which a sidecar would see bytes instead of requests. This makes it ask as node:http and curl
// do: GET http://reviews:9080/ in absolute form (RFC 9112 §3.2.2). A dispatcher that the program sets itself stays.
// (A --require would run before Node has set its dispatcher.)
// Where undici keeps it, shared by all its versions (undici lib/global.js).
const GLOBAL_DISPATCHER = Symbol.for("undici.globalDispatcher.1");
const dispatcher = globalThis[GLOBAL_DISPATCHER];
if (dispatcher?.constructor?.name === "EnvHttpProxyAgent") {
  globalThis[GLOBAL_DISPATCHER] = new dispatcher.constructor({ proxyTunnel: false });
}
